"""The project: settings, addresses, tasks. Imports the apps; no app imports it."""

import os

# Before anybody imports NumPy, which reads them once: each web and worker process would otherwise keep as many threads as there
# are processors, waiting in busy loops for matrices that are never large. Who wants more says so in the environment.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Tasks declared with shared_task belong to this app in every process that imports Django's settings.
from carteira.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]

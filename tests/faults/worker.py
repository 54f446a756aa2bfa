"""What a worker process does with a run, without Celery around it: imported once by a fork server, killed many times."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
django.setup()

from rotation.services.apply import apply_run  # noqa: E402


def work(run_id: int, organization_id: int, size: int) -> None:
    """Apply until the run is closed."""
    while not apply_run(run_id, organization_id, size=size).finished:
        pass

"""The project: settings, addresses, tasks. Imports the apps; no app imports it."""

import os

# Before anybody imports NumPy, which reads them once: the models' matrices are a few numbers wide, and threads that wait for each
# other over them make a scoring four times as long. Processes are what uses more cores here; who wants more threads says so.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

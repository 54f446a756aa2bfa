from rotation.tasks.apply import apply_run, sweep
from rotation.tasks.runs import compute_run, start_due_runs

__all__ = ["apply_run", "compute_run", "start_due_runs", "sweep"]

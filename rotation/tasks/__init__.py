from rotation.tasks.apply import apply_run, sweep

__all__ = ["apply_run", "sweep"]

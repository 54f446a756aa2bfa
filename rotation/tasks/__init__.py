from rotation.tasks.apply import apply_run, sweep
from rotation.tasks.backtest import compute_backtest
from rotation.tasks.campaigns import run_campaigns
from rotation.tasks.handovers import start_due_handovers
from rotation.tasks.outcomes import measure_outcomes
from rotation.tasks.rules import watch_rules
from rotation.tasks.runs import compute_run, start_due_runs
from rotation.tasks.scores import score_due, score_organization

__all__ = [
    "apply_run",
    "compute_backtest",
    "compute_run",
    "measure_outcomes",
    "run_campaigns",
    "score_due",
    "score_organization",
    "start_due_handovers",
    "start_due_runs",
    "sweep",
    "watch_rules",
]

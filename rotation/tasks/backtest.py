"""The task that computes a back-test too large for a page; ids only, and it may run twice."""

from celery import shared_task

from accounts.tenancy.tasks import TenantTask
from rotation.services import backtest


@shared_task(name="rotation.tasks.compute_backtest", base=TenantTask)
def compute_backtest(backtest_id: int, *, organization_id: int) -> None:
    """Compute the proof; what refuses it is kept in its row."""
    backtest.compute_backtest(backtest_id, organization_id)

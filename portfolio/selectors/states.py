"""In which state a visit is: computed from its day and hour, never stored."""

from datetime import date, datetime, timedelta
from typing import Literal

from portfolio.models import Visit

LATE_AFTER = timedelta(minutes=15)
VisitState = Literal["done", "cancelled", "waiting", "late", "missed"]


def visit_state(visit: Visit, *, now: datetime, today: date) -> VisitState:
    """``late`` from 15 minutes after its hour, ``missed`` once its day is over; a visit without an hour is never late.

    Parameters
    ----------
    today : the organization's day of ``now``
    """
    if visit.done:
        return "done"
    if visit.cancelled:
        return "cancelled"
    if visit.planned_on is not None and visit.planned_on < today:
        return "missed"
    return "late" if visit.planned_at is not None and now > visit.planned_at + LATE_AFTER else "waiting"

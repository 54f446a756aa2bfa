"""How often a client is to be visited: its own interval, or its class's."""

from datetime import date, timedelta

from accounts.models import Organization
from portfolio.workdays import is_workday, next_workday


def visit_every(own_days: int | None, abc: str, organization: Organization) -> int:
    """Days between two visits; a client without a class, bought nothing this year, goes with C."""
    by_class = {"A": organization.cadence_a_days, "B": organization.cadence_b_days}
    return own_days or by_class.get(abc, organization.cadence_c_days)


def next_contact(from_day: date, days: int, country: str) -> date:
    """The day ``days`` later, or the first workday after it where nobody works then."""
    day = from_day + timedelta(days=days)
    return day if is_workday(day, country) else next_workday(day, country)

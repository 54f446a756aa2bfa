"""Business days of the organization's country."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays


@lru_cache(maxsize=64)
def _holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        # a country the calendar does not know has weekends only
        return frozenset()


def is_business_day(day: date, country: str) -> bool:
    """Monday to Friday and no public holiday of the country (ISO code)."""
    return day.weekday() < 5 and day not in _holidays(country, day.year)


def add_business_days(day: date, n: int, country: str) -> date:
    """The n-th business day after ``day``."""
    while n > 0:
        day += timedelta(days=1)
        n -= is_business_day(day, country)
    return day


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant the local day ends: the next day's midnight, or the first instant after it where a clock skips midnight."""
    midnight = datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone)
    return midnight.astimezone(ZoneInfo("UTC"))

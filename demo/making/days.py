"""The demonstration's own calendar: every day is counted from ``FIRST_DAY``, a Monday.

``ANCHOR`` is the last day of the story as told. The six days after it are spare: the loader moves everything by whole
weeks, so that a Tuesday stays a Tuesday, and cuts what then lies beyond yesterday.
"""

from datetime import date, timedelta

SPARE_DAYS = 6
ANCHOR = 729
LAST = ANCHOR + SPARE_DAYS
FIRST_DAY = date(2024, 11, 18)


def on(day: int) -> str:
    """ISO date of a day of the story."""
    return (FIRST_DAY + timedelta(days=day)).isoformat()


def working(day: int) -> int:
    """``day``, or the Friday before a Saturday, or the Monday after a Sunday."""
    return day + {5: -1, 6: 1}.get(day % 7, 0)

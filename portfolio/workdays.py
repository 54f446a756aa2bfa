"""Which days a representative works: Monday to Friday, without the holidays of the country and of the state of their base."""

from datetime import date, timedelta
from functools import lru_cache

import holidays

LANGUAGES = {"pt-br": "pt_BR", "es": "es", "en": "en_US"}


@lru_cache(maxsize=512)
def holidays_in(year: int, country: str, state: str = "", language: str = "") -> dict[date, str]:
    """Public holidays of a year by day, with their names in ``language`` (a code of the site's) where the calendar has it.

    A country or state the calendar does not know has fewer holidays, never an error: without the state's, then without any.
    """
    for subdivision in (state, None) if state else (None,):
        try:
            known = holidays.country_holidays(country, subdiv=subdivision, years=year)
        except NotImplementedError:
            continue
        spoken = LANGUAGES.get(language, "")
        if spoken in getattr(known, "supported_languages", ()):
            known = holidays.country_holidays(country, subdiv=subdivision, years=year, language=spoken)
        return {day: name for day, name in known.items() if day.year == year}
    return {}


def holiday_name(day: date, country: str, state: str = "", language: str = "") -> str:
    """The holiday's name on that day, "" on any other."""
    return holidays_in(day.year, country, state, language).get(day, "")


def is_workday(day: date, country: str, state: str = "") -> bool:
    """Monday to Friday and no holiday of the country or of that state."""
    return day.weekday() < 5 and day not in holidays_in(day.year, country, state)


def next_workday(day: date, country: str, state: str = "") -> date:
    """The first workday after ``day``."""
    day += timedelta(days=1)
    while not is_workday(day, country, state):
        day += timedelta(days=1)
    return day

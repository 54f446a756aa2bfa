"""What one transaction may ask of the database beyond a page's share: more time, other ways to a plan."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def allow_minutes(minutes: int = 15, *, using_memory: str = "64MB") -> None:
    """Raise the application role's limits until this transaction ends."""
    with connection.cursor() as cursor:
        # A timer that runs keeps its old limit; switched off and on again it takes the new one.
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = %s", [f"{minutes}min"])
        cursor.execute("SET LOCAL statement_timeout = %s", [f"{minutes}min"])
        cursor.execute("SET LOCAL work_mem = %s", [using_memory])


@contextmanager
def planner(**settings: str) -> Iterator[None]:
    """Settings of the planner for the queries inside, within the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items()))
        yield
        cursor.execute("; ".join(f"SET LOCAL {name} TO DEFAULT" for name in settings))

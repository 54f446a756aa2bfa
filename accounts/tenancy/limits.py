"""More time than a page may take, for a transaction that a task or a command runs."""

from django.db import connection


def allow_minutes(minutes: int = 15, *, using_memory: str = "64MB") -> None:
    """Raise the application role's limits until this transaction ends."""
    with connection.cursor() as cursor:
        # A timer that runs keeps its old limit; switched off and on again it takes the new one.
        cursor.execute("SET LOCAL transaction_timeout = 0")
        cursor.execute("SET LOCAL transaction_timeout = %s", [f"{minutes}min"])
        cursor.execute("SET LOCAL statement_timeout = %s", [f"{minutes}min"])
        cursor.execute("SET LOCAL work_mem = %s", [using_memory])

"""One sentence for whoever typed a command while PostgreSQL is away, in place of the way the error took."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2

LEAVING = {None, "57P01", "57P02", "57P03"}  # no answer at all; shut down, crashed, not up yet


@contextmanager
def told_in_a_sentence() -> Iterator[None]:
    """Inside, a connection that cannot be had, or is lost, ends the process with code 1 and what to do about it."""
    from django.db import InterfaceError, OperationalError  # a command may begin before Django is set up

    try:
        yield
    except (OperationalError, InterfaceError, psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        cause = error if isinstance(error, psycopg2.Error) else error.__cause__
        if getattr(cause, "pgcode", None) not in LEAVING:  # the server is there, and said something else
            raise
        said = str(cause or error).strip().partition("\n")[0].rstrip(".")
        raise SystemExit(
            f"PostgreSQL cannot be used: {said}. Start it, or correct DATABASE_URL and DATABASE_OWNER_URL, and run the command again; "
            "whatever it had finished stands."
        ) from error

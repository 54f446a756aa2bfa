"""The first page of one's own clients, the page a representative opens most: its statement is composed once, not at every request."""

from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection

from accounts.tenancy import active_organization_id
from clients.selectors.client_filter import ClientFilter
from clients.selectors.lifecycle import Limits
from clients.selectors.lists import ClientPage, ListedClient, client_rows, cut, first_page
from clients.selectors.visibility import Reach, clients_within

KEPT = 512  # statements a process remembers, some 5 KB each


class _Statement(NamedTuple):
    sql: str  # the columns of ListedClient, and how many clients there are in all
    values: tuple[Any, ...]
    column: str  # that the page is ordered by


def own_rows(reach: Reach, wanted: ClientFilter, *, as_of: date, limits: Limits, base: tuple[float, float] | None = None) -> ClientPage:
    """The same as ``client_rows`` of a few clients, those of ``reach``; its first page, where no words are looked for, is one query."""
    if wanted.q or wanted.after:  # which words are rare is asked of the tables
        return client_rows(clients_within(reach), wanted, as_of=as_of, limits=limits, few=True, base=base)
    people = None if reach.representatives is None else tuple(reach.representatives)
    known = _statement(active_organization_id(), people, tuple(reach.beside), wanted, as_of, limits, base)
    if known is None:
        return ClientPage([], "", 0)
    with connection.cursor() as cursor:
        cursor.execute(known.sql, known.values)
        found = cursor.fetchall()
    return cut([ListedClient(*values) for *values, _count in found], wanted, known.column, found[0][-1] if found else 0)


@lru_cache(KEPT)
def _statement(
    _organization: int,
    people: tuple[int, ...] | None,
    beside: tuple[int, ...],
    wanted: ClientFilter,
    as_of: date,
    limits: Limits,
    base: tuple[float, float] | None,
) -> _Statement | None:
    """What the ORM makes of the question; None where it knows that nobody is meant.

    Nothing but what is given here comes into it, the organization's number included, and no row is read for it: so it is no older
    than the question, and of nobody else. The row walls stand around it as around any statement.
    """
    clients = clients_within(Reach(None if people is None else list(people), list(beside)))
    page, count, column = first_page(clients, wanted, as_of=as_of, limits=limits, base=base)
    try:
        sql, values = page.query.get_compiler(connection=connection).as_sql()
        if count is None:
            return _Statement(sql, values, column)
        counted, counting = count.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return None
    return _Statement(f"SELECT page.*, (SELECT count(*) FROM ({counted}) c) FROM ({sql}) page", (*counting, *values), column)  # noqa: S608

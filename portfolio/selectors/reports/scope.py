"""Of which days, whose clients, and which of those clients a report speaks."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet

from clients.models import Client
from portfolio.selectors.goals import month_of, next_month, previous_month


@dataclass(frozen=True, eq=False)
class Scope:
    """Days ``first`` to ``last``, both included, and the representatives looked at.

    ``nobody`` tells that clients without a representative count too: only a reader who sees all of them, and asked for no
    team and nobody by name, is told of those. ``clients`` None means any client.
    """

    first: date
    last: date
    representatives: tuple[int, ...]
    nobody: bool = False
    clients: QuerySet[Client] | None = None

    @cached_property
    def client_ids(self) -> list[int] | None:
        """Ids of the clients it is narrowed to, for SQL that takes an array; None where it is not. One query."""
        return None if self.clients is None else list(self.clients.order_by().values_list("pk", flat=True))

    @property
    def months(self) -> list[date]:
        """First days of the months it touches, oldest first."""
        return months_between(self.first, self.last)

    def of_client(self, prefix: str = "client") -> Q:
        """The narrowing of a row that points to its client by ``prefix``; "" for the client's own rows."""
        if self.clients is None:
            return Q()
        return Q(**{f"{prefix}_id__in" if prefix else "pk__in": self.clients.order_by().values("pk")})

    def of_owner(self, prefix: str = "client") -> Q:
        """Clients that are now of the representatives looked at, or of nobody where those count."""
        column = f"{prefix}__representative" if prefix else "representative"
        owned = Q(**{f"{column}_id__in": self.representatives})
        return owned | Q(**{column: None}) if self.nobody else owned

    def sql(self) -> dict[str, Any]:
        """Parameters of SQL: ``representatives`` and ``clients`` (NULL: any)."""
        return {"representatives": list(self.representatives), "clients": self.client_ids}


def months_between(first: date, last: date) -> list[date]:
    """First days of the months that hold a day from ``first`` to ``last``, oldest first."""
    found, month = [], month_of(first)
    while month <= last:
        found.append(month)
        month = next_month(month)
    return found


def months_until(last: date, n: int) -> list[date]:
    """First days of the ``n`` months that end with that of ``last``, oldest first."""
    found = [month_of(last)]
    while len(found) < n:
        found.append(previous_month(found[-1]))
    return found[::-1]


def end_of(month: date) -> date:
    """The month's last day."""
    return next_month(month) - timedelta(days=1)

"""Reads of the ownership ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from accounts.models import Representative
from clients.models import Client
from portfolio.models import Ownership


def ownerships_on(day: date) -> QuerySet[Ownership]:
    """Ownerships in force on ``day``; the last day already belongs to the successor."""
    return Ownership.objects.filter(Q(ended_on=None) | Q(ended_on__gt=day), started_on__lte=day)


def ownership_history(client: Client) -> QuerySet[Ownership]:
    """Everyone who answered for the client, latest first, with representative and actor joined: one query."""
    return Ownership.objects.filter(client_id=client.pk).select_related("representative", "actor").order_by("-seq")


def clients_without_representative(*, on: date) -> QuerySet[Client]:
    """Clients nobody answers for on that day: one query, however many clients."""
    return Client.objects.filter(~Exists(ownerships_on(on).filter(client=OuterRef("pk"))))


@dataclass(frozen=True)
class PortfolioCount:
    """What one representative holds now, against what they can."""

    representative_id: int
    name: str
    clients: int
    capacity: int
    received: int  # since the day asked for
    given: int


def portfolio_counts(representatives: QuerySet[Representative], *, since: date) -> list[PortfolioCount]:
    """Open clients, capacity, and clients received and given from ``since`` on, by name; three queries however many people.

    Ownerships of no days (given on the day they began) count on neither side.
    """
    people = list(representatives.order_by("name", "pk").values_list("pk", "name", "capacity_clients"))
    ids = [pk for pk, _name, _capacity in people]
    held = _counted(Client.objects.filter(representative_id__in=ids, discarded_on=None).values("representative_id"))
    moves = (
        Ownership.objects.filter(representative_id__in=ids)
        .exclude(ended_on=F("started_on"))
        .values("representative_id")
        .annotate(received=Count("id", filter=Q(started_on__gte=since)), given=Count("id", filter=Q(ended_on__gte=since)))
    )
    changed = {row["representative_id"]: (row["received"], row["given"]) for row in moves}
    return [PortfolioCount(pk, name, held.get(pk, 0), capacity, *changed.get(pk, (0, 0))) for pk, name, capacity in people]


def _counted(rows: QuerySet) -> dict[int, int]:
    return {row["representative_id"]: row["n"] for row in rows.annotate(n=Count("id"))}


def open_client_counts(representative_ids: Iterable[int]) -> dict[int, int]:
    """Clients each representative answers for now; representatives without any are absent from the answer."""
    return _counted(Client.objects.filter(representative_id__in=list(representative_ids)).values("representative_id"))

"""A client's history in one line: who answered for it, visits, calls and messages, latest first."""

from dataclasses import dataclass
from datetime import date

from clients.models import Client
from portfolio.models import Interaction, Ownership, Visit


@dataclass(frozen=True)
class Happening:
    """One entry: ``kind`` is ownership, visit or interaction, ``row`` the model's row with its people joined."""

    on: date
    kind: str
    row: Ownership | Visit | Interaction


def happenings(client: Client, *, size: int = 100) -> list[Happening]:
    """The latest ``size`` of each kind, merged by day: three queries."""
    ownerships = Ownership.objects.filter(client_id=client.pk).select_related("representative", "actor").order_by("-seq")[:size]
    visits = (
        Visit.objects.filter(client_id=client.pk).exclude(visited_on=None).select_related("representative").order_by("-visited_on", "-id")
    )
    talks = Interaction.objects.filter(client_id=client.pk).select_related("by").order_by("-happened_on", "-id")
    merged = [Happening(row.started_on, "ownership", row) for row in ownerships]
    merged += [Happening(row.visited_on, "visit", row) for row in visits[:size] if row.visited_on]
    merged += [Happening(row.happened_on, "interaction", row) for row in talks[:size]]
    # Of one day, a change of hands comes last in reading order: what follows happened under the new representative.
    return sorted(merged, key=lambda each: (each.on, each.kind != "ownership", each.row.pk), reverse=True)

"""Who gained and who lost clients, and by what: read off the ownership ledger.

An ownership that ended on the day it began was never in force and counts on neither side, as in the ledger's other
reads. So for every representative: clients before + gained - lost = clients after.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, TruncMonth

from portfolio.models import Ownership
from portfolio.selectors.ledger import ownerships_on
from portfolio.selectors.reports.scope import Scope, months_until

# Why a client left where nobody answered for it from that day on.
NOBODY_AFTER = "none"
WHYS = (*Ownership.Source.values, NOBODY_AFTER)


@dataclass
class Movement:
    """Clients of one representative before the first day and on the last one, and by source what came and went between."""

    before: int = 0
    after: int = 0
    gained_by: dict[str, int] = field(default_factory=dict)
    lost_by: dict[str, int] = field(default_factory=dict)

    @property
    def gained(self) -> int:
        return sum(self.gained_by.values())

    @property
    def lost(self) -> int:
        return sum(self.lost_by.values())

    def __add__(self, other: "Movement") -> "Movement":
        def both(mine: dict[str, int], theirs: dict[str, int]) -> dict[str, int]:
            return {key: mine.get(key, 0) + theirs.get(key, 0) for key in {*mine, *theirs}}

        return Movement(
            self.before + other.before,
            self.after + other.after,
            both(self.gained_by, other.gained_by),
            both(self.lost_by, other.lost_by),
        )


def movements(scope: Scope) -> dict[int, Movement]:
    """The movement of each representative of the scope, those without any included: four queries, however many."""
    found: dict[int, Movement] = {pk: Movement() for pk in scope.representatives}
    for name, day in (("before", scope.first - timedelta(days=1)), ("after", scope.last)):
        held = _within(ownerships_on(day), scope).values("representative_id").annotate(n=Count("pk"))
        for row in held.order_by():
            setattr(found[row["representative_id"]], name, row["n"])
    for side, rows in (("gained_by", gained(scope)), ("lost_by", lost(scope))):
        for row in rows.values("representative_id", "why").annotate(n=Count("pk")).order_by():
            getattr(found[row["representative_id"]], side)[row["why"]] = row["n"]
    return found


def gained(scope: Scope) -> QuerySet[Any]:
    """Ownerships of the scope's representatives that began within it; ``why`` is their source."""
    rows = Ownership.objects.filter(started_on__range=(scope.first, scope.last)).exclude(ended_on=F("started_on"))
    return _within(rows, scope).annotate(why=F("source"), on=F("started_on"))


def lost(scope: Scope) -> QuerySet[Any]:
    """Ownerships of the scope's representatives that ended within it.

    ``why`` is the source of the one that followed on the same day, ``NOBODY_AFTER`` where none did.
    """
    rows = Ownership.objects.filter(ended_on__range=(scope.first, scope.last)).exclude(ended_on=F("started_on"))
    follower = Ownership.objects.filter(client_id=OuterRef("client_id"), seq=OuterRef("seq") + 1, started_on=OuterRef("ended_on"))
    why = Coalesce(Subquery(follower.values("source")[:1]), Value(NOBODY_AFTER))
    return _within(rows, scope).annotate(why=why, on=F("ended_on"))


def moved_rows(scope: Scope, side: str) -> QuerySet[Any]:
    """The rows behind a number, latest first: ``side`` is gained, lost, before or after.

    Each carries ``why``, ``on``, and of whoever had the client before (gained) or has it after (lost) ``other_code`` and
    ``other_name``, and ``said``: the reason written down.

    Raises
    ------
    ValueError
        No such side.
    """
    if side in ("before", "after"):
        day = scope.first - timedelta(days=1) if side == "before" else scope.last
        held = _within(ownerships_on(day), scope).annotate(why=F("source"), on=F("started_on"), said=F("reason"))
        return held.order_by("client__name_key", "pk")
    if side not in ("gained", "lost"):
        raise ValueError(f"no side {side!r} of a movement")
    rows = gained(scope) if side == "gained" else lost(scope)
    step = -1 if side == "gained" else 1
    others = Ownership.objects.filter(client_id=OuterRef("client_id"), seq=OuterRef("seq") + step)
    if side == "lost":
        others = others.filter(started_on=OuterRef("ended_on"))
    named = {f"other_{name}": Subquery(others.values(f"representative__{name}")[:1]) for name in ("code", "name")}
    said = F("reason") if side == "gained" else Subquery(others.values("reason")[:1])
    return rows.annotate(said=said, **named).order_by("-on", "client__name_key", "pk")


def movement_by_month(scope: Scope, *, months: int = 12) -> list[tuple[date, int, int]]:
    """(month, gained, lost) of the last ``months`` months up to the scope's last day, oldest first: two queries."""
    shown = months_until(scope.last, months)
    wide = Scope(shown[0], scope.last, scope.representatives, scope.nobody, scope.clients)
    came, went = _by_month(gained(wide)), _by_month(lost(wide))
    return [(month, came[month], went[month]) for month in shown]


def _by_month(rows: QuerySet[Any]) -> dict[date, int]:
    found: dict[date, int] = defaultdict(int)
    counted = rows.annotate(month=TruncMonth("on")).values("month").annotate(n=Count("pk")).order_by()
    found.update({row["month"]: row["n"] for row in counted})
    return found


def total(parts: Sequence[Movement]) -> Movement:
    """All of them as one."""
    return sum(parts, Movement())


def _within(rows: QuerySet[Any], scope: Scope) -> QuerySet[Any]:
    return rows.filter(scope.of_client(), representative_id__in=scope.representatives)

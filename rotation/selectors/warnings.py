"""Who was warned of losing a client, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from accounts.models import Membership
from portfolio.models import Ownership, Receipt
from portfolio.threats import Threat
from rotation.models import SaveWarning


@dataclass(frozen=True)
class SaveRate:
    """What came of a rule's warnings; ``share`` is saved of those closed, None while none is."""

    warned: int = 0
    saved: int = 0
    moved: int = 0
    open: int = 0

    @property
    def share(self) -> Decimal | None:
        closed = self.saved + self.moved
        return Decimal(self.saved) / closed if closed else None


def save_rates(rule_ids: Sequence[int], *, since: date) -> dict[int, SaveRate]:
    """Warnings given on or after ``since`` by rule; one query. Every rule asked for is in the answer."""
    State = SaveWarning.State
    rows = (
        SaveWarning.objects.filter(rule_id__in=rule_ids, warned_on__gte=since)
        .values("rule_id")
        .annotate(
            warned=Count("pk"),
            saved=Count("pk", filter=Q(state=State.SAVED)),
            moved=Count("pk", filter=Q(state=State.MOVED)),
            open=Count("pk", filter=Q(state=State.OPEN)),
        )
        .order_by()
    )
    found = {row["rule_id"]: SaveRate(row["warned"], row["saved"], row["moved"], row["open"]) for row in rows}
    return {rule: found.get(rule, SaveRate()) for rule in rule_ids}


def save_rate_of(member: Membership, *, since: date) -> SaveRate:
    """What came of the warnings the member was given on or after ``since``; one query."""
    State = SaveWarning.State
    mine = SaveWarning.objects.filter(representative__membership=member, warned_on__gte=since)
    counts = {state.value: Count("pk", filter=Q(state=state)) for state in State}
    return SaveRate(**mine.aggregate(warned=Count("pk"), **counts))


def warnings_of(member: Membership) -> QuerySet[SaveWarning]:
    """The member's own clients that may leave, soonest first."""
    mine = SaveWarning.objects.filter(state=SaveWarning.State.OPEN, representative__membership=member)
    return mine.select_related("client", "rule").prefetch_related("client__activity").order_by("due_on", "client__name_key", "pk")


def threats_of(member: Membership) -> list[Threat]:
    """The member's clients with a save window that runs, for the day's page; one query."""
    stopped_by = _("Um pedido, uma visita ou um contato antes do dia impede.")
    return [Threat(each.client_id, each.due_on, each.rule.name, stopped_by) for each in warnings_of(member).prefetch_related(None)]


@dataclass(frozen=True)
class Change:
    """One client that came into or left the member's portfolio."""

    client_id: int
    name: str
    on: date
    other: str  # from whom it came, or to whom it went; "" for nobody
    reason: str
    source: str
    ownership_id: int
    accepted_at: datetime | None = None  # when the one who received it said so
    still: bool = False  # whether the one who received it still answers for it


def changes_of(member: Membership, *, since: date, limit: int = 50) -> tuple[list[Change], list[Change]]:
    """Clients the member received and gave on or after ``since``, newest first, at most ``limit`` each; two queries.

    A client that came with its first registration, or by import of who always had it, is no change.
    """
    neighbour = Ownership.objects.filter(client=OuterRef("client"))

    def told(rows: QuerySet[Ownership], day: str, beside: QuerySet[Ownership]) -> list[Change]:
        rows = rows.annotate(
            other=Subquery(beside.values("representative__name")[:1]),
            next_reason=Subquery(beside.values("reason")[:1]),
            next_source=Subquery(beside.values("source")[:1]),
            accepted_at=Subquery(Receipt.objects.filter(ownership=OuterRef("pk")).values("accepted_at")[:1]),
        ).select_related("client")
        return [
            Change(
                row.client_id,
                str(row.client),
                getattr(row, day),
                row.other or "",
                row.reason if day == "started_on" else row.next_reason or "",
                row.source if day == "started_on" else row.next_source or "",
                row.pk,
                row.accepted_at,
                still=row.ended_on is None,
            )
            for row in rows.order_by(f"-{day}", "-pk")[:limit]
        ]

    mine = Ownership.objects.filter(representative__membership=member)
    received = told(mine.filter(started_on__gte=since, seq__gt=1), "started_on", neighbour.filter(seq=OuterRef("seq") - 1))
    given = told(mine.filter(ended_on__gte=since), "ended_on", neighbour.filter(seq=OuterRef("seq") + 1))
    return received, given

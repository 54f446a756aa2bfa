"""Who was warned of losing a client, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from accounts.models import Membership
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
    found = {row.pop("rule_id"): SaveRate(**row) for row in rows}
    return {rule: found.get(rule, SaveRate()) for rule in rule_ids}


def warnings_of(member: Membership) -> QuerySet[SaveWarning]:
    """The member's own clients that may leave, soonest first."""
    mine = SaveWarning.objects.filter(state=SaveWarning.State.OPEN, representative__membership=member)
    return mine.select_related("client", "rule").prefetch_related("client__activity").order_by("due_on", "client__name_key", "pk")

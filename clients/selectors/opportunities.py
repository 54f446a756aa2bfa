"""Opportunities a member reaches: the board by stage, one client's list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, F, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from accounts.models import Membership
from clients.models import Client, Opportunity
from clients.selectors.visibility import Reach, reach_of

Stage = Opportunity.Stage
OPEN = (Stage.CONTACT, Stage.QUALIFIED, Stage.PROPOSAL, Stage.NEGOTIATION)
SHOWN_EACH = 30  # of a stage, those stopped longest
CLOSED_DAYS = 90  # for how long a won or lost one stays on the board
STOPPED_DAYS = 14  # from here on a stopped opportunity is pointed out


@dataclass(frozen=True)
class Column:
    """One stage of the board. ``count`` and ``cents`` are of all of it, ``rows`` of the first ``SHOWN_EACH``."""

    stage: str
    label: str
    count: int
    cents: int
    rows: Sequence[Opportunity]

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def opportunities_within(reach: Reach) -> QuerySet[Opportunity]:
    """Opportunities of the clients of a reach, discarded clients' left out."""
    kept = Opportunity.objects.filter(client__discarded_on=None)
    if reach.representatives is None:
        return kept
    return kept.filter(Q(client__representative_id__in=reach.representatives) | Q(client_id__in=reach.beside))


def opportunities_visible_to(member: Membership) -> QuerySet[Opportunity]:
    """Those of every client the member sees, with the client and who answers for it joined; discarded clients' too."""
    reach = reach_of(member)
    found = Opportunity.objects.select_related("client", "client__representative")
    if reach.representatives is None:
        return found
    return found.filter(Q(client__representative_id__in=reach.representatives) | Q(client_id__in=reach.beside))


def board(member: Membership, *, as_of: date, closed: bool = False, representative: int | None = None) -> list[Column]:
    """Columns in the order of the stages: the open ones, or those won and lost in the last 90 days. Three queries.

    Parameters
    ----------
    representative : only clients this one answers for; within the member's reach in any case
    """
    found = opportunities_within(reach_of(member))
    if representative is not None:
        found = found.filter(client__representative_id=representative)
    stages = (Stage.WON, Stage.LOST) if closed else OPEN
    found = found.filter(stage__in=stages)
    found = found.filter(closed_on__gte=as_of - timedelta(days=CLOSED_DAYS)) if closed else found.filter(closed_on=None)
    totals = {row["stage"]: row for row in found.values("stage").annotate(n=Count("pk"), cents=Sum("value_cents")).order_by()}
    first = F("closed_on").desc() if closed else F("stage_since").asc()
    place = Window(RowNumber(), partition_by=F("stage"), order_by=[first, F("pk").asc()])
    rows = list(
        found.annotate(place=place)
        .filter(place__lte=SHOWN_EACH)
        .select_related("client", "client__representative")
        .order_by("stage", "place")
    )
    return [
        Column(
            stage=stage,
            label=str(Stage(stage).label),
            count=totals[stage]["n"] if stage in totals else 0,
            cents=(totals[stage]["cents"] or 0) if stage in totals else 0,
            rows=[row for row in rows if row.stage == stage],
        )
        for stage in stages
    ]


def opportunities_of(client: Client, *, most: int = 100) -> list[Opportunity]:
    """The client's own: open ones first, then the latest closed. One query."""
    return list(Opportunity.objects.filter(client_id=client.pk).order_by(F("closed_on").desc(nulls_first=True), "stage_since", "pk")[:most])

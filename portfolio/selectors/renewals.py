"""Contracts that end: which are to be renewed, by whom, how far that is, and which clients are in renewal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Case, CharField, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When

from accounts.arrays import array
from accounts.models import Membership, Organization
from accounts.tenancy import active_organization_id
from clients.models import Contract
from clients.selectors.visibility import clients_visible_to
from portfolio.models import Renewal

State = Renewal.State
OVERLAP_DAYS = 60  # how long before the end of the old one a contract may begin and still renew it
OVERDUE_DAYS = 365  # contracts that ended before are another story
USUAL_DAYS = 60
WINDOWS = (30, 60, 90)
MOST_DAYS = 365
VIEWS = ("ending", "overdue", "renewed", "lost")
STATES = (State.TO_CONTACT, State.TALKING)


def contracts_with_state() -> QuerySet[Any]:
    """Contracts with ``successor_id`` and ``stage``: what is being done about each, a newer contract counting before any word.

    A contract renews another of the same client if it ends later and begins at the earliest OVERLAP_DAYS before that one's end:
    one that overlaps it longer is another service, bought beside it.
    """
    successors = Contract.objects.filter(
        client_id=OuterRef("client_id"), ends_on__gt=OuterRef("ends_on"), starts_on__gte=OuterRef("ends_on") - timedelta(days=OVERLAP_DAYS)
    ).exclude(pk=OuterRef("pk"))
    told = Renewal.objects.filter(contract_id=OuterRef("pk"))
    return Contract.objects.annotate(
        successor_id=Subquery(successors.order_by("starts_on", "pk").values("pk")[:1], output_field=IntegerField()),
        told=Subquery(told.values("state")[:1], output_field=CharField()),
    ).annotate(
        stage=Case(
            When(successor_id__isnull=False, then=Value(State.RENEWED.value)),
            When(told__isnull=True, then=Value(State.TO_CONTACT.value)),
            # without the newer contract it was written down for, it is not renewed any more
            When(told=State.RENEWED.value, then=Value(State.TO_CONTACT.value)),
            default=F("told"),
            output_field=CharField(),
        )
    )


@dataclass(frozen=True)
class RenewalFilter:
    """What the page was asked for; an empty field narrows nothing."""

    view: str = "ending"
    within: int = USUAL_DAYS
    stage: str = ""
    representative: int | None = None
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, Any], *, usual: int = USUAL_DAYS) -> "RenewalFilter":
        """Unknown or malformed values are dropped, so that an old bookmark still opens."""

        def number(name: str, most: int) -> int | None:
            text = str(query.get(name, ""))
            return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 16 else None

        view, stage = str(query.get("view", "")), str(query.get("stage", ""))
        return cls(
            view if view in VIEWS else "ending",
            number("within", MOST_DAYS) or usual,
            stage if stage in STATES else "",
            number("representative", 10**15),
            max(number("page", 100_000) or 1, 1),
        )

    def query(self, **changes: Any) -> str:
        """The query string with ``changes``; any change but of the page starts at the first one."""
        values = {**vars(self), "page": 1, **changes}
        return urlencode({name: value for name, value in values.items() if value not in (None, "") and not (name == "page" and value == 1)})


def renewals(member: Membership, wanted: RenewalFilter, *, as_of: date) -> QuerySet[Contract]:
    """Contracts of clients within reach as the filter asks, those that end first leading; ended ones the latest first."""
    found = _within_reach(member)
    if wanted.representative:
        found = found.filter(client__representative_id=wanted.representative)
    if wanted.stage and wanted.view in ("ending", "overdue"):
        found = found.filter(stage=wanted.stage)
    found = found.filter(_viewed(wanted.view, wanted.within, as_of))
    order = "ends_on" if wanted.view == "ending" else "-ends_on"
    return found.select_related("client", "client__representative").order_by(order, "pk")


def _within_reach(member: Membership) -> QuerySet[Any]:
    return contracts_with_state().filter(client__in=clients_visible_to(member), client__discarded_on=None)


def _viewed(view: str, within: int, as_of: date) -> Q:
    open_ones = Q(stage__in=[State.TO_CONTACT, State.TALKING])
    if view == "ending":
        return open_ones & Q(ends_on__gte=as_of, ends_on__lte=as_of + timedelta(days=within))
    if view == "overdue":
        return open_ones & Q(ends_on__lt=as_of, ends_on__gte=as_of - timedelta(days=OVERDUE_DAYS))
    since = Q(ends_on__gte=as_of - timedelta(days=OVERDUE_DAYS), ends_on__lte=as_of + timedelta(days=MOST_DAYS))
    return since & Q(stage=State.RENEWED if view == "renewed" else State.LOST)


@dataclass(frozen=True)
class Counted:
    """Contracts of one view and what they are worth, in cents; contracts without an amount count nothing."""

    n: int
    cents: int


def renewal_counts(member: Membership, wanted: RenewalFilter, *, as_of: date) -> dict[str, Counted]:
    """Per view, under the same representative: one query."""
    found = _within_reach(member).filter(ends_on__gte=as_of - timedelta(days=OVERDUE_DAYS), ends_on__lte=as_of + timedelta(days=MOST_DAYS))
    if wanted.representative:
        found = found.filter(client__representative_id=wanted.representative)
    sums: dict[str, Any] = {}
    for view in VIEWS:
        condition = _viewed(view, wanted.within, as_of)
        sums |= {f"{view}_n": Count("pk", filter=condition), f"{view}_cents": Sum("amount_cents", filter=condition)}
    totals = found.aggregate(**sums)
    return {view: Counted(totals[f"{view}_n"], totals[f"{view}_cents"] or 0) for view in VIEWS}


def told_of(contracts: Iterable[Contract]) -> dict[int, Renewal]:
    """What was written down about each of the contracts, with owner and task; one query."""
    rows = Renewal.objects.filter(contract_id__in=[each.pk for each in contracts]).select_related("owner", "task", "successor")
    return {row.contract_id: row for row in rows}


# Of ``contracts_with_state``, those of some clients that end soon in ``STATES``: every list of clients asks, and the ORM takes longer to
# say it than the database to answer.
_IN_RENEWAL = """
SELECT c.client_id, min(c.ends_on) FROM clients_contract c
 WHERE c.organization_id = %(organization)s AND c.client_id = ANY(%(clients)s::bigint[]) AND c.ends_on BETWEEN %(as_of)s AND %(until)s
   AND NOT EXISTS (SELECT FROM clients_contract newer WHERE newer.organization_id = %(organization)s AND newer.client_id = c.client_id
                      AND newer.ends_on > c.ends_on AND newer.starts_on >= c.ends_on - %(overlap)s AND newer.id <> c.id)
   AND NOT EXISTS (SELECT FROM portfolio_renewal told
                    WHERE told.organization_id = %(organization)s AND told.contract_id = c.id AND told.state = %(lost)s)
 GROUP BY c.client_id
"""


def clients_in_renewal(client_ids: Iterable[int], *, as_of: date, within: int) -> dict[int, date]:
    """Which of the clients have a contract that ends within the days and waits to be renewed, and when the first does; one query."""
    given: dict[str, Any] = {
        "organization": active_organization_id(),
        "clients": array(client_ids),
        "as_of": as_of,
        "lost": State.LOST.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(_IN_RENEWAL, given | {"until": as_of + timedelta(days=within), "overlap": OVERLAP_DAYS})
        return dict(cursor.fetchall())


def renewing_clients(as_of: date, within: int) -> QuerySet[Any]:
    """Ids of all clients with such a contract: what a list of clients is narrowed to, one subquery."""
    last = as_of + timedelta(days=within)
    return contracts_with_state().filter(ends_on__gte=as_of, ends_on__lte=last, stage__in=STATES).values("client_id")


def window_of(organization: Organization) -> int:
    """Days before its end from which a contract is in renewal here."""
    return organization.renewal_days or USUAL_DAYS


def untouched(*, as_of: date, within: int, since: int) -> QuerySet[Contract]:
    """Contracts nobody was asked about yet that end within the days, or ended less than ``since`` days ago, and wait to be renewed."""
    told = Renewal.objects.filter(contract_id=OuterRef("pk"))
    return contracts_with_state().filter(
        ~Exists(told),
        stage=State.TO_CONTACT,
        client__discarded_on=None,
        ends_on__lte=as_of + timedelta(days=within),
        ends_on__gte=as_of - timedelta(days=since),
    )

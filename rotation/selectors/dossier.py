"""What a receiver has to know of the clients a leaver gave them, composed when it is read: as it stood that day, and what came of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from accounts.models import Membership, Representative, Role
from clients.models import Client, ClientActivity, Contact, CreditEvent, CreditSnapshot, Opportunity
from clients.selectors import clients_visible_to
from clients.selectors.contacts import Person, shown
from portfolio.models import Interaction, Task, Visit
from rotation.models import Handover, Proposal

PAGE = 60
VISITS, TALKS, EVENTS = 3, 2, 3


@dataclass
class ClientDossier:
    """One client: what was promised, who decides there, what is on the table, what happened last, how it pays."""

    client: Client
    activity: ClientActivity | None = None
    people: list[Person] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    planned: list[Visit] = field(default_factory=list)
    opportunities: list[Opportunity] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    talks: list[Interaction] = field(default_factory=list)
    credit: CreditSnapshot | None = None
    events: list[CreditEvent] = field(default_factory=list)


@dataclass(frozen=True)
class Dossier:
    """One page of a receiver's dossier; ``gone`` are clients of it that this reader no longer reaches."""

    clients: list[ClientDossier]
    count: int
    gone: int


def dossier_of(handover: Handover, receiver: Representative, *, by: Membership, country: str, page: int = 1) -> Dossier:
    """Sixty clients a page, those worth most first; a constant number of queries.

    A task counts as promised if it was open when the clients went over, an opportunity if it was on the table then; both carry what became
    of them since. Who sells reads of the clients they still reach; to an auditor nobody's number is shown.
    """
    moved = Proposal.objects.filter(
        run=handover.run_id, to_representative=receiver, state__in=[Proposal.State.APPLIED, Proposal.State.APPROVED]
    )
    mine = moved
    if by.role == Role.REPRESENTATIVE:
        mine = moved.filter(client__in=clients_visible_to(by))
    count = mine.count()
    gone = moved.count() - count if by.role == Role.REPRESENTATIVE else 0
    ids = list(mine.order_by("-net_12m_cents", "client_id").values_list("client_id", flat=True)[PAGE * (page - 1) : PAGE * page])
    found = Client.objects.in_bulk(ids)
    dossiers = {pk: ClientDossier(found[pk]) for pk in ids}
    at = handover.confirmed_at
    assert at is not None, "a hand-over that began was confirmed"
    _fill(dossiers, at, handover.run.effective_on if handover.run else at.date(), country, masked=by.role == Role.AUDITOR)
    return Dossier(list(dossiers.values()), count, gone)


def _fill(dossiers: dict[int, ClientDossier], at: datetime, on: Any, country: str, *, masked: bool) -> None:
    ids = list(dossiers)
    for activity in ClientActivity.objects.filter(client_id__in=ids):
        dossiers[activity.client_id].activity = activity
    for contact in Contact.objects.filter(client_id__in=ids).order_by("decision_role", "name"):
        dossiers[contact.client_id].people.append(shown(contact, country=country, masked=masked))
    open_then = Q(done_at=None) | Q(done_at__gte=at)
    tasks = Task.objects.filter(open_then, Q(cancelled_at=None) | Q(cancelled_at__gte=at), client_id__in=ids, created_at__lte=at)
    for pk, rows in _grouped(tasks.select_related("owner").order_by("due_on", "pk")).items():
        dossiers[pk].tasks = rows
    sales = Opportunity.objects.filter(Q(closed_on=None) | Q(closed_on__gte=on), client_id__in=ids, created_at__lte=at)
    for pk, rows in _grouped(sales.order_by(F("expected_on").asc(nulls_last=True), "pk")).items():
        dossiers[pk].opportunities = rows
    planned = Visit.objects.filter(client_id__in=ids, cancelled_at=None, planned_on__gte=on, received_at__lte=at)
    for pk, rows in _grouped(planned.order_by("planned_on", "pk")).items():
        dossiers[pk].planned = rows
    done = Visit.objects.filter(client_id__in=ids, visited_on__lte=on).select_related("representative")
    for pk, rows in _grouped(_latest(done, "-visited_on", VISITS)).items():
        dossiers[pk].visits = rows
    talks = Interaction.objects.filter(client_id__in=ids, happened_on__lte=on).select_related("by")
    for pk, rows in _grouped(_latest(talks, "-happened_at", TALKS)).items():
        dossiers[pk].talks = rows
    latest = CreditSnapshot.objects.filter(client_id__in=ids).values("client_id").annotate(last=Max("observed_on"))
    known = {row["client_id"]: row["last"] for row in latest}
    for snapshot in CreditSnapshot.objects.filter(client_id__in=list(known), observed_on__in=set(known.values())):
        if snapshot.observed_on == known[snapshot.client_id]:
            dossiers[snapshot.client_id].credit = snapshot
    events = CreditEvent.objects.filter(client_id__in=ids)
    for pk, rows in _grouped(_latest(events, "-observed_on", EVENTS)).items():
        dossiers[pk].events = rows


def _latest(rows: QuerySet[Any], order: str, most: int) -> QuerySet[Any]:
    """At most so many rows of each client, the latest first."""
    place = Window(RowNumber(), partition_by=F("client_id"), order_by=[F(order[1:]).desc(), F("pk").desc()])
    return rows.annotate(place=place).filter(place__lte=most).order_by("client_id", "place")


def _grouped(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.client_id].append(row)
    return found

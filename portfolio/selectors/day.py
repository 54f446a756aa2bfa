"""One representative's day: what is done, what comes next and why, what is late, and which clients are about to be lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Q, QuerySet

from accounts.models import Membership
from clients.models import Client, Contact, Order, OrderItem
from clients.selectors.lifecycle import Lifecycle, Limits, inactive_on, lifecycle_filter, lifecycle_of
from clients.selectors.page import CYCLE_FROM_ORDERS
from clients.selectors.visibility import Reach
from portfolio.models import Visit
from portfolio.selectors.agenda import State, state_of
from portfolio.threats import Threat, threats_to

MISSED_DAYS = 7  # how long a visit not made is shown
AT_RISK_SHOWN = 8
MOST_AT_RISK = 200
PRODUCTS_SHOWN = 2


class DayClient(NamedTuple):
    """What the day shows of a client. Money in cents; degrees or None where the place is unknown."""

    pk: int
    name: str
    trade_name: str
    code: str
    address: str
    city: str
    state: str
    latitude: float | None
    longitude: float | None
    phone: str
    discarded_on: date | None
    lost_silence: date | None
    representative_id: int | None
    last_on: date | None
    median_gap: float | None
    repeat_days: int | None
    net_12m_cents: int | None
    abc: str | None
    last_visit_on: date | None

    def __str__(self) -> str:
        return self.trade_name or self.name

    def days_silent(self, as_of: date) -> int | None:
        return (as_of - self.last_on).days if self.last_on else None

    @property
    def cycle_days(self) -> float | None:
        """The client's usual interval, once it ordered often enough to have one."""
        return self.median_gap if (self.repeat_days or 0) + 1 >= CYCLE_FROM_ORDERS and self.median_gap else None

    def lateness(self, as_of: date) -> float | None:
        """Days of silence in cycles of its own."""
        silent = self.days_silent(as_of)
        return silent / self.cycle_days if self.cycle_days and silent is not None else None


_COLUMNS = (
    "id", "name", "trade_name", "code", "address", "city", "state", "latitude", "longitude", "phone", "discarded_on", "lost_silence",
    "representative_id",
    "activity__last_on", "activity__median_gap", "activity__repeat_days", "activity__net_12m_cents", "activity__abc",
    "activity__last_visit_on",
)  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """One visit of the day with its client."""

    visit: Visit
    client: DayClient
    state: State
    first: bool  # nobody ever visited or sold to the client


@dataclass(frozen=True)
class LastOrder:
    """The client's last valid order: its day, what it came to, and some of its products by name, largest first."""

    ordered_on: date
    net_cents: int
    products: Sequence[str]


@dataclass(frozen=True)
class AtRisk:
    """A client about to be lost: to somebody else by ``threat``, or to silence on ``inactive_on``."""

    client: DayClient
    threat: Threat | None
    inactive_on: date | None

    @property
    def ends_on(self) -> date | None:
        """The first day it is too late."""
        return self.threat.due_on if self.threat else self.inactive_on


@dataclass(frozen=True)
class Day:
    """What is to be done and what was; visits in the order of the route, at most a few dozen."""

    as_of: date
    done: Sequence[Stop] = ()
    waiting: Sequence[Stop] = ()
    missed: Sequence[Stop] = ()
    tomorrow: Sequence[Stop] = ()
    at_risk: Sequence[AtRisk] = ()
    n_at_risk: int = 0
    n_clients: int = 0
    last_order: LastOrder | None = None
    contacts: Sequence[Contact] = field(default=())
    state: Lifecycle | None = None  # of the next client

    @property
    def next(self) -> Stop | None:
        return self.waiting[0] if self.waiting else None

    @property
    def later(self) -> Sequence[Stop]:
        return self.waiting[1:]

    @property
    def n_planned(self) -> int:
        return len(self.done) + len(self.waiting)

    @property
    def sold_cents(self) -> int:
        return sum(stop.visit.order_value_cents or 0 for stop in self.done)


def day_of(member: Membership, reach: Reach, *, as_of: date, now: datetime, limits: Limits) -> Day:
    """The day of who visits clients: their own and those of whom they cover for; seven queries, however many visits.

    Parameters
    ----------
    reach : as ``reach_of(member)`` gives it, of somebody whose reach is a list of representatives
    as_of, now : the organization's day, and the instant that tells what is late
    """
    people = reach.representatives or []
    visits = _visits(people, as_of)
    threats = {threat.client_id: threat for threat in reversed(threats_to(member))}  # the soonest of a client's stands
    near = Q(representative_id__in=people) & lifecycle_filter(Lifecycle.NEAR_INACTIVE, as_of=as_of, limits=limits)
    wanted = {visit.client_id for visit in visits} | set(threats)
    rows = Client.objects.filter(Q(pk__in=wanted) | near).order_by("activity__last_on", "pk")
    clients = {row[0]: DayClient(*row) for row in rows.values_list(*_COLUMNS)[: MOST_AT_RISK + len(wanted)]}
    stops = [
        Stop(visit, clients[visit.client_id], state_of(visit, at=now, today=as_of), _is_first(clients[visit.client_id]))
        for visit in visits
        if visit.client_id in clients
    ]
    risks = _at_risk(clients.values(), threats, people, as_of=as_of, limits=limits)
    waiting = [stop for stop in stops if stop.state in (State.PLANNED, State.LATE) and stop.visit.planned_on == as_of]
    following = waiting[0].client if waiting else None
    return Day(
        as_of,
        done=sorted((stop for stop in stops if stop.state == State.DONE), key=lambda stop: stop.visit.visited_at or now),
        waiting=waiting,
        missed=[stop for stop in stops if stop.state == State.MISSED],
        tomorrow=[stop for stop in stops if stop.state == State.PLANNED and stop.visit.planned_on != as_of],
        at_risk=risks[:AT_RISK_SHOWN],
        n_at_risk=len(risks),
        n_clients=Client.objects.filter(representative_id__in=people, discarded_on=None).count(),
        last_order=last_order(following.pk) if following and following.last_on else None,
        contacts=list(Contact.objects.filter(client_id=following.pk).exclude(phone="").order_by("name")[:10]) if following else (),
        state=_state(following, as_of=as_of, limits=limits) if following else None,
    )


def _visits(people: Sequence[int], as_of: date) -> list[Visit]:
    """Visits of the day, done or to do, those missed of late and tomorrow's, in the order of the route."""
    planned = Q(planned_on__range=(as_of - timedelta(days=MISSED_DAYS), as_of + timedelta(days=1)), visited_at=None, cancelled_at=None)
    mine: QuerySet[Visit] = Visit.objects.filter(planned | Q(visited_on=as_of), representative_id__in=list(people))
    return list(mine.select_related("representative").order_by("planned_on", "position", "planned_at", "client__name_key", "pk")[:200])


def _state(client: DayClient, *, as_of: date, limits: Limits) -> Lifecycle:
    return lifecycle_of(client.last_on, client.discarded_on, as_of=as_of, limits=limits, lost_silence=client.lost_silence)


def _is_first(client: DayClient) -> bool:
    return client.last_on is None and client.last_visit_on is None


def _at_risk(
    clients: Iterable[DayClient], threats: dict[int, Threat], people: Sequence[int], *, as_of: date, limits: Limits
) -> list[AtRisk]:
    """Those somebody may take first, by the day; then those that turn inactive soonest. One's own, not those one covers alone."""
    found = []
    for client in clients:
        threat = threats.get(client.pk)
        near = client.representative_id in people and _state(client, as_of=as_of, limits=limits)
        if threat or near == Lifecycle.NEAR_INACTIVE:
            ends = inactive_on(client.last_on, limits=limits)
            found.append(AtRisk(client, threat, ends if ends and ends > as_of else None))
    return sorted(found, key=lambda each: (each.threat is None, each.ends_on or date.max, each.client.pk))


def last_order(client_id: int) -> LastOrder | None:
    """The client's last order that counts, and its largest lines; two queries."""
    order = Order.objects.filter(client_id=client_id, net_cents__gt=0).order_by("-ordered_on", "-pk").first()
    if order is None:
        return None
    lines = OrderItem.objects.filter(order_id=order.pk).order_by("-amount_cents", "line").values_list("product__name", flat=True)
    return LastOrder(order.ordered_on, order.net_cents, list(dict.fromkeys(lines[:PRODUCTS_SHOWN])))

"""A hand-over as its pages show it: who receives what, client by client, before and after it began."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from accounts.models import Absence, Membership, Representative, Role
from accounts.selectors import absences_among, representatives_visible_to
from clients.models import Client
from rotation.engine.geometry import haversine_km
from rotation.models import Handover, Proposal
from rotation.selectors.facts import absent_ids, is_active_on
from rotation.selectors.team_load import TeamLoad, team_load, with_moves

PAGE = 50


def handovers_visible_to(member: Membership) -> QuerySet[Handover]:
    """Hand-overs of representatives the member leads or audits; none to who sells."""
    if member.role == Role.REPRESENTATIVE:
        return Handover.objects.none()
    return Handover.objects.filter(representative__in=representatives_visible_to(member)).select_related("representative", "rest", "run")


def possible_receivers(leaver: Representative, by: Membership, *, on: date) -> list[Representative]:
    """Who may receive the leaver's clients from day ``on``: within reach and serving, by code; one query more than the reach."""
    within = representatives_visible_to(by).exclude(pk=leaver.pk).select_related("membership", "team").order_by("code")
    return [person for person in within if is_active_on(person, on)]


def likely_receivers(leaver: Representative, people: Sequence[Representative], *, on: date) -> list[int]:
    """Of these, whom one would choose first: the leaver's team, a common state and segment, and not away on ``on``."""
    away = absent_ids(first=on, last=on)

    def shares(mine: list[str], theirs: list[str]) -> bool:
        return not mine or not theirs or bool(set(mine) & set(theirs))

    return [
        each.pk
        for each in people
        if each.team_id == leaver.team_id
        and each.pk not in away
        and shares(leaver.regions, each.regions)
        and shares(leaver.segments, each.segments)
    ]


@dataclass(frozen=True)
class Division:
    """A draft as it would be carried out: each client's receiver (None: nobody yet), and each receiver's load."""

    targets: dict[int, int | None]
    lines: list[TeamLoad]
    unassigned: Counter[str]  # code of the reason -> clients, of those that go to who takes the rest too
    by_hand: set[int]

    @property
    def nobody(self) -> int:
        return sum(to is None for to in self.targets.values())


def division_of(handover: Handover) -> Division:
    """Who would receive what; four queries, however many clients."""
    plan = handover.plan
    chosen = {int(client): to for client, to in handover.choices.items()}
    targets: dict[int, int | None] = {int(client): to for client, to in plan.get("to", {}).items()}
    why = {int(client): code for client, code in plan.get("why", {}).items() if int(client) not in chosen}
    targets |= {client: handover.rest_id for client in why}
    targets |= chosen
    people = Representative.objects.filter(pk__in={*handover.receivers, *filter(None, [handover.rest_id])})
    moves = [(client, to) for client, to in targets.items() if to]
    return Division(targets, with_moves(team_load(people), moves), Counter(why.values()), set(chosen))


@dataclass(frozen=True)
class DividedClient:
    """One row of the division; ``to_id`` None where nobody takes it, ``why`` the engine's code where nobody could."""

    client: Client
    net_cents: int
    to_id: int | None
    km: float | None
    why: str
    by_hand: bool


def divided_clients(handover: Handover, division: Division, *, of: str = "", page: int = 1) -> tuple[list[DividedClient], int]:
    """One page of 50 rows, those worth most first, and how many there are; one query more than the count.

    Parameters
    ----------
    of : a receiver's id in digits; "nobody": those nobody can take; "hand": those a person chose; "" all
    """
    wanted = set(division.targets)
    if of == "nobody":
        wanted = {int(client) for client in handover.plan.get("why", {})} - division.by_hand
    elif of == "hand":
        wanted = division.by_hand
    elif of.isdigit():
        wanted = {client for client, to in division.targets.items() if to == int(of)}
    clients = Client.objects.filter(pk__in=wanted).order_by("-activity__net_12m_cents", "pk")
    rows = clients.prefetch_related("activity")[PAGE * (page - 1) : PAGE * page]
    why = handover.plan.get("why", {})
    people = {line.representative.pk: line.representative for line in division.lines}
    made = []
    for client in rows:
        activity, to = next(iter(client.activity.all()), None), division.targets[client.pk]
        by_hand = client.pk in division.by_hand
        reason = "" if by_hand else why.get(str(client.pk), "")
        made.append(
            DividedClient(client, activity.net_12m_cents if activity else 0, to, km_between(client, people.get(to or 0)), reason, by_hand)
        )
    return made, len(wanted)


def km_between(client: Client, person: Representative | None) -> float | None:
    """The distance, None where one of the two places is unknown."""
    if person is None or None in (client.latitude, client.longitude, person.latitude, person.longitude):
        return None
    return float(haversine_km(client.latitude, client.longitude, person.latitude, person.longitude))  # type: ignore[arg-type]


def ending_absences(leaver: Representative, *, today: date) -> list[Absence]:
    """Absences of the leaver, and those they cover, that their leaving closes; one query."""
    return list(absences_among(Representative.objects.filter(pk=leaver.pk)).filter(ends_on__gt=today))


@dataclass(frozen=True)
class Received:
    """What one receiver got in a hand-over that began: clients moved, still to move, and refused; net of 12 months in cents."""

    representative: Representative
    applied: int
    waiting: int
    stale: int
    net_cents: int


def received_by(handover: Handover) -> list[Received]:
    """Receivers of a hand-over that began, those who got most first; two queries."""
    rows = Proposal.objects.filter(run=handover.run_id).order_by().values_list("to_representative_id", "state", "net_12m_cents")
    counted: dict[int, Counter[str]] = {}
    money: Counter[int] = Counter()
    for to, state, net in rows:
        counted.setdefault(to or 0, Counter())[state] += 1
        money[to or 0] += net if state in (Proposal.State.APPLIED, Proposal.State.APPROVED) else 0
    people = Representative.objects.filter(Q(pk__in=list(counted))).order_by("code")
    State = Proposal.State
    lines = [
        Received(each, counted[each.pk][State.APPLIED], counted[each.pk][State.APPROVED], counted[each.pk][State.STALE], money[each.pk])
        for each in people
    ]
    return sorted(lines, key=lambda line: -(line.applied + line.waiting))

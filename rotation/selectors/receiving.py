"""The ceilings of whoever receives clients that a person sends: how full each is, with what is open and what is about to come.

A run keeps to them by itself. A person may pass them, and is told by how much: n of at most m.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Count, QuerySet

from accounts.models import Representative, Team
from accounts.selectors import top_teams
from clients.models import Client
from rotation.engine.pairs import most_received
from rotation.engine.rules import Limits, limits_of
from rotation.models import Proposal, Run
from rotation.selectors.team_load import TeamLoad, minutes_at, team_load, with_moves

KINDS = CLIENTS, MINUTES, RECEIVE, TEAM = "clients", "minutes", "receive", "team"
State = Proposal.State
COMING = (State.PROPOSED, State.APPROVED)
RECEIVED = (*COMING, State.APPLIED)


@dataclass(frozen=True)
class Filled:
    """One ceiling: ``n`` of at most ``most``. ``kind`` says of what: clients held, minutes a week, clients received in one run, by the
    representative or by ``team`` and the teams below it."""

    kind: str
    representative: Representative
    n: int
    most: int
    team: str = ""

    @property
    def passed(self) -> bool:
        return self.n > self.most

    @property
    def caveat(self) -> Proposal.Caveat:
        return Proposal.Caveat.OVER_CAPACITY if self.kind in (CLIENTS, MINUTES) else Proposal.Caveat.OVER_CEILING


def receive_ceiling(limits: Limits | None, to: Representative) -> int | None:
    """Clients the representative may receive in one run: the rule's share of its capacity, and its own number; None without either."""
    own = to.receive_ceiling
    if limits is None:
        return own
    ceiling = np.array([-1 if own is None else own])
    return int(most_received(limits, np.array([to.capacity_clients]), ceiling)[0])


class Filling:
    """The ceilings of one receiver, filled client by client as a person sends them; a constant number of queries.

    Clients count as held from the moment they are proposed: what is refused later leaves room, and the count is made again then.
    """

    def __init__(self, to: Representative, clients: Collection[int], runs: Collection[int], limits: Iterable[Limits]) -> None:
        self.to = to
        coming = list(Proposal.objects.filter(to_representative=to, state__in=COMING).values_list("client_id", flat=True))
        self.clients = Client.objects.filter(representative=to).count() + len(coming)
        here = Proposal.objects.filter(run__in=runs, state__in=RECEIVED).order_by()
        self.received: Counter[int] = Counter(_by_run(here.filter(to_representative=to)))
        self.by_team: Counter[int] = Counter()
        self.team, self.branch = "", frozenset[int]()
        if to.team_id is not None and any(each.team_max is not None for each in limits):
            tops = top_teams()
            top = tops[to.team_id]
            self.team = Team.objects.values_list("name", flat=True).get(pk=top)
            teams = [team for team, above in tops.items() if above == top]
            self.branch = frozenset(Representative.objects.filter(team__in=teams).values_list("pk", flat=True))
            self.by_team.update(_by_run(here.filter(to_representative__in=self.branch)))
        self.minutes, self.minutes_of = 0.0, {}
        if to.capacity_minutes_week is not None:
            [line] = team_load(Representative.objects.filter(pk=to.pk))
            self.minutes_of = minutes_at(to, {*clients, *coming})
            self.minutes = line.now.minutes + sum(self.minutes_of.get(client, 0.0) for client in coming)

    def take(self, row: Mapping[str, Any]) -> None:
        """One client more: ``row`` is a proposal, with its ``client_id`` and ``run_id``, that went to somebody else."""
        self.clients += 1
        self.minutes += self.minutes_of.get(row["client_id"], 0.0)
        self.received[row["run_id"]] += 1
        self.by_team[row["run_id"]] += row["to_representative_id"] not in self.branch

    def passed(self, run_id: int, limits: Limits) -> list[Filled]:
        """The ceilings that are passed now, for a client of this run and rule."""
        to = self.to
        found = [Filled(CLIENTS, to, self.clients, to.capacity_clients)]
        if to.capacity_minutes_week is not None:
            found.append(Filled(MINUTES, to, round(self.minutes), to.capacity_minutes_week))
        most = receive_ceiling(limits, to)
        if most is not None:
            found.append(Filled(RECEIVE, to, self.received[run_id], most))
        if self.team and limits.team_max is not None:
            found.append(Filled(TEAM, to, self.by_team[run_id], limits.team_max, self.team))
        return [each for each in found if each.passed]


def _by_run(rows: QuerySet[Proposal]) -> dict[int, int]:
    return dict(rows.values_list("run_id").annotate(n=Count("id")))


def passed_by_lines(lines: Sequence[TeamLoad]) -> list[Filled]:
    """The ceilings that moves made by hand pass: of whoever gains clients, capacity in heads and minutes, and their own most a time."""
    found = []
    for line in lines:
        to = line.representative
        if not line.gains.clients:
            continue
        found.append(Filled(CLIENTS, to, line.clients_after, line.capacity))
        if to.capacity_minutes_week is not None:
            found.append(Filled(MINUTES, to, round(line.minutes_after), to.capacity_minutes_week))
        if to.receive_ceiling is not None:
            found.append(Filled(RECEIVE, to, line.gains.clients, to.receive_ceiling))
    return [each for each in found if each.passed]


def caveats_of_moves(moves: Sequence[tuple[int, int]]) -> dict[int, list[str]]:
    """Receiver -> caveats of moves ``(client, receiver)`` that a person divides; three queries."""
    people = Representative.objects.filter(pk__in={to for _client, to in moves})
    found: dict[int, list[str]] = {}
    for each in passed_by_lines(with_moves(team_load(people), moves)):
        if each.caveat not in found.setdefault(each.representative.pk, []):
            found[each.representative.pk].append(each.caveat.value)
    return found


def passed_at_apply(run: Run, approved: QuerySet[Proposal]) -> list[Filled]:
    """What applying ``approved`` would pass beside capacity in clients: minutes, what each may receive in the run, what its team may.

    Rules of one run count together; where they differ the widest stands, for each was kept to when its turn came. A constant number of
    queries.
    """
    limits = {pk: limits_of(definition) for pk, definition in run.rules.values_list("rule_version_id", "rule_version__definition")}
    going = Proposal.objects.filter(run=run, state=State.APPLIED) | approved
    rows = list(going.order_by().values_list("to_representative_id", "rule_version_id").annotate(n=Count("id")))
    to = {row[0] for row in approved.order_by().values_list("to_representative_id").distinct()}
    people = {each.pk: each for each in Representative.objects.filter(pk__in=to).select_related("team").order_by("code")}
    found = []
    for pk, person in people.items():
        mine = [(version, n) for who, version, n in rows if who == pk]
        most = [receive_ceiling(limits.get(version or 0), person) for version, _n in mine]
        if None not in most:
            found.append(Filled(RECEIVE, person, sum(n for _version, n in mine), max(each or 0 for each in most)))
    written = [each.pk for each in people.values() if each.capacity_minutes_week is not None]
    if written:
        lines = team_load(Representative.objects.filter(pk__in=written))
        moves = list(approved.order_by().values_list("client_id", "to_representative_id"))
        for line in with_moves(lines, moves):
            found.append(Filled(MINUTES, line.representative, round(line.minutes_after), line.capacity_minutes or 0))
    return [each for each in (*found, *_teams_at_apply(rows, people, limits)) if each.passed]


def _teams_at_apply(
    rows: Sequence[tuple[int, int | None, int]], people: Mapping[int, Representative], limits: Mapping[int, Limits]
) -> list[Filled]:
    if all(each.team_max is None for each in limits.values()):
        return []
    tops = top_teams()
    team_of = dict(Representative.objects.filter(pk__in={row[0] for row in rows}).exclude(team=None).values_list("pk", "team_id"))
    names = dict(Team.objects.values_list("pk", "name"))
    found = []
    for top in sorted({tops[person.team_id] for person in people.values() if person.team_id is not None}):
        inside = [(who, version, n) for who, version, n in rows if who in team_of and tops[team_of[who]] == top]
        most = [limits[version].team_max if version is not None and version in limits else None for _who, version, _n in inside]
        if None not in most:
            person = next(each for each in people.values() if each.team_id is not None and tops[each.team_id] == top)
            found.append(Filled(TEAM, person, sum(row[2] for row in inside), max(each or 0 for each in most), names[top]))
    return found

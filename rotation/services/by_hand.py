"""Clients moved by a person: to one receiver, or divided over several; looked at first, then done as it was seen."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import local_day, representatives_visible_to
from clients.models import Order
from clients.selectors import clients_visible_to
from rotation.engine.explain import UNASSIGNED
from rotation.engine.splitting import known_km, split, split_rule
from rotation.errors import HandoverRefused
from rotation.models import Proposal, Run
from rotation.selectors.book import book_of
from rotation.selectors.commission import MONTHS
from rotation.selectors.facts import is_active_on
from rotation.selectors.receiving import caveats_of_moves
from rotation.selectors.signals import COMMISSION_DAYS
from rotation.services.moves import Move, move_clients

MOST = 10_000
Caveat = Proposal.Caveat


@dataclass(frozen=True)
class Withheld:
    """Clients that stay: their autonomous representative has not consented and would earn less (Lei 4.886/65, art. 32 § 7).

    ``monthly_cents`` is what the average commission of six months would fall by.
    """

    representative: Representative
    clients: int
    monthly_cents: int


@dataclass(frozen=True)
class PlannedMoves:
    """What moving would do. ``why`` has the code of each client nobody can take; ``staying`` those the receiver has already."""

    moves: list[Move]
    why: dict[int, str] = field(default_factory=dict)
    staying: int = 0
    withheld: list[Withheld] = field(default_factory=list)
    farther: int = 0
    objective_cents: int = 0
    gap: float = 0.0
    round_robin_cents: int = 0
    receivers: tuple[int, ...] = ()

    @property
    def mark(self) -> str:
        """A mark of exactly these moves: what a person confirms must be what they saw."""
        told = ";".join(f"{move.client_id}:{move.seq}:{move.to_id}" for move in sorted(self.moves, key=lambda move: move.client_id))
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def planned_moves(
    clients: Collection[int], receivers: Sequence[int], *, by: Membership, today: date, most: int | None = None
) -> PlannedMoves:
    """Who would receive each of these clients; nothing is written. A constant number of queries.

    One receiver takes them all, whatever stands against it: a person chose so, and sees the warnings. Several are divided by the engine.

    Parameters
    ----------
    most : at most so many of them move, those worth most where they go

    Raises
    ------
    NotAllowed
        ``by`` neither administers nor manages, or a client or receiver is outside their reach.
    HandoverRefused
        Nobody or too many chosen, or a receiver does not serve; ``field`` names what to mend.
    """
    _allowed(clients, receivers, by=by, today=today)
    book = book_of(by.organization, clients=clients, people=receivers, as_of=today)
    facts, people = book.facts, book.representatives
    rows = book.rows_of(clients)
    held, withheld = _withheld(facts.client_id[rows], facts.owner[rows], people.id, today=today)
    rows = rows[~held]
    mask = book.at(receivers)
    if len(receivers) == 1 and most is None:
        to = np.full(len(rows), int(np.flatnonzero(mask)[0]))
        why, figures = np.full(len(rows), -1), (0, 0.0, 0)
    else:
        found = split(facts, people, rows, mask, split_rule(minutes=False), book.as_of, seed=by.organization_id, most=most)
        to, why, figures = found.to, found.why, (found.objective_cents, found.gap, found.round_robin_cents)
    same = to == facts.owner[rows]
    going = np.flatnonzero((to >= 0) & ~same)
    owner, chosen = facts.owner[rows[going]], to[going]
    km_to = known_km(facts, people, rows[going], chosen)
    km_from = np.where(owner >= 0, known_km(facts, people, rows[going], owner), np.nan)
    passed = caveats_of_moves(list(zip(facts.client_id[rows[going]].tolist(), people.id[chosen].tolist(), strict=True)))
    moves = []
    for row, at, start, near, far in zip(
        rows[going].tolist(), chosen.tolist(), owner.tolist(), km_from.tolist(), km_to.tolist(), strict=True
    ):
        caveats = [*passed.get(int(people.id[at]), ()), *([str(Caveat.FARTHER)] if far > near else [])]
        moves.append(
            Move(
                int(facts.client_id[row]),
                int(facts.seq[row]),
                int(people.id[start]) if start >= 0 else None,
                int(people.id[at]),
                int(facts.net_12m[row]),
                None if near != near else near,
                None if far != far else far,
                tuple(caveats),
            )
        )
    return PlannedMoves(
        moves,
        {int(facts.client_id[row]): UNASSIGNED[code] for row, code in zip(rows.tolist(), why.tolist(), strict=True) if code >= 0},
        int(same.sum()),
        withheld,
        sum(str(Caveat.FARTHER) in move.caveats for move in moves),
        *figures,
        receivers=tuple(receivers),
    )


def _allowed(clients: Collection[int], receivers: Sequence[int], *, by: Membership, today: date) -> None:
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active:
        raise NotAllowed(_("Só a administração e a gerência movem clientes."))
    if not clients:
        raise HandoverRefused(_("Escolha ao menos um cliente."), field="clients")
    if len(clients) > MOST:
        raise HandoverRefused(_("São mais de %(n)s clientes de uma vez. Filtre em partes.") % {"n": MOST}, field="clients")
    if not receivers:
        raise HandoverRefused(_("Escolha ao menos uma pessoa que receba clientes."), field="receivers")
    if clients_visible_to(by).filter(pk__in=clients).count() != len(set(clients)):
        raise NotAllowed(_("Você só transfere clientes entre vendedores da sua equipe."))
    people = list(representatives_visible_to(by).filter(pk__in=receivers).select_related("membership"))
    if len(people) != len(set(receivers)):
        raise NotAllowed(_("Você só transfere clientes entre vendedores da sua equipe."))
    for person in people:
        if not is_active_on(person, today):
            raise HandoverRefused(
                _("%(name)s não está em atividade nesse dia. Escolha outra pessoa.") % {"name": person.name}, field="receivers"
            )


def _withheld(clients: np.ndarray, owners: np.ndarray, people: np.ndarray, *, today: date) -> tuple[np.ndarray, list[Withheld]]:
    """Which of the clients stay for want of consent, as a mask, and whose they are; two queries, one where nobody is autonomous."""
    given = {int(people[at]) for at in set(owners.tolist()) if at >= 0}
    bound = Representative.objects.filter(
        pk__in=given, contract_type=Representative.Contract.AUTONOMOUS, consent_recorded_on=None, valid_to=None
    )
    held, found = np.zeros(len(clients), bool), []
    autonomous = list(bound.order_by("name"))
    if not autonomous:
        return held, []
    days = (today - timedelta(days=COMMISSION_DAYS - 1), today)
    recent = Order.objects.filter(client__in=clients.tolist(), ordered_on__range=days).values_list("client").annotate(net=Sum("net_cents"))
    net = {client: cents for client, cents in recent if cents > 0}
    for person in autonomous:
        mine = (people[owners] == person.pk) & (owners >= 0) & np.isin(clients, np.fromiter(net, np.int64, len(net)))
        if mine.any():
            lost = sum(net[int(client)] for client in clients[mine])
            found.append(Withheld(person, int(mine.sum()), round(lost * Decimal(person.commission_rate) / MONTHS)))
            held |= mine
    return held, found


@transaction.atomic
def move_by_hand(
    clients: Collection[int],
    receivers: Sequence[int],
    *,
    reason: str,
    mark: str,
    by: Membership,
    at: datetime,
    most: int | None = None,
) -> Run:
    """Carry out exactly the moves a person saw: at once up to 200, by a task in chunks beyond. It is taken back as a batch.

    Raises
    ------
    ChangedMeanwhile
        The moves are no longer those of ``mark``: somebody moved a client, or a receiver's room changed.
    HandoverRefused
        No reason, or nothing to move.
    NotAllowed
        As ``planned_moves``.
    """
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise HandoverRefused(_("Diga o motivo da transferência."), field="reason")
    today = local_day(by.organization, at=at)
    plan = planned_moves(clients, receivers, by=by, today=today, most=most)
    if not plan.moves:
        raise HandoverRefused(_("Nenhum destes clientes mudaria de mãos."), field="receivers")
    if plan.mark != mark:
        raise ChangedMeanwhile(_("Algo mudou depois que você viu esta divisão. Confira de novo antes de mover."))
    return move_clients(plan.moves, kind=Run.Kind.MANUAL, by=by, at=at, on=today, reason=reason)

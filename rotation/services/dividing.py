"""Dividing a leaver's portfolio: the draft a manager works on, what the engine makes of it, and what a person put elsewhere."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Organization, Representative, Role
from accounts.selectors import local_day, representatives_visible_to
from rotation.engine.explain import UNASSIGNED
from rotation.engine.splitting import split, split_rule
from rotation.errors import HandoverRefused
from rotation.models import Handover
from rotation.selectors.book import book_of
from rotation.selectors.facts import is_active_on

OPEN = (Handover.State.DRAFT, Handover.State.PLANNED)
# Beyond so many clients, or clients times receivers, or where a receiver's minutes are not written down, heads are counted: a person waits.
MOST_BY_MINUTES, MOST_CELLS_BY_MINUTES = 10_000, 250_000
FARTHEST, EARLIEST = timedelta(days=180), timedelta(days=60)


def most_by_minutes(receivers: int) -> int:
    """Up to how many clients are divided over so many people by minutes."""
    return min(MOST_BY_MINUTES, MOST_CELLS_BY_MINUTES // max(receivers, 1))


def leader_of(representative: Representative, by: Membership) -> None:
    """Raise NotAllowed unless ``by`` administers, or manages the representative's team."""
    leads = by.role in (Role.ADMIN, Role.MANAGER) and by.is_active
    if not leads or not representatives_visible_to(by).filter(pk=representative.pk).exists():
        raise NotAllowed(_("Só a administração e a gerência da equipe dividem esta carteira."))


@transaction.atomic
def draft_handover(
    representative: Representative, *, last_on: date, receivers: Sequence[int], rest: int | None, by: Membership, at: datetime
) -> Handover:
    """Begin the hand-over, or change its day and receivers, and divide the portfolio anew. Choices for people still chosen stay.

    Raises
    ------
    NotAllowed
        Somebody involved is outside the member's reach.
    HandoverRefused
        The last day is too far away, nobody is chosen, or somebody chosen does not serve; ``field`` names what to mend.
    """
    leader_of(representative, by)
    today = local_day(by.organization, at=at)
    checked_last_day(representative, last_on, today=today)
    people = checked_receivers(representative, receivers, rest, last_on=last_on, by=by)
    handover = Handover.objects.select_for_update(no_key=True, of=("self",)).filter(representative=representative, state__in=OPEN).first()
    if handover is None:
        try:
            with transaction.atomic():
                handover = Handover.objects.create(
                    organization_id=by.organization_id, representative=representative, last_on=last_on, made_by=by
                )
        except IntegrityError as error:
            raise ChangedMeanwhile(_("Outra pessoa acaba de começar esta saída. Recarregue a página.")) from error
    handover.last_on, handover.receivers, handover.rest_id = last_on, people, rest
    handover.state, handover.error = Handover.State.DRAFT, ""
    allowed = {*people, rest}
    handover.choices = {client: to for client, to in handover.choices.items() if to in allowed}
    divide(handover, by.organization, today=today)
    return handover


def checked_last_day(representative: Representative, last_on: date, *, today: date) -> None:
    """Raise HandoverRefused unless the day is near, and not before the representative began."""
    if not today - EARLIEST <= last_on <= today + FARTHEST:
        raise HandoverRefused(_("Escolha um último dia entre dois meses atrás e seis meses à frente."), field="last_on")
    if representative.valid_from and last_on < representative.valid_from:
        raise HandoverRefused(_("O último dia vem antes do primeiro dia de trabalho."), field="last_on")


def checked_receivers(
    representative: Representative, receivers: Sequence[int], rest: int | None, *, last_on: date, by: Membership
) -> list[int]:
    """The receivers, by id, if each serves the day after ``last_on`` and is within ``by``'s reach.

    Raises
    ------
    NotAllowed, HandoverRefused
    """
    wanted = set(receivers) - {representative.pk}
    if not wanted:
        raise HandoverRefused(_("Escolha ao menos uma pessoa que receba clientes."), field="receivers")
    if rest == representative.pk:
        raise HandoverRefused(_("Quem sai não pode ficar com clientes."), field="rest")
    everyone = wanted | ({rest} if rest else set())
    found = representatives_visible_to(by).filter(pk__in=everyone).select_related("membership")
    people = {person.pk: person for person in found}
    if len(people) != len(everyone):
        raise NotAllowed(_("Você só transfere clientes entre vendedores da sua equipe."))
    for person in people.values():
        if not is_active_on(person, last_on + timedelta(days=1)):
            field = "receivers" if person.pk in wanted else "rest"
            raise HandoverRefused(_("%(name)s não está em atividade nesse dia. Escolha outra pessoa.") % {"name": person.name}, field=field)
    return sorted(wanted)


def divide(handover: Handover, organization: Organization, *, today: date) -> None:
    """Let the engine divide the portfolio as it is now, choices by hand first, and keep what it found in ``plan``.

    ``plan`` holds ``to`` {client: representative}, ``why`` {client: code} of those nobody can take, ``km`` {client: km} where known,
    ``counts`` ("minutes" or "clients", then with ``heads_because`` "many", or "unwritten" minutes) and the certificate:
    ``objective_cents``, ``bound_cents``, ``gap``, ``round_robin_cents``.
    """
    book = book_of(organization, people=[handover.representative_id, *handover.receivers], as_of=today)
    rows = book.held_by(handover.representative_id)
    mask = book.at(handover.receivers)
    written = bool(book.counts_minutes[mask].all())
    minutes = written and len(rows) <= most_by_minutes(int(mask.sum()))
    place = {pk: at for at, pk in enumerate(book.representatives.id.tolist())}
    ids = book.facts.client_id[rows].tolist()
    placed = np.array([place.get(handover.choices.get(str(pk), 0), -1) for pk in ids], np.int64)
    found = split(
        book.facts,
        book.representatives,
        rows,
        mask,
        split_rule(minutes=minutes),
        book.as_of,
        seed=handover.representative_id,
        placed=placed,
    )
    people, by_hand = book.representatives.id, placed >= 0
    plan: dict[str, Any] = {
        "to": {str(pk): int(people[to]) for pk, to, hand in zip(ids, found.to.tolist(), by_hand, strict=True) if to >= 0 and not hand},
        "why": {str(pk): UNASSIGNED[why] for pk, why, to in zip(ids, found.why.tolist(), found.to.tolist(), strict=True) if to < 0},
        "km": {str(pk): round(km, 1) for pk, km in zip(ids, found.km.tolist(), strict=True) if km == km},
        "counts": "minutes" if minutes else "clients",
        "heads_because": "" if minutes else "many" if written else "unwritten",
        "objective_cents": found.objective_cents,
        "bound_cents": found.bound_cents,
        "gap": found.gap,
        "round_robin_cents": found.round_robin_cents,
    }
    handover.plan = plan
    handover.choices = {client: to for client, to in handover.choices.items() if int(client) in set(ids)}
    handover.version += 1
    handover.save()


@transaction.atomic
def put_clients(handover: Handover, clients: Sequence[int], to: int | None, *, version: int, by: Membership) -> Handover:
    """Give these clients to ``to`` instead, whatever the engine said; None takes such a choice back.

    The rest of the division stays as it is: a person changes what they see, and divides anew when they want it.

    Raises
    ------
    ChangedMeanwhile
        The draft is no longer at ``version``.
    NotAllowed, HandoverRefused
        ``to`` is not one of the chosen receivers.
    """
    handover = locked_draft(handover, version=version, by=by)
    if to is not None and to not in {*handover.receivers, handover.rest_id}:
        raise HandoverRefused(_("Essa pessoa não está entre quem recebe. Acrescente-a antes."), field="to")
    known = {*handover.plan.get("to", {}), *handover.plan.get("why", {}), *handover.choices}
    for client in map(str, clients):
        if client in known:
            handover.choices.pop(client, None) if to is None else handover.choices.update({client: to})
    handover.version += 1
    handover.save(update_fields=["choices", "version"])
    return handover


@transaction.atomic
def drop_draft(handover: Handover, *, version: int, by: Membership) -> None:
    """Give the draft, or a hand-over planned for a day to come, up: nothing of it happened.

    Raises
    ------
    ChangedMeanwhile, NotAllowed
        As ``put_clients``.
    """
    locked_draft(handover, version=version, by=by, states=OPEN).delete()


def locked_draft(handover: Handover, *, version: int, by: Membership, states: Sequence[str] = (Handover.State.DRAFT,)) -> Handover:
    """The draft under lock, at the version the person saw.

    Raises
    ------
    ChangedMeanwhile, NotAllowed
    """
    leader_of(handover.representative, by)
    found = (
        Handover.objects.select_for_update(no_key=True, of=("self",))
        .select_related("representative", "rest")
        .filter(pk=handover.pk)
        .first()
    )
    if found is None or found.version != version or found.state not in states:
        raise ChangedMeanwhile(_("Alguém mudou esta divisão depois que você a abriu. Confira e confirme de novo."))
    return found

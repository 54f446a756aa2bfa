"""Members of the active organization: ending somebody's access, and changing one's own name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import ApiToken, Membership, Representative, Role, Team
from accounts.services.audit import Actor, record_event
from accounts.services.sessions import end_sessions


class LastAdministrator(DomainError):
    """The organization would be left with nobody who can administer it."""

    code = "last_administrator"


class OwnMembership(DomainError):
    """Nobody takes away their own access."""

    code = "own_membership"


class StillHolds(DomainError):
    """The member's representative still answers for clients; ``representative`` is whose, ``n_clients`` how many."""

    code = "still_holds"

    def __init__(self, sentence: str, *, representative: Representative, n_clients: int) -> None:
        super().__init__(sentence)
        self.representative, self.n_clients = representative, n_clients


class RoleRefused(DomainError):
    """The role or team cannot be given; ``field`` is where."""

    code = "role_refused"

    def __init__(self, sentence: str, *, field: str = "role") -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Holding:
    """What somebody would leave behind: their representative and how many clients it answers for."""

    representative: Representative
    n_clients: int


Holder = Callable[[Membership], Iterator[Holding]]
_holders: list[Holder] = []


def holder(function: Holder) -> Holder:
    """Register who knows what a member's representative still holds; the app that knows clients stands above this one."""
    if function not in _holders:
        _holders.append(function)
    return function


def holdings_of(membership: Membership) -> list[Holding]:
    """What keeps the member from being deactivated; [] where nothing does."""
    return [each for hold in _holders for each in hold(membership) if each.n_clients]


@transaction.atomic
def deactivate_membership(membership: Membership, by: Membership, *, at: datetime | None = None, with_clients: bool = False) -> Membership:
    """End a member's access: membership, sessions and tokens in one transaction. Doing it again changes nothing.

    The person's sessions end everywhere: a session belongs to the person, not to one organization.

    Parameters
    ----------
    with_clients : leave the clients of their representative to a rule that waits for leavers; no page asks for it

    Raises
    ------
    NotAllowed
        ``by`` does not administer the organization.
    OwnMembership
        ``membership`` is ``by``'s own.
    LastAdministrator
        No other administrator would be left.
    StillHolds
        Their representative still answers for clients: these are divided first, so that none is left without anybody.
    """
    at = at or timezone.now()
    # Two administrators deactivating each other at once wait for each other here; the second is then no administrator.
    involved = Q(role=Role.ADMIN, is_active=True) | Q(pk__in=[membership.pk, by.pk])
    locked = {row.pk: row for row in Membership.objects.filter(involved).order_by("pk").select_for_update()}
    actor, target = locked.get(by.pk), locked.get(membership.pk)
    if actor is None or target is None or not actor.is_active or actor.role != Role.ADMIN:
        raise NotAllowed(_("Só quem administra a empresa pode desativar o acesso de uma pessoa."))
    if target.pk == actor.pk:
        raise OwnMembership(_("Você não pode desativar o próprio acesso. Peça a outra pessoa que administra a empresa."))
    if not target.is_active:
        return target
    administrators = [row for row in locked.values() if row.is_active and row.role == Role.ADMIN and row.pk != target.pk]
    if not administrators:
        raise LastAdministrator(_("A empresa ficaria sem ninguém que a administre. Dê esse papel a outra pessoa antes."))
    for held in [] if with_clients else holdings_of(target):
        raise StillHolds(
            _("%(name)s ainda atende clientes. Divida a carteira antes de encerrar o acesso.") % {"name": held.representative.name},
            representative=held.representative,
            n_clients=held.n_clients,
        )
    return _end_access(target, by=Actor(actor), at=at)


@transaction.atomic
def end_access(membership: Membership, *, by: Membership, at: datetime) -> Membership:
    """End the access of a person who sells and leaves: membership, sessions and tokens. Doing it again changes nothing.

    An administrator may end anybody's as ``deactivate_membership`` does; a manager a representative's. That the person is in the
    manager's subtree is the caller's to have asked.

    Raises
    ------
    NotAllowed
        ``by`` neither administers nor manages, or manages and the member is no representative.
    OwnMembership, LastAdministrator
        As ``deactivate_membership``.
    """
    if by.role == Role.ADMIN:
        return deactivate_membership(membership, by, at=at, with_clients=True)
    target = Membership.objects.select_for_update().get(pk=membership.pk)
    if by.role != Role.MANAGER or target.role != Role.REPRESENTATIVE:
        raise NotAllowed(_("Só a administração encerra o acesso de quem não é vendedor."))
    return _end_access(target, by=Actor(by), at=at) if target.is_active else target


@transaction.atomic
def restore_access(membership: Membership, *, by: Membership) -> Membership:
    """Let a member in again whose access was ended, as they were; tokens stay revoked. Active already: nothing changes.

    An administrator may do so for anybody, a manager for a representative, as with ``end_access``.

    Raises
    ------
    NotAllowed
        ``by`` neither administers nor manages, or manages and the member is no representative.
    """
    actor, target = _locked(membership, by)
    may = (Role.ADMIN, Role.MANAGER) if target.role == Role.REPRESENTATIVE else (Role.ADMIN,)
    if actor is None or not actor.is_active or actor.role not in may:
        raise NotAllowed(_("Só a administração devolve o acesso de quem não é vendedor."))
    if not target.is_active:
        target.is_active, target.deactivated_at = True, None
        target.save(update_fields=["is_active", "deactivated_at"])
        after = {"active": True, "role": target.role}
        record_event(f"membership:{target.pk}", "membership.reactivated", by=Actor(actor), before={"active": False}, after=after)
    return target


def _end_access(target: Membership, *, by: Actor, at: datetime) -> Membership:
    target.is_active, target.deactivated_at = False, at
    target.save(update_fields=["is_active", "deactivated_at"])
    tokens = ApiToken.objects.filter(membership_id=target.pk, revoked_at=None).update(revoked_at=at)
    sessions = end_sessions(target.user_id)
    record_event(
        f"membership:{target.pk}",
        "membership.deactivated",
        by=by,
        before={"active": True, "role": target.role},
        after={"active": False, "tokens_revoked": tokens, "sessions_ended": sessions},
    )
    return target


@transaction.atomic
def rename_membership(membership: Membership, name: str) -> None:
    """Change the name colleagues see; it is the member's own act. The trail says that it changed, not to what."""
    if Membership.objects.filter(pk=membership.pk).exclude(name=name).update(name=name):
        record_event(f"membership:{membership.pk}", "membership.renamed", by=Actor(membership), after={"fields": ["name"]})
    membership.name = name


@transaction.atomic
def change_membership(membership: Membership, *, role: str, team: Team | None, by: Membership) -> Membership:
    """Give a member another role or team. Where the role changes their sessions end: how long one lasts hangs on the role.

    Raises
    ------
    NotAllowed
        ``by`` does not administer the organization.
    OwnMembership
        ``membership`` is ``by``'s own and the role would change.
    LastAdministrator
        No other administrator would be left.
    RoleRefused
        No such role, a deactivated member, or a manager without a team, who would see nobody.
    """
    if role not in Role.values:
        raise RoleRefused(_("Papel desconhecido: %(role)s.") % {"role": role})
    if role == Role.MANAGER and team is None:
        raise RoleRefused(_("Escolha a equipe que esta pessoa gerencia: sem equipe ela não veria ninguém."), field="team")
    involved = Q(role=Role.ADMIN, is_active=True) | Q(pk__in=[membership.pk, by.pk])
    locked = {row.pk: row for row in Membership.objects.filter(involved).order_by("pk").select_for_update()}
    actor, target = locked.get(by.pk), locked.get(membership.pk)
    if target is None:
        raise NotAllowed(_("Só quem administra a empresa muda papéis e equipes."))
    _require_administrator(actor)
    assert actor is not None
    if not target.is_active:
        raise RoleRefused(_("O acesso de %(name)s está encerrado. Reative antes de mudar o papel.") % {"name": target.name})
    if target.role != role:
        if target.pk == actor.pk:
            raise OwnMembership(_("Você não muda o próprio papel. Peça a outra pessoa que administra a empresa."))
        others = [row for row in locked.values() if row.is_active and row.role == Role.ADMIN and row.pk != target.pk]
        if target.role == Role.ADMIN and not others:
            raise LastAdministrator(_("A empresa ficaria sem ninguém que a administre. Dê esse papel a outra pessoa antes."))
    before = {"role": target.role, "team": target.team_id}
    after = {"role": role, "team": team.pk if team else None}
    changed = {name: value for name, value in after.items() if before[name] != value}
    if not changed:
        return target
    target.role, target.team = role, team
    target.save(update_fields=["role", "team"])
    facts: dict[str, Any] = dict(changed)
    if "role" in changed:
        facts["sessions_ended"] = end_sessions(target.user_id)
    record_event(
        f"membership:{target.pk}",
        "membership.changed",
        by=Actor(actor),
        before={name: before[name] for name in changed},
        after=facts,
    )
    return target


def _locked(membership: Membership, by: Membership) -> tuple[Membership | None, Membership]:
    locked = {row.pk: row for row in Membership.objects.filter(pk__in=[membership.pk, by.pk]).order_by("pk").select_for_update()}
    if membership.pk not in locked:
        raise NotAllowed(_("Esta pessoa não é desta empresa."))
    return locked.get(by.pk), locked[membership.pk]


def _require_administrator(actor: Membership | None) -> None:
    if actor is None or not actor.is_active or actor.role != Role.ADMIN:
        raise NotAllowed(_("Só quem administra a empresa muda papéis e equipes."))

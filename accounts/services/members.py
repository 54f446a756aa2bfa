"""Members of the active organization: ending somebody's access, and changing one's own name."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import ApiToken, Membership, Role
from accounts.services.audit import Actor, record_event
from accounts.services.sessions import end_sessions


class LastAdministrator(DomainError):
    """The organization would be left with nobody who can administer it."""

    code = "last_administrator"


class OwnMembership(DomainError):
    """Nobody takes away their own access."""

    code = "own_membership"


@transaction.atomic
def deactivate_membership(membership: Membership, by: Membership, *, at: datetime | None = None) -> Membership:
    """End a member's access: membership, sessions and tokens in one transaction. Doing it again changes nothing.

    The person's sessions end everywhere: a session belongs to the person, not to one organization.

    Raises
    ------
    NotAllowed
        ``by`` does not administer the organization.
    OwnMembership
        ``membership`` is ``by``'s own.
    LastAdministrator
        No other administrator would be left.
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
        return deactivate_membership(membership, by, at=at)
    target = Membership.objects.select_for_update().get(pk=membership.pk)
    if by.role != Role.MANAGER or target.role != Role.REPRESENTATIVE:
        raise NotAllowed(_("Só a administração encerra o acesso de quem não é representante."))
    return _end_access(target, by=Actor(by), at=at) if target.is_active else target


@transaction.atomic
def restore_access(membership: Membership, *, by: Membership, at: datetime) -> Membership:
    """Give a member back the access that was ended; they sign in anew, and tokens stay revoked. Doing it again changes nothing.

    Raises
    ------
    NotAllowed
        As ``end_access``.
    """
    target = Membership.objects.select_for_update().get(pk=membership.pk)
    if by.role != Role.ADMIN and (by.role != Role.MANAGER or target.role != Role.REPRESENTATIVE):
        raise NotAllowed(_("Só a administração devolve o acesso de quem não é representante."))
    if target.is_active:
        return target
    target.is_active, target.deactivated_at = True, None
    target.save(update_fields=["is_active", "deactivated_at"])
    record_event(f"membership:{target.pk}", "membership.restored", by=Actor(by), before={"active": False}, after={"active": True})
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

"""Letting people in: an invitation mailed to one address, opened once, until it expires or is revoked.

The link is a signature over the row and its nonce, which every sending draws anew: no secret is stored, an older link is
dead, and what it opens hangs on the row. Nobody but who reads the mailbox learns whether the address signs in elsewhere.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Invitation, Membership, Organization, Role, Team, User
from accounts.models.people import normalized_email
from accounts.services.audit import Actor, record_event
from accounts.services.messaging import send_to_outbox
from accounts.services.personal import fingerprint
from accounts.tenancy import active_organization_id, identity_atomic, tenant_atomic
from accounts.throttle import tries

SALT = "carteira.invitation"
LASTS = timedelta(days=7)
MAILS_A_DAY = 5  # to one address: nobody's mailbox is filled from here


class InvitationRefused(DomainError):
    """The invitation cannot be as asked; ``field`` is where."""

    code = "invitation_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class InvitationOver(DomainError):
    """The link opens nothing: never valid, used, revoked, replaced or expired. Which of these it is, is nobody's to know."""

    code = "invitation_over"


@dataclass(frozen=True)
class Welcome:
    """What whoever holds the link sees before accepting."""

    invitation: Invitation
    organization: Organization
    invited_by: str
    signs_in: bool  # the address has a sign-in already


@transaction.atomic
def invite(*, email: str, name: str, role: str, team: Team | None, by: Membership, at: datetime) -> Invitation:
    """Invite one person; the mail goes out after the commit. An open invitation of the address is sent anew with what is asked now.

    Raises
    ------
    NotAllowed
        Only administration invites.
    InvitationRefused
        Somebody of that address is in the organization, no such role, a manager without a team, or too many mails to it today.
    """
    _require(by)
    email, name = normalized_email(email), " ".join(name.split())[:120]
    if role not in Role.values:
        raise InvitationRefused(_("Papel desconhecido: %(role)s.") % {"role": role}, field="role")
    if role == Role.MANAGER and team is None:
        raise InvitationRefused(_("Escolha a equipe que esta pessoa gerencia: sem equipe ela não veria ninguém."), field="team")
    _require_stranger(email)
    open_now = Invitation.objects.select_for_update().filter(email=email, accepted_at=None, revoked_at=None).first()
    if open_now is not None:
        open_now.name, open_now.role, open_now.team = name, role, team
        return _send(open_now, by=by, at=at)
    made = Invitation(
        organization_id=active_organization_id(), email=email, name=name, role=role, team=team, invited_by=by, created_at=at, sendings=0
    )
    return _send(made, by=by, at=at)


@transaction.atomic
def send_again(invitation: Invitation, *, by: Membership, at: datetime) -> Invitation:
    """Send an open invitation anew, with its time beginning again; the link sent before stops working.

    Raises
    ------
    NotAllowed
    InvitationRefused
        Accepted or revoked already, or too many mails to the address today.
    """
    _require(by)
    return _send(_open(invitation), by=by, at=at)


@transaction.atomic
def revoke(invitation: Invitation, *, by: Membership, at: datetime) -> Invitation:
    """End an open invitation: its link opens nothing from now on.

    Raises
    ------
    NotAllowed
    InvitationRefused
        Accepted or revoked already.
    """
    _require(by)
    locked = _open(invitation)
    locked.revoked_at = at
    locked.save(update_fields=["revoked_at"])
    record_event(f"invitation:{locked.pk}", "invitation.revoked", by=Actor(by), before={"role": locked.role})
    return locked


def _open(invitation: Invitation) -> Invitation:
    locked = Invitation.objects.select_for_update().filter(pk=invitation.pk, accepted_at=None, revoked_at=None).first()
    if locked is None:
        raise InvitationRefused(_("Este convite já foi aceito ou revogado."))
    return locked


def _send(invitation: Invitation, *, by: Membership, at: datetime) -> Invitation:
    if tries(f"invite:{invitation.organization_id}:{invitation.email}", window_seconds=24 * 3600) > MAILS_A_DAY:
        raise InvitationRefused(_("Já foram %(n)d convites a este endereço hoje. Tente amanhã.") % {"n": MAILS_A_DAY}, field="email")
    again = invitation.pk is not None
    invitation.nonce, invitation.sent_at, invitation.expires_at = uuid.uuid4(), at, at + LASTS
    invitation.sendings += 1
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError:  # two administrators invite the same person at once
        raise InvitationRefused(_("Já há um convite aberto para este endereço."), field="email") from None
    record_event(
        f"invitation:{invitation.pk}",
        "invitation.sent_again" if again else "invitation.sent",
        by=Actor(by),
        after={
            "role": invitation.role,
            "team": invitation.team_id,
            "email": fingerprint(invitation.email),
            "sendings": invitation.sendings,
        },
    )
    send_to_outbox("invitation", {"invitation": invitation.pk, "nonce": invitation.nonce.hex})
    return invitation


def invitation_link(invitation: Invitation) -> str:
    """The address that opens the invitation, as mailed."""
    token = signing.dumps([invitation.organization_id, invitation.pk, invitation.nonce.hex], salt=SALT, compress=False)
    return f"{settings.PUBLIC_URL.rstrip('/')}/invitations/{token}/"


def invitation_mail(invitation_id: int, nonce: str) -> tuple[list[str], str, str] | None:
    """Recipients, subject and body in the organization's language; None where the invitation is over or was sent anew since."""
    found = Invitation.objects.filter(pk=invitation_id, nonce=nonce, accepted_at=None, revoked_at=None).select_related("invited_by").first()
    if found is None:
        return None
    organization = Organization.objects.get(pk=found.organization_id)
    with translation.override(organization.language):
        values = {
            "name": found.name,
            "by": found.invited_by.name,
            "company": organization.name,
            "link": invitation_link(found),
            "n": LASTS.days,
        }
        subject = _("Carteira: convite de %(company)s") % values
        body = (
            _(
                "Olá, %(name)s.\n\n%(by)s convidou você para %(company)s no Carteira.\n\nAbra para entrar:\n%(link)s\n\n"
                "O endereço vale por %(n)d dias e serve uma vez. Se não esperava este convite, ignore esta mensagem."
            )
            % values
        )
    return [found.email], subject, body


def welcome(token: str, *, at: datetime) -> Welcome:
    """What the link opens. Asked by anybody who holds it, before any organization is known.

    Raises
    ------
    InvitationOver
    """
    organization_id, invitation_id, nonce = _read(token)
    with tenant_atomic(organization_id):
        found = _alive(invitation_id, nonce, at).select_related("invited_by").first()
        organization = Organization.objects.filter(pk=organization_id, suspended_at=None).first()
    if found is None or organization is None:
        raise InvitationOver(_over())
    with identity_atomic(email=found.email):
        user = User.objects.filter(email_norm=found.email).first()
    return Welcome(found, organization, found.invited_by.name, bool(user and user.has_usable_password()))


@transaction.atomic
def accept_as_new(token: str, *, name: str, password: str, at: datetime) -> tuple[User, Organization]:
    """Make the sign-in and the membership of an invited person who has none; the password is taken as checked.

    Raises
    ------
    InvitationOver
        Also where the address has a sign-in by now: its owner signs in instead.
    """
    found = welcome(token, at=at)
    if found.signs_in:
        raise InvitationOver(_over())
    email = found.invitation.email
    with identity_atomic(email=email):
        try:
            with transaction.atomic():
                # A sign-in without a password was made by an administrator's command; the mailbox proves whose it is.
                user = User.objects.select_for_update().filter(email_norm=email).first() or User(email=email)
                user.set_password(password)
                user.save()
        except IntegrityError:
            raise InvitationOver(_over()) from None
    _join(found, user, name=name, at=at)
    return user, found.organization


@transaction.atomic
def accept_signed_in(token: str, user: User, *, at: datetime) -> Organization:
    """Let the signed-in owner of the invited address in.

    Raises
    ------
    InvitationOver
        Also for anybody else: a link that was passed on opens nothing.
    """
    found = welcome(token, at=at)
    if user.email_norm != found.invitation.email:
        raise InvitationOver(_over())
    _join(found, user, name=found.invitation.name, at=at)
    return found.organization


def _join(found: Welcome, user: User, *, name: str, at: datetime) -> Membership:
    organization_id = found.organization.pk
    with tenant_atomic(organization_id):
        # One of two clicks wins the row; the other finds nothing open.
        invitation = _alive(found.invitation.pk, found.invitation.nonce.hex, at).select_for_update(of=("self",)).first()
        if invitation is None:
            raise InvitationOver(_over())
        member = Membership.objects.select_for_update(of=("self",)).filter(user_id=user.pk).first()
        if member is None:
            member = Membership(organization_id=organization_id, user=user)
        member.name, member.role, member.team_id = name.strip()[:120] or invitation.name, invitation.role, invitation.team_id
        member.is_active, member.deactivated_at, member.seen_at = True, None, at
        member.save()
        invitation.accepted_at, invitation.membership = at, member
        invitation.save(update_fields=["accepted_at", "membership"])
        record_event(
            f"invitation:{invitation.pk}",
            "invitation.accepted",
            by=Actor(member),
            after={"membership": member.pk, "role": member.role, "team": member.team_id},
        )
    return member


def _alive(invitation_id: int, nonce: str, at: datetime):
    return Invitation.objects.filter(pk=invitation_id, nonce=nonce, accepted_at=None, revoked_at=None, expires_at__gt=at)


def _read(token: str) -> tuple[int, int, str]:
    try:
        organization_id, invitation_id, nonce = signing.loads(token, salt=SALT)
        return int(organization_id), int(invitation_id), uuid.UUID(nonce).hex
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        raise InvitationOver(_over()) from None


def _over() -> str:
    return _("Este convite não vale mais. Peça outro a quem convidou.")


def _require(by: Membership) -> None:
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração convida pessoas."))


def _require_stranger(email: str) -> None:
    """Whoever is a member is listed among the people: saying so tells nothing of other companies."""
    with identity_atomic(email=email):
        user_id = User.objects.filter(email_norm=email).values_list("pk", flat=True).first()
    if user_id and Membership.objects.filter(user_id=user_id, is_active=True).exists():
        raise InvitationRefused(_("Esta pessoa já é da equipe."), field="email")

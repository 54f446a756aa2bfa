"""Secret addresses of a member's calendar: made, shown once, found again by their hash, revoked."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import ApiToken, Membership
from accounts.services.audit import Actor, record_event
from accounts.tenancy import identity_atomic

CALENDAR = "calendar"
CALENDAR_LASTS = timedelta(days=365)
NOTED_EVERY = timedelta(minutes=10)  # calendars ask every few minutes; a write each would be one for nothing


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def calendar_token_of(member: Membership, *, at: datetime) -> ApiToken | None:
    """The member's calendar address in force, if there is one."""
    valid = ApiToken.objects.filter(membership_id=member.pk, scopes__contains=[CALENDAR], revoked_at=None, expires_at__gt=at)
    return valid.order_by("-pk").first()


@transaction.atomic
def make_calendar_token(member: Membership, *, at: datetime) -> str:
    """A new secret for the member's calendar, returned this once; the one before stops working.

    Raises
    ------
    NotAllowed
        The membership was deactivated.
    """
    if not Membership.objects.select_for_update().filter(pk=member.pk, is_active=True).exists():
        raise NotAllowed(_("O seu acesso a esta empresa foi encerrado."))
    revoke_calendar_tokens(member, at=at)
    token = secrets.token_urlsafe(32)  # 256 random bits
    made = ApiToken.objects.create(
        organization_id=member.organization_id,
        membership=member,
        name=str(_("Agenda")),
        prefix=token[:6],
        token_hash=hashed(token),
        scopes=[CALENDAR],
        expires_at=at + CALENDAR_LASTS,
    )
    record_event(f"membership:{member.pk}", "calendar.made", by=Actor(member), after={"token": made.pk})
    return token


@transaction.atomic
def revoke_calendar_tokens(member: Membership, *, at: datetime) -> int:
    """End the member's calendar addresses at once; returns how many there were."""
    ended = ApiToken.objects.filter(membership_id=member.pk, scopes__contains=[CALENDAR], revoked_at=None).update(revoked_at=at)
    if ended:
        record_event(f"membership:{member.pk}", "calendar.revoked", by=Actor(member), after={"tokens": ended})
    return ended


def calendar_token(token: str, *, at: datetime) -> ApiToken | None:
    """The calendar address this secret opens: None where it is unknown, revoked, expired or for something else.

    Asked before any organization is known: only the row whose hash is named shows.
    """
    key = hashed(token)
    with identity_atomic(token_hash=key):
        found = ApiToken.identities.filter(token_hash=key, revoked_at=None, expires_at__gt=at).first()
    return found if found is not None and CALENDAR in found.scopes else None


def note_use(token: ApiToken, *, at: datetime) -> None:
    """Remember when the address was last asked, to ten minutes. Inside its organization."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=at - NOTED_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=at)

"""Quiet periods: days on which no run starts by itself."""

from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event
from rotation.errors import BadDay
from rotation.models import QuietPeriod

MOST_DAYS = 366


def quiet_reason(day: date) -> str:
    """Why no run starts on that local day, or "" where runs may; one query."""
    return QuietPeriod.objects.filter(starts_on__lte=day, ends_on__gt=day).order_by("pk").values_list("reason", flat=True).first() or ""


@transaction.atomic
def add_quiet_period(*, starts_on: date, last_on: date, reason: str, by: Membership) -> QuietPeriod:
    """Keep the schedule still from ``starts_on`` to ``last_on``, both included; kept as half-open days.

    Raises
    ------
    NotAllowed
    BadDay
        The last day comes before the first, the period is longer than a year, or no reason is given.
    """
    _allow(by)
    if last_on < starts_on:
        raise BadDay(_("O último dia vem antes do primeiro. Troque os dois."), field="last_on")
    if (last_on - starts_on).days >= MOST_DAYS:
        raise BadDay(_("Um período tem no máximo um ano. Para parar uma regra de vez, pause-a."), field="last_on")
    if not reason.strip():
        raise BadDay(_("Diga o motivo: é o que as pessoas verão no calendário."), field="reason")
    made = QuietPeriod.objects.create(starts_on=starts_on, ends_on=last_on + timedelta(days=1), reason=reason.strip()[:120], made_by=by)
    after = {"from": starts_on.isoformat(), "to": made.ends_on.isoformat(), "reason": made.reason}
    record_event("rotation", "rotation.quiet_added", by=Actor(by), after=after)
    return made


@transaction.atomic
def remove_quiet_period(period: QuietPeriod, *, by: Membership) -> None:
    """Let runs start on those days again.

    Raises
    ------
    NotAllowed
    """
    _allow(by)
    before = {"from": period.starts_on.isoformat(), "to": period.ends_on.isoformat(), "reason": period.reason}
    if QuietPeriod.objects.filter(pk=period.pk).delete()[0]:
        record_event("rotation", "rotation.quiet_removed", by=Actor(by), before=before)


def _allow(by: Membership) -> None:
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração muda o calendário."))

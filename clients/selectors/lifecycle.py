"""The state a client is in: computed from its last order day and the organization's limits; one of them asks the last score too."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from clients.models import ClientScore
from clients.models.score import HORIZON_DAYS

# A score older than this speaks of another time: no state is drawn from it.
SCORES_HOLD_DAYS = 3


class Lifecycle(models.TextChoices):
    PROSPECT = "prospect", _("Prospect")
    ACTIVE = "active", _("Ativo")
    AT_RISK = "at_risk", _("Em risco")
    NEAR_INACTIVE = "near_inactive", _("Quase inativo")
    INACTIVE = "inactive", _("Inativo")
    LOST = "lost", _("Perdido")
    DISCARDED = "discarded", _("Descartado")


@dataclass(frozen=True)
class Limits:
    """Days without a valid order from which a client is near-inactive, inactive and lost."""

    warn: int
    inactive: int
    lost: int

    @classmethod
    def of(cls, organization: Organization) -> "Limits":
        return cls(organization.warn_days, organization.inactive_days, organization.lost_days)


def lifecycle_of(
    last_on: date | None,
    discarded_on: date | None,
    *,
    as_of: date,
    limits: Limits,
    scored_at_risk_on: date | None = None,
    lost_silence: date | None = None,
) -> Lifecycle:
    """Exactly one state, by whole local days since the last valid order.

    ``scored_at_risk_on`` is the day for which a score found the client at risk: it holds for a few days, and an order ends it.
    ``lost_silence`` is the order day of the silence that a person declared lost: it holds until an order comes after it.
    """
    if discarded_on is not None and discarded_on <= as_of:
        return Lifecycle.DISCARDED
    if last_on is None:
        return Lifecycle.PROSPECT
    if lost_silence is not None and last_on <= lost_silence:
        return Lifecycle.LOST
    silent = (as_of - last_on).days
    if silent < limits.warn:
        at_risk = scored_at_risk_on is not None and scored_at_risk_on >= max(last_on, as_of - timedelta(days=SCORES_HOLD_DAYS))
        return Lifecycle.AT_RISK if at_risk else Lifecycle.ACTIVE
    if silent < limits.inactive:
        return Lifecycle.NEAR_INACTIVE
    return Lifecycle.INACTIVE if silent < limits.lost else Lifecycle.LOST


def inactive_on(last_on: date | None, *, limits: Limits) -> date | None:
    """The day the client turns inactive if it orders nothing until then."""
    return last_on + timedelta(days=limits.inactive) if last_on else None


def lifecycle_filter(state: str, *, as_of: date, limits: Limits) -> Q:
    """The clients in ``state`` on ``as_of``, as a condition on the activity row: a range of days that an index serves.

    Raises
    ------
    ValueError
        ``state`` is not one of Lifecycle.
    """
    state = Lifecycle(state)
    kept = Q(discarded_on=None) | Q(discarded_on__gt=as_of)
    if state == Lifecycle.DISCARDED:
        return Q(discarded_on__lte=as_of)
    if state == Lifecycle.PROSPECT:
        return kept & Q(activity__last_on=None)
    from_days = {
        Lifecycle.ACTIVE: None,
        Lifecycle.AT_RISK: None,
        Lifecycle.NEAR_INACTIVE: limits.warn,
        Lifecycle.INACTIVE: limits.inactive,
        Lifecycle.LOST: limits.lost,
    }
    to_days = {
        Lifecycle.ACTIVE: limits.warn,
        Lifecycle.AT_RISK: limits.warn,
        Lifecycle.NEAR_INACTIVE: limits.inactive,
        Lifecycle.INACTIVE: limits.lost,
        Lifecycle.LOST: None,
    }
    condition = kept & Q(activity__last_on__isnull=False)
    since, until = from_days[state], to_days[state]
    if state == Lifecycle.LOST:
        return condition & (Q(activity__last_on__lte=as_of - timedelta(days=limits.lost)) | Q(lost_silence__gte=F("activity__last_on")))
    condition &= Q(lost_silence=None) | Q(lost_silence__lt=F("activity__last_on"))
    if since is not None:
        condition &= Q(activity__last_on__lte=as_of - timedelta(days=since))
    if until is not None:
        condition &= Q(activity__last_on__gt=as_of - timedelta(days=until))
    if state in (Lifecycle.ACTIVE, Lifecycle.AT_RISK):
        at_risk = Exists(
            ClientScore.objects.filter(
                client=OuterRef("pk"),
                horizon=HORIZON_DAYS,
                state=Lifecycle.AT_RISK,
                made_for__gte=as_of - timedelta(days=SCORES_HOLD_DAYS),
            ).filter(made_for__gte=OuterRef("activity__last_on"))
        )
        condition &= Q(at_risk) if state == Lifecycle.AT_RISK else ~Q(at_risk)
    return condition

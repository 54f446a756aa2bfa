"""What administration sets for work in the field."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Organization, Representative, Role
from accounts.services.audit import Actor, record_event

FIELD_SETTINGS = (
    "cadence_a_days",
    "cadence_b_days",
    "cadence_c_days",
    "visits_per_day",
    "plans_visits",
    "check_in_radius_m",
    "prospect_protection_days",
    "no_sale_reasons",
)


@transaction.atomic
def change_field_settings(organization: Organization, *, by: Membership, **wanted: Any) -> dict[str, Any]:
    """Set any of ``FIELD_SETTINGS``; returns those that changed, with their new values. Values are taken as checked.

    ``visits_per_day`` also goes to every representative who still had the former number; who has one of their own keeps it.

    Raises
    ------
    NotAllowed
        ``by`` does not administer the organization.
    ValueError
        A name is none of ``FIELD_SETTINGS``.
    """
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração muda as configurações."))
    unknown = wanted.keys() - set(FIELD_SETTINGS)
    if unknown:
        raise ValueError(f"not settings of field work: {sorted(unknown)}")
    locked = Organization.objects.select_for_update().get(pk=organization.pk)
    before = {name: getattr(locked, name) for name in wanted if getattr(locked, name) != wanted[name]}
    if not before:
        return {}
    changed = {name: wanted[name] for name in before}
    for name, value in changed.items():
        setattr(locked, name, value)
        setattr(organization, name, value)
    locked.save(update_fields=list(changed))
    if "visits_per_day" in changed:
        Representative.objects.filter(visits_per_day=before["visits_per_day"]).update(visits_per_day=changed["visits_per_day"])
    record_event(f"organization:{organization.pk}", "organization.field_settings", by=Actor(by), before=before, after=changed)
    return changed

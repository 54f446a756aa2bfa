"""What administration sets for the whole organization, section by section; every change with what it was before."""

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Organization, Representative, Role
from accounts.selectors.people import addresses_without_factor
from accounts.selectors.trail import last_change
from accounts.services.audit import Actor, record_event
from accounts.services.messaging import send_to_outbox
from accounts.templatetags.formats import day_year
from accounts.tenancy.tasks import send_on_commit

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


# The sections, by the kind of event their change is; each form shows and saves exactly its own.
SECTIONS: dict[str, tuple[str, ...]] = {
    "organization.identity": ("name", "language", "currency", "time_zone", "country"),
    "organization.limits": ("warn_days", "inactive_days", "lost_days", "abc_a_percent", "abc_b_percent"),
    "organization.reasons": ("discard_reasons", "loss_reasons", "stop_reasons"),
    "organization.visit_asks": ("visit_asks",),
    "organization.security": ("require_second_factor", "second_factor_from"),
    "organization.retention": ("notices_kept_days", "photos_kept_days"),
}
ABC_CUTS = frozenset({"abc_a_percent", "abc_b_percent"})
CLASSES_TASK = "clients.tasks.refresh_classes"


class SettingRefused(DomainError):
    """A value cannot be; ``field`` is where."""

    code = "setting_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


def settings_stream(organization: Organization) -> str:
    """The stream of the trail that holds the organization's settings."""
    return f"organization:{organization.pk}"


@transaction.atomic
def change_settings(
    organization: Organization, section: str, *, by: Membership, seen: int | None = None, reason: str = "", **wanted: Any
) -> dict[str, Any]:
    """Set the values of one section; returns those that changed. Other ABC cuts have every client's class computed again.

    Parameters
    ----------
    section : one of ``SECTIONS``
    seen : number of the section's last event when the page was made; None where nobody looked at a page

    Raises
    ------
    NotAllowed
        ``by`` does not administer the organization.
    ChangedMeanwhile
        Somebody saved the section since the page was made; nothing was written.
    SettingRefused
        Limits out of order, an unknown zone, or another value the organization cannot have.
    """
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração muda as configurações."))
    unknown = wanted.keys() - set(SECTIONS[section])
    if unknown:
        raise ValueError(f"not settings of {section}: {sorted(unknown)}")
    locked = Organization.objects.select_for_update().get(pk=organization.pk)
    if seen is not None and seen != last_seq(organization, section):
        raise ChangedMeanwhile(_("Outra pessoa salvou esta página enquanto você editava. Confira os valores de agora e salve de novo."))
    before = {name: getattr(locked, name) for name in wanted if getattr(locked, name) != wanted[name]}
    if not before:
        return {}
    changed = {name: wanted[name] for name in before}
    for name, value in changed.items():
        setattr(locked, name, value)
    _require_sense(locked)
    locked.save(update_fields=list(changed))
    for name, value in changed.items():
        setattr(organization, name, value)
    record_event(settings_stream(organization), section, by=Actor(by), before=_plain(before), after=_plain(changed), reason=reason)
    if ABC_CUTS & changed.keys():
        send_on_commit(CLASSES_TASK, organization_id=organization.pk)
    return changed


def last_seq(organization: Organization, section: str) -> int:
    """The number of the section's last event; 0 where it was never changed."""
    last = last_change(settings_stream(organization), section)
    return last.seq if last else 0


def _require_sense(organization: Organization) -> None:
    if not organization.warn_days < organization.inactive_days < organization.lost_days:
        raise SettingRefused(_("Os prazos vão do menor ao maior: quase inativo, inativo, perdido."), field="inactive_days")
    if not 1 <= organization.abc_a_percent < organization.abc_b_percent <= 100:
        raise SettingRefused(_("O corte da curva A vem antes do da B, e nenhum passa de 100%."), field="abc_b_percent")
    try:
        organization.clean_fields(exclude=["no_sale_reasons"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise SettingRefused(" ".join(messages), field=field) from None


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


@transaction.atomic
def require_second_factor(
    organization: Organization, required: bool, *, grace_days: int, by: Membership, today: date, seen: int | None = None
) -> dict[str, Any]:
    """Ask every member for a second factor, at once or after some days in which who has none is told by mail; or stop asking.

    Raises
    ------
    As ``change_settings``.
    """
    since = today + timedelta(days=grace_days) if required and grace_days else None
    if required and since is None and organization.second_factor_from and organization.second_factor_from <= today:
        since = organization.second_factor_from  # already asked: the day it began stays
    changed = change_settings(
        organization, "organization.security", by=by, seen=seen, require_second_factor=required, second_factor_from=since
    )
    if changed and since and since > today:
        _tell_who_has_none(organization, since)
    return changed


def _tell_who_has_none(organization: Organization, since: date) -> None:
    with translation.override(organization.language):
        values = {"company": organization.name, "day": day_year(since)}
        subject = _("Carteira: segundo fator a partir de %(day)s") % values
        body = (
            _(
                "%(company)s vai pedir um segundo fator a quem entra, a partir de %(day)s.\n\n"
                "Entre no Carteira, abra Perfil e ative um aplicativo autenticador ou crie uma chave de acesso. Leva dois minutos."
            )
            % values
        )
    for address in addresses_without_factor():
        send_to_outbox("mail", {"to": [address], "subject": subject, "body": body})

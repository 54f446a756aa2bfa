"""What administration sets for every run: second approval, undoing, holds, stale orders, and the reasons for refusing."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Role
from accounts.selectors.trail import last_change
from accounts.services import Actor, record_event
from accounts.services.settings import SettingRefused
from rotation.models import RefusalReason, RotationSettings
from rotation.services.rules import rotation_settings

ACTION, STREAM = "rotation.settings", "rotation"
COLUMNS = ("second_approver_over", "undo_days", "hold_days_most", "max_feed_age_hours", "publish_needs_two")


def settings_now() -> dict[str, Any]:
    """The limits of runs and the labels of the refusal reasons in use, as the form shows them; made on first use."""
    row = rotation_settings()
    labels = RefusalReason.objects.filter(is_active=True).order_by("position", "label").values_list("label", flat=True)
    return {name: getattr(row, name) for name in COLUMNS} | {"refusal_reasons": list(labels)}


@transaction.atomic
def change_rotation_settings(*, by: Membership, seen: int | None = None, **wanted: Any) -> dict[str, Any]:
    """Set the limits of runs and the list of refusal reasons; returns what changed.

    A reason taken off the list stays with the decisions that named it, and comes back as it was when its label does.

    Raises
    ------
    NotAllowed
    ChangedMeanwhile
        Somebody saved them since the page was made.
    SettingRefused
        No reason would be left to refuse with.
    """
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração muda as configurações."))
    row = rotation_settings(lock=True)
    last = last_change(STREAM, ACTION)
    if seen is not None and seen != (last.seq if last else 0):
        raise ChangedMeanwhile(_("Outra pessoa salvou esta página enquanto você editava. Confira os valores de agora e salve de novo."))
    now = settings_now()
    changed = {name: value for name, value in wanted.items() if now[name] != value}
    if not changed:
        return {}
    if "refusal_reasons" in changed:
        _list_reasons(changed["refusal_reasons"], row.organization_id)
    columns = {name: value for name, value in changed.items() if name in COLUMNS}
    if columns:
        RotationSettings.objects.filter(pk=row.pk).update(**columns)
    record_event(STREAM, ACTION, by=Actor(by), before={name: now[name] for name in changed}, after=changed)
    return changed


def _list_reasons(labels: list[str], organization_id: int) -> None:
    if not labels:
        raise SettingRefused(_("Deixe ao menos um motivo: quem recusa escolhe um."), field="refusal_reasons")
    known = {row.label: row for row in RefusalReason.objects.all()}
    for row in known.values():
        if row.label not in labels and row.is_active:
            row.is_active = False
            row.save(update_fields=["is_active"])
    for position, label in enumerate(labels, 1):
        held = known.get(label)
        if held is None:
            RefusalReason.objects.create(organization_id=organization_id, label=label, position=position)
        elif not held.is_active or held.position != position:
            held.is_active, held.position = True, position
            held.save(update_fields=["is_active", "position"])

"""The settings of runs: who approves twice, how long undoing and holds last, and the reasons for refusing."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from accounts.settings_forms import LinesField
from accounts.views.common import OFFICE, member_of, only
from accounts.views.settings import Section, section_page
from rotation.services.settings import ACTION, STREAM, change_rotation_settings, settings_now


class RotationSettingsForm(forms.Form):
    """Limits every run obeys, whatever its rule says."""

    second_approver_over = forms.IntegerField(
        label=_("Segunda aprovação acima de"),
        min_value=1,
        max_value=1_000_000,
        help_text=_("Propostas num giro: acima disto, quem publicou a regra não aprova sozinho."),
    )
    undo_days = forms.IntegerField(
        label=_("Reverter lote por até"), min_value=0, max_value=365, help_text=_("Só voltam clientes que ninguém mexeu desde então.")
    )
    hold_days_most = forms.IntegerField(label=_("Trava de um cliente por até"), min_value=1, max_value=730)
    max_feed_age_hours = forms.IntegerField(
        label=_("Pedidos velhos bloqueiam depois de"),
        min_value=1,
        max_value=8_760,
        required=False,
        help_text=_("Em branco, vale o limite de cada regra."),
    )
    publish_needs_two = forms.BooleanField(label=_("Quem escreveu uma versão não pode publicá-la"), required=False)
    refusal_reasons = LinesField(label=_("Motivos de recusa"), help_text=_("Um por linha, até 30, na ordem em que aparecem."))


def _initial(_organization: Any, values: dict[str, Any]) -> dict[str, Any]:
    return values or settings_now()


def _save(request: HttpRequest, cleaned: dict[str, Any], seen: int | None) -> dict[str, Any]:
    return change_rotation_settings(by=member_of(request), seen=seen, **cleaned)


ROTATION = Section(
    ACTION,
    _("Limites do giro"),
    _("Valem para todas as regras. Prazo de aprovação, descanso e tetos são de cada regra."),
    RotationSettingsForm,
    template="settings/rotation.html",
    rows=(("second_approver_over", "undo_days"), ("hold_days_most", "max_feed_age_hours")),
    suffixes={
        "second_approver_over": _("propostas"),
        "undo_days": _("dias"),
        "hold_days_most": _("dias"),
        "max_feed_age_hours": _("horas"),
    },
    initial=_initial,
    save=_save,
    stream=lambda _organization: STREAM,
)


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def rotation(request: HttpRequest) -> HttpResponse:
    """Limits of every run, and what may be said when refusing a proposal."""
    return section_page(request, ROTATION)

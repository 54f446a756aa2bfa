"""Forms of the settings this app holds: limits of the client's states, what a report asks, custom fields."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.settings_forms import LinesField
from clients.models import CustomField
from clients.selectors.custom import Said
from portfolio.models import Visit
from portfolio.visit_asks import ASKABLE, asked

# Days to near-inactive, inactive and lost, by what the company sells.
PRESETS = {
    "fast": (_("Giro rápido"), 30, 60, 180),
    "general": (_("Geral"), 60, 90, 360),
    "durable": (_("Indústria, bens duráveis"), 120, 180, 540),
    "seasonal": (_("Sazonal"), 300, 365, 730),
}


class LimitsForm(forms.Form):
    """After how many days of silence a client changes state, and where the ABC classes are cut."""

    warn_days = forms.IntegerField(label=_("Quase inativo"), min_value=1, max_value=3_650)
    inactive_days = forms.IntegerField(label=_("Inativo"), min_value=2, max_value=3_650)
    lost_days = forms.IntegerField(label=_("Perdido"), min_value=3, max_value=7_300)
    abc_a_percent = forms.IntegerField(label=_("Curva A até"), min_value=1, max_value=98)
    abc_b_percent = forms.IntegerField(label=_("Curva B até"), min_value=2, max_value=100)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        warn, inactive, lost = (cleaned.get(name) for name in ("warn_days", "inactive_days", "lost_days"))
        if warn and inactive and not warn < inactive:
            self.add_error("inactive_days", _("Tem de ser mais que os dias até quase inativo."))
        if inactive and lost and not inactive < lost:
            self.add_error("lost_days", _("Tem de ser mais que os dias até inativo."))
        a, b = cleaned.get("abc_a_percent"), cleaned.get("abc_b_percent")
        if a and b and not a < b:
            self.add_error("abc_b_percent", _("O corte da curva B vem depois do da A."))
        return cleaned


class VisitAsksForm(forms.Form):
    """Which fields a report must fill in, outcome by outcome."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for outcome in Visit.Outcome:
            self.fields[outcome.value] = forms.MultipleChoiceField(
                label=outcome.label, choices=list(ASKABLE.items()), required=False, widget=forms.CheckboxSelectMultiple
            )

    @property
    def asks(self) -> list[str]:
        """The choices as the organization keeps them."""
        return [f"{outcome}:{name}" for outcome in Visit.Outcome.values for name in ASKABLE if name in self.cleaned_data.get(outcome, [])]


def asks_initial(asks: list[str]) -> dict[str, list[str]]:
    """What the form begins with."""
    return {outcome: asked(asks, outcome) for outcome in Visit.Outcome.values}


class CustomFieldForm(forms.Form):
    """A field of the company's own: why it is kept, and for how long, comes before any value."""

    name = forms.CharField(label=_("Nome do campo"), max_length=60)
    subject = forms.ChoiceField(label=_("De quem"), choices=CustomField.Subject.choices)
    kind = forms.ChoiceField(label=_("Tipo"), choices=CustomField.Kind.choices)
    choices = LinesField(label=_("Opções"), help_text=_("Só para escolha de uma lista: uma por linha."))
    purpose = forms.CharField(
        label=_("Para que serve"), max_length=200, help_text=_("Aparece a quem preenche. Sem finalidade não se guarda dado.")
    )
    retention_days = forms.IntegerField(
        label=_("Guardar por"), min_value=1, max_value=36_500, help_text=_("Dias desde que o valor foi escrito; depois a noite o apaga.")
    )

    def __init__(self, *args: Any, field: CustomField | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if field is not None:
            for name in ("subject", "kind"):  # values are written in it
                self.fields[name].disabled = True


class CustomValuesForm(forms.Form):
    """What the fields in use say of one client or contact; each is optional."""

    def __init__(self, *args: Any, said: list[Said], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in said:
            self.fields[f"field_{each.field.pk}"] = _control(each)

    @property
    def values(self) -> dict[int, Any]:
        """Field id -> what was typed, as the field's type."""
        return {int(name.removeprefix("field_")): value for name, value in self.cleaned_data.items() if name.startswith("field_")}


def _control(said: Said) -> forms.Field:
    field, kind = said.field, CustomField.Kind
    given: dict[str, Any] = {"label": field.name, "help_text": field.purpose, "required": False, "initial": said.value}
    if field.kind == kind.NUMBER:
        return forms.FloatField(min_value=-1e15, max_value=1e15, **given)
    if field.kind == kind.DAY:
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **given)
    if field.kind == kind.YES_NO:
        choices = [("", _("não se sabe")), ("yes", _("sim")), ("no", _("não"))]
        given["initial"] = {True: "yes", False: "no"}.get(said.value, "") if isinstance(said.value, bool) else ""
        return forms.TypedChoiceField(choices=choices, coerce=lambda word: word == "yes", empty_value=None, **given)
    if field.kind == kind.CHOICE:
        kept = [said.value] if said.value and said.value not in field.choices else []
        return forms.ChoiceField(choices=[("", _("não se sabe")), *((word, word) for word in [*field.choices, *kept])], **given)
    return forms.CharField(max_length=500, **given)

"""The form of a representative: who, where their day begins, what they serve and how much they can carry."""

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.people_forms import TeamChoice
from portfolio.selectors.representatives import free_members

STATES = [
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR",
    "RS", "SC", "SE", "SP", "TO",
]  # fmt: skip
_DATE = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), "required": False}


class MemberChoice(forms.TypedChoiceField):
    """A member who signs in as this representative, or nobody yet."""

    def __init__(self, representative: Representative | None, **kwargs: Any) -> None:
        offered = [("", _("Ninguém entra por este código")), *((each.pk, each.name) for each in free_members(representative))]
        super().__init__(choices=offered, coerce=int, empty_value=None, required=False, **kwargs)

    def clean(self, value: Any) -> Membership | None:
        number = super().clean(value)
        return Membership.objects.filter(pk=number).first() if number else None


class WordsField(forms.CharField):
    """Words one a line or between commas, each once."""

    def __init__(self, *, longest: int, **kwargs: Any) -> None:
        self.longest = longest
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        words = list(dict.fromkeys(" ".join(part.split()) for part in re.split(r"[\n,;]", super().clean(value) or "") if part.strip()))
        long = next((word for word in words if len(word) > self.longest), None)
        if long:
            raise forms.ValidationError(_("“%(start)s…” é longo demais: até %(n)d letras.") % {"start": long[:30], "n": self.longest})
        if len(words) > 60:
            raise forms.ValidationError(_("São itens demais: até 60."))
        return words


class RepresentativeForm(forms.Form):
    """A representative as the administration registers it."""

    code = forms.CharField(label=_("Código"), max_length=40, help_text=_("O mesmo do ERP: é por ele que os pedidos se reconhecem."))
    name = forms.CharField(label=_("Nome"), max_length=120)
    email = forms.EmailField(label=_("E-mail"), required=False)
    contract_type = forms.ChoiceField(
        label=_("Vínculo"),
        choices=Representative.Contract.choices,
        help_text=_("Tirar clientes de um representante autônomo pede o aceite dele."),
    )
    base_city = forms.CharField(label=_("Cidade base"), max_length=80, required=False)
    base_state = forms.CharField(label=_("UF"), max_length=3, required=False)
    latitude = forms.FloatField(label=_("Latitude"), min_value=-90, max_value=90, required=False, localize=False)
    longitude = forms.FloatField(label=_("Longitude"), min_value=-180, max_value=180, required=False, localize=False)
    regions = WordsField(label=_("Estados que atende"), longest=40, help_text=_("Siglas entre vírgulas: SP, MG. Em branco, todos."))
    segments = WordsField(label=_("Segmentos que atende"), longest=60, help_text=_("Entre vírgulas. Em branco, todos."))
    capacity_clients = forms.IntegerField(label=_("Capacidade em clientes"), min_value=0, max_value=100_000)
    capacity_minutes_week = forms.IntegerField(
        label=_("Minutos por semana"), min_value=0, max_value=10_080, required=False, help_text=_("Para visitas e estrada.")
    )
    receive_ceiling = forms.IntegerField(
        label=_("Máximo a receber por giro"),
        min_value=0,
        max_value=100_000,
        required=False,
        help_text=_("Em clientes. Em branco, só o da regra."),
    )
    give_ceiling = forms.IntegerField(
        label=_("Máximo a ceder por giro"),
        min_value=0,
        max_value=100_000,
        required=False,
        help_text=_("Em clientes; 0, ninguém sai. Em branco, só o da regra."),
    )
    visits_per_day = forms.IntegerField(label=_("Visitas por dia"), min_value=1, max_value=30)
    valid_from = forms.DateField(label=_("Atende desde"), **_DATE)
    valid_to = forms.DateField(label=_("Até"), help_text=_("O primeiro dia em que já não atende."), **_DATE)
    commission = forms.DecimalField(
        label=_("Comissão (%)"), min_value=Decimal(0), max_value=Decimal(100), max_digits=5, decimal_places=2, required=False
    )

    def __init__(self, *args: Any, representative: Representative | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"] = TeamChoice(label=_("Equipe"))
        self.fields["membership"] = MemberChoice(representative, label=_("Quem entra por este código"))

    def clean_base_state(self) -> str:
        return self.cleaned_data["base_state"].strip().upper()

    def clean_regions(self) -> list[str]:
        return [word.upper() if len(word) <= 3 else word for word in self.cleaned_data["regions"]]

    @property
    def values(self) -> dict[str, Any]:
        """The cleaned fields as the service takes them."""
        said = dict(self.cleaned_data)
        said["commission_rate"] = (said.pop("commission") or Decimal(0)) / 100
        return said


def initial_of(representative: Representative) -> dict[str, Any]:
    """What the form begins with for a representative that is registered."""
    names = [name for name in RepresentativeForm.base_fields if name != "commission"]
    initial = {name: getattr(representative, name) for name in names}
    rate = (representative.commission_rate * 100).normalize()
    return initial | {
        "commission": f"{rate:f}" if rate else None,
        "team": representative.team_id,
        "membership": representative.membership_id,
    }

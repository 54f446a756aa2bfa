"""The form of a campaign: who, for how long, which steps, who works, and how many are left alone."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Membership
from accounts.selectors import representatives_visible_to
from clients.selectors.segments import segments_for
from portfolio.cents_field import CentsField
from rotation.models import Campaign, CampaignStep
from rotation.services.campaigns import MOST_STEPS, SHARES, StepWanted

DAYS = (30, 45, 60, 90)
MOST_PEOPLE = 60


class CampaignForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Nome"), max_length=80, error_messages={"required": gettext_lazy("Dê um nome à campanha.")})
    source = forms.ChoiceField(label=gettext_lazy("Quem entra"))
    days = forms.IntegerField(
        label=gettext_lazy("Duração"), min_value=7, max_value=365, help_text=gettext_lazy("Um pedido conta até o último dia.")
    )
    assigning = forms.ChoiceField(label=gettext_lazy("Quem faz"), choices=Campaign.Assigning.choices, widget=forms.RadioSelect)
    people = forms.MultipleChoiceField(
        label=gettext_lazy("Entre quem dividir"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("A carteira de cada um não muda; quem recebe passa a ver o cliente até o fim da campanha."),
    )
    per_day = forms.IntegerField(
        label=gettext_lazy("Contatos novos por dia, cada um"),
        min_value=1,
        max_value=100,
        help_text=gettext_lazy("Os clientes de maior valor vêm primeiro."),
    )
    share = forms.ChoiceField(
        label=gettext_lazy("Grupo de controle"),
        help_text=gettext_lazy("Uma parte é sorteada e fica como está, para saber quem voltaria sozinho. Ninguém a vê em lista nenhuma."),
    )
    fixed_cost = CentsField(label=gettext_lazy("Custo fixo"), help_text=gettext_lazy("Material, brindes, desconto já pago."))
    worth_only = forms.BooleanField(
        label=gettext_lazy("Deixar de fora quem custaria mais do que deve trazer"),
        required=False,
    )

    def __init__(self, *args: Any, member: Membership, current: tuple[str, str] | None = None, **kwargs: Any) -> None:
        """``current``: what the filter in force is called, and its words; offered beside the member's saved segments."""
        super().__init__(*args, **kwargs)
        self.segments = {f"segment:{each.pk}": each for each in segments_for(member)}
        choices = [("filter", current[1])] if current else []
        choices += [(key, each.name) for key, each in self.segments.items()]
        self.fields["source"].choices = choices  # type: ignore[attr-defined]
        self.fields["share"].choices = [(f"{each:g}", f"{each:.0%}" if each else _("Nenhum")) for each in SHARES]  # type: ignore[attr-defined]
        able = representatives_visible_to(member).filter(membership__is_active=True).order_by("code", "pk")[:MOST_PEOPLE]
        self.fields["people"].choices = [(str(each.pk), str(each)) for each in able]  # type: ignore[attr-defined]
        for n in range(1, MOST_STEPS + 1):
            kinds = [("", _("Nenhum")), *CampaignStep.Kind.choices] if n > 1 else CampaignStep.Kind.choices
            self.fields[f"kind_{n}"] = forms.ChoiceField(label=_("O que fazer"), choices=kinds, required=n == 1)
            self.fields[f"offset_{n}"] = forms.IntegerField(label=_("Dia"), min_value=0, max_value=364, required=False)
            self.fields[f"cost_{n}"] = CentsField(label=_("Custo cada"))
            self.fields[f"words_{n}"] = forms.CharField(label=_("O que dizer"), max_length=200, required=False)

    def step_rows(self) -> list[dict[str, Any]]:
        """The bound fields of each step, in order."""
        names = ("kind", "offset", "cost", "words")
        return [{"n": n} | {name: self[f"{name}_{n}"] for name in names} for n in range(1, MOST_STEPS + 1)]

    def steps(self) -> list[StepWanted]:
        """The steps written down; rows without a kind are none. Call after ``is_valid``."""
        said = self.cleaned_data
        rows = range(1, MOST_STEPS + 1)
        return [
            StepWanted(said[f"kind_{n}"], said[f"offset_{n}"] or 0, said[f"cost_{n}"], " ".join(said[f"words_{n}"].split()))
            for n in rows
            if said[f"kind_{n}"]
        ]

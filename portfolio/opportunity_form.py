"""The form of an opportunity."""

from decimal import Decimal, InvalidOperation

from django import forms
from django.utils.translation import gettext_lazy as _

from clients.models import Opportunity
from clients.selectors.opportunities import OPEN


def cents_of(text: str) -> int:
    """Money as people write it ("1.234,56", "1234.56", "R$ 1.234") in cents.

    Raises
    ------
    ValueError
        It is no amount.
    """
    plain = text.strip().removeprefix("R$").strip().replace("\u00a0", "").replace(" ", "")
    # The last of the two signs with one or two digits after it is the decimal one; every other groups thousands.
    head, sign, tail = plain, "", ""
    for mark in (",", "."):
        before, found, after = plain.rpartition(mark)
        if found and len(after) in (1, 2) and len(before) >= len(head if sign else ""):
            head, sign, tail = before, mark, after
    digits = head.replace(".", "").replace(",", "") + (f".{tail}" if sign else "")
    try:
        amount = Decimal(digits)
    except InvalidOperation:
        raise ValueError(text) from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(text)
    return int(amount * 100)


class OpportunityForm(forms.Form):
    title = forms.CharField(label=_("O que pode ser vendido"), max_length=120)
    value = forms.CharField(label=_("Valor"), max_length=20, required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    stage = forms.ChoiceField(label=_("Etapa"), choices=[(stage.value, stage.label) for stage in OPEN], required=False)
    expected_on = forms.DateField(
        label=_("Deve fechar em"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    source = forms.CharField(label=_("De onde veio"), max_length=40, required=False)

    def __init__(self, *args, opportunity: Opportunity | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if opportunity is not None:
            del self.fields["stage"]  # moved apart, by its own act

    def clean_value(self) -> int | None:
        text = self.cleaned_data["value"]
        if not text.strip():
            return None
        try:
            return cents_of(text)
        except ValueError:
            raise forms.ValidationError(_("Não é um valor. Escreva como 1.234,56.")) from None

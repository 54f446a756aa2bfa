"""What people type about companies, read as imports read it."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from clients.imports.values import Place, Unreadable, clean, state, tax_id


def place_of(organization: Organization) -> Place:
    return Place(organization.zone, organization.country)


class TaxIdForm(forms.Form):
    """The first question of a new company. Points, bars and spaces are as good as none."""

    tax_id = forms.CharField(label=_("CNPJ"), max_length=40, error_messages={"required": _("Digite o CNPJ da empresa.")})

    def __init__(self, *args, organization: Organization, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.place = place_of(organization)
        if self.place.country != "BR":
            self.fields["tax_id"].label = _("Identificação fiscal")
        self.fields["tax_id"].widget.attrs |= {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}

    def clean_tax_id(self) -> str:
        try:
            return tax_id(clean(self.cleaned_data["tax_id"]), self.place)
        except Unreadable as wrong:
            raise forms.ValidationError(_("O número %(why)s.") % {"why": wrong}) from None


class NewCompanyForm(TaxIdForm):
    """The least one needs to know of a company to visit it."""

    name = forms.CharField(label=_("Nome da empresa"), max_length=200, error_messages={"required": _("Diga o nome da empresa.")})
    city = forms.CharField(label=_("Cidade"), max_length=80, error_messages={"required": _("Diga a cidade.")})
    state = forms.CharField(label=_("UF"), max_length=3, error_messages={"required": _("Diga a UF.")})
    phone = forms.CharField(label=_("Telefone"), max_length=30, required=False)
    segment = forms.CharField(label=_("Segmento"), max_length=60, required=False)
    source = forms.CharField(
        label=_("Origem"), max_length=40, required=False, help_text=_("Como você chegou a ela: indicação, feira, visita…")
    )
    channel = forms.CharField(
        label=_("Canal"), max_length=40, required=False, help_text=_("Por onde ela compra: loja, rede, atacado, internet…")
    )
    branch = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, organization: Organization, people: list[tuple[int, str]] | None = None, **kwargs) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        self.fields["phone"].widget.attrs |= {"type": "tel", "inputmode": "tel", "autocomplete": "off"}
        if people is not None:
            missing = {"required": _("Escolha quem vai atender.")}
            choices = [("", _("Escolha")), *people]
            self.fields["representative"] = forms.TypedChoiceField(
                label=_("Quem atende"), choices=choices, coerce=int, error_messages=missing
            )

    def clean(self) -> dict:
        told = super().clean() or {}
        for name in ("name", "city", "phone", "segment", "source", "channel"):
            try:
                told[name] = clean(told.get(name) or "")
            except Unreadable as wrong:
                self.add_error(name, str(wrong))
        return told

    def clean_state(self) -> str:
        try:
            return state(clean(self.cleaned_data["state"]), self.place)
        except Unreadable as wrong:
            words = str(wrong)
            raise forms.ValidationError(f"{words[:1].upper()}{words[1:]}.") from None

    def clean_phone(self) -> str:
        phone = self.cleaned_data["phone"]
        if phone and len(re.sub(r"\D", "", phone)) < 8:
            raise forms.ValidationError(_("O telefone tem menos de 8 dígitos; confira."))
        return phone

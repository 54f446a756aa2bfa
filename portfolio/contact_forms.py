"""Forms about the people at a client."""

from django import forms
from django.utils.translation import gettext_lazy as _

from clients.models import Contact
from clients.selectors.contacts import CHANNELS, DECISION_ROLES
from portfolio.templatetags.clients import CHANNELS as CHANNEL_WORDS
from portfolio.templatetags.clients import DECISION_ROLES as ROLE_WORDS


class ContactForm(forms.Form):
    """A person at a client. A word of a file that is not on our lists stays on offer, so that saving does not lose it."""

    name = forms.CharField(label=_("Nome e sobrenome"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.CharField(label=_("Cargo ou setor"), max_length=80, required=False)
    decision_role = forms.ChoiceField(label=_("Papel na decisão"), required=False)
    phone = forms.CharField(
        label=_("Telefone"), max_length=30, required=False, widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})
    )
    email = forms.EmailField(label=_("E-mail"), required=False, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    preferred_channel = forms.ChoiceField(label=_("Prefere ser procurado por"), required=False)

    def __init__(self, *args, contact: Contact | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for name, keys, words in (("decision_role", DECISION_ROLES, ROLE_WORDS), ("preferred_channel", CHANNELS, CHANNEL_WORDS)):
            kept = getattr(contact, name, "")
            choices = [("", _("não se sabe")), *((key, words[key]) for key in keys)]
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [*choices, (kept, kept)] if kept and kept not in keys else choices

    def clean_phone(self) -> str:
        phone = self.cleaned_data["phone"]
        if phone and sum(letter.isdigit() for letter in phone) < 8:
            raise forms.ValidationError(_("Faltam números. Escreva com o DDD, como (19) 99999-0000."))
        return phone


class ConsentForm(forms.Form):
    """The word of a person about being contacted."""

    said = forms.ChoiceField(
        label=_("O que a pessoa disse"),
        choices=[("given", _("Aceita ser contatada")), ("refused", _("Não quer ser contatada"))],
        widget=forms.RadioSelect,
    )
    on = forms.DateField(label=_("Em que dia"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    source = forms.CharField(label=_("Como disse"), max_length=80, help_text=_("Por exemplo: por telefone, formulário da feira, e-mail."))

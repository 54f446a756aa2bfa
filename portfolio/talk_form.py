"""The form of a call, mail, message or note."""

from django import forms
from django.utils.translation import gettext_lazy as _

from clients.models import Client, Contact
from portfolio.models import Interaction


class TalkForm(forms.Form):
    """``client`` says whose people may be named; sentences that forbid are the service's."""

    kind = forms.ChoiceField(label=_("O que foi"), choices=Interaction.Kind.choices, widget=forms.RadioSelect)
    contact = forms.ChoiceField(label=_("Com quem"), required=False)
    note = forms.CharField(label=_("O que se falou"), required=False, max_length=4_000, widget=forms.Textarea(attrs={"rows": 3}))
    happened_at = forms.DateTimeField(
        label=_("Quando"),
        required=False,
        help_text=_("Em branco: agora."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args, client: Client, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        people = Contact.objects.filter(client_id=client.pk).order_by("name").values_list("pk", "name")
        field = self.fields["contact"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("não sei, ou ninguém")), *((str(pk), name) for pk, name in people)]

"""Forms of the pages about people, teams and invitations."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, Team
from accounts.selectors.people import team_choices

NO_TEAM = _("Sem equipe")
ROLE_HELP = {
    Role.ADMIN: _("Tudo: pessoas, regras, configurações."),
    Role.MANAGER: _("A própria equipe e as de baixo: decide giros, metas, coberturas."),
    Role.REPRESENTATIVE: _("Os próprios clientes, visitas e tarefas."),
    Role.AUDITOR: _("Lê tudo, com dados pessoais ocultos, e não muda nada."),
}


class TeamChoice(forms.TypedChoiceField):
    """A team of the tree by its id, or none."""

    def __init__(self, *, without: Team | None = None, empty: Any = NO_TEAM, **kwargs: Any) -> None:
        super().__init__(
            choices=lambda: [("", empty), *team_choices(without=without)], coerce=int, empty_value=None, required=False, **kwargs
        )

    def clean(self, value: Any) -> Team | None:
        number = super().clean(value)
        return Team.objects.filter(pk=number).first() if number else None


class RoleForm(forms.Form):
    """What a member may do, and in which team."""

    role = forms.ChoiceField(
        label=_("Papel"),
        choices=[(role.value, role.label) for role in Role],
        help_text=_("Gerência vê a própria equipe e as de baixo; auditoria lê tudo e não muda nada."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"] = TeamChoice(label=_("Equipe"))


class InviteForm(RoleForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(label=_("Nome"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    field_order = ["name", "email", "role", "team"]


class TeamForm(forms.Form):
    """A team's name and the one it is under."""

    name = forms.CharField(label=_("Nome da equipe"), max_length=80)

    def __init__(self, *args: Any, team: Team | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parent"] = TeamChoice(label=_("Abaixo de"), without=team, empty=_("Nenhuma: fica no alto"))


class WelcomeForm(forms.Form):
    """The first thing an invited person says: the name colleagues see, and a password."""

    name = forms.CharField(label=_("Nome"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Senha"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("De 12 a 128 caracteres. Uma frase curta serve bem."),
    )

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        validate_password(password)
        return password

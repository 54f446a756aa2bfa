"""Forms of the person's own pages, and the second factor's with counted tries."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm as BaseAuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as BaseReauthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.adapter import PER_ACCOUNT, WINDOW_SECONDS
from accounts.models import User
from accounts.throttle import forget, tries

CODE_LIVES_SECONDS = 120  # a code is good for its own half minute and the ones beside it

THEMES = [("", _("Do sistema")), ("light", _("Claro")), ("dark", _("Escuro"))]


class CountedCode:
    """Five codes a person in fifteen minutes, and each code once: whoever looked over a shoulder cannot use it again."""

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        counter = f"second-factor:{self.user.pk}"
        if tries(counter, window_seconds=WINDOW_SECONDS) > PER_ACCOUNT:
            raise get_account_adapter().validation_error("too_many_login_attempts")
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            used = f"totp:{self.user.pk}:{normalize_user_code(code)}"
            if tries(used, window_seconds=CODE_LIVES_SECONDS) > 1:
                raise get_adapter().validation_error("incorrect_code")
        forget(counter)
        return code


class AuthenticateForm(CountedCode, BaseAuthenticateForm):
    def has_app(self) -> bool:
        """Whether the person has an authenticator app; who has only passkeys is not asked for the code of one."""
        return Authenticator.objects.filter(user=self.user, type=Authenticator.Type.TOTP).exists()


class ReauthenticateForm(CountedCode, BaseReauthenticateForm):
    pass


class ProfileForm(forms.Form):
    """What a person says of themselves: the name colleagues see, and how the pages look and answer."""

    name = forms.CharField(label=_("Nome"), max_length=120, help_text=_("É como seus colegas veem você nesta empresa."))
    language = forms.ChoiceField(label=_("Idioma"), required=False)
    theme = forms.ChoiceField(label=_("Tema"), required=False, choices=THEMES)
    shortcuts = forms.BooleanField(label=_("Atalhos de uma letra no teclado"), required=False)

    def __init__(self, *args: Any, organization_language: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = dict(settings.LANGUAGES)
        own = _("O da empresa: %(language)s") % {"language": names.get(organization_language, organization_language)}
        self.fields["language"].choices = [("", own), *settings.LANGUAGES]  # type: ignore[attr-defined]
        self.fields["name"].widget.attrs["autocomplete"] = "name"


class PreferencesForm(forms.Form):
    """The two choices of the person's menu; each post brings one of them."""

    theme = forms.ChoiceField(required=False, choices=THEMES)
    language = forms.ChoiceField(required=False, choices=settings.LANGUAGES)

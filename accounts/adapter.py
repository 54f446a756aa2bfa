"""How sign-in behaves here: nobody signs up by themselves, tries are counted, a suspended person learns nothing."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.at_rest import keys_for
from accounts.models.people import normalized_email
from accounts.throttle import forget, tries

WINDOW_SECONDS = 15 * 60
PER_ACCOUNT, PER_ADDRESS = 5, 20


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False  # an organization's administrator invites

    def pre_authenticate(self, request: HttpRequest, **credentials) -> None:
        """Five tries an account and twenty an address in fifteen minutes; then wait, never a permanent lock."""
        email = normalized_email(credentials.get("email") or credentials.get("username") or "")
        account = tries(f"login:{email}", window_seconds=WINDOW_SECONDS)
        address = tries(f"login-from:{request.META.get('REMOTE_ADDR', '')}", window_seconds=WINDOW_SECONDS)
        if account > PER_ACCOUNT or address > PER_ADDRESS:
            raise self.validation_error("too_many_login_attempts")

    def login(self, request: HttpRequest, user) -> None:
        super().login(request, user)
        forget(f"login:{user.email_norm}")

    def format_email_subject(self, subject: str) -> str:
        return f"Carteira: {subject}"

    def send_password_reset_mail(self, user, email, context) -> None:
        """Five messages a person in fifteen minutes: nobody can fill somebody's mailbox. The page answers the same."""
        if tries(f"reset:{user.email_norm}", window_seconds=WINDOW_SECONDS) <= PER_ACCOUNT:
            super().send_password_reset_mail(user, email, context)


class MFAAdapter(DefaultMFAAdapter):
    """Second factors: seeds are encrypted at rest, keys have names a person understands."""

    def encrypt(self, text: str) -> str:
        return keys_for("mfa").encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        return keys_for("mfa").decrypt(encrypted_text.encode("ascii")).decode()

    def generate_authenticator_name(self, user, type: Authenticator.Type) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Chave %(number)d") % {"number": count + 1}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": "Carteira"}

"""How sign-in behaves here: nobody signs up by themselves, tries are counted, a suspended person learns nothing."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

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

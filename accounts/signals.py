"""What follows from signing in and from changing how one signs in."""

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_removed
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from accounts.services.sessions import end_sessions


@receiver(user_logged_in)
def begin_session(sender, request: HttpRequest, user: User, **kwargs) -> None:
    sessions.begin(request, user, at=timezone.now())


@receiver([password_changed, password_set, password_reset])
def end_other_sessions(sender, request: HttpRequest, user: User, **kwargs) -> None:
    """Whoever knew the old password is signed out; the browser that changed it stays."""
    mine = request.user.is_authenticated and request.user.pk == user.pk
    end_sessions(user.pk, keep=request.session.session_key if mine else None)


@receiver(authenticator_removed)
def ask_for_second_factor_again(sender, request: HttpRequest, user: User, **kwargs) -> None:
    """Sessions remember that a second factor exists; after one is removed, each must look again."""
    request.session.pop(sessions.SECOND_FACTOR, None)
    end_sessions(user.pk, keep=request.session.session_key)

"""Whose identity rows an anonymous request may see: only those of the person it names itself."""

from django.http import HttpRequest
from django.utils.http import base36_to_int

_RESET_PREFIX = "/accounts/password/reset/key/"


def named_identity(request: HttpRequest) -> dict[str, str | int]:
    """``user_id`` or ``email`` that a sign-in page's request names, for ``identity_atomic``; empty elsewhere.

    A pending second factor names the person in the session, a reset link in its address, the sign-in and
    reset forms by the typed e-mail. Naming shows a row, it opens nothing: password, key or code still must match.
    """
    if not request.path_info.startswith("/accounts/"):
        return {}
    pending = request.session.get("account_login")
    if isinstance(pending, dict) and pending.get("user_pk"):
        return {"user_id": int(pending["user_pk"])}
    if request.path_info.startswith(_RESET_PREFIX):
        digits = request.path_info.removeprefix(_RESET_PREFIX).partition("-")[0]
        try:
            return {"user_id": base36_to_int(digits)}
        except ValueError:
            return {}
    if request.method == "POST":
        email = request.POST.get("login") or request.POST.get("email") or ""
        if 0 < len(email) <= 254 and email.isprintable():
            return {"email": email}
    return {}

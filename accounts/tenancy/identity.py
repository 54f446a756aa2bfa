"""Whose identity rows an anonymous request may see: only those of the person it names itself."""

import binascii
import json
from base64 import urlsafe_b64decode

from django.http import HttpRequest
from django.utils.http import base36_to_int

_RESET_PREFIX = "/accounts/password/reset/key/"
_PASSKEY_PATH = "/accounts/2fa/webauthn/login/"


def named_identity(request: HttpRequest) -> dict[str, str | int]:
    """``user_id`` and ``email`` that a sign-in page's request names, for ``identity_atomic``; empty elsewhere.

    A pending second factor names the person in the session, a reset link in its address, a passkey in its user handle,
    the sign-in and reset forms by the typed e-mail. Naming shows a row, it opens nothing: password, key or code still must match.
    """
    if not request.path_info.startswith("/accounts/"):
        return {}
    names: dict[str, str | int] = {}
    user_id = _named_user(request)
    if user_id is not None and 0 < user_id < 2**63:
        names["user_id"] = user_id
    if request.method == "POST":
        email = request.POST.get("login") or request.POST.get("email") or ""
        if 0 < len(email) <= 254 and email.isprintable():
            names["email"] = email
    return names


def _named_user(request: HttpRequest) -> int | None:
    if request.path_info == _PASSKEY_PATH and request.method == "POST":
        return _user_of_passkey(request.POST.get("credential", ""))
    if request.path_info.startswith(_RESET_PREFIX):
        return _from_base36(request.path_info.removeprefix(_RESET_PREFIX).partition("-")[0])
    pending = request.session.get("account_login")
    if isinstance(pending, dict) and pending.get("user_pk"):
        return _from_base36(str(pending["user_pk"]))  # as the sign-in library writes ids
    return None


def _user_of_passkey(credential: str) -> int | None:
    """The user handle a passkey answers with: base64url of the id in base 36, as it was given when the key was made."""
    try:
        handle = json.loads(credential)["response"]["userHandle"]
        return _from_base36(urlsafe_b64decode(handle + "=" * (-len(handle) % 4)).decode("ascii"))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None


def _from_base36(digits: str) -> int | None:
    try:
        return base36_to_int(digits)
    except ValueError:
        return None

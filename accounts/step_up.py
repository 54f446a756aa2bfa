"""Proving anew who sits there, before an act that takes much away or changes much at once.

A session may be hours old and its screen unlocked. Within ten minutes of a password, or of a second factor where the
person has one, nothing is asked.
"""

import time

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.at_rest import keys_for
from accounts.second_factor import FACTORS

VALID_SECONDS = 600
MANY_ROWS = 500
EXPORTS_AN_HOUR = 10
WORDS = "words_before_proof"


def proved_recently(request: HttpRequest) -> bool:
    """Whether the person proved who they are within ten minutes; a demonstration, whose passwords are published, asks nobody."""
    if request.organization.is_demo:  # type: ignore[attr-defined]
        return True
    records = get_authentication_records(request, request.user)  # type: ignore[arg-type]
    since = time.time() - VALID_SECONDS
    recent = {record.get("method") for record in records if record.get("at", 0) >= since}
    return "mfa" in recent if is_mfa_enabled(request.user, FACTORS) else bool(recent)


def ask_again(request: HttpRequest, back: str, *, why: str = "") -> HttpResponse:
    """Send the person to prove who they are and then to ``back``, a page that is only read: nothing posted is replayed."""
    messages.info(request, why or _("Confirme que é você e repita: isto envolve mais de %(n)s linhas.") % {"n": MANY_ROWS})
    name = "mfa_reauthenticate" if is_mfa_enabled(request.user, FACTORS) else "account_reauthenticate"
    target = f"{reverse(name)}?{urlencode({'next': back})}"
    if getattr(request, "htmx", False):
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = target
        return response
    return redirect(target)


def keep_words(request: HttpRequest, back: str, words: str) -> None:
    """Remember what the person wrote until the page at ``back`` is read again: here, because an address is kept in logs and histories.

    Encrypted, because sessions have no row security and one person's serves every organization they belong to.
    """
    request.session[WORDS] = {"back": back, "at": time.time(), "words": keys_for(WORDS).encrypt(words.encode()).decode()}


def kept_words(request: HttpRequest) -> str:
    """What was kept for exactly this address, within the time a proof is good for; otherwise nothing."""
    kept = request.session.get(WORDS)
    if not kept or kept["back"] != request.get_full_path() or kept["at"] < time.time() - VALID_SECONDS:
        return ""
    try:
        return keys_for(WORDS).decrypt(kept["words"].encode()).decode()
    except InvalidToken:  # SECRET_KEY was changed meanwhile
        return ""


def forget_words(request: HttpRequest) -> None:
    """Once the act is done nothing of it stays in the session."""
    request.session.pop(WORDS, None)

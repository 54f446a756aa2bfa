"""Refuses, before anything reads them, requests too large or holding characters that no text of a person holds."""

import unicodedata
from collections.abc import Callable, Iterable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.utils import translation
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext as _

from accounts.views.errors import refusal

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
FILES_BYTES = 20 * 1024 * 1024
LINE_BREAKS = frozenset("\t\n\r")
DEEPEST = 100  # levels of nesting in a field that holds JSON; Python's own reader gives up, loudly, near a thousand


def unusable(text: str) -> bool:
    """Whether the text holds NUL, another control character (line breaks and tabs apart) or half of a surrogate pair."""
    if text.isprintable():
        return False
    return any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in LINE_BREAKS for sign in text)


def too_deep(text: str) -> bool:
    """Whether a text that looks like JSON nests further than any that is meant."""
    if len(text) <= DEEPEST or text.lstrip()[:1] not in {"[", "{"}:
        return False
    depth = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        if depth > DEEPEST:
            return True
    return False


class InputGuardMiddleware:
    """400 for unusable characters in path, query or form; 413 for a body above the limit. Bodies of other types are their reader's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._refusal(request) or self.get_response(request)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        is_file = request.content_type == "multipart/form-data"
        limit = FILES_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE if is_file else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _length(request) > limit:
            return _refuse(request, 413)
        try:
            if unusable(request.path_info) or LINE_BREAKS & set(request.path_info) or _any_unusable(request.GET.lists()):
                return _refuse(request, 400)
            # Names of files need no look: Django's parser drops such characters from them.
            is_form = request.method in {"POST", "PUT", "PATCH", "DELETE"} and request.content_type in FORMS
            if is_form and _any_unusable(request.POST.lists()):
                return _refuse(request, 400)
        except RequestDataTooBig:
            return _refuse(request, 413)
        except (TooManyFieldsSent, TooManyFilesSent, MultiPartParserError, UnicodeError):
            return _refuse(request, 400)
        return None


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _any_unusable(fields: Iterable[tuple[str, list]]) -> bool:
    return any(unusable(name) or any(unusable(value) or too_deep(value) for value in values) for name, values in fields)


def _refuse(request: HttpRequest, status: int) -> HttpResponse:
    with translation.override(get_language_from_request(request)):
        if status == 413:
            return refusal(request, 413, _("O que você enviou é grande demais. O limite é 1 MB por formulário e 20 MB por arquivo."))
        return refusal(request, 400, _("O texto enviado tem caracteres que não podem ser guardados. Apague-os ou digite de novo."))

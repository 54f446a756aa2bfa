"""Lists that leave the house as files: not too many an hour, proved anew where they are long, and recorded."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.exports import spreadsheet
from accounts.services import Actor, record_event
from accounts.step_up import EXPORTS_AN_HOUR, MANY_ROWS, ask_again, proved_recently
from accounts.throttle import tries


def taken_too_often(request: HttpRequest, n_rows: int, back: str) -> HttpResponse | None:
    """Where to send who may not have the file now: to prove who they are, or to wait. None: they may have it."""
    if n_rows > MANY_ROWS and not proved_recently(request):
        return ask_again(request, back)
    if tries(f"export:{request.membership.pk}", window_seconds=3600) > EXPORTS_AN_HOUR:  # type: ignore[attr-defined]
        messages.warning(request, _("Já foram %(n)s arquivos nesta hora. Espere um pouco e exporte de novo.") % {"n": EXPORTS_AN_HOUR})
        return redirect(back)
    return None


def to_file(
    request: HttpRequest, form: str, name: str, header: Sequence[str], lines: Sequence[Sequence[Any]], *, stream: str, action: str
) -> HttpResponse:
    """The rows as ``csv`` or ``xlsx``, with an audit event in ``stream``; 404 for any other form."""
    if form not in ("csv", "xlsx"):
        raise Http404
    record_event(stream, action, by=Actor(request.membership), after={"form": form, "rows": len(lines)})  # type: ignore[attr-defined]
    return spreadsheet(form, name, header, lines)

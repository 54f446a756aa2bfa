"""A list as a file: who may take it, how often, what is recorded. One road for every list."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.exports import spreadsheet
from accounts.services import Actor, record_event
from accounts.step_up import EXPORTS_AN_HOUR, MANY_ROWS, ask_again, proved_recently
from accounts.throttle import tries
from portfolio.views.common import LEADERS

FORMS = ("csv", "xlsx")
MOST_ROWS = 200_000


def exported(
    request: HttpRequest,
    form: str,
    *,
    name: str,
    header: Sequence[Any],
    rows: Callable[[], Iterable[Sequence[Any]]],
    count: Callable[[], int],
    back: str,
    what: str,
    query: str = "",
) -> HttpResponse:
    """The rows as a download, for those who lead or audit; the person proves who they are for more than ``MANY_ROWS``.

    Representatives take no list away: to them the address does not exist.

    Parameters
    ----------
    rows, count : called only once everything that may refuse has been asked; ``count`` may stop at ``MANY_ROWS`` + 1
    back : the list's own page, to which a refusal leads
    what : the list's name in the audit trail, as in ``list:clients``
    """
    if request.membership.role not in LEADERS or form not in FORMS:  # type: ignore[attr-defined]
        raise Http404
    if not proved_recently(request) and count() > MANY_ROWS:
        return ask_again(request, back)
    if tries(f"export:{request.membership.pk}", window_seconds=3600) > EXPORTS_AN_HOUR:  # type: ignore[attr-defined]
        messages.warning(request, _("Já foram %(n)s arquivos nesta hora. Espere um pouco e exporte de novo.") % {"n": EXPORTS_AN_HOUR})
        return redirect(back)
    lines = list(rows())
    after = {"form": form, "rows": len(lines), "filter": query[:300]}
    record_event(f"list:{what}", "list.exported", by=Actor(request.membership), after=after)  # type: ignore[attr-defined]
    return spreadsheet(form, name, header, lines)

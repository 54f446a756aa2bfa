"""The lists of the trade as files: for those who lead or audit, recorded under the list's own name."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.exporting import MOST_ROWS, hand_out
from accounts.services.audit import Event
from portfolio.views.common import LEADERS

__all__ = ["MOST_ROWS", "exported"]


def exported(
    request: HttpRequest,
    form: str,
    *,
    name: str,
    header: Sequence[Any],
    rows: Callable[[], Iterable[Sequence[Any]]],
    count: Callable[[int], int],
    back: str,
    what: str,
    query: str = "",
) -> HttpResponse:
    """The rows as ``accounts.exporting.hand_out`` gives them; to representatives, who take no list away, the address does not exist.

    ``what`` is the list's name in the audit trail, as in ``list:clients``.
    """
    if request.membership.role not in LEADERS:  # type: ignore[attr-defined]
        raise Http404
    recorded = Event(f"list:{what}", "list.exported", after={"filter": query[:300]})
    return hand_out(request, form, name=name, header=header, rows=rows, count=count, back=back, event=recorded)

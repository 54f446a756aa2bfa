"""A list as a file: who may take it now, at once or by a worker, and what is recorded. One road for every long list."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import resolve
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.models import ExportJob
from accounts.services import Actor, record_event
from accounts.services.audit import Event
from accounts.services.exports import Composed, ExportRefused, Tell, request_export, scope_of
from accounts.spreadsheets import TYPES, spreadsheet, write_rows
from accounts.step_up import EXPORTS_AN_HOUR, MANY_ROWS, ask_again, proved_recently
from accounts.throttle import tries

AT_ONCE = 5_000  # rows made within a request: less than a second of it
MOST_ROWS = 200_000  # of one file


class Composing:
    """What a worker puts on the request it replays: the export writes into its file instead of answering a browser."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self.path, self.tell = path, tell
        self.made: Composed | None = None

    def take(self, form: str, name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]], *, n_rows: int, most: int) -> int:
        """Write at most ``most`` rows of ``n_rows``, saying once a second how far they are; returns how many there were."""
        total, written = min(n_rows, most), 0

        def counted() -> Iterator[Sequence[Any]]:
            nonlocal written
            last = monotonic()
            for row in islice(rows, most):
                written += 1
                yield row
                if monotonic() - last > 1:
                    last = monotonic()
                    self.tell(written, max(total, written))

        self.tell(0, total)
        with self.path.open("wb") as file:
            write_rows(form, file, header, counted(), scratch=self.path.parent)
        return written


def hand_out(
    request: HttpRequest,
    form: str,
    *,
    name: str,
    header: Sequence[Any],
    rows: Callable[[], Iterable[Sequence[Any]]],
    count: Callable[[int], int],
    back: str,
    event: Event,
    most: int = MOST_ROWS,
) -> HttpResponse:
    """The rows as a download; or, beyond ``AT_ONCE`` of them, the page of a job that makes the file.

    The person proves who they are for more than ``MANY_ROWS``, and takes ``EXPORTS_AN_HOUR`` files at most.

    Parameters
    ----------
    name : the file's name without its ending
    rows : called only once everything that may refuse has been asked; what is beyond ``most`` stays behind. Rows are read as they
        are written: read them in slices, and the memory a long file takes stays that of a slice.
    count : how many rows there are; it may stop at the number it is given
    back : the list's own page, to which a refusal leads
    event : what the trail says; the form and how many rows are added
    """
    if form not in TYPES:
        raise Http404
    event = replace(event, after={"form": form, "rows": 0} | event.after)
    composing: Composing | None = getattr(request, "composing", None)
    if composing is not None:
        n_rows = count(most + 1)
        written = composing.take(form, name, header, rows(), n_rows=n_rows, most=most)
        told = replace(event, after=event.after | {"rows": written})
        composing.made = Composed(name, written, cut=n_rows > most, event=told)
        return HttpResponse()
    member = request.membership  # type: ignore[attr-defined]
    n_rows = count(max(AT_ONCE, MANY_ROWS) + 1)
    if n_rows > MANY_ROWS and not proved_recently(request):
        return ask_again(request, back)
    if tries(f"export:{member.pk}", window_seconds=3600) > EXPORTS_AN_HOUR:
        messages.warning(request, _("Já foram %(n)s arquivos nesta hora. Espere um pouco e exporte de novo.") % {"n": EXPORTS_AN_HOUR})
        return redirect(back)
    if n_rows > AT_ONCE:
        job = request_export(
            by=member,
            path=request.path,
            query=request.GET.urlencode(),
            form=form,
            name=name,
            back=back,
            language=get_language() or "",
            at=timezone.now(),
        )
        return redirect("accounts:export", request.organization.slug, job.pk)  # type: ignore[attr-defined]
    lines = list(islice(rows(), most))
    record_event(event.stream, event.action, by=Actor(member), after=event.after | {"rows": len(lines)})
    return spreadsheet(form, name, header, lines)


def compose(job: ExportJob, path: Path, tell: Tell) -> Composed:
    """Replay the export's own view as the person who asked for it, into the file ``path``.

    The view decides anew what the person may see: the same walls, filter and columns as in a request. The request has no user, no
    session and no headers: a view that asks for one of them while it lists rows could not be replayed, and fails here.

    Raises
    ------
    ExportRefused
        The person may not have that list any more.
    """
    member = job.asked_by
    gone = _("Esta lista não está mais ao seu alcance.")
    if not member.is_active or scope_of(member) != job.scope:
        raise ExportRefused(gone)
    request = HttpRequest()
    request.method, request.path, request.path_info = "GET", job.path, job.path
    request.GET = QueryDict(job.query)
    request.composing = composing = Composing(path, tell)  # type: ignore[attr-defined]
    request.membership, request.organization, request.htmx = member, member.organization, False  # type: ignore[attr-defined]
    match = resolve(job.path)
    request.resolver_match = match
    kwargs = {key: value for key, value in match.kwargs.items() if key != "organization"}
    try:
        with timezone.override(member.organization.zone):  # as the middleware has it for a request
            match.func(request, *match.args, **kwargs)
    except Http404 as problem:
        raise ExportRefused(gone) from problem
    if composing.made is None:
        raise ExportRefused(gone)
    return composing.made

"""Files a worker makes of long lists: how far each is, and the file itself, for who asked alone."""

from dataclasses import dataclass

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import ExportJob
from accounts.services.exports import OPEN, ExportProgress, file_of, own_exports, record_taken
from accounts.spreadsheets import TYPES
from accounts.step_up import MANY_ROWS, ask_again, proved_recently
from accounts.views.common import is_partial, member_of


@dataclass(frozen=True)
class Row:
    """One file as the page draws it; ``again`` asks for the same list once more, "" where that is of no use."""

    job: ExportJob
    open: bool
    kept: bool
    done: int
    total: int
    again: str


def _row(job: ExportJob) -> Row:
    kept = file_of(job, at=timezone.now()) is not None
    open_still = job.state in OPEN
    done, total = ExportProgress.of(job) if open_still else (0, 0)
    again = "" if kept or open_still else f"{job.path}?{job.query}" if job.query else job.path
    return Row(job, open_still, kept, done, total, again)


@require_GET
def exports(request: HttpRequest) -> HttpResponse:
    """The member's own files of the last days."""
    return render(request, "exports/exports.html", {"rows": [_row(job) for job in own_exports(member_of(request), at=timezone.now())]})


@require_GET
def export(request: HttpRequest, job: int) -> HttpResponse:
    """One file: how far it is, then the way to it; the card asks again while a worker is at it."""
    row = _row(_own(request, job))
    response = render(request, "exports/_job.html" if is_partial(request) else "exports/export.html", {"row": row, "job": row.job})
    response.headers["Vary"] = "HX-Request"
    response.headers["Cache-Control"] = "no-store"
    return response


@require_GET
def download(request: HttpRequest, job: int) -> HttpResponse | FileResponse:
    """The file, to who asked for it and still reaches what it holds; proved anew where it is long, and recorded."""
    found = _own(request, job)
    path = file_of(found, at=timezone.now())
    if path is None:
        raise Http404
    if found.rows > MANY_ROWS and not proved_recently(request):
        return ask_again(request, reverse("accounts:export", args=[request.organization.slug, found.pk]))  # type: ignore[attr-defined]
    record_taken(found, by=member_of(request))
    response = FileResponse(path.open("rb"), as_attachment=True, filename=found.file_name, content_type=TYPES[found.form])
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _own(request: HttpRequest, number: int) -> ExportJob:
    found = next((job for job in own_exports(member_of(request), at=timezone.now()) if job.pk == number), None)
    if found is None:
        raise Http404
    return found

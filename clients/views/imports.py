"""Files in through the browser: the list and the upload, the columns, and one job from check to result."""

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.services import Actor, record_event
from accounts.templatetags.formats import number
from clients.import_template import template_book
from clients.import_words import KINDS, kind_label, words_for, words_of
from clients.imports import jobs, kind_names
from clients.imports.errors import ImportRefused
from clients.imports.kinds.base import Kind
from clients.imports.kinds.own_fields import kind_here
from clients.imports.mapping import key_of
from clients.imports.places import MOST_MB
from clients.imports.reading import UPLOAD
from clients.imports.refusals import ADDED
from clients.models import ImportJob
from clients.views.common import ADMINS, OFFICE, only, paged, partial, writes

S = ImportJob.State
PAGE = 25
MOVING = (S.CHECKING, S.WAITING, S.RUNNING)
STOP_POLLING = 286  # htmx swaps the answer and stops asking
TONES = {
    S.UPLOADED: ("warn", "list-checks"),
    S.CHECKING: ("info", "loader-circle"),
    S.CHECKED: ("warn", "clock"),
    S.WAITING: ("info", "clock"),
    S.RUNNING: ("info", "loader-circle"),
    S.DONE: ("ok", "check"),
    S.FAILED: ("bad", "circle-alert"),
    S.CANCELLED: ("", "ban"),
}


@require_http_methods(["GET", "POST"])
@only(OFFICE)
@paged
def imports(request: HttpRequest) -> HttpResponse:
    """What was imported, and the form for the next file; POST takes it."""
    context: dict[str, Any] = {}
    if request.method == "POST":
        if not writes(request):
            raise Http404
        kind, file = request.POST.get("kind", ""), request.FILES.get("file")
        context = {"kind": kind, **_upload_faults(kind, file)}
        if not context["faults"] and file is not None:
            try:
                job = _received(request, kind, file)
            except ImportRefused as refusal:
                context["faults"] = {"file": str(refusal)}
            else:
                return redirect("clients:import_columns", request.organization.slug, job.pk)  # type: ignore[attr-defined]
    context |= _list_context(request) | _upload_context()
    whole = request.method == "POST" or not partial(request)
    name = "clients/imports.html" if whole else "clients/_import_list.html"
    return render(request, name, context, status=422 if context.get("faults") else 200)


def _upload_faults(kind: str, file: UploadedFile | None) -> dict[str, Any]:
    faults = {}
    if kind not in kind_names():
        faults["kind"] = _("Escolha o que o arquivo traz.")
    if file is None:
        faults["file"] = _("Escolha um arquivo CSV, CSV.gz ou XLSX.")
    return {"faults": faults}


def _received(request: HttpRequest, kind: str, file: UploadedFile, mends: ImportJob | None = None) -> ImportJob:
    return jobs.receive_upload(
        kind,
        file.chunks(),
        file_name=file.name or "",
        by=request.membership,  # type: ignore[attr-defined]
        language=get_language() or "",
        mends=mends,
    )


def _upload_context() -> dict[str, Any]:
    kinds = [
        (name, *KINDS.get(name, (name, "")))
        for name in sorted(kind_names(), key=lambda each: list(KINDS).index(each) if each in KINDS else 99)
    ]
    return {"kinds": kinds, "most_mb": MOST_MB, "most_rows": UPLOAD.rows, "keep_days": jobs.KEEP_DAYS}


def _list_context(request: HttpRequest) -> dict[str, Any]:
    before = request.GET.get("before", "")
    rows = ImportJob.objects.select_related("by").order_by("-pk")
    if before.isascii() and before.isdigit() and len(before) < 16:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: PAGE + 1])
    shown = found[:PAGE]
    for job in shown:
        job.label, job.tone = kind_label(job.kind), TONES[S(job.state)]  # type: ignore[attr-defined]
    here = request.path
    return {
        "jobs": shown,
        "writes": writes(request),
        "first_url": here if before else "",
        "next_url": f"{here}?before={shown[-1].pk}" if len(found) > PAGE else "",
        "zone": request.organization.time_zone,  # type: ignore[attr-defined]
    }


@require_GET
@only(ADMINS)
def template(request: HttpRequest, kind: str) -> HttpResponse:
    """An empty sheet with the kind's columns, and beside it what goes into each, with an example."""
    if kind not in kind_names():
        raise Http404
    return template_book(kind_here(kind))


@require_http_methods(["GET", "POST"])
@only(ADMINS)
@paged
def columns(request: HttpRequest, job: int) -> HttpResponse:
    """Which column of the file is which of ours; POST has the whole file checked."""
    row = _job_or_404(job)
    if row.state not in (S.UPLOADED, S.CHECKED, S.FAILED) or row.erased_at or row.rows or not row.stored_as:
        return redirect("clients:job", request.organization.slug, row.pk)  # type: ignore[attr-defined]
    error = ""
    if request.method == "POST":
        kind = kind_here(row.kind)
        chosen, twice = _posted_columns(request, row, kind)
        decimal = request.POST.get("decimal", "")
        error = twice and _("A coluna “%(name)s” foi indicada duas vezes. Deixe só uma.") % {"name": _label(kind, twice)}
        if not error:
            try:
                jobs.choose_columns(row, chosen, decimal=decimal, by=request.membership)  # type: ignore[attr-defined]
            except DomainError as refusal:
                error = str(refusal)
            else:
                return redirect("clients:job", request.organization.slug, row.pk)  # type: ignore[attr-defined]
        remembered = False
    else:
        kind = kind_here(row.kind)
        chosen, decimal, remembered = jobs.suggested_columns(row)
    context = {"job": row, "error": error, "remembered": remembered, "decimal": decimal} | _columns_context(row, kind, chosen)
    return render(request, "clients/import_columns.html", context, status=422 if error else 200)


def _posted_columns(request: HttpRequest, job: ImportJob, kind: type[Kind]) -> tuple[dict[str, str], str]:
    """Our column -> header, and the first column named twice, if one is."""
    chosen: dict[str, str] = {}
    known = {column.name for column in kind.offers}
    for position, header in enumerate(job.header):
        name = request.POST.get(f"h{position}", "")
        if name in known and name in chosen:
            return chosen, name
        if name in known and header:
            chosen[name] = header
    return chosen, ""


def _label(kind: type[Kind], name: str) -> str:
    return next(str(words_for(kind, column).label) for column in kind.offers if column.name == name)


def _columns_context(job: ImportJob, kind: type[Kind], chosen: dict[str, str]) -> dict[str, Any]:
    ours = [(column.name, words_for(kind, column), column.must) for column in kind.offers if not column.own]
    own = [(column.name, column.label) for column in kind.offers if column.own]
    column_of = {header: name for name, header in chosen.items()}
    rows = []
    for position, header in enumerate(job.header):
        if header and header not in ADDED:
            cells = list(dict.fromkeys(row[position] for row in job.sample if position < len(row) and row[position]))[:3]
            rows.append((position, header, cells, column_of.get(header, "")))
    missing = kind.missing(chosen)
    required = dict.fromkeys([*(name for name, _words, must in ours if must), *missing])
    return {
        "label": kind_label(job.kind),
        "ours": ours,
        "own": own,
        "headers": rows,
        "required": [(words_of(job.kind, name).label, name not in missing) for name in required],
        "missing": [words_of(job.kind, name).label for name in missing],
        "unmatched": [header for _position, header, _cells, name in rows if not name],
        "numeric": any(column.numeric or column.sql in {"bigint", "numeric"} or column.sql.startswith("numeric") for column in kind.offers),
    }


@require_GET
@only(OFFICE)
@paged
def job(request: HttpRequest, job: int) -> HttpResponse:
    """One file's check, progress or result. While something is at work the card asks again every 2 s."""
    row = _job_or_404(job)
    if row.state == S.UPLOADED and writes(request):
        return redirect("clients:import_columns", request.organization.slug, row.pk)  # type: ignore[attr-defined]
    context = _job_context(request, row)
    if not partial(request):
        return render(request, "clients/job.html", context)
    return render(request, "clients/_job.html", context, status=200 if row.state in MOVING else STOP_POLLING)


def _job_context(request: HttpRequest, row: ImportJob) -> dict[str, Any]:
    counted = (
        row.found
        if row.state == S.CHECKED
        else {name: getattr(row, name) for name in ("rows", "created", "updated", "unchanged", "merged", "refused")}
    )
    headers = {key_of(header): header for header in row.header}
    ours = {column.name: header for column, header in _bound(row, headers)}
    refusals = [{**each, "header": _said(row.kind, each["column"], ours)} for each in row.refusals]
    found = dict.fromkeys(("rows", "created", "updated", "unchanged", "merged", "refused"), 0) | {
        name: value for name, value in counted.items() if isinstance(value, int)
    }
    # The first rows are heard of when they are written: once all are read, that has begun.
    read = row.phase == "read" and 0 < row.total_rows <= row.done_rows
    writing = row.phase == "write" or read
    share = row.done_rows / row.total_rows if row.total_rows else 0
    return {
        "job": row,
        "label": kind_label(row.kind),
        "tone": TONES[S(row.state)],
        "writes": writes(request),
        "moving": row.state in MOVING,
        "n": found,
        "changes": found["created"] + found["updated"],
        "all_refused": row.state in (S.CHECKED, S.DONE) and 0 < found["rows"] == found["refused"],
        "refusals": refusals,
        "reasons": [(_said(row.kind, column, ours), reason, n) for column, reason, n in row.reasons],
        "more_refused": found["refused"] - len({each["line"] for each in refusals}),
        "ignored": [name for name in (row.found.get("ignored_columns") or []) if name not in ADDED],
        # Reading is the first half of the way, writing the second.
        "percent": round(50 * (share + (row.phase == "write"))) if row.phase else 0,
        "writing": writing,
        "read": read,
        "settling": row.phase == "write" and row.done_rows >= row.total_rows,
        "pace": jobs.pace_of(row, at=timezone.now()),
        "took": (row.finished_at - row.begun_at).total_seconds() if row.state == S.DONE and row.finished_at and row.begun_at else None,
        "ahead": jobs.ahead_of(row) if row.state in MOVING and row.heartbeat_at is None else 0,
        "before": jobs.same_file_before(row) if row.state in (S.CHECKED, S.DONE) else None,
        "has_refused": bool(found["refused"]) and not row.erased_at and row.state in (S.CHECKED, S.DONE),
        "rematch": row.state in (S.CHECKED, S.FAILED) and not row.rows and not row.erased_at and bool(row.stored_as),
        "mended": list(row.mended_by.order_by("pk")[:5]) if row.state == S.DONE else [],
        "zone": request.organization.time_zone,  # type: ignore[attr-defined]
        "keep_days": jobs.KEEP_DAYS,
        "said": _outcome(row, found) if row.state not in MOVING else "",
    }


def _bound(row: ImportJob, headers: dict[str, str]):
    kind = kind_here(row.kind) if row.kind in kind_names() else None
    for column in kind.offers if kind else ():
        header = (row.mapping or {}).get(column.name)
        if isinstance(header, str):
            yield column, headers.get(key_of(header), header)


def _said(kind: str, column: str, ours: dict[str, str]) -> str:
    """The column of a refused line as people know it: their header; ours where the file names none."""
    return str(words_of(kind, column).label) if column and column not in ours.values() else column


def _outcome(row: ImportJob, n: dict[str, int]) -> str:
    if row.state == S.CHECKED:
        return _("Conferência pronta.")
    if row.state != S.DONE:
        return str(row.get_state_display())
    taken = n["rows"] - n["refused"]
    return ngettext("%(n)s linha importada.", "%(n)s linhas importadas.", taken) % {"n": number(taken)}


@require_POST
@only(ADMINS)
def confirm(request: HttpRequest, job: int) -> HttpResponse:
    return _act(request, job, jobs.confirm, "")


@require_POST
@only(ADMINS)
def cancel(request: HttpRequest, job: int) -> HttpResponse:
    return _act(request, job, jobs.cancel, _("Importação cancelada."))


def _act(request: HttpRequest, job: int, act: Any, said: str) -> HttpResponse:
    row = _job_or_404(job)
    try:
        act(row, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        if said:
            messages.success(request, said)
    return redirect("clients:job", request.organization.slug, row.pk)  # type: ignore[attr-defined]


@require_POST
@only(ADMINS)
@paged
def mended(request: HttpRequest, job: int) -> HttpResponse:
    """The refused lines of this job, mended: matched as its file was, and checked at once."""
    row = _job_or_404(job)
    if row.state != S.DONE or not row.mapping:
        raise Http404
    file = request.FILES.get("file")
    error = "" if file else _("Escolha o arquivo com as linhas corrigidas.")
    if file:
        try:
            made = _received(request, row.kind, file, mends=row)
        except ImportRefused as refusal:
            error = str(refusal)
        else:
            chosen = {name: rule for name, rule in row.mapping.items() if isinstance(rule, str) and name != "decimal"}
            slug = request.organization.slug  # type: ignore[attr-defined]
            try:
                jobs.choose_columns(made, chosen, decimal=row.mapping.get("decimal") or "", by=request.membership)  # type: ignore[attr-defined]
            except ImportRefused as refusal:
                # Kept all the same: with other columns it may still be taken.
                messages.warning(request, str(refusal))
                return redirect("clients:import_columns", slug, made.pk)
            return redirect("clients:job", slug, made.pk)
    return render(request, "clients/job.html", _job_context(request, row) | {"mend_error": error}, status=422)


@require_GET
@only(OFFICE)
def refused(request: HttpRequest, job: int) -> HttpResponse | FileResponse:
    """The refused lines as a file; who took it away is recorded."""
    row = _job_or_404(job)
    path = jobs.refused_file_of(row)
    if path is None:
        raise Http404
    record_event(f"import:{row.pk}", "import.refused_downloaded", by=Actor(request.membership), after={"at": timezone.now()})  # type: ignore[attr-defined]
    name = _("recusadas-%(file)s.csv") % {"file": row.file_name.rsplit(".", 1)[0]}
    response = FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _job_or_404(pk: int) -> ImportJob:
    row = ImportJob.objects.select_related("by", "mends").filter(pk=pk).first()
    if row is None:
        raise Http404
    return row

"""Files sent through a page: kept, matched, checked, confirmed, taken in one after the other, and erased in the end.

The row says where a file is in its life, so nothing here waits for a person or survives in a process::

    uploaded -> checking -> checked -> waiting -> running -> done        also failed, cancelled

``checking`` and ``waiting`` are queues: of one organization one file is at work at a time, the oldest first. What a dead worker
left is silent, and whoever comes next begins it again; chunks that were written are found unchanged and counted once.
"""

import hashlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Notice, Organization, Role
from accounts.services import Actor, notify, record_event
from accounts.tenancy import tenant_atomic
from accounts.tenancy.tasks import send_on_commit
from clients.imports.errors import ImportCancelled, ImportRefused
from clients.imports.kinds.base import kind_named
from clients.imports.kinds.own_fields import kind_here
from clients.imports.mapping import bind, key_of
from clients.imports.places import folder_of, keep_upload
from clients.imports.reading import UPLOAD, open_table
from clients.imports.refusals import ADDED
from clients.imports.run import SHOWN_REASONS, SHOWN_REFUSALS, ImportResult, run_import
from clients.imports.spoken import guess_columns
from clients.models import ImportJob

S = ImportJob.State
AT_WORK = (S.CHECKING, S.RUNNING)
OPEN = (S.UPLOADED, S.CHECKING, S.CHECKED, S.WAITING, S.RUNNING)
SILENT = timedelta(seconds=120)
COMMAND_SILENT = timedelta(minutes=15)  # the command reads a large file without a word
ATTEMPTS = 5
KEEP_DAYS = 30  # how long files and samples stay; the counts stay for good
SAMPLE_ROWS = 5
LONG_CHECK_SECONDS = 20.0  # whoever waited that long for a check has gone elsewhere, and is told
_QUEUE_LOCK = 0x1_0000


class JobRefused(DomainError):
    """The job is no longer where the person saw it, or may not do that."""

    code = "import_job_refused"


def receive_upload(
    kind: str, content: Iterable[bytes], *, file_name: str, by: Membership, language: str, mends: ImportJob | None = None
) -> ImportJob:
    """Keep the file in the organization's folder and look at its header; a mended file goes on with its first one's columns.

    Parameters
    ----------
    content : the file's bytes, in blocks; written as they come
    mends : the job whose refused lines these are

    Raises
    ------
    NotAllowed
        Only administration imports.
    ImportRefused
        No such kind, or not a file we read; nothing is kept.
    """
    _require_admin(by)
    chosen = kind_named(kind)
    path, size = keep_upload(content, file_name=file_name, organization_id=by.organization_id)
    try:
        table = open_table(path, UPLOAD)
        keys = sorted({key_of(cell) for cell in table.header if cell and cell not in ADDED})
        header_key = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        sample = [[cell.strip()[:80] for cell in row[: len(table.header)]] for _line, row in islice(table.rows(), SAMPLE_ROWS)]
    except BaseException:
        shutil.rmtree(path.parent)
        raise
    job = ImportJob.objects.create(
        organization_id=by.organization_id,
        kind=chosen.name,
        file_name=path.name,
        digest=table.digest,
        state=S.UPLOADED,
        by=by,
        stored_as=str(path.relative_to(folder_of(by.organization_id))),
        size_bytes=size,
        header=table.header,
        header_key=header_key,
        sample=sample,
        language=language,
        mends=mends,
        total_rows=table.expected_rows,
    )
    record_event(f"import:{job.pk}", "import.uploaded", by=Actor(by), after={"kind": job.kind, "digest": job.digest, "bytes": size})
    return job


def suggested_columns(job: ImportJob) -> tuple[dict[str, str], str, bool]:
    """Our column -> the file's header, the decimal mark, and whether that is remembered from an earlier file of these headers.

    What a person chose for the same kind and set of headers comes first; else what the headers seem to mean.
    """
    chosen = kind_here(job.kind)
    earlier = ImportJob.objects.filter(kind=job.kind, header_key=job.header_key, mapping__isnull=False).order_by("-id").first()
    if earlier is not None:
        by_key = {key_of(cell): cell for cell in job.header if cell}
        offered = {column.name for column in chosen.offers}  # an own field may be switched off since
        rules = {name: rule for name, rule in (earlier.mapping or {}).items() if isinstance(rule, str) and name in offered}
        known = {name: by_key[key_of(rule)] for name, rule in rules.items() if key_of(rule) in by_key}
        return known, str((earlier.mapping or {}).get("decimal") or ""), True
    keys = ["" if cell in ADDED else key_of(cell) for cell in job.header]
    return {name: job.header[position] for name, position in guess_columns(keys, chosen).items()}, "", False


def choose_columns(job: ImportJob, chosen: dict[str, str], *, decimal: str, by: Membership) -> None:
    """Match the columns and have the whole file checked: the import's own way, with nothing written.

    Parameters
    ----------
    chosen : our column -> the file's header; columns left out are not imported, even under their own name
    decimal : "," or ".", or "" to tell from each cell

    Raises
    ------
    NotAllowed
    ImportRefused
        A required column is missing, or the mapping names what is not there.
    JobRefused
        The import has begun, or was cancelled.
    """
    _require_admin(by)
    kind = kind_here(job.kind)
    mapping: dict[str, Any] = {column.name: chosen.get(column.name) or None for column in kind.offers}
    if decimal:
        mapping["decimal"] = decimal
    bind(job.header, kind, mapping)
    moved = ImportJob.objects.filter(pk=job.pk, state__in=[S.UPLOADED, S.CHECKED, S.FAILED], erased_at=None, rows=0)
    reset = {"found": {}, "refusals": [], "reasons": [], "error": "", "finished_at": None, **_UNTRIED}
    if not moved.update(state=S.CHECKING, mapping=mapping, **reset):
        raise JobRefused(_("Esta importação já começou ou foi cancelada. Envie o arquivo de novo."))
    record_event(f"import:{job.pk}", "import.checked", by=Actor(by), after={"mapping": mapping})
    send_on_commit("clients.tasks.work_imports", organization_id=job.organization_id)


def confirm(job: ImportJob, *, by: Membership) -> None:
    """Put a checked file into the queue to be written.

    Raises
    ------
    NotAllowed
    JobRefused
        It is not checked, or no longer.
    """
    _require_admin(by)
    if not ImportJob.objects.filter(pk=job.pk, state=S.CHECKED, erased_at=None).update(
        state=S.WAITING, refusals=[], reasons=[], **_UNTRIED
    ):
        raise JobRefused(_("Esta importação não está mais à espera de confirmação."))
    record_event(f"import:{job.pk}", "import.confirmed", by=Actor(by))
    send_on_commit("clients.tasks.work_imports", organization_id=job.organization_id)


def cancel(job: ImportJob, *, by: Membership) -> None:
    """Give the file up. One that is being written stops after the chunk at hand; what was written stays.

    Raises
    ------
    NotAllowed
    JobRefused
        It has ended.
    """
    _require_admin(by)
    moved = ImportJob.objects.filter(pk=job.pk, state__in=OPEN).exclude(stored_as="")
    if not moved.update(state=S.CANCELLED, finished_at=timezone.now()):
        raise JobRefused(_("Esta importação já terminou."))
    record_event(f"import:{job.pk}", "import.cancel_asked", by=Actor(by))


_UNTRIED: dict[str, Any] = {"begun_at": None, "phase_at": None, "heartbeat_at": None, "attempts": 0, "phase": "", "done_rows": 0}


def ahead_of(job: ImportJob) -> int:
    """How many files of the organization come before this one."""
    return ImportJob.objects.filter(state__in=[S.CHECKING, S.WAITING, S.RUNNING], pk__lt=job.pk).exclude(stored_as="").count()


def work(organization_id: int, *, at: datetime) -> bool:
    """Do the next thing the organization's files wait for; False when there is none, or another worker is at one.

    Call it with no transaction open. A failure that is no refusal is raised: the row stays, and is begun again when it has been
    silent for two minutes, five times in all.
    """
    job = _claimed(organization_id, at)
    if job is None:
        return False
    checking = job.state == S.CHECKING
    begun = time.monotonic()
    with translation.override(job.language or settings.LANGUAGE_CODE):
        path = folder_of(organization_id) / job.stored_as
        try:
            result = run_import(
                job.kind,
                path,
                organization=job.organization,
                by=Actor(job.by) if job.by else Actor(label="imports"),
                at=at,
                mapping=job.mapping,
                limits=UPLOAD,
                dry_run=checking,
                refused_to=refused_path(job),
                file_name=job.file_name,
                progress=_Watch(job),
                job=job,
            )
        except ImportCancelled:
            return True
        except ImportRefused as refusal:
            _fail(job, str(refusal))
            return True
    with tenant_atomic(organization_id):
        if checking:
            _keep_check(job, result)
        if not checking or time.monotonic() - begun > LONG_CHECK_SECONDS:
            tell(job)
    return True


def _claimed(organization_id: int, at: datetime) -> ImportJob | None:
    with tenant_atomic(organization_id):
        with connection.cursor() as cursor:
            # Two workers must not both find nobody at work; there may be no row yet to lock.
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_QUEUE_LOCK, organization_id % 2**31])
        if ImportJob.objects.filter(state__in=AT_WORK, heartbeat_at__gt=at - SILENT).exists():
            return None
        due = Q(state__in=[S.CHECKING, S.WAITING, S.RUNNING]) & ~Q(stored_as="")
        job = ImportJob.objects.filter(due).select_related("organization", "by").order_by("pk").first()
        if job is None:
            return None
        if job.attempts >= ATTEMPTS:
            error = _("O processamento parou cinco vezes sem chegar ao fim. O que já foi gravado está íntegro; envie o arquivo de novo.")
            ImportJob.objects.filter(pk=job.pk).update(state=S.FAILED, error=error, finished_at=at)
            tell(job)
            return None
        job.state = S.RUNNING if job.state == S.WAITING else S(job.state)
        job.attempts += 1
        job.begun_at = job.begun_at or at
        ImportJob.objects.filter(pk=job.pk).update(state=job.state, attempts=job.attempts, begun_at=job.begun_at, heartbeat_at=at)
        return job


class _Watch:
    """Says once a second how far the file is, and stops it where a person cancelled it."""

    def __init__(self, job: ImportJob) -> None:
        self.job, self.last, self.phase, self.heard_at = job, 0.0, "", timezone.now()

    def __call__(self, phase: str, done: int, total: int) -> None:
        now, at = time.monotonic(), timezone.now()
        if now - self.last < 1 and phase == self.phase and done < total:
            self.heard_at = at
            return
        told: dict[str, Any] = {"phase": phase, "done_rows": done, "total_rows": total, "heartbeat_at": at}
        if phase != self.phase:
            # The first word of a phase comes when its first rows are done: it began where the one before was last heard of.
            told["phase_at"] = self.heard_at
        self.last, self.phase = now, phase
        self.heard_at = at
        with tenant_atomic(self.job.organization_id):
            mine = ImportJob.objects.filter(pk=self.job.pk, state=self.job.state)
            if not mine.update(**told):
                raise ImportCancelled(_("Cancelada por uma pessoa."))


def _keep_check(job: ImportJob, result: ImportResult) -> None:
    names = ("rows", "created", "updated", "unchanged", "merged", "refused", "ignored_columns", "more")
    found = {name: getattr(result, name) for name in names} | {"seconds": round(result.seconds, 1)}
    ImportJob.objects.filter(pk=job.pk, state=S.CHECKING).update(
        state=S.CHECKED,
        found=found,
        refusals=list(result.refusals.listed(SHOWN_REFUSALS)),
        reasons=result.refusals.reasons(SHOWN_REASONS),
    )


def _fail(job: ImportJob, sentence: str) -> None:
    """A file that cannot be taken after all; of an import that began to be read ``run_import`` has closed the row."""
    with tenant_atomic(job.organization_id):
        open_still = ImportJob.objects.filter(pk=job.pk, state__in=AT_WORK)
        if open_still.update(state=S.FAILED, error=sentence[:500], finished_at=timezone.now()) and job.state == S.RUNNING:
            record_event(f"import:{job.pk}", "import.failed", by=Actor(job.by) if job.by else Actor(label="imports"))
        tell(job)


def tell(job: ImportJob) -> None:
    """A notice to whoever sent the file, about what it came to."""
    row = ImportJob.objects.get(pk=job.pk)
    if row.by_id is None or row.state == S.CANCELLED:
        return
    counted = row.found if row.state == S.CHECKED else {"created": row.created, "updated": row.updated, "refused": row.refused}
    facts = {"job": row.pk, "kind": row.kind, "file": row.file_name, "state": row.state, "error": row.error[:300]}
    facts |= {name: counted.get(name, 0) for name in ("created", "updated", "refused")}
    notify([row.by_id], Notice.Kind.IMPORT_ENDED, key=f"import:{row.pk}:{row.state}:{row.attempts}", facts=facts)


def refused_path(job: ImportJob) -> Path:
    """Where the refused lines of a page's file are written, beside the file itself."""
    return (folder_of(job.organization_id) / job.stored_as).parent / "refused.csv"


def refused_file_of(job: ImportJob) -> Path | None:
    """The file of refused lines, where there is one below the organization's own folder."""
    path = refused_path(job) if job.stored_as else Path(job.refused_file) if job.refused_file else None
    if job.erased_at or path is None or not path.is_file():
        return None
    # Resolved: a name with “..” has the folder among its parents, and leads out of it.
    return path if path.resolve().is_relative_to(folder_of(job.organization_id).resolve()) else None


@dataclass(frozen=True)
class Pace:
    """How long a file has been at work, and how much longer it should take; both in seconds, None where nothing is known."""

    elapsed: float | None
    left: float | None


SAYS_ENOUGH_SECONDS = 3.0  # of a phase, before its pace is believed


def pace_of(job: ImportJob, *, at: datetime) -> Pace:
    """How fast the present step goes: from when a worker took it up, and the rows it has done since the phase began.

    A check reads and then compares; how long the second half takes is known only once it is on its way. An import goes the same
    way as its check did, so before it has shown a pace of its own the time of the check stands for it.
    """
    if job.state not in AT_WORK or job.begun_at is None:
        return Pace(None, None)
    elapsed = max((at - job.begun_at).total_seconds(), 0.0)
    if job.phase == "write" and job.done_rows and job.phase_at and job.heartbeat_at:
        # The pace is that of the rows last heard of: between two words of the worker what is left shrinks, as time does.
        spent, since = (job.heartbeat_at - job.phase_at).total_seconds(), (at - job.heartbeat_at).total_seconds()
        if spent + since >= SAYS_ENOUGH_SECONDS:
            # after the last row sums are made up, at no pace that rows could tell
            left = spent * (job.total_rows - job.done_rows) / job.done_rows if job.done_rows < job.total_rows else None
            return Pace(elapsed, None if left is None else max(left - since, 0.0))
    checked = job.found.get("seconds") if job.state == S.RUNNING else None
    return Pace(elapsed, checked - elapsed if checked and checked > elapsed else None)


def organizations_waiting(organization_ids: Iterable[int], *, at: datetime) -> list[int]:
    """Those with files to work on and nobody at them. The command's rows gone silent are closed on the way."""
    waiting = []
    for organization_id in organization_ids:
        with tenant_atomic(organization_id):
            abandoned = ImportJob.objects.filter(state=S.RUNNING, stored_as="", started_at__lte=at - COMMAND_SILENT)
            gone = abandoned.filter(Q(heartbeat_at=None) | Q(heartbeat_at__lte=at - COMMAND_SILENT))
            gone.update(state=S.FAILED, error=_("A importação foi interrompida. Envie o mesmo arquivo de novo."), finished_at=at)
            at_work = Q(state__in=[S.CHECKING, S.WAITING, S.RUNNING])
            heard = ImportJob.objects.filter(at_work).values_list("stored_as", "heartbeat_at")
            rows = list(heard)
            busy = any(beat is not None and beat > at - SILENT for _stored, beat in rows)
            if not busy and any(stored for stored, _beat in rows):
                waiting.append(organization_id)
    return waiting


def erase_old_files(organization: Organization, *, at: datetime) -> int:
    """Erase files, samples and refused lines older than ``KEEP_DAYS``; returns how many jobs were emptied.

    A file never confirmed is cancelled with it. Counts, who and when stay.
    """
    old = ImportJob.objects.filter(erased_at=None, started_at__lte=at - timedelta(days=KEEP_DAYS)).exclude(state__in=AT_WORK)
    jobs = list(old)
    for job in jobs:
        if job.stored_as:
            shutil.rmtree((folder_of(organization.pk) / job.stored_as).parent, ignore_errors=True)
        elif job.refused_file and folder_of(organization.pk) in Path(job.refused_file).parents:
            shutil.rmtree(Path(job.refused_file).parent, ignore_errors=True)
    ids = [job.pk for job in jobs]
    emptied: dict[str, Any] = {"erased_at": at, "sample": [], "refusals": [], "refused_file": ""}
    ImportJob.objects.filter(pk__in=ids, state__in=OPEN).update(state=S.CANCELLED, finished_at=at)
    ImportJob.objects.filter(pk__in=ids).update(**emptied)
    return len(ids)


def same_file_before(job: ImportJob) -> ImportJob | None:
    """The last import of this very content that ended well."""
    done = ImportJob.objects.filter(kind=job.kind, digest=job.digest, state=S.DONE, pk__lt=job.pk)
    return done.order_by("-pk").first() if job.digest else None


def _require_admin(by: Membership) -> None:
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração importa arquivos."))

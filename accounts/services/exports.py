"""Long lists made into files by a worker: asked for, composed, kept for who asked, and erased.

The row says where a file is in its life, so a worker may die at any moment: what it left is begun again, three times in all.
"""

import json
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import ExportJob, Membership, Notice
from accounts.services.audit import Actor, Event, record_event, record_events
from accounts.services.messaging import notify
from accounts.tenancy import tenant_atomic
from accounts.tenancy.limits import allow_minutes
from accounts.tenancy.tasks import send_on_commit

TASK = "accounts.tasks.compose_export"
KEEP = timedelta(days=3)
MINUTES = 9  # what one file may take; its task lives a minute longer
DEAD = timedelta(minutes=MINUTES + 2)  # no task lives that long
LOST = timedelta(minutes=2)  # a message that was not taken up by then is sent again
ATTEMPTS = 3

S = ExportJob.State
OPEN = (S.WAITING, S.RUNNING)


class ExportRefused(DomainError):
    """The list is no longer there for who asked for it."""

    code = "export_refused"


@dataclass(frozen=True)
class Composed:
    """What became of a list: the file's name, its rows, whether the list goes on beyond them, and what the trail says of it."""

    name: str
    rows: int
    cut: bool
    event: Event


Tell = Callable[[int, int], None]
Compose = Callable[[ExportJob, Path, Tell], Composed]


def scope_of(member: Membership) -> str:
    """What the member's reach rests on."""
    return f"{member.role}:{member.team_id or ''}"


def request_export(*, by: Membership, path: str, query: str, form: str, name: str, back: str, language: str, at: datetime) -> ExportJob:
    """Have the list at ``path`` composed by a worker; the same one still at work is returned instead.

    Parameters
    ----------
    path, query : the export's own address, as it was asked for
    name : the file's name without its ending
    back : the list's page
    """
    same = ExportJob.objects.filter(asked_by=by, path=path, query=query, scope=scope_of(by), state__in=OPEN).first()
    if same is not None:
        return same
    job = ExportJob.objects.create(
        organization_id=by.organization_id,
        asked_by=by,
        scope=scope_of(by),
        path=path,
        query=query,
        form=form,
        back=back,
        language=language,
        file_name=f"{name[:190]}.{form}",
        asked_at=at,
    )
    send_on_commit(TASK, job.pk, organization_id=job.organization_id)
    return job


def run_export(job_id: int, organization_id: int, *, compose: Compose) -> None:
    """Compose the file of a job that waits; one that is at work or over is left alone. Call it with no transaction open.

    The list is read in one transaction of one instant, so that pages of it fit together; what was made is told in another.
    A failure that is no refusal is raised, after the row and the person were told.
    """
    with tenant_atomic(organization_id, durable=True):
        waiting = ExportJob.objects.filter(pk=job_id, state=S.WAITING)
        if not waiting.update(state=S.RUNNING, begun_at=timezone.now(), attempts=F("attempts") + 1):
            return
        job = ExportJob.objects.select_related("asked_by__organization").get(pk=job_id)
    stored = Path("exports") / secrets.token_hex(16) / f"file.{job.form}"
    path = _folder(organization_id) / stored
    path.parent.mkdir(parents=True)
    ExportProgress.begin(job, path.parent)
    try:
        with translation.override(job.language):
            with tenant_atomic(organization_id, durable=True):
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                allow_minutes(MINUTES)
                made = compose(job, path, ExportProgress(job))
            with tenant_atomic(organization_id, durable=True):
                _keep(job, stored, made, at=timezone.now())
    except BaseException as problem:
        shutil.rmtree(path.parent, ignore_errors=True)
        refused = isinstance(problem, ExportRefused)
        with translation.override(job.language), tenant_atomic(organization_id, durable=True):
            _fail(job.pk, str(problem) if refused else _("O arquivo não pôde ser feito. Peça de novo, ou filtre a lista."))
        if not refused:
            raise
    finally:
        ExportProgress.end(job)


def _keep(job: ExportJob, stored: Path, made: Composed, *, at: datetime) -> None:
    size = (_folder(job.organization_id) / stored).stat().st_size
    done = {"stored_as": str(stored), "file_name": f"{made.name[:190]}.{job.form}", "rows": made.rows, "cut": made.cut}
    open_still = ExportJob.objects.filter(pk=job.pk, state=S.RUNNING)
    if not open_still.update(state=S.DONE, finished_at=at, expires_at=at + KEEP, size_bytes=size, error="", **done):
        raise ExportRefused(_("Este pedido foi encerrado antes."))  # given up as dead: nobody waits for this file
    record_events([made.event], by=Actor(job.asked_by))
    _tell(job.pk)


def _fail(job_id: int, error: str) -> None:
    open_still = ExportJob.objects.filter(pk=job_id, state__in=OPEN)
    if open_still.update(state=S.FAILED, finished_at=timezone.now(), error=error[:300]):
        _tell(job_id)


def _tell(job_id: int) -> None:
    job = ExportJob.objects.get(pk=job_id)
    facts = {"export": job.pk, "file": job.file_name, "rows": job.rows, "state": job.state, "error": job.error}
    notify([job.asked_by_id], Notice.Kind.FILE_READY, key=f"export:{job.pk}:{job.state}", facts=facts)


class ExportProgress:
    """How far a file is: a small file beside it, since the transaction that reads the list keeps its rows to itself."""

    def __init__(self, job: ExportJob) -> None:
        self.place = self._place(job)

    def __call__(self, done: int, total: int) -> None:
        fresh = self.place.with_suffix(".new")
        fresh.write_text(json.dumps([done, total]))
        fresh.replace(self.place)  # a reader sees the old numbers or the new ones

    @staticmethod
    def _place(job: ExportJob) -> Path:
        return _folder(job.organization_id) / "exports" / f"{job.pk}.progress"

    @classmethod
    def begin(cls, job: ExportJob, folder: Path) -> None:
        """Name the folder the worker writes into, so that what a dead worker left can be erased."""
        cls._place(job).with_suffix(".folder").write_text(folder.name)

    @classmethod
    def end(cls, job: ExportJob) -> None:
        for suffix in (".progress", ".new", ".folder"):
            cls._place(job).with_suffix(suffix).unlink(missing_ok=True)

    @classmethod
    def clear(cls, job: ExportJob) -> None:
        """Erase what a dead worker left of the job."""
        named = cls._place(job).with_suffix(".folder")
        if named.is_file() and (token := named.read_text()).isalnum():
            shutil.rmtree(_folder(job.organization_id) / "exports" / token, ignore_errors=True)
        cls.end(job)

    @classmethod
    def of(cls, job: ExportJob) -> tuple[int, int]:
        """Rows written and rows in all; (0, 0) where nothing is known yet."""
        try:
            done, total = json.loads(cls._place(job).read_text())
        except (OSError, ValueError):
            return 0, 0
        return int(done), int(total)


def own_exports(member: Membership, *, at: datetime) -> list[ExportJob]:
    """The member's files of the last days, newest first; those of a role or team they no longer have are left out."""
    since = at - 2 * KEEP
    return list(ExportJob.objects.filter(asked_by=member, scope=scope_of(member), asked_at__gt=since).order_by("-pk")[:30])


def file_of(job: ExportJob, *, at: datetime) -> Path | None:
    """The file, where it is still kept below the organization's own folder."""
    if job.state != S.DONE or job.erased_at or not job.expires_at or job.expires_at <= at:
        return None
    folder = _folder(job.organization_id).resolve()
    path = (folder / job.stored_as).resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None


def record_taken(job: ExportJob, *, by: Membership) -> None:
    """That the file was taken away; composing it is an event of its own."""
    after = {"file": job.file_name, "rows": job.rows, "form": job.form}
    record_event(f"export:{job.pk}", "export.taken", by=Actor(by), after=after)


def exports_waiting(*, at: datetime) -> list[int]:
    """Jobs whose message was lost or whose worker died; after three attempts the person is told instead."""
    dead = ExportJob.objects.filter(state=S.RUNNING, begun_at__lt=at - DEAD)
    for job in dead.select_for_update(skip_locked=True):
        ExportProgress.clear(job)
        if job.attempts >= ATTEMPTS:
            with translation.override(job.language):
                _fail(job.pk, _("O trabalho parou três vezes antes do fim. Filtre a lista e peça de novo."))
        else:
            ExportJob.objects.filter(pk=job.pk).update(state=S.WAITING)
    lost = ExportJob.objects.filter(state=S.WAITING).filter(Q(begun_at=None, asked_at__lt=at - LOST) | Q(begun_at__isnull=False))
    return list(lost.order_by("pk").values_list("pk", flat=True))


def erase_exports(organization_id: int, *, at: datetime) -> int:
    """Erase the files whose days are over; rows stay a month beyond, for who asks what became of them. Returns how many files."""
    over = list(ExportJob.objects.filter(erased_at=None, expires_at__lte=at))
    for job in over:
        shutil.rmtree((_folder(organization_id) / job.stored_as).parent, ignore_errors=True)
    ExportJob.objects.filter(pk__in=[job.pk for job in over]).update(erased_at=at)
    ExportJob.objects.filter(asked_at__lt=at - timedelta(days=30)).exclude(state__in=OPEN).delete()
    return len(over)


def _folder(organization_id: int) -> Path:
    return Path(settings.MEDIA_ROOT) / str(int(organization_id))

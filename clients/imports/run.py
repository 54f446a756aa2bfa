"""One import from file to report. Read ``run_import`` top to bottom and the whole way is seen.

file -> table (header, rows) -> binding (our columns) -> values -> spool, one file per chunk
     -> per chunk, one transaction: staged rows -> upsert -> signals -> projections
     -> refused rows, as a file that can be mended and sent again
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from accounts.tenancy import tenant_atomic
from accounts.tenancy.limits import allow_minutes
from clients.imports.errors import ImportCancelled, ImportRefused
from clients.imports.kinds.base import Context, Kind, Tally
from clients.imports.kinds.own_fields import kind_here
from clients.imports.mapping import Binding, bind
from clients.imports.reading import COMMAND, Limits, Table, open_table
from clients.imports.refusals import Fault, Refusals, place_for_upload
from clients.imports.spool import Spool
from clients.imports.stage import Stage
from clients.imports.values import Place, Unreadable, clean
from clients.models import ImportJob
from clients.services.statistics import know_organization

log = logging.getLogger(__name__)

BLOCK_ROWS = 10_000
SHOWN_REFUSALS, SHOWN_REASONS = 50, 12  # kept with the job, for its page; the file of refused rows has them all
_RETRIED = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock timeout
Progress = Callable[[str, int, int], None]  # phase ("read" or "write"), rows done, rows in all


@dataclass
class ImportResult:
    """What became of a file; ``rows = created + updated + unchanged + merged + refused``."""

    kind: str
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    refused: int = 0
    refused_file: Path | None = None
    seconds: float = 0.0
    dry_run: bool = False
    job_id: int | None = None
    ignored_columns: list[str] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=Refusals)

    def as_json(self) -> dict[str, Any]:
        """The stable document of ``import_data --json``."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "merged": self.merged,
            "refused": self.refused,
            "refused_file": str(self.refused_file) if self.refused_file else None,
            "seconds": round(self.seconds, 3),
            "dry_run": self.dry_run,
            "ignored_columns": self.ignored_columns,
            **self.more,
        }


def run_import(
    kind_name: str,
    path: Path,
    *,
    organization: Organization,
    by: Actor,
    at: datetime,
    mapping: dict[str, Any] | None = None,
    limits: Limits = COMMAND,
    dry_run: bool = False,
    refused_to: Path | None = None,
    file_name: str = "",
    progress: Progress = lambda phase, done, total: None,
    job: ImportJob | None = None,
) -> ImportResult:
    """Take one file in: every row is written, merged or refused with its reason.

    Call it with no transaction open: each chunk commits by itself, and a file sent again after an interruption ends
    as if there had been none. A dry run rolls every chunk back and still counts exactly.

    Parameters
    ----------
    at : the instant of the import; its local day is what "today" means for owners and windows
    refused_to : where the refused rows go; by default under the organization's files
    file_name : the name the sender gave, when ``path`` is a copy
    job : the row of a file sent through a page, already claimed; by default one is made. Chunks add to its counts as they
        commit, so that of an import killed and begun again every row is counted as what it was first

    Raises
    ------
    ImportRefused
        The file as a whole cannot be taken; nothing of it was written.
    """
    started = time.monotonic()
    with tenant_atomic(organization.pk):
        chosen = kind_here(kind_name)
    table = open_table(path, limits)
    binding = bind(table.header, chosen, mapping)
    place = Place(organization.zone, organization.country, binding.decimal)
    context = Context(organization, by, at, local_day(organization, at=at), place)
    kind = chosen(context, binding.sources)
    result = ImportResult(kind_name, dry_run=dry_run, ignored_columns=binding.ignored)
    resumable = job is not None  # a page's job is begun again by the sweeper; the command's person sees the failure at once
    if job is None and not dry_run:
        job = _open_job(context, kind_name, file_name or path.name, table.digest)
    kept = None if dry_run else job  # a check leaves its row to who asked for it
    try:
        with Spool(-(-max(1, table.expected_rows) // kind.chunk_rows)) as spool:
            result.rows = _read(table, binding, kind, result.refusals, spool, progress)
            tally = _write(spool, kind, context, binding, result, progress, kept)
        with tenant_atomic(organization.pk):
            kind.finish(dry_run=dry_run)
        if not dry_run and tally.created:
            with tenant_atomic(organization.pk):
                know_organization(organization.pk)
        result.created, result.updated = tally.created, tally.updated
        result.unchanged, result.merged, result.more = tally.unchanged, tally.merged, tally.more
        result.refused = len(result.refusals)
        if result.refused and not (dry_run and refused_to is None):
            result.refused_file = refused_to or place_for_upload(organization.pk)
            result.refusals.write(table, result.refused_file)
    except BaseException as failure:  # recorded and raised again, whatever stopped the import
        if kept and (isinstance(failure, ImportRefused) or not resumable):
            _close_job(context, kept, result, error=_sentence(failure), cancelled=isinstance(failure, ImportCancelled))
        raise
    result.seconds = time.monotonic() - started
    if kept:
        result.job_id = kept.pk
        _close_job(context, kept, result)
    return result


def _read(table: Table, binding: Binding, kind: Kind, refusals: Refusals, spool: Spool, progress: Progress) -> int:
    """Read, validate and spool every row; returns how many there were."""
    rows = table.rows()
    done, total = 0, table.expected_rows
    while block := list(islice(rows, BLOCK_ROWS)):
        _read_block(block, len(table.header), binding, kind, refusals, spool)
        done += len(block)
        progress("read", done, max(done, total))
    return done


def _read_block(block: list[tuple[int, list[str]]], width: int, binding: Binding, kind: Kind, refusals: Refusals, spool: Spool) -> None:
    whole, crooked = [], []
    for line, row in block:
        if len(row) == width:
            whole.append((line, row))
        elif len(row) > width and not any(map(str.strip, row[width:])):
            whole.append((line, row[:width]))  # delimiters at the end of the line, no cells
        else:
            refusals.add(line, ("", "", _("tem %(n)d células; o cabeçalho tem %(width)d") % {"n": len(row), "width": width}))
            crooked.append((row + [""] * width)[:width])
    if crooked:
        cells = list(map(list, zip(*crooked, strict=True)))
        named = {column.name: [text.strip() for text in binding.sources[column.name](cells, len(crooked))] for column in kind.columns}
        kind.note_refused(named, range(len(crooked)))
    if not whole:
        return
    lines = [line for line, _row in whole]
    cells = list(map(list, zip(*(row for _line, row in whole), strict=True)))
    raw, values = {}, {}
    bad: dict[int, list[Fault]] = {}
    for column in kind.columns:
        raw[column.name] = source = binding.sources[column.name](cells, len(lines))
        table: dict[str, Any] = {text: _value(text, column, kind.context.place) for text in set(source)}
        values[column.name] = [table[text] for text in source]
        wrong = {text: str(value) for text, value in table.items() if isinstance(value, Unreadable)}
        if wrong:
            for position, text in enumerate(source):
                if text in wrong:
                    bad.setdefault(position, []).append((column.name, text, wrong[text]))

    def refuse(position: int, column: str, reason: str) -> None:
        bad.setdefault(position, [(column, str(raw[column][position]) if column in raw else "", reason)])

    if bad:
        kind.note_refused(values, bad)
    known = set(bad)
    kind.check_block(lines, values, refuse)
    if bad.keys() - known:
        kind.note_refused(values, bad.keys() - known)
    for position, faults in bad.items():
        told = [(" + ".join(binding.headers.get(column, ())) or column, text, reason) for column, text, reason in faults]
        refusals.add(lines[position], *told)
    keys = values[kind.spread_by]
    packed: Iterator[tuple] = zip(lines, *(values[column.name] for column in kind.columns), strict=True)
    if bad:
        keys = [key for position, key in enumerate(keys) if position not in bad]
        packed = (row for position, row in enumerate(packed) if position not in bad)
    spool.add(keys, packed)


def _value(text: str, column, place: Place) -> Any:
    """What the cell is written as, or the ``Unreadable`` that says why not."""
    try:
        bare = clean(text)
        if not bare and column.filled:
            return Unreadable(_("está vazio e é obrigatório"))
        return column.parse(bare, place)
    except Unreadable as reason:
        return reason


def _write(
    spool: Spool, kind: Kind, context: Context, binding: Binding, result: ImportResult, progress: Progress, job: ImportJob | None
) -> Tally:
    """Load every chunk in a transaction of its own; a chunk another writer got in the way of is tried again."""
    tally, done, total = Tally(), 0, result.rows
    for rows, content in spool.chunks():
        for attempt in range(5):
            stage = Stage(context, kind.columns, result.refusals, binding.headers)
            content.seek(0)
            try:
                with tenant_atomic(context.organization.pk):
                    allow_minutes()
                    stage.copy(content)
                    left = stage.settle_aliases(follow=kind.follows_aliases)
                    loaded = kind.load(stage)
                    loaded.unchanged += left
                    stage.run("DROP TABLE staged")
                    if result.dry_run:
                        transaction.set_rollback(True)
                    elif job:
                        _count_chunk(job, loaded)
                break
            except OperationalError as error:
                result.refusals.forget(stage.refused_here)
                if getattr(error.__cause__, "pgcode", None) not in _RETRIED or attempt == 4:
                    raise
                time.sleep(random.uniform(0.05, 0.2) * 2**attempt)
        tally.add(loaded)
        done += rows
        progress("write", done, total)
    return _counted_before(tally, job, context, result) if job else tally


def _count_chunk(job: ImportJob, loaded: Tally) -> None:
    """In the chunk's own transaction: whoever kills the import loses neither the rows nor what is known of them."""
    now = datetime.now(tz=UTC)
    ImportJob.objects.filter(pk=job.pk).update(
        created=F("created") + loaded.created, updated=F("updated") + loaded.updated, heartbeat_at=now
    )


def _counted_before(tally: Tally, job: ImportJob, context: Context, result: ImportResult) -> Tally:
    """The counts of all attempts: a row an earlier one wrote is found unchanged by this one, and was created or updated all the same."""
    with tenant_atomic(context.organization.pk):
        created, updated = ImportJob.objects.values_list("created", "updated").get(pk=job.pk)
    before = (created - tally.created) + (updated - tally.updated)
    if not 0 <= before <= tally.unchanged:  # somebody else wrote the same rows meanwhile: this attempt's own counts are the sure ones
        return tally
    return replace(tally, created=created, updated=updated, unchanged=tally.unchanged - before)


def _open_job(context: Context, kind: str, file_name: str, digest: str) -> ImportJob:
    with tenant_atomic(context.organization.pk):
        return ImportJob.objects.create(
            organization=context.organization,
            kind=kind,
            file_name=file_name[-200:],
            digest=digest,
            by=context.by.membership,
            heartbeat_at=datetime.now(tz=UTC),
        )


def _close_job(context: Context, job: ImportJob, result: ImportResult, error: str = "", *, cancelled: bool = False) -> None:
    """Record the outcome, with one audit event; in a transaction of its own, because a failed chunk rolled its own back."""
    counts = {name: getattr(result, name) for name in ("rows", "created", "updated", "unchanged", "merged", "refused")}
    if error:  # what its chunks counted as they committed stands
        counts = {"rows": result.rows, "refused": len(result.refusals)}
    state = ImportJob.State.CANCELLED if cancelled else ImportJob.State.FAILED if error else ImportJob.State.DONE
    with tenant_atomic(context.organization.pk):
        ImportJob.objects.filter(pk=job.pk).update(
            **counts,
            state=state,
            refused_file=str(result.refused_file or "")[-200:],
            refusals=list(result.refusals.listed(SHOWN_REFUSALS)),
            reasons=result.refusals.reasons(SHOWN_REASONS),
            error=error[:500],
            finished_at=datetime.now(tz=context.at.tzinfo),
        )
        record_event(
            f"import:{job.pk}",
            "import.cancelled" if cancelled else "import.failed" if error else "import.finished",
            by=context.by,
            after={"kind": job.kind, "digest": job.digest, "merged": result.merged, **counts},
        )


def _sentence(failure: BaseException) -> str:
    """What the job's row tells: the refusal's own sentence, or the kind of failure."""
    return str(failure) if isinstance(failure, ImportRefused) else type(failure).__name__

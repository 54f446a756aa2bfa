"""``manage.py score``: what each client's own orders say of its coming days, on a screen, as JSON or as a CSV file."""

import argparse
import csv
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from tqdm import tqdm

from accounts.errors import DomainError
from accounts.management.organizations import organization_from_slug
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from accounts.tenancy.limits import allow_minutes
from clients.models import Client
from clients.models.score import HORIZON_DAYS
from clients.predicting import why_method
from rotation.engine.models.timing import WITHIN_DAYS
from rotation.engine.schema import STATES
from rotation.services.scored import Scored, known_on, scores_from
from rotation.services.scoring import horizons_asked, keep_scores
from rotation.wording import WORDS

HEADER = ("client_code", "state", "days_since_last", "cycle_days", "lateness", "p_alive", "p_silent")


class Command(BaseCommand):
    help = (
        "Scores every client: state, days since the last order, own cycle, lateness, chance of being alive, chance of no valid "
        "order within the horizon. Today's scores are kept for lists and runs; those of a day past are only told."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--as-of", type=_day, metavar="DATE", help="YYYY-MM-DD; today in the organization's zone when left out")
        parser.add_argument("--horizon", type=_horizon, default=HORIZON_DAYS, metavar="DAYS", help="%(default)s when left out")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="one JSON document on standard output")
        form.add_argument("--csv", type=Path, metavar="FILE", help="one line a client; “-” writes to standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        began = perf_counter()
        try:
            organization = organization_from_slug(options["organization"])
            with translation.override(organization.language), Progress(sys.stderr) as progress:
                at = timezone.now()
                today = local_day(organization, at=at)
                as_of, horizon = options["as_of"] or today, options["horizon"]
                if options["csv"] and not options["csv"].parent.is_dir():
                    raise DomainError(_("A pasta “%(path)s” não existe.") % {"path": options["csv"].parent})
                progress.say(_("Lendo pedidos"))
                with tenant_atomic(organization.pk):
                    allow_minutes()
                    kept = as_of == today and horizon in horizons_asked()
                    known = known_on(organization, as_of=as_of)
                    codes = dict(Client.objects.values_list("pk", "code")) if options["csv"] else {}
                progress.say(_("Calculando"))
                scored = scores_from(known, organization, horizon=horizon, calibrate=kept or options["json"])
                if kept:
                    progress.say(_("Gravando"))
                    with tenant_atomic(organization.pk):
                        allow_minutes()
                        keep_scores(organization, scored, at=at)
                if options["csv"]:
                    progress.say(_("Escrevendo o arquivo"))
                    self._write(options["csv"], scored, codes)
        except DomainError as refusal:
            raise CommandError(str(refusal), returncode=1) from refusal
        except OSError as error:
            raise CommandError(_("Não foi possível escrever o arquivo: %(why)s.") % {"why": error}, returncode=1) from error
        report = _report(scored, perf_counter() - began)
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        elif str(options["csv"]) != "-":
            with translation.override(organization.language):
                self._tell(organization, scored, report, options["csv"])

    def _write(self, path: Path, scored: Scored, codes: dict[int, str]) -> None:
        """The whole file or none of it: a reader never meets half."""
        if str(path) == "-":
            _rows_to(self.stdout, scored, codes)
            return
        if path.exists() and not path.is_file():  # a pipe or a device
            with path.open("w", encoding="utf-8", newline="") as file:
                _rows_to(file, scored, codes)
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                _rows_to(file, scored, codes)
            os.chmod(name, 0o644)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise

    def _tell(self, organization: Organization, scored: Scored, report: dict[str, Any], path: Path | None) -> None:
        """The scoring in a few sentences."""
        day = date_format(scored.as_of, "SHORT_DATE_FORMAT")
        sentence = _("%(name)s em %(day)s: %(clients)d clientes, %(scored)d com pedido; %(seconds).1f s.")
        self.stdout.write(sentence % {"name": organization.name, "day": day, **report})
        self.stdout.write(why_method(scored.prediction.method, scored.prediction.basis))
        for state, n in report["states"].items():
            self.stdout.write(f"  {WORDS[state]}: {n}")
        if path:
            self.stdout.write(_("Uma linha por cliente em %(path)s.") % {"path": path})


class Progress:
    """A line as each step begins; on a terminal a bar of them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._bar = tqdm(total=4, bar_format="{desc} |{bar}| {elapsed}", file=stream, disable=None, leave=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_error: Any) -> None:
        self._bar.close()

    def say(self, step: str) -> None:
        if self._bar.disable:
            print(f"{step}…", file=self._stream)
        else:
            self._bar.set_description_str(step)
            self._bar.update(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}”: use AAAA-MM-DD") from None


def _horizon(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= WITHIN_DAYS:
        raise argparse.ArgumentTypeError(f"“{text}”: 1 … {WITHIN_DAYS}")
    return int(text)


def _report(scored: Scored, seconds: float) -> dict[str, Any]:
    made = scored.prediction
    counted = np.bincount(scored.state, minlength=len(STATES))
    return {
        "as_of": scored.as_of.isoformat(),
        "horizon": scored.horizon,
        "clients": len(scored.client_id),
        "scored": int(scored.ordered.sum()),
        "method": made.method,
        "basis": made.basis,
        "calibration": made.calibration,
        "states": {state: int(n) for state, n in zip(STATES, counted, strict=True)},
        "at_stake_cents": int(scored.at_stake_cents.sum()),
        "seconds": round(seconds, 3),
        "phases": {phase: round(spent, 3) for phase, spent in scored.seconds.items()},
    }


def _rows_to(file: Any, scored: Scored, codes: dict[int, str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(_rows(scored, codes))


def _rows(scored: Scored, codes: dict[int, str]) -> Iterator[tuple[str, ...]]:
    """One line a client by code; what is not known is empty."""
    known, made = scored.known, scored.prediction
    since = np.where(scored.ordered, made.as_of - known.last_on.astype(np.int64), -1).tolist()
    columns = (known.median_gap, scored.lateness, made.p_alive, made.p_silent)
    numbers = zip(*(column.tolist() for column in columns), strict=True)
    state = [STATES[code] for code in scored.state.tolist()]
    rows = (
        (codes[client], state[i], str(since[i]) if since[i] >= 0 else "", *map(_number, values))
        for i, (client, values) in enumerate(zip(scored.client_id.tolist(), numbers, strict=True))
    )
    yield from sorted(rows)


def _number(value: float) -> str:
    return "" if value != value else f"{value:.9g}"

"""``manage.py import_data KIND FILE --organization SLUG``: one file in, every row accounted for."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from tqdm import tqdm

from accounts.errors import DomainError
from accounts.management.organizations import organization_from_slug
from accounts.models import Organization
from accounts.services import Actor
from clients.imports import ImportResult, kind_names, run_import
from clients.imports.mapping import read_mapping

SHOWN_REFUSALS = 5


class Command(BaseCommand):
    help = "Imports a CSV, CSV.gz or XLSX file; twice changes nothing. Refused rows go to a file to mend and send again."

    def add_arguments(self, parser):
        parser.add_argument("kind", metavar="KIND", help=", ".join(kind_names()))
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--mapping", type=Path, metavar="FILE.json", help="where our columns are in a file with other headers")
        parser.add_argument("--refused", type=Path, metavar="FILE.csv", help="where the refused rows go")
        parser.add_argument("--dry-run", action="store_true", help="count everything, write nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args, **options):
        try:
            organization = organization_from_slug(options["organization"])
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        # Refused rows go to whoever mends them: they read what the organization reads.
        with translation.override(organization.language):
            self._import(organization, options)

    def _import(self, organization: Organization, options: dict[str, Any]) -> None:
        bars = Bars(sys.stderr)
        try:
            result = run_import(
                options["kind"],
                options["file"],
                organization=organization,
                by=Actor(label="import_data"),
                at=timezone.now(),
                mapping=read_mapping(options["mapping"]) if options["mapping"] else None,
                dry_run=options["dry_run"],
                refused_to=options["refused"],
                progress=bars.show,
            )
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        finally:
            bars.close()
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json(), ensure_ascii=False))
        else:
            self._tell(result)

    def _tell(self, result: ImportResult) -> None:
        self.stdout.write(
            _(
                "%(rows)d linhas: %(created)d criadas, %(updated)d alteradas, %(unchanged)d iguais, %(merged)d repetidas e "
                "somadas, %(refused)d recusadas; %(seconds).1f s."
            )
            % vars(result)
        )
        for refusal in result.refusals.listed(SHOWN_REFUSALS):
            self.stdout.write(_("  linha %(line)d, %(column)s “%(value)s”: %(reason)s") % refusal)
        if result.refused > SHOWN_REFUSALS:
            self.stdout.write(_("  … e mais %(n)d.") % {"n": result.refused - SHOWN_REFUSALS})
        if result.refused_file:
            self.stdout.write(_("Corrija e reenvie: %(path)s") % {"path": result.refused_file})
        if result.dry_run:
            self.stdout.write(_("Simulação: nada foi gravado."))


class Bars:
    """A progress bar for each phase, drawn only where somebody sees it."""

    def __init__(self, stream) -> None:
        self._stream, self._phase, self._bar = stream, "", None

    def show(self, phase: str, done: int, total: int) -> None:
        if phase != self._phase:
            self.close()
            label = {"read": _("Lendo"), "write": _("Gravando")}[phase]
            self._phase, self._bar = phase, tqdm(total=total, desc=label, unit=" lin", file=self._stream, disable=None)
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

"""``manage.py backtest``: a rule replayed on the organization's own past. Writes nothing."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.management.organizations import organization_from_slug
from accounts.models import Organization, Representative
from accounts.tenancy import tenant_atomic
from clients.models import Client
from rotation.backtest_words import CAVEAT, as_today_words, comparison, not_replayed_words, sentences
from rotation.errors import NoRules, RuleRefused
from rotation.models import RuleVersion
from rotation.services.backtest import run_backtest


class Command(BaseCommand):
    help = "Replays a rule on the organization's own history: whom it would have flagged, false alarms, misses, lead time. Writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--rule", metavar="NAME", help="the version in force; the draft where none is")
        which.add_argument("--definition", metavar="FILE.json", help="a rule that need not be saved")
        parser.add_argument("--from", dest="first", type=_day, required=True, metavar="DATE", help="YYYY-MM-DD, the first cut-off")
        parser.add_argument("--to", dest="last", type=_day, required=True, metavar="DATE", help="YYYY-MM-DD, the last cut-off")
        parser.add_argument("--every", choices=["week", "month"], default="week", help="between two cut-offs")
        parser.add_argument("--exact", action="store_true", help="chances fitted anew for each cut-off, as a run of that day would; slow")
        parser.add_argument("--against", metavar="NAME", help="compare with this rule's version in force")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["first"] > options["last"]:
            raise CommandError("--from lies after --to", returncode=2)
        try:
            organization = organization_from_slug(options["organization"])
            with translation.override(organization.language):
                report = self._report(organization, options)
        except DomainError as refusal:
            raise CommandError(str(refusal), returncode=1) from refusal
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        else:
            with translation.override(organization.language):
                self._tell(report, organization)

    def _report(self, organization: Organization, options: dict[str, Any]) -> dict[str, Any]:
        with tenant_atomic(organization.pk):
            if options["rule"]:
                version = _version(options["rule"])
                definition, head = version.definition, {"rule": version.rule.name, "version": version.number}
            else:
                definition = _read(options["definition"])
                head = {"rule": definition.get("name"), "version": None}
            against = _version(options["against"]) if options["against"] else None
            proof = run_backtest(
                definition,
                against=against.definition if against else None,
                at=timezone.now(),
                first=options["first"],
                last=options["last"],
                cadence=options["every"],
                progress=_bar,
                exact=options["exact"],
            )
            return {"organization": organization.slug, **head, "against_rule": against.rule.name if against else None, **_named(proof)}

    def _tell(self, report: dict[str, Any], organization: Organization) -> None:
        """The sentences, then the months as a table, then what was not replayed."""
        days = {name: date_format(date.fromisoformat(report[name]), "SHORT_DATE_FORMAT") for name in ("from", "to", "known_until")}
        head = _("“%(rule)s” testada de %(from)s a %(to)s, com pedidos conhecidos até %(known_until)s.")
        self.stdout.write(head % {"rule": report["rule"], **days})
        for sentence in sentences(report, organization.currency):
            self.stdout.write(f"  {sentence}")
        if report["compared"]:
            self.stdout.write("  " + comparison(report, report["against_rule"]))
        titles = (_("mês"), _("sinalizados"), _("alarme falso"), _("pararam"), _("não vistos"), _("antecedência"))
        self.stdout.write("  ".join([f"{titles[0]:<8}", *(f"{title:>12}" for title in titles[1:])]))
        for row in report["per_month"]:
            cells = [row[name] for name in ("flagged", "false_alarms", "stopped", "missed", "lead_days")]
            self.stdout.write("  ".join([f"{row['month']:<8}", *(f"{'–' if cell is None else cell:>12}" for cell in cells)]))
        if report["not_replayed"]:
            self.stdout.write(_("Proteções sem histórico, não repetidas: %(names)s.") % {"names": ", ".join(not_replayed_words(report))})
        if report["as_today"]:
            self.stdout.write(_("Tomados como são hoje: %(names)s.") % {"names": ", ".join(as_today_words(report))})
        self.stdout.write(str(CAVEAT))


def _bar(done: int, total: int, _so_far: Callable[[], Any]) -> None:
    """A line that fills up, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}”: use AAAA-MM-DD") from None


def _version(name: str) -> RuleVersion:
    """The named rule's version in force, or its draft.

    Raises
    ------
    NoRules
    """
    states = [RuleVersion.State.PUBLISHED, RuleVersion.State.DRAFT]
    saved = RuleVersion.objects.filter(rule__archived_at=None, state__in=states).select_related("rule")
    found = {version.state: version for version in saved.filter(rule__name=name)}
    for state in states:
        if state in found:
            return found[state]
    known = ", ".join(f"“{each}”" for each in sorted({version.rule.name for version in saved})) or _("nenhuma")
    raise NoRules(_("Não há regra chamada “%(name)s”. Regras: %(known)s.") % {"name": name, "known": known})


def _read(path: str) -> dict[str, Any]:
    """A definition from a file.

    Raises
    ------
    RuleRefused
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise RuleRefused(_("Não foi possível ler %(path)s: %(why)s.") % {"path": path, "why": error.strerror}) from error
    except ValueError as error:
        raise RuleRefused(_("%(path)s não é um JSON: %(why)s.") % {"path": path, "why": error}) from error
    if not isinstance(found, dict):
        raise RuleRefused(_("%(path)s: uma regra é um objeto JSON.") % {"path": path})
    return found


def _named(proof: dict[str, Any]) -> dict[str, Any]:
    """Clients and representatives by the codes people know."""
    parts = [proof, *(each for each in (proof["against"],) if each)]
    compared = [proof["compared"][name] for name in ("only_new", "only_old")] if proof["compared"] else []
    samples = [row for part in [*parts, *compared] for row in part["sample"]]
    codes = dict(Client.objects.filter(pk__in={row["client"] for row in samples}).values_list("pk", "code"))
    people = dict(Representative.objects.values_list("pk", "code"))
    for row in samples:
        row["client_code"] = codes[row.pop("client")]
    for part in parts:
        for row in part["load"]:
            row["representative"] = people.get(row["representative"])
    return proof

"""``manage.py rotate``: one run now, or with ``--dry-run`` what it would propose."""

import argparse
import json
import sys
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.management.organizations import organization_from_slug
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.services import Actor
from accounts.tenancy import tenant_atomic
from rotation.errors import NoRules
from rotation.models import RuleVersion, Run
from rotation.selectors.reported import reported_proposals
from rotation.services.runs import Preview, compute_run, preview, start_run
from rotation.services.schedule import rules_in_force

SHOWN = 20


class Command(BaseCommand):
    help = "Runs a rotation now, with the active rules or one of them. With --dry-run it shows what would be proposed and writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--rule", metavar="NAME", help="only this rule, active or paused")
        parser.add_argument("--as-of", type=_day, metavar="DATE", help="YYYY-MM-DD; today in the organization's zone when left out")
        parser.add_argument("--dry-run", action="store_true", help="write nothing")
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
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
                self._tell(report)

    def _report(self, organization: Organization, options: dict[str, Any]) -> dict[str, Any]:
        as_of = options["as_of"] or local_day(organization, at=timezone.now())
        with tenant_atomic(organization.pk):
            versions = _versions(options["rule"])
            if options["dry_run"]:
                # every row only where every row is printed
                return self._of_preview(preview(versions, as_of=as_of, rows=None if options["json"] else SHOWN), versions)
            run = start_run([version.rule for version in versions], as_of=as_of, trigger="command", by=Actor(label="manage.py rotate"))
        if run.state in (Run.State.SCHEDULED, Run.State.COMPUTING, Run.State.FAILED):
            run = compute_run(run.pk, organization.pk)
        else:
            sentence = _("O giro %(run)s destas regras neste dia já existe (%(state)s); nada foi recalculado.")
            print(sentence % {"run": run.pk, "state": run.get_state_display().lower()}, file=sys.stderr)
        with tenant_atomic(organization.pk):
            return _of_run(run, versions, limit=None if options["json"] else SHOWN)

    def _of_preview(self, seen: Preview, versions: list[RuleVersion]) -> dict[str, Any]:
        if seen.feed_warning:
            print(seen.feed_warning, file=sys.stderr)
        return {
            "run": None,
            **_head(versions, seen.as_of),
            **{name: getattr(seen, name) for name in ("clients", "flagged", "guarded", "held_out", "proposed", "unassigned")},
            "objective": seen.objective_cents,
            "bound": seen.bound_cents,
            "gap": seen.gap,
            "round_robin": seen.round_robin_cents,
            "seconds": {name: round(spent, 4) for name, spent in seen.seconds.items()},
            "digest": seen.digest,
            "rules": [{"rule": each.name, "version": each.number, "guards": each.guards, "proposed": each.proposed} for each in seen.rules],
            "proposals": [
                {"client_code": row.client_code, "from": row.from_code, "to": row.to_code, "score": row.value_cents, "reasons": row.reasons}
                for row in seen.proposals
            ],
        }

    def _tell(self, report: dict[str, Any]) -> None:
        """The report in a few sentences, and its first lines."""
        day = date_format(date.fromisoformat(report["as_of"]), "SHORT_DATE_FORMAT")
        if report["run"] is None:
            self.stdout.write(_("Prévia de %(day)s, regra %(rule)s: nada foi gravado.") % {"day": day, "rule": report["rule"]})
        else:
            self.stdout.write(_("Giro %(run)s de %(day)s, regra %(rule)s.") % {"run": report["run"], "day": day, "rule": report["rule"]})
        self.stdout.write(
            _(
                "%(clients)s clientes: %(flagged)s sinalizados, %(guarded)s protegidos, %(held_out)s no grupo de controle, "
                "%(proposed)s propostos, %(unassigned)s sem destino."
            )
            % report
        )
        sentence = _("Distância do melhor possível: %(gap)s%%. Em rodízio simples valeria %(share)s%% disto. %(seconds)s s.")
        share = 100 * report["round_robin"] / report["objective"] if report["objective"] else 100
        self.stdout.write(
            sentence
            % {"gap": number_format(100 * report["gap"], 4), "share": f"{share:.0f}", "seconds": number_format(report["seconds"]["total"])}
        )
        for row in report["proposals"]:
            why = ", ".join(f"{each['field']} = {each['observed']}" for each in row["reasons"])
            value = number_format(Decimal(row["score"]) / 100, 2, force_grouping=True)
            self.stdout.write(f"  {row['client_code']:<12} {row['from'] or '—':>8} → {row['to']:<8} {value:>12}  {why}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}”: use AAAA-MM-DD") from None


def _versions(name: str | None) -> list[RuleVersion]:
    """Published versions of the active rules, or of the one named.

    Raises
    ------
    NoRules
    """
    if name is None:
        return [version for _rule, version in rules_in_force()]
    chosen = RuleVersion.objects.filter(state=RuleVersion.State.PUBLISHED, rule__archived_at=None, rule__name=name)
    versions = list(chosen.select_related("rule"))
    if not versions:
        known = ", ".join(f"“{rule.name}”" for rule, _version in rules_in_force()) or _("nenhuma")
        raise NoRules(_("Não há regra publicada chamada “%(name)s”. Regras ativas: %(known)s.") % {"name": name, "known": known})
    return versions


def _head(versions: list[RuleVersion], as_of: date) -> dict[str, Any]:
    return {
        "rule": ", ".join(version.rule.name for version in versions),
        "version": versions[0].number if len(versions) == 1 else [version.number for version in versions],
        "as_of": as_of.isoformat(),
    }


def _of_run(run: Run, versions: list[RuleVersion], *, limit: int | None) -> dict[str, Any]:
    return {
        "run": run.pk,
        **_head(versions, run.as_of),
        "clients": run.n_clients,
        "flagged": run.n_flagged,
        "guarded": run.n_guarded,
        "held_out": run.n_held_out,
        "proposed": run.n_proposed,
        "unassigned": run.n_unassigned,
        "objective": run.objective_cents,
        "bound": run.bound_cents,
        "gap": run.gap,
        "round_robin": run.round_robin_cents,
        "seconds": run.summary.get("seconds", {}),
        "digest": run.data_digest,
        "state": run.state,
        "proposals": reported_proposals(run, limit=limit),
    }

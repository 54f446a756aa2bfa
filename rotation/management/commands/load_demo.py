"""``manage.py load_demo``: the demonstration organization, through the same doors as anyone's; calling it again changes nothing."""

import json
import tempfile
from datetime import date, timedelta
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import Absence, Membership, Organization, Representative, Role, Team
from accounts.models.people import normalized_email
from accounts.selectors import local_day
from accounts.services import Actor, add_member, create_organization
from accounts.tenancy import tenant_atomic
from clients.imports import ImportResult, run_import
from clients.models import Client, ImportJob
from demo import shift
from portfolio.demonstration import live_a_day
from portfolio.demonstration_sales import begin_renewals, begin_sales
from portfolio.models import Ownership
from rotation.demonstration import prove_a_rule
from rotation.engine.presets import PRESETS
from rotation.models import Rule, Run
from rotation.services import rules, runs, scoring

BY = Actor(label="load_demo")
KEY_ACCOUNT_TAG = "conta-chave"
GENERAL = PRESETS["general"]
# Twelve people between Campinas and the north of Paraná: about half of what is proposed is farther than now, and the usual
# half would stop the rule on its first day.
SPARSE = {"caveats": 0.8}
# Proposes nothing at first: it warns who answers for a client that ten days remain to save it.
WARNING = {
    **GENERAL,
    "name": "Quase inativo, com aviso",
    "trigger": {"all": [{"field": "days_since_last", "op": "between", "value": [60, 89]}]},
    "guards": [*GENERAL["guards"], "save_window:10"],
}


class Command(BaseCommand):
    help = "Loads the demonstration organization, with a rotation run waiting for review and a day to live through; idempotent."

    def handle(self, *args, **options):
        try:
            organization, last_day = found_organization()
            with translation.override(organization.language):
                make_teams_and_people(organization, last_day)
                for result in import_files(organization, last_day):
                    self.stderr.write(f"{result.kind}: {result.rows}")
                tie_people_to_representatives(organization)
                settle_representatives_and_clients(organization, last_day)
                begin_sales(organization, shift.opportunities(last_day), at=timezone.now())
                begin_renewals(organization, at=timezone.now())
                scoring.score_organization(organization.pk, at=timezone.now())
                publish_rules(organization)
                proved = prove_a_rule(organization, last_day=last_day, by=BY, at=timezone.now())
                run = run_for_review(organization, proved=proved)
                with tenant_atomic(organization.pk):
                    in_review = list(run.proposals.values_list("client_id", flat=True))
                live_a_day(organization, at=timezone.now(), leave_out=in_review)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        people = shift.users()
        self.stdout.write(
            _("%(name)s — giro de %(day)s %(state)s.") % {"name": organization.name, "day": run.as_of, "state": run.get_state_display()}
        )
        self.stdout.write(_("Entre com a senha %(password)s como:") % {"password": people["password"]})
        for person in people["users"]:
            self.stdout.write(f"  {person['email']:<42} {Role(person['role']).label} · {person['name']}")


def found_organization() -> tuple[Organization, date]:
    """The demonstration's organization, made if missing, and the last day of its story: the day before it was made.

    Raises
    ------
    DomainError
        Its slug belongs to an organization that is no demonstration.
    """
    described = shift.organization(timezone.now().date())
    founded = Organization.objects.using("owner").filter(slug=described["slug"]).first()
    if founded is None:
        founded = create_organization(
            described["slug"],
            name=described["name"],
            time_zone=described["time_zone"],
            currency=described["currency"],
            language=described["language"],
            is_demo=True,
            require_second_factor=False,
        )
    if not founded.is_demo:
        raise DomainError(_("A organização “%(slug)s” já existe e não é de demonstração; nada foi alterado.") % {"slug": described["slug"]})
    # Loaded again on another day, the story must end where it ended the first time, or every order would move.
    return founded, local_day(founded, at=founded.created_at) - timedelta(days=1)


def make_teams_and_people(organization: Organization, last_day: date) -> None:
    """Teams, parents first, and sign-ins with their role; those there already are left alone."""
    with tenant_atomic(organization.pk):
        for team in shift.organization(last_day)["teams"]:
            parent = Team.objects.filter(name=team["parent"]).first() if team["parent"] else None
            Team.objects.get_or_create(organization_id=organization.pk, name=team["name"], defaults={"parent": parent})
    with tenant_atomic(organization.pk):
        # Read by the owner's connection, which writes the members: the teams are committed by now.
        teams = {team.name: team for team in Team.objects.using("owner")}
    people, known = shift.users(), members_by_address(organization)
    missing = [person for person in people["users"] if normalized_email(person["email"]) not in known]
    # A password printed for everyone to read needs no salt each: hashing it once saves seconds of the first start.
    password = make_password(people["password"]) if missing else ""
    for person in missing:
        add_member(
            organization,
            email=person["email"],
            name=person["name"],
            role=person["role"],
            hashed_password=password,
            team=teams.get(person["team"]),
        )


def members_by_address(organization: Organization) -> dict[str, int]:
    """Who is a member, by e-mail: people rename themselves. The owner's connection reads it, as addresses show only to who names them."""
    with tenant_atomic(organization.pk, using="owner"):
        return dict(Membership.objects.using("owner").values_list("user__email_norm", "id"))


def import_files(organization: Organization, last_day: date) -> list[ImportResult]:
    """Take the demonstration's files in, as ``import_data`` does; a file taken in before is not sent again,
    because people may have changed what it brought.
    """
    with tenant_atomic(organization.pk):
        done = set(ImportJob.objects.filter(state=ImportJob.State.DONE).values_list("file_name", flat=True))
    kinds = [entry["kind"] for entry in json.loads((shift.HERE / "manifest.json").read_text(encoding="utf-8"))["files"]]
    results: list[ImportResult] = []
    if done.issuperset(f"{organization.slug}/{kind}.csv" for kind in kinds):
        return results
    with tempfile.TemporaryDirectory() as folder:
        for kind, path in shift.shifted_files(Path(folder), last_day):
            name = f"{organization.slug}/{kind}.csv"
            if name in done:
                continue
            result = run_import(kind, path, organization=organization, by=BY, at=timezone.now(), file_name=name)
            if result.refused:
                first = next(result.refusals.listed(1))
                raise DomainError(_("A demonstração está danificada: %(kind)s, linha %(line)d: %(reason)s.") % {"kind": kind, **first})
            results.append(result)
    return results


def tie_people_to_representatives(organization: Organization) -> None:
    """Give each person with a representative code that representative's portfolio."""
    members = members_by_address(organization)
    with tenant_atomic(organization.pk):
        for person in shift.users()["users"]:
            code = person.get("representative_code")
            if code:
                member = members[normalized_email(person["email"])]
                Representative.objects.filter(code=code, membership=None).update(membership_id=member)


def settle_representatives_and_clients(organization: Organization, last_day: date) -> None:
    """What no import file carries: absences, agreements, key accounts, and since when each client is known."""
    described = shift.organization(last_day)
    with tenant_atomic(organization.pk):
        by_code = {each.code: each for each in Representative.objects.all()}
        for absence in described["absences"]:
            Absence.objects.get_or_create(
                organization_id=organization.pk,
                representative=by_code[absence["representative_code"]],
                starts_on=absence["starts_on"],
                defaults={"ends_on": absence["ends_on"], "reason": absence["reason"], "cover": by_code.get(absence["cover"])},
            )
        for agreement in described["agreements"]:
            Representative.objects.filter(code=agreement["representative_code"], commission_rate=0).update(
                commission_rate=agreement["commission_rate"], consent_recorded_on=agreement["consent_recorded_on"]
            )
        first = Ownership.objects.filter(client=OuterRef("pk"), organization=OuterRef("organization")).order_by("started_on")
        unknown = Client.objects.filter(registered_on=None)
        unknown.filter(tags__contains=[KEY_ACCOUNT_TAG]).update(key_account=True)
        unknown.update(registered_on=Coalesce(Subquery(first.values("started_on")[:1]), last_day))


def publish_rules(organization: Organization) -> None:
    """Two rules, published; an organization that has rules keeps those it has."""
    with tenant_atomic(organization.pk):
        admin = Membership.objects.filter(role=Role.ADMIN, is_active=True).order_by("id").first()
        if Rule.objects.exists():
            return  # drafts among them are somebody's, and not ours to publish
        for definition in (GENERAL, WARNING):
            made = rules.create_rule(definition, by=admin)
            rules.publish(made.versions.get(), by=admin, guard_limits=SPARSE)


def run_for_review(organization: Organization, *, proved: Run | None) -> Run:
    """One run of the active rules, computed; an organization that has a run beside the one of the past keeps it."""
    with tenant_atomic(organization.pk):
        run = Run.objects.exclude(pk=proved.pk if proved else None).order_by("-id").first()
        if run is None:
            as_of = local_day(organization, at=timezone.now())
            active = list(Rule.objects.filter(is_active=True).order_by("id"))
            run = runs.start_run(active, as_of=as_of, trigger="command", by=BY)
    if run.state == Run.State.SCHEDULED:
        run = runs.compute_run(run.pk, organization.pk)
    return run

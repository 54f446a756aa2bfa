"""The demonstration, loaded as ``make run`` does, and again."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from accounts.management.organizations import organization_from_slug
from accounts.models import AuditEvent, Membership, Organization, Representative
from accounts.services import create_organization
from accounts.tenancy import acting_for
from clients.models import Client, Contract, CreditEvent, CreditSnapshot, ImportJob, Opportunity, OpportunityMove, Order
from clients.selectors.lifecycle import Limits
from clients.services import differences
from portfolio.models import Ownership, Renewal, Visit
from portfolio.selectors.figures.standing import composition
from rotation.engine.presets import PRESETS
from rotation.models import Outcome, Proposal, RotationSettings, Rule, Run
from rotation.services.rules import create_rule
from rotation.services.watch import halt_broken_rules

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=["default", "owner"])]


def _rows(organization) -> dict:
    """Every row of every table of the organization."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'organization_id' AND table_schema = 'public'"
        )
        tables = sorted(row[0] for row in cursor.fetchall())
    found = {}
    with acting_for(organization.pk), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT ctid::text, t.*::text FROM {table} t ORDER BY 1")
            found[table] = cursor.fetchall()
    return found


def test_the_demonstration_awaits_review_and_loading_it_again_changes_nothing(capsys, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    call_command("load_demo")

    organization = organization_from_slug("vale-verde")
    assert (organization.is_demo, organization.require_second_factor) == (True, False)
    printed = capsys.readouterr().out
    assert "admin@vale-verde.example" in printed
    assert "carteira-demo-2026" in printed
    with acting_for(organization.pk):
        assert Client.objects.count() == 600
        assert Representative.objects.count() == 12
        assert Order.objects.count() > 11_000
        past, run = Run.objects.order_by("as_of")
        moved = past.proposals.filter(state="applied").count()
        assert (
            Ownership.objects.count() == 771 + moved and Ownership.objects.filter(started_on=past.as_of, source="rotation").count() == moved
        )
        assert Visit.objects.count() > 4_500
        assert not ImportJob.objects.filter(refused__gt=0).exists()
        assert Representative.objects.exclude(membership=None).count() == Membership.objects.filter(role="representative").count() == 10
        assert [rule.versions.get().state for rule in Rule.objects.all()] == ["published"] * 3
        assert list(Rule.objects.filter(is_active=True).values_list("name", flat=True)) == ["Geral, 90 dias", "Quase inativo, com aviso"]
        assert halt_broken_rules(timezone.now()) == []  # neither is stopped on its first day
        # One rule has something to show: its control group was drawn months ago, and every window is over and measured.
        assert past.state == Run.State.APPLIED and moved > 5
        arms = Outcome.objects.filter(run=past).exclude(measured_at=None).values_list("arm").annotate(n=Count("pk"))
        assert dict(arms)["control"] > 5 and Outcome.objects.filter(run=past, ordered=True).exists()
        assert Outcome.objects.filter(measured_at=None).count() == 0
        assert run.state == Run.State.AWAITING
        assert Proposal.objects.filter(run=run, state="proposed").count() > 10
        last_order = Order.objects.latest("ordered_on").ordered_on
        assert 1 <= (run.as_of - last_order).days <= 3  # it ends yesterday, or on the Friday before
        assert AuditEvent.objects.filter(action="import.finished").count() == 9
        assert Contract.objects.count() > 60 and CreditSnapshot.objects.count() > 400 and CreditEvent.objects.exists()
        assert set(Opportunity.objects.values_list("stage", flat=True)) == set(Opportunity.Stage.values)
        opened = OpportunityMove.objects.filter(from_stage="").values("opportunity").distinct().count()
        assert opened == Opportunity.objects.count() and not OpportunityMove.objects.filter(moved_on__gte=run.as_of).exists()
        # Like every night, whoever answers for a client is asked to renew what ends; of those asked, some have begun.
        assert set(Renewal.objects.values_list("state", flat=True)) == {"to_contact", "talking", "lost"}
        groups = composition(run.as_of, Limits.of(organization)).groups
        # Rhythms of real clients, so that nobody bought but once.
        assert {name for name, group in groups.items() if not group.clients} == {"one_time"}
        # A representative's full day: eight visits and who is about to lapse.
        assert Visit.objects.filter(planned_on=run.as_of, representative__code="V-01").count() == 8
        # Whoever tries the demonstration may rename themselves.
        Membership.objects.filter(name="Marina Furlan").update(name="Marina Furlan de Alcântara")
        # They may begin a rule and have two people publish: the next start does neither for them, nor fails.
        create_rule(PRESETS["durable"], by=Membership.objects.get(role="admin"))
        RotationSettings.objects.update(publish_needs_two=True)
    assert not differences(organization)
    before = _rows(organization)

    call_command("load_demo")

    assert _rows(organization) == before


def test_an_organization_that_is_no_demonstration_is_left_alone():
    create_organization("vale-verde", name="Somebody's")

    with pytest.raises(CommandError, match="não é de demonstração"):
        call_command("load_demo")

    assert Organization.objects.using("owner").get(slug="vale-verde").name == "Somebody's"

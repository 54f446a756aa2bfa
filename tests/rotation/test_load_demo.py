"""The demonstration, loaded as ``make run`` does, and again."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.management.organizations import organization_from_slug
from accounts.models import AuditEvent, Membership, Organization, Representative
from accounts.services import create_organization
from accounts.tenancy import acting_for
from clients.models import Client, ImportJob, Order
from clients.services import differences
from portfolio.models import Ownership, Visit
from rotation.models import Proposal, Rule, Run

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
        assert Ownership.objects.count() == 771
        assert Visit.objects.count() > 4_500
        assert not ImportJob.objects.filter(refused__gt=0).exists()
        assert Representative.objects.exclude(membership=None).count() == Membership.objects.filter(role="representative").count() == 10
        assert [rule.versions.get().state for rule in Rule.objects.all()] == ["published"] * 2
        run = Run.objects.get()
        assert run.state == Run.State.AWAITING
        assert Proposal.objects.filter(run=run, state="proposed").count() > 10
        last_order = Order.objects.latest("ordered_on").ordered_on
        assert 1 <= (run.as_of - last_order).days <= 3  # it ends yesterday, or on the Friday before
        assert AuditEvent.objects.filter(action="import.finished").count() == 7
    assert not differences(organization)
    before = _rows(organization)

    call_command("load_demo")

    assert _rows(organization) == before


def test_an_organization_that_is_no_demonstration_is_left_alone():
    create_organization("vale-verde", name="Somebody's")

    with pytest.raises(CommandError, match="não é de demonstração"):
        call_command("load_demo")

    assert Organization.objects.using("owner").get(slug="vale-verde").name == "Somebody's"

"""The six-month average commission of an autonomous representative, before and after the approved moves."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import Representative
from rotation.selectors.commission import Commission, commissions
from rotation.services.apply import apply_summary
from tests.factories import OrderFactory, RepresentativeFactory
from tests.rotation.conftest import AS_OF
from tests.rotation.factories import ProposalFactory, RuleVersionFactory, RunFactory


@pytest.fixture
def bia(acting, team):
    return RepresentativeFactory(contract_type="autonomous", commission_rate=Decimal("0.06"), name="Bia", team=team)


@pytest.fixture
def run(acting):
    return RunFactory(version=RuleVersionFactory())


def move(run, owner, to, net_cents: int, *, days_ago: int = 100, state="approved"):
    proposal = ProposalFactory(run=run, rule_version=run.rules.get().rule_version, owner=owner, to_representative=to, state=state)
    if net_cents:
        OrderFactory(client=proposal.client, ordered_on=AS_OF - timedelta(days=days_ago), amount_cents=net_cents, representative=owner)
    return proposal


def test_what_leaves_and_what_comes_change_the_mean_of_six_months(run, bia, representatives, admin):
    ana = representatives[0]
    keeps = ProposalFactory(run=run, rule_version=run.rules.get().rule_version, owner=bia, to_representative=ana, state="rejected")
    OrderFactory(client=keeps.client, ordered_on=AS_OF, amount_cents=400_000, representative=bia)
    move(run, bia, ana, 150_000)
    move(run, bia, ana, 999_000, days_ago=180)  # the first day that no longer counts
    move(run, ana, bia, 50_000, days_ago=179)  # the last that does

    found = {change.name: change.commission for change in apply_summary(run, by=admin).changes}

    # (400,000 + 150,000) x 6 % / 6 = 5,500; without 150,000 and with 50,000: 4,500
    assert found["Bia"] == Commission(before_cents=5_500, after_cents=4_500)
    assert found["Bia"].change_cents == -1_000
    assert found[ana.name] is None


def test_employees_and_unrecorded_rates_cost_no_query(run, representatives, django_assert_num_queries):
    unknown = RepresentativeFactory(contract_type="autonomous")
    people = list(Representative.objects.all())
    assert unknown in people
    with django_assert_num_queries(0):
        assert commissions(people, run.proposals.all(), as_of=AS_OF) == {}

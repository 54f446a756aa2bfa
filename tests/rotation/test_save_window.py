"""The save window: the owner is warned before a client is proposed, an act stops it, and what was saved is counted."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Notice
from accounts.services import Actor
from clients.services import refresh_clients
from portfolio.projections import refresh_contact_days
from portfolio.services import transfer_client
from rotation.models import Proposal, Run, SaveWarning
from rotation.selectors.warnings import save_rates
from rotation.services.rules import check_definition, create_rule, publish
from rotation.services.runs import compute_run, preview, start_run
from tests.factories import OrderFactory, VisitFactory, make_member
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client

WINDOW = RULE | {"name": "Com prazo", "guards": ["save_window:10"], "limits": {"give_share": 1.0, "receive_share": 1.0}}


@pytest.fixture
def rule(fresh_feed, admin):
    made = create_rule(WINDOW, by=admin)
    publish(made.versions.get(), by=admin)
    return made


@pytest.fixture
def ana(acting, representatives):
    representatives[0].membership = make_member(acting, "representative", name="Ana")
    representatives[0].save()
    return representatives[0]


def night(organization, rule, admin, *, day: date) -> Run:
    """One run of the rule as of that day."""
    at = NOW + (day - AS_OF)
    organization.orders_received_at = at
    organization.save(update_fields=["orders_received_at"])
    run = start_run([rule], as_of=day, trigger="command", by=admin)
    return compute_run(run.pk, organization.pk, at=at)


def on(days: int) -> date:
    return AS_OF + timedelta(days=days)


def proposed(run: Run) -> list[int]:
    return list(Proposal.objects.filter(run=run).values_list("client_id", flat=True))


def test_the_owner_is_warned_first_and_the_client_proposed_when_nothing_happened(acting, admin, rule, ana):
    client = make_client(ana, days_silent=100)

    first = night(acting, rule, admin, day=AS_OF)

    assert proposed(first) == []
    warning = SaveWarning.objects.get()
    assert (warning.client, warning.representative, warning.rule) == (client, ana, rule)
    assert (warning.warned_on, warning.due_on, warning.state) == (AS_OF, on(10), "open")
    notice = Notice.objects.get(kind="save_window")
    assert notice.membership == ana.membership
    assert (notice.facts["n"], notice.facts["due_on"]) == (1, "2026-10-15")

    assert proposed(night(acting, rule, admin, day=on(7))) == []  # still its time to act
    assert proposed(night(acting, rule, admin, day=on(10))) == [client.pk]
    assert SaveWarning.objects.count() == 1
    assert Notice.objects.filter(kind="save_window").count() == 1


@pytest.mark.parametrize("act", ["order", "visit"])
def test_an_act_within_the_window_keeps_the_client_and_counts_as_saved(acting, admin, rule, ana, act):
    client = make_client(ana, days_silent=100)
    night(acting, rule, admin, day=AS_OF)
    if act == "order":
        OrderFactory(client=client, ordered_on=on(3), amount_cents=50_000)
        refresh_clients([client.pk], as_of=on(3))
    else:
        at = datetime(2026, 10, 8, 15, tzinfo=acting.zone)
        VisitFactory(client=client, representative=ana, visited_at=at, visited_on=on(3))
        refresh_contact_days([client.pk])

    later = night(acting, rule, admin, day=on(10))

    assert proposed(later) == []
    warning = SaveWarning.objects.earliest("pk")
    assert (warning.state, warning.act, warning.closed_on) == ("saved", act, on(3))
    # a visit without an order leaves the client silent: its owner is warned anew, and has the days again
    assert SaveWarning.objects.filter(state="open").exists() == (act == "visit")
    assert save_rates([rule.pk], since=AS_OF)[rule.pk].saved == 1


def test_a_client_that_changes_hands_meanwhile_leaves_the_window(acting, admin, rule, ana, representatives):
    client = make_client(ana, days_silent=100)
    night(acting, rule, admin, day=AS_OF)
    transfer_client(client=client, to=representatives[1], by=Actor(admin), on=on(2), reason="troca")

    night(acting, rule, admin, day=on(10))

    old, new = SaveWarning.objects.order_by("pk")
    assert (old.state, old.closed_on, new.representative) == ("moved", on(10), representatives[1])
    rates = save_rates([rule.pk], since=AS_OF)[rule.pk]
    assert (rates.warned, rates.saved, rates.moved, rates.open, rates.share) == (2, 0, 1, 1, Decimal(0))


def test_a_client_nobody_answers_for_is_proposed_at_once(acting, admin, rule, ana):
    client = make_client(None, days_silent=100)

    assert proposed(night(acting, rule, admin, day=AS_OF)) == [client.pk]
    assert not SaveWarning.objects.exists()


def test_a_dry_run_warns_nobody(acting, admin, rule, ana):
    make_client(ana, days_silent=100)

    seen = preview([WINDOW], as_of=AS_OF, at=NOW)

    assert (seen.flagged, seen.guarded, seen.proposed) == (1, 1, 0)
    assert not SaveWarning.objects.exists() and not Notice.objects.exists()


def test_computing_a_run_again_warns_nobody_twice(acting, admin, rule, ana):
    make_client(ana, days_silent=100)
    run = night(acting, rule, admin, day=AS_OF)
    digest = run.data_digest
    Run.objects.filter(pk=run.pk).update(state=Run.State.COMPUTING)

    again = compute_run(run.pk, acting.pk, at=NOW)

    assert again.data_digest == digest
    assert SaveWarning.objects.count() == Notice.objects.filter(kind="save_window").count() == 1


def test_rules_with_a_window_pass_the_checks():
    assert [guard.text for guard in check_definition(WINDOW).guards] == ["save_window:10"]

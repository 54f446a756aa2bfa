"""Contracts, credit, tags, missed visits, branches and commission reach the rule that asks, as of the day, and only that one."""

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Representative
from clients.models import Client, Contract, CreditEvent, CreditSnapshot
from portfolio.models import Visit
from rotation.engine.facts import NO_DAY
from rotation.engine.rules import parse_rule
from rotation.selectors import signals
from rotation.selectors.columns import read_columns
from rotation.selectors.facts import day_number, run_facts
from rotation.services.rules import check_definition
from rotation.services.runs import preview
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client

FIELDS = [
    ("contract_days_left", "<=", 60),
    ("credit_score", "<", 500),
    ("overdue_cents", ">", 0),
    ("days_since_credit_event", "<=", 30),
    ("missed_visits_90d", ">=", 1),
    ("tags", "in", ["vip"]),
    ("owner_load", ">=", 0.5),
]
ALL = parse_rule(
    RULE
    | {
        "trigger": {"any": [{"field": field, "op": op, "value": value} for field, op, value in FIELDS]},
        "guards": ["group_within:30", "representative_contract"],
    }
)


def on(days: int) -> date:
    return AS_OF + timedelta(days=days)


def facts_of(organization, rule=ALL, *, live=True):
    return run_facts(organization, [rule], as_of=AS_OF, live=live).clients


def at(client, facts) -> int:
    return int(np.searchsorted(facts.client_id, client.pk))


def proposed(organization, trigger, **change) -> list[str]:
    """Codes of the clients a rule with this trigger would move, without guards unless ``change`` has them."""
    rule = RULE | {"trigger": {"all": trigger}, "guards": [], "limits": {"give_share": 1.0, "receive_share": 1.0}} | change
    return sorted(row.client_code for row in preview([rule], as_of=AS_OF, at=NOW).proposals)


def test_a_contract_counts_to_its_latest_end_and_one_yet_to_begin_is_not_known_in_the_past(acting, representatives):
    renewed, service = make_client(representatives[0]), make_client(representatives[0])
    make_client(representatives[0])
    _contract(renewed, "K1", -300, 20)
    _contract(renewed, "K2", 21, 386)
    _contract(service, "K3", -10, 45, orders_expected=False)

    facts = facts_of(acting)

    ends = [int(day) for day in facts.contract_ends_on]
    assert ends == [day_number(on(386)), day_number(on(45)), NO_DAY]
    assert facts.contract_only.tolist() == [False, True, False]
    assert facts_of(acting, live=False).contract_ends_on[0] == day_number(on(20))


def test_a_service_client_is_never_accused_of_silence(acting, representatives):
    service = make_client(representatives[0], days_silent=100)
    other = make_client(representatives[0], days_silent=100)
    _contract(service, "K1", -100, 30, orders_expected=False)
    silent = {"field": "days_since_last", "op": ">=", "value": 90}

    assert proposed(acting, [silent]) == [other.code]


def _contract(client, code, begins, ends, **fields):
    Contract.objects.create(
        organization_id=client.organization_id, client=client, code=code, starts_on=on(begins), ends_on=on(ends), **fields
    )


def test_credit_is_the_latest_figure_stated_by_then(acting, representatives):
    client, unknown = make_client(representatives[0]), make_client(representatives[0])
    for days, score, overdue in ((-40, 700, 5_000), (-10, 480, None), (5, 900, 0)):
        CreditSnapshot.objects.create(organization=acting, client=client, observed_on=on(days), score=score, overdue_cents=overdue)
    for days in (-20, 3):
        CreditEvent.objects.create(organization=acting, client=client, observed_on=on(days), event="Protesto")

    facts = facts_of(acting)

    assert (facts.credit_score[0], facts.overdue_cents[0]) == (480, 5_000)
    assert int(facts.credit_event_on[0]) == day_number(on(-20))
    assert np.isnan(facts.credit_score[1]) and facts.overdue_cents[1] == 0 and facts.credit_event_on[1] == NO_DAY
    assert proposed(acting, [{"field": "credit_score", "op": "<", "value": 500}]) == [client.code]
    assert proposed(acting, [{"field": "days_since_credit_event", "op": "<=", "value": 30}]) == [client.code]
    assert unknown.code not in proposed(acting, [{"field": "credit_score", "op": "<", "value": 10_000}])


def test_a_missed_visit_is_one_planned_for_a_day_gone_by(acting, representatives):
    client = make_client(representatives[0])

    def planned(days: int, **more) -> None:
        Visit.objects.create(organization=acting, client=client, representative=representatives[0], planned_on=on(days), **more)

    for days in (-1, -90, -91, 0):  # missed, missed, too long ago, today and still to come
        planned(days)
    planned(-2, visited_at=NOW - timedelta(days=2), visited_on=on(-2))
    planned(-3, cancelled_at=NOW - timedelta(days=4), cancel_reason="feriado")

    assert facts_of(acting).missed_visits.tolist() == [2]


def test_tags_are_read_with_their_words(acting, representatives):
    both = make_client(representatives[0], tags=["vip", "novo"])
    make_client(representatives[0])
    make_client(representatives[0], tags=["novo"])

    facts = facts_of(acting)

    assert facts.tags == ("novo", "vip")
    assert facts.tags_start.tolist() == [0, 2, 2, 3]
    assert proposed(acting, [{"field": "tags", "op": "in", "value": ["vip"]}]) == [both.code]


def test_a_branch_that_buys_keeps_its_whole_group(acting, representatives):
    ana = representatives[0]
    silent = make_client(ana, days_silent=100, tax_id_root="11222333")
    buying = make_client(ana, days_silent=5, tax_id_root="11222333")
    alone = make_client(ana, days_silent=100, tax_id_root="99888777")
    never = make_client(ana, days_silent=None, tax_id_root="99888777")
    rootless = make_client(ana, days_silent=100)

    facts = facts_of(acting)

    seen = {client.pk: int(facts.group_last_on[at(client, facts)]) for client in (silent, buying, alone, never, rootless)}
    assert seen == {
        silent.pk: day_number(on(-5)),
        buying.pk: day_number(on(-100)),
        alone.pk: NO_DAY,
        never.pk: day_number(on(-100)),
        rootless.pk: NO_DAY,
    }
    late = [{"field": "days_since_last", "op": ">=", "value": 90}]
    assert proposed(acting, late, guards=["group_within:30"]) == sorted([alone.code, rootless.code])


def test_an_autonomous_representative_keeps_who_still_feeds_the_six_month_commission(acting, team, representatives):
    bia = Representative.objects.create(
        organization=acting, code="A-1", name="Bia", contract_type="autonomous", commission_rate=Decimal("0.05"), team=team,
        latitude=-23.5, longitude=-46.6, base_state="SP",
    )  # fmt: skip
    feeds = make_client(bia, days_silent=170, x=0, net=1_200_000)
    gone = make_client(bia, days_silent=180, x=0, net=1_200_000)

    facts = facts_of(acting)

    assert facts.commission_6m_cents.tolist() == [10_000, 0]  # R$ 12,000 x 5% over six months
    late = [{"field": "days_since_last", "op": ">=", "value": 90}]
    assert proposed(acting, late, guards=["representative_contract"]) == [gone.code]
    bia.commission_rate = 0  # nobody recorded a rate: held all the same
    bia.save()
    assert proposed(acting, late, guards=["representative_contract"]) == [gone.code]
    bia.consent_recorded_on = on(-1)
    bia.save()
    assert proposed(acting, late, guards=["representative_contract"]) == sorted([feeds.code, gone.code])


def test_commission_of_a_company_unknown_to_the_statistics_goes_through_its_tables_once(acting, portfolio, monkeypatch):
    """Right after an import, and for long where one company is little beside the others: the planner expects a row of each."""
    Representative.objects.filter(pk=portfolio[0].representative_id).update(contract_type="autonomous")
    plans = []

    def explained(query, values, kinds, *, no_day):
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + query.as_string(cursor.connection), values)
            plans.append(cursor.fetchone()[0][0]["Plan"])
        return read_columns(query, values, kinds, no_day=no_day)

    monkeypatch.setattr(signals, "read_columns", explained)
    facts_of(acting)
    (plan,) = (plan for plan in plans if loops(plan).keys() >= {"clients_order", "accounts_representative"})
    assert (loops(plan)["clients_client"], loops(plan)["accounts_representative"]) == (1, 1)
    theirs = Client.objects.filter(representative__contract_type="autonomous").count()
    assert loops(plan)["clients_order"] == theirs > 1


def loops(plan: dict) -> dict[str, float]:
    """Table -> how often the plan begins to read it."""
    found = {plan["Relation Name"]: plan["Actual Loops"]} if "Relation Name" in plan else {}
    for below in plan.get("Plans", []):
        found |= loops(below)
    return found


def test_a_full_representative_is_a_reason_to_move_clients(acting, representatives):
    ana, bruno, _ = representatives
    ana.capacity_clients = 2
    ana.save()
    full = [make_client(ana, days_silent=5) for _ in range(3)]
    make_client(bruno, days_silent=5)

    assert proposed(acting, [{"field": "owner_load", "op": ">", "value": 1}]) == sorted(client.code for client in full)


def test_nothing_of_this_is_read_for_a_rule_that_does_not_ask(acting, portfolio):
    plain = parse_rule(RULE | {"guards": [], "trigger": {"all": [{"field": "days_since_visit", "op": ">=", "value": 45}]}})

    with CaptureQueriesContext(
        connection,
    ) as asked:
        facts_of(acting)
    with CaptureQueriesContext(connection) as unasked:
        facts = facts_of(acting, plain)

    assert facts.contract_ends_on is facts.tags_start is facts.commission_6m_cents is facts.group_last_on is None
    assert len(unasked) < len(asked)


@pytest.mark.parametrize(("field", "op", "value"), FIELDS)
def test_every_such_field_may_stand_in_a_rule(field, op, value):
    assert check_definition(RULE | {"trigger": {"all": [{"field": field, "op": op, "value": value}]}})

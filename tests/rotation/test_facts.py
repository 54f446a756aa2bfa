"""The engine's columns: right for any day from whichever source, blind to what came later, and read by a plan that scales."""

from dataclasses import fields
from datetime import date, timedelta

import numpy as np
import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from accounts.models import Absence
from accounts.tenancy import tenant_atomic
from clients.models import Client, ClientActivity, Order
from clients.services import refresh_clients
from clients.services.opportunities import move_opportunity, open_opportunity
from portfolio.models import Interaction, Ownership, Visit
from rotation.engine.facts import NO_DAY
from rotation.engine.features import order_statistics
from rotation.engine.rules import parse_rule
from rotation.models import Holdout, Proposal, Run, RunRule
from rotation.selectors import activity
from rotation.selectors import facts as facts_module
from rotation.selectors.activity import Source
from rotation.selectors.columns import read_columns
from rotation.selectors.facts import ALWAYS, RunFacts, clients_query, day_number, planned_for, run_facts
from rotation.services.rules import create_rule
from rotation.services.runs import preview
from tests.draws import drawn
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, make_organization
from tests.rotation.conftest import AS_OF, NOW, RULE, make_client

WINDOWS = parse_rule(
    RULE
    | {
        "trigger": {
            "any": [
                {"field": name, "op": ">=", "value": 1} for name in ("orders_30d", "orders_90d", "orders_180d", "orders_365d", "median_gap")
            ]
        }
    }
)
PLAIN = parse_rule(RULE)


def facts_on(organization, day: date, *, rule=PLAIN, live=True) -> RunFacts:
    return run_facts(organization, [rule], as_of=day, live=live)


def row(facts: RunFacts, client: Client) -> int:
    return int(np.flatnonzero(facts.clients.client_id == client.pk)[0])


def same(left: RunFacts, right: RunFacts) -> None:
    for spec in fields(left.clients):
        a, b = getattr(left.clients, spec.name), getattr(right.clients, spec.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=spec.name)
        else:
            assert a == b, spec.name


ORDERS = st.lists(
    st.tuples(
        st.integers(0, 3),  # client
        # days from AS_OF, of which some enter or leave a window about then
        st.integers(-800, 60) | st.sampled_from([back - window for window in (0, 30, 90, 180, 365) for back in range(-4, 2)]),
        st.sampled_from(["valid", "valid", "valid", "cancelled", "returned"]),
        st.integers(-50_000, 200_000),
    ),
    max_size=40,
)


@drawn(12, long=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ORDERS)
def test_every_source_gives_the_same_facts_and_they_are_the_engines_own(acting, drawn):
    Order.objects.all().delete()
    clients = list(Client.objects.order_by("pk")) or [ClientFactory() for _ in range(4)]
    ids = [client.pk for client in clients]
    for client, days, status, amount in drawn:
        OrderFactory(client=clients[client], ordered_on=AS_OF + timedelta(days=days), status=status, amount_cents=amount)

    seen = {}
    for name, before in (
        ("same day", 0),
        ("a day before", 1),
        ("days before", 3),
        ("a month before", 40),
        ("later", -60),
        ("a year before", 365),
    ):
        # no two clients need have been summed up on one day
        refresh_clients(ids, as_of=AS_OF - timedelta(days=before))
        refresh_clients(ids[: 2 * (before in (3, 40))], as_of=AS_OF - timedelta(days=1))
        seen[name] = facts_on(acting, AS_OF, rule=WINDOWS)
        if name == "later":
            last_days = list(ClientActivity.objects.values_list("last_on", flat=True))
    assert seen["same day"].source is Source.SUMMARY
    assert seen["a year before"].source is Source.ORDERS
    # orders that day did not know of come off all orders, windows that moved back do not
    known_later = any(last is not None and last > AS_OF for last in last_days)
    assert seen["later"].source is (Source.ORDERS if known_later else Source.MOVED)
    for name in ("a day before", "days before", "a month before"):
        assert seen[name].source is Source.MOVED
    for facts in seen.values():
        same(seen["same day"], facts)

    expected = _by_the_engine(ids)
    facts = seen["same day"].clients
    for name in ("x", "first_on", "last_on", "median_gap", "net_12m", "n30", "n90", "n180", "n365"):
        np.testing.assert_array_equal(getattr(facts, name), getattr(expected, name), err_msg=name)


def test_an_order_that_comes_while_the_facts_are_read_is_counted_once_or_not_at_all(acting, representatives, monkeypatch):
    client = make_client(representatives[0], days_silent=40)
    OrderFactory(client=client, ordered_on=AS_OF - timedelta(days=40))
    refresh_clients([client.pk], as_of=AS_OF - timedelta(days=2))
    come: list[Order] = []

    def read_and_let_one_in(query, values, kinds, *, no_day):
        found = read_columns(query, values, kinds, no_day=no_day)
        if not come and kinds.keys() & {"net", "net_12m"}:
            # dated back to a day that leaves the year between the summary's day and the run's
            come.append(OrderFactory(client=client, ordered_on=AS_OF - timedelta(days=365)))
            refresh_clients([client.pk], as_of=AS_OF)
        return found

    without = facts_on(acting, AS_OF)
    for module in (activity, facts_module):
        monkeypatch.setattr(module, "read_columns", read_and_let_one_in)
    meanwhile = facts_on(acting, AS_OF)
    monkeypatch.undo()
    assert come and meanwhile.source is Source.MOVED
    known = meanwhile.clients.x[0] - without.clients.x[0]
    same(meanwhile, facts_on(acting, AS_OF) if known else without)


def _by_the_engine(ids: list[int]):
    """The engine's own statistics of the order days. Money of days without a net sale counts for the year, not as days."""
    days: dict[tuple[int, date], int] = {}
    for order in Order.objects.filter(ordered_on__lte=AS_OF):
        key = (order.client_id, order.ordered_on)
        days[key] = days.get(key, 0) + order.net_cents
    kept = sorted((ids.index(client), day_number(day), net) for (client, day), net in days.items() if net > 0)
    start = np.searchsorted([client for client, _, _ in kept], np.arange(len(ids) + 1))
    made = order_statistics(start, [day for _, day, _ in kept], [net for _, _, net in kept], as_of=day_number(AS_OF))
    refunds = np.zeros(len(ids), np.int64)
    for (client, day), net in days.items():
        if net <= 0 and day > AS_OF - timedelta(days=365):
            refunds[ids.index(client)] += net
    object.__setattr__(made, "net_12m", made.net_12m + refunds)
    return made


def test_nothing_dated_after_the_day_changes_a_replay(acting, representatives):
    client = make_client(representatives[0], days_silent=40)
    for days in (40, 100, 170):
        OrderFactory(client=client, ordered_on=AS_OF - timedelta(days=days))
    Visit.objects.create(organization=acting, client=client, representative=representatives[0], visited_on=AS_OF - timedelta(days=9))
    refresh_clients([client.pk], as_of=AS_OF)
    client.activity.update(last_visit_on=AS_OF - timedelta(days=9))
    before = facts_on(acting, AS_OF, live=False)

    OrderFactory(client=client, ordered_on=AS_OF + timedelta(days=1))
    Visit.objects.create(organization=acting, client=client, representative=representatives[0], visited_on=AS_OF + timedelta(days=2))
    Interaction.objects.create(organization=acting, client=client, kind="call", happened_at=NOW, happened_on=AS_OF + timedelta(days=3))
    refresh_clients([client.pk], as_of=AS_OF + timedelta(days=5))
    client.activity.update(last_visit_on=AS_OF + timedelta(days=2), last_contact_on=AS_OF + timedelta(days=3))
    after = facts_on(acting, AS_OF, live=False)
    same(before, after)
    assert after.source is Source.ORDERS
    assert after.clients.last_visit_on.tolist() == [day_number(AS_OF) - 9]


def test_an_order_dated_ahead_guards_its_client_in_a_live_run_only(acting, representatives):
    waiting, other = make_client(representatives[0]), make_client(representatives[0])
    OrderFactory(client=waiting, ordered_on=AS_OF + timedelta(days=3))
    OrderFactory(client=other, ordered_on=AS_OF + timedelta(days=3), status="cancelled")
    facts = facts_on(acting, AS_OF)
    assert facts.clients.open_order[[row(facts, waiting), row(facts, other)]].tolist() == [True, False]
    assert not facts_on(acting, AS_OF, live=False).clients.open_order.any()


def test_former_owners_last_seq_and_involuntary_moves_come_from_the_ledger(acting, representatives):
    ana, bruno, carla = representatives
    client = make_client(None)
    history = [(ana, "import", 900, 500), (bruno, "rotation", 500, 200), (carla, "manual", 200, 10)]
    for seq, (who, source, began, ended) in enumerate(history, 1):
        Ownership.objects.create(
            organization=acting,
            client=client,
            representative=who,
            seq=seq,
            source=source,
            started_on=AS_OF - timedelta(days=began),
            ended_on=AS_OF - timedelta(days=ended),
        )
    rotated = make_client(None)
    OwnershipFactory(client=rotated, representative=ana, started_on=AS_OF - timedelta(days=90), ended_on=AS_OF - timedelta(days=30))
    OwnershipFactory(client=rotated, representative=bruno, seq=2, source="rotation", started_on=AS_OF - timedelta(days=30))
    facts = facts_on(acting, AS_OF)
    today, ids = day_number(AS_OF), facts.representatives.id
    i, j = row(facts, client), row(facts, rotated)
    assert (facts.clients.owner[i], facts.clients.seq[i], facts.clients.moved_on[i]) == (-1, 3, today - 500)
    between = slice(facts.clients.former_start[i], facts.clients.former_start[i + 1])
    assert ids[facts.clients.former_representative[between]].tolist() == [ana.pk, bruno.pk, carla.pk]
    assert (today - facts.clients.former_ended_on[between]).tolist() == [500, 200, 10]
    assert ids[facts.clients.owner[j]] == bruno.pk
    assert (facts.clients.seq[j], facts.clients.moved_on[j], facts.clients.owned_since_on[j]) == (2, today - 30, today - 30)
    assert facts.representatives.holds.tolist() == [0, 1, 0]


def test_representatives_out_of_service_or_away_are_marked(acting, representatives):
    today = day_number(AS_OF)
    serving, leaving, coming = representatives
    leaving.valid_to = AS_OF
    leaving.save()
    coming.valid_from = AS_OF + timedelta(days=1)
    coming.save()
    away = RepresentativeFactory(regions=["SP", "AC"], segments=["Hotel"], base_city="Rio Branco", contract_type="autonomous")
    soon = RepresentativeFactory()
    for who, begins, ends in ((away, 0, 1), (soon, 14, 15), (serving, 15, 20), (serving, -5, 0)):
        Absence.objects.create(
            organization=acting, representative=who, starts_on=AS_OF + timedelta(days=begins), ends_on=AS_OF + timedelta(days=ends)
        )
    make_client(serving)
    table = facts_on(acting, AS_OF).representatives
    assert table.id.tolist() == [serving.pk, leaving.pk, coming.pk, away.pk, soon.pk]
    assert table.active.tolist() == [True, False, False, True, True]
    assert table.absent.tolist() == [False, False, False, True, True]
    assert table.absent_now.tolist() == [False, False, False, True, False]
    assert table.autonomous.tolist() == [False, False, False, True, False]
    facts = facts_on(acting, AS_OF).clients
    assert {facts.ufs[code] for code in table.regions[3]} == {"SP", "AC"}
    assert {facts.segments[code] for code in table.segments[3]} == {"Hotel"}
    assert facts.cities[table.city[3]] == "Rio Branco"
    assert facts.last_on.tolist() == [today - 100]


def test_each_representative_stands_in_a_branch_of_the_tree_of_teams(acting):
    top, other = TeamFactory(), TeamFactory()
    below = TeamFactory(parent=TeamFactory(parent=top))
    people = [RepresentativeFactory(team=team) for team in (below, top, other, None)]
    table = facts_on(acting, AS_OF).representatives
    assert table.id.tolist() == [each.pk for each in people]
    assert table.top_team.tolist() == [top.pk, top.pk, other.pk, -1]


def test_flags_words_and_unknown_coordinates_come_as_the_engine_wants_them(acting, representatives):
    ana = representatives[0]
    plain = make_client(ana, segment="", city="", latitude=None, longitude=None, days_silent=None)
    special = make_client(ana, hold=True, blocked=True, key_account=True, discarded_on=AS_OF, state="RJ")
    later = make_client(ana, discarded_on=AS_OF + timedelta(days=1))
    facts = facts_on(acting, AS_OF)
    i, j, k = (row(facts, each) for each in (plain, special, later))
    clients = facts.clients
    assert (clients.x[i], clients.last_on[i], clients.segment[i], clients.city[i]) == (-1, NO_DAY, -1, -1)
    assert np.isnan([clients.lat[i], clients.lon[i], clients.median_gap[i]]).all()
    assert clients.ufs[clients.uf[j]] == "RJ"
    assert [clients.never_rotate[j], clients.blocked[j], clients.key_account[j], clients.discarded[j]] == [True] * 4
    assert (clients.hold_until_on[j], clients.hold_until_on[i]) == (ALWAYS, NO_DAY)
    assert not clients.discarded[k]


def test_an_open_sale_guards_its_client_and_a_replay_sees_those_open_then(acting, admin, representatives):
    days = {name: NOW - timedelta(days=ago) for name, ago in (("long ago", 60), ("then", 30), ("later", 10))}
    clients = [make_client(representatives[0]) for _ in range(5)]
    open_still, won, lost_and_back, begun_later, _none = clients
    for client, at in ((open_still, "long ago"), (won, "long ago"), (lost_and_back, "long ago"), (begun_later, "later")):
        open_opportunity(client, title="Linha nova", by=admin, at=days[at])
    move_opportunity(won.opportunities.get(), to="won", by=admin, at=days["later"])
    move_opportunity(lost_and_back.opportunities.get(), to="lost", loss_reason="Preço", by=admin, at=days["then"])
    move_opportunity(lost_and_back.opportunities.get(), to="contact", by=admin, at=days["later"])

    def open_on(day: date, *, live: bool) -> list[bool]:
        return facts_on(acting, day, live=live).clients.open_opportunity.tolist()

    assert open_on(AS_OF, live=True) == open_on(AS_OF, live=False) == [True, False, True, True, False]
    assert open_on(AS_OF - timedelta(days=20), live=False) == [True, True, False, False, False]
    assert open_on(AS_OF - timedelta(days=61), live=False) == [False] * 5
    guarded = preview([RULE | {"guards": ["open_opportunity"]}], as_of=AS_OF, at=NOW)
    assert (guarded.flagged, guarded.guarded) == (5, 3)


def test_open_proposals_and_the_control_group_are_known_except_the_runs_own(acting, admin, representatives):
    ana, bruno = representatives[:2]
    rule = create_rule(RULE, by=admin)
    run = Run.objects.create(organization=acting, rule_set=str(rule.pk), as_of=AS_OF, trigger="person")
    RunRule.objects.create(organization=acting, run=run, rule_version=rule.versions.get(), position=1)
    proposed, held, free = (make_client(ana) for _ in range(3))
    Proposal.objects.create(
        organization=acting,
        run=run,
        client=proposed,
        from_representative=ana,
        to_representative=bruno,
        expected_seq=1,
        position=1,
        value_cents=1,
        at_stake_cents=1,
        net_12m_cents=1,
    )
    Holdout.objects.create(organization=acting, run=run, rule=rule, client=held, drawn_on=AS_OF, until_on=AS_OF + timedelta(days=90))
    facts = facts_on(acting, AS_OF).clients
    assert facts.open_proposal.tolist() == [True, False, False]
    assert facts.withheld_until_on.tolist() == [NO_DAY, day_number(AS_OF) + 89, NO_DAY]
    own = run_facts(acting, [PLAIN], as_of=AS_OF, live=True, run_id=run.pk).clients
    assert not own.open_proposal.any()
    assert own.withheld_until_on.tolist() == [NO_DAY] * 3
    assert free.pk == facts.client_id[2]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_the_big_read_walks_the_covering_index_in_client_order():
    organization = make_organization("grande")
    with tenant_atomic(organization.pk), connection.cursor() as cursor:
        clients = [ClientFactory().pk for _ in range(50)]
        cursor.execute(
            "INSERT INTO clients_order (organization_id, code, client_id, ordered_on, status, amount_cents)"
            " SELECT %s, 'P' || c || '-' || n, c, %s::date - n, 'valid', 1000 FROM unnest(%s) c, generate_series(1, 400) n",
            [organization.pk, AS_OF, clients],
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM ANALYZE clients_order")
    with tenant_atomic(organization.pk), planned_for(Source.ORDERS), connection.cursor() as cursor:
        query, _kinds = clients_query([WINDOWS], Source.ORDERS)
        cursor.execute(
            "EXPLAIN " + query.as_string(cursor.connection), {"organization": organization.pk, "as_of": AS_OF + timedelta(days=1)}
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Only Scan using order_of_client" in plan
    assert "GroupAggregate" in plan
    assert "HashAggregate" not in plan
    # already in order: sorting nine million rows is what the index spares
    assert "Sort Key: clients_order.client_id" not in plan


MINUTES = parse_rule(RULE | {"receivers": {"same_region": False, "not_former_within_days": 0, "capacity": "minutes"}})


def test_minutes_are_read_only_for_a_rule_that_counts_them(acting):
    plain = facts_on(acting, AS_OF)
    assert plain.clients.minutes is None
    assert plain.representatives.capacity_minutes is None


def test_a_quarters_minutes_of_clients_and_representatives(acting):
    ana = RepresentativeFactory(capacity_minutes_week=1_800, latitude=-23.5, longitude=-46.6)
    bruno = RepresentativeFactory(capacity_minutes_week=None)
    near = make_client(ana)
    facts = facts_on(acting, AS_OF, rule=MINUTES)
    table = facts.representatives
    at = {int(pk): i for i, pk in enumerate(table.id)}
    # the only client that sold is an A: 6.5 visits of half an hour, at the door
    assert facts.clients.minutes[row(facts, near)] == pytest.approx(195)
    assert table.minutes_held[at[ana.pk]] == pytest.approx(195)
    assert (table.capacity_minutes[at[ana.pk]], table.capacity_minutes[at[bruno.pk]]) == (1_800 * 13, np.inf)
    assert table.minutes_held[at[bruno.pk]] == 0


def test_a_hold_granted_until_a_day_holds_through_it(acting, representatives):
    until = make_client(representatives[0], hold_until=AS_OF)
    over = make_client(representatives[0], hold_until=AS_OF - timedelta(days=1))
    for_good = make_client(representatives[0], hold_until=AS_OF, hold=True)
    facts = facts_on(acting, AS_OF)
    days = facts.clients.hold_until_on
    assert days[row(facts, until)] == day_number(AS_OF)
    assert days[row(facts, over)] == NO_DAY
    assert days[row(facts, for_good)] == ALWAYS

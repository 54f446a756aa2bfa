"""Rules that run by themselves: on the organization's own clock, once, whatever clocks and schedulers do."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Role
from accounts.services.members import deactivate_membership
from accounts.tenancy import tenant_atomic
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule
from rotation.models import RuleVersion, Run
from rotation.services.rules import create_rule, pause, publish
from rotation.services.runs import cancel_run, start_run
from rotation.services.schedule import latest_occurrence, next_occurrence, next_run_of, start_due_runs
from tests.factories import ClientFactory, make_member, make_organization
from tests.rotation.conftest import RULE

SAO_PAULO, SANTIAGO, LISBON = (ZoneInfo(name) for name in ("America/Sao_Paulo", "America/Santiago", "Europe/Lisbon"))
MONDAY_6H = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)  # 06:00 in São Paulo


def schedule(**keys):
    return parse_rule(RULE | {"schedule": keys}).schedule


def local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %z")


@pytest.mark.parametrize(
    ("keys", "zone", "at", "latest", "following"),
    [
        pytest.param(
            {"cadence": "weekly", "weekday": "mon", "at": "06:00"},
            SAO_PAULO,
            "2026-10-05T09:00+00:00",
            "2026-10-05 06:00 -0300",
            "2026-10-12 06:00 -0300",
            id="the very instant counts as the latest, not as the next",
        ),
        pytest.param(
            {"cadence": "weekly", "weekday": "mon", "at": "06:00"},
            SAO_PAULO,
            "2026-10-05T08:59+00:00",
            "2026-09-28 06:00 -0300",
            "2026-10-05 06:00 -0300",
            id="a minute before",
        ),
        pytest.param(
            {"cadence": "daily", "at": "23:30"},
            SAO_PAULO,
            "2026-10-06T02:00+00:00",
            "2026-10-04 23:30 -0300",
            "2026-10-05 23:30 -0300",
            id="late in the evening it is another date in UTC",
        ),
        pytest.param(
            {"cadence": "monthly", "day": 28, "at": "06:00"},
            LISBON,
            "2027-03-01T00:00+00:00",
            "2027-02-28 06:00 +0000",
            "2027-03-28 06:00 +0100",
            id="month end, across the change of 28 March",
        ),
        pytest.param(
            {"cadence": "daily", "at": "00:30"},
            SAO_PAULO,
            "2018-11-04T12:00+00:00",
            "2018-11-04 01:30 -0200",
            "2018-11-05 00:30 -0200",
            id="a wall time that the spring change skips runs after the gap",
        ),
        pytest.param(
            {"cadence": "daily", "at": "00:00"},
            SANTIAGO,
            "2026-09-06T12:00+00:00",
            "2026-09-06 01:00 -0300",
            "2026-09-07 00:00 -0300",
            id="Santiago's clock skips midnight",
        ),
        pytest.param(
            {"cadence": "daily", "at": "01:30"},
            LISBON,
            "2026-10-25T01:45+00:00",
            "2026-10-25 01:30 +0100",
            "2026-10-26 01:30 +0000",
            id="a wall time that the autumn change repeats runs the first time only",
        ),
    ],
)
def test_occurrences_follow_the_wall_clock(keys, zone, at, latest, following):
    moment = datetime.fromisoformat(at)
    assert local(latest_occurrence(schedule(**keys), zone, moment), zone) == latest
    assert local(next_occurrence(schedule(**keys), zone, moment), zone) == following


@pytest.mark.parametrize("zone", [SAO_PAULO, SANTIAGO, LISBON])
def test_every_local_day_has_exactly_one_daily_occurrence(zone):
    daily = schedule(cadence="daily", at="00:30")
    moment = datetime(2018, 1, 1, tzinfo=UTC)
    days = []
    for _ in range(800):
        moment = next_occurrence(daily, zone, moment)
        assert latest_occurrence(daily, zone, moment) == moment
        days.append(moment.astimezone(zone).date())
    assert days == [days[0] + timedelta(days=n) for n in range(800)]


def test_a_rule_that_waits_for_an_event_has_no_occurrence():
    on_event = parse_rule(PRESETS["leaver"]).schedule
    assert latest_occurrence(on_event, LISBON, MONDAY_6H) is next_occurrence(on_event, LISBON, MONDAY_6H) is None


def published(admin, definition=RULE, at=MONDAY_6H - timedelta(days=1)):
    rule = create_rule(definition, by=admin)
    publish(rule.versions.get(), by=admin)
    # Set where the rule is not yet in force for the trigger: the test's clock, not the machine's.
    RuleVersion.objects.filter(rule=rule).update(published_at=at)
    rule.refresh_from_db()
    return rule


def runs() -> list[tuple]:
    return list(Run.objects.order_by("pk").values_list("rule_set", "as_of", "attempt", "trigger"))


def test_rules_due_at_the_same_moment_form_one_run_in_their_order(acting, admin):
    first, second = published(admin), published(admin, RULE | {"name": "Outra"})
    later = published(admin, RULE | {"name": "Mais tarde", "schedule": {"cadence": "weekly", "weekday": "mon", "at": "07:00"}})
    monday = date(2026, 10, 5)

    assert start_due_runs(MONDAY_6H - timedelta(seconds=1)) == []
    assert [run.state for run in start_due_runs(MONDAY_6H)] == ["scheduled"]
    assert runs() == [(f"{first.pk},{second.pk}", monday, 1, "schedule")]
    assert start_due_runs(MONDAY_6H + timedelta(minutes=10)) == []
    start_due_runs(MONDAY_6H + timedelta(hours=1))
    assert runs()[1:] == [(f"{later.pk}", monday, 1, "schedule")]


def test_pausing_one_of_two_rules_afterwards_does_not_run_the_other_again(acting, admin):
    first, _second = published(admin), published(admin, RULE | {"name": "Outra"})
    start_due_runs(MONDAY_6H)
    pause(first, by=admin)
    assert start_due_runs(MONDAY_6H + timedelta(minutes=10)) == []


def test_a_scheduled_run_somebody_cancelled_stays_cancelled(acting, admin):
    rule = published(admin)
    cancel_run(start_due_runs(MONDAY_6H)[0], by=admin)
    assert start_due_runs(MONDAY_6H + timedelta(minutes=10)) == []
    assert start_run([rule], as_of=date(2026, 10, 5), trigger="person", by=admin).attempt == 2


def test_a_rule_published_after_its_hour_waits_for_the_next_one(acting, admin):
    published(admin, at=MONDAY_6H + timedelta(minutes=1))
    assert start_due_runs(MONDAY_6H + timedelta(minutes=10)) == []
    assert len(start_due_runs(MONDAY_6H + timedelta(days=7))) == 1


def test_a_scheduler_that_was_down_starts_what_it_missed_unless_the_day_has_passed(acting, admin):
    published(admin)
    assert start_due_runs(MONDAY_6H + timedelta(hours=12, minutes=1)) == []
    assert [run.as_of for run in start_due_runs(MONDAY_6H + timedelta(hours=12))] == [date(2026, 10, 5)]


def test_a_clock_set_back_starts_nothing_twice(acting, admin):
    published(admin)
    for minutes in (0, 30, -20, 10, -600, 5):
        start_due_runs(MONDAY_6H + timedelta(minutes=minutes))
    assert runs() == [(Run.objects.get().rule_set, date(2026, 10, 5), 1, "schedule")]


def test_paused_rules_do_not_run(acting, admin):
    pause(published(admin), by=admin)
    assert start_due_runs(MONDAY_6H) == []


def test_each_organization_runs_in_its_own_zone(db):
    ids = {}
    for slug, zone in (("porto", "Europe/Lisbon"), ("recife", "America/Recife")):
        organization = make_organization(slug, time_zone=zone)
        ids[slug] = organization.pk
        with tenant_atomic(organization.pk):
            published(make_member(organization, Role.ADMIN))
    # 06:00 in Lisbon is 05:00 UTC in summer; in Recife it is 09:00 UTC
    assert [run.organization_id for run in start_due_runs(datetime(2026, 10, 5, 5, 0, tzinfo=UTC))] == [ids["porto"]]
    assert [run.organization_id for run in start_due_runs(datetime(2026, 10, 5, 9, 0, tzinfo=UTC))] == [ids["recife"]]


def test_the_next_run_is_told_in_the_organizations_zone(acting, admin):
    rule = published(admin)
    assert next_run_of(rule.versions.get(), acting, after=MONDAY_6H) == MONDAY_6H + timedelta(days=7)


@pytest.mark.django_db(transaction=True)
def test_eight_schedulers_at_once_start_one_run_an_organization():
    at = timezone.now()
    expected = []
    for slug in ("um", "dois", "tres"):
        organization = make_organization(slug, time_zone="UTC")
        with tenant_atomic(organization.pk):
            rule = published(make_member(organization, Role.ADMIN), RULE | {"schedule": {"cadence": "daily", "at": f"{at:%H:%M}"}})
            expected.append((organization.pk, str(rule.pk), at.date(), 1))
    gate = threading.Barrier(8)

    def scheduler(_: int) -> None:
        try:
            gate.wait(timeout=30)
            start_due_runs(at)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(scheduler, range(8)))
    found = []
    for organization_id, *_ in expected:
        with tenant_atomic(organization_id):
            found += Run.objects.values_list("organization_id", "rule_set", "as_of", "attempt")
    assert found == expected


LEAVER = PRESETS["general"] | {
    "name": "Saída",
    "trigger": {"all": [{"field": "owner_status", "op": "in", "value": ["leaver", "none"]}]},
    "guards": [],
    "schedule": {"cadence": "on_event", "event": "representative_deactivated"},
}


@pytest.fixture
def waiting_rule(acting, admin):
    rule = create_rule(LEAVER, by=admin)
    publish(rule.versions.get(), by=admin)
    return rule


def test_a_rule_that_waits_for_a_leaver_runs_once_when_one_leaves(acting, admin, representatives, waiting_rule):
    ana = representatives[0]
    ana.membership = make_member(acting, Role.REPRESENTATIVE)
    ana.save()
    ClientFactory(representative=ana)
    assert start_due_runs(timezone.now()) == []

    deactivate_membership(ana.membership, admin, with_clients=True)
    run = only(start_due_runs(timezone.now()))

    assert (run.trigger, run.as_of) == ("event", timezone.now().astimezone(acting.zone).date())
    assert [row.rule_version.rule for row in run.rules.all()] == [waiting_rule]
    assert start_due_runs(timezone.now() + timedelta(minutes=10)) == []
    assert start_due_runs(timezone.now() + timedelta(days=1)) == []


def test_somebody_who_left_without_clients_or_before_the_rule_starts_nothing(acting, admin, representatives):
    ana, bruno, _ = representatives
    for each in (ana, bruno):
        each.membership = make_member(acting, Role.REPRESENTATIVE)
        each.save()
    ClientFactory(representative=ana)
    deactivate_membership(ana.membership, admin, with_clients=True)
    rule = create_rule(LEAVER, by=admin)
    publish(rule.versions.get(), by=admin)
    deactivate_membership(bruno.membership, admin, with_clients=True)

    assert start_due_runs(timezone.now()) == []


def test_the_last_day_of_service_counts_as_leaving_once_it_has_come(acting, admin, representatives, waiting_rule):
    today = timezone.now().astimezone(acting.zone).date()
    ClientFactory(representative=representatives[0])
    representatives[0].valid_to = today + timedelta(days=1)
    representatives[0].save()

    assert start_due_runs(timezone.now()) == []
    assert only(start_due_runs(timezone.now() + timedelta(days=1))).trigger == "event"


def test_a_second_leaver_of_the_same_day_waits_for_the_next(acting, admin, representatives, waiting_rule):
    for each in representatives[:2]:
        each.membership = make_member(acting, Role.REPRESENTATIVE)
        each.save()
        ClientFactory(representative=each)
    deactivate_membership(representatives[0].membership, admin, with_clients=True)
    first = only(start_due_runs(timezone.now()))
    Run.objects.filter(pk=first.pk).update(state=Run.State.AWAITING)
    deactivate_membership(representatives[1].membership, admin, with_clients=True)

    assert start_due_runs(timezone.now()) == []
    assert only(start_due_runs(timezone.now() + timedelta(days=1))).as_of == first.as_of + timedelta(days=1)


def only(runs):
    assert len(runs) == 1
    return runs[0]

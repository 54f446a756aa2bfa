"""Versions that begin on a day, quiet days, the calendar, and what versions changed in words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Membership, Notice, Role
from accounts.templatetags.formats import BLANK
from rotation.differing import differences
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule
from rotation.errors import BadDay, NeedsSecondPublisher
from rotation.models import QuietPeriod, RotationSettings, Run
from rotation.services.planned import cancel_publication, plan_publication
from rotation.services.quiet import add_quiet_period, remove_quiet_period
from rotation.services.rules import create_rule, publish, rotation_settings, save_draft
from rotation.services.schedule import start_due_runs
from tests.factories import TeamFactory, make_member

# São Paulo is three hours behind UTC: Monday 5 October begins at 03:00 UTC, and the rule runs at 09:00 UTC.
SUNDAY = datetime(2026, 10, 4, 12, 0, tzinfo=UTC)
MONDAY = date(2026, 10, 5)
CHANGED = {**PRESETS["general"], "limits": {"give_share": 0.2}}


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def rule(admin):
    made = create_rule(PRESETS["general"], by=admin)
    version = publish(made.versions.get(), by=admin)
    type(version).objects.filter(pk=version.pk).update(published_at=SUNDAY - timedelta(days=30))
    made.refresh_from_db()
    return made


@pytest.fixture
def draft(rule, admin):
    return save_draft(rule, CHANGED, by=admin)


def states(rule):
    return dict(rule.versions.values_list("number", "state"))


def test_a_planned_version_begins_with_its_day_in_the_organizations_zone(rule, draft, admin, fresh_feed):
    team = TeamFactory()
    plan_publication(draft, on=MONDAY, by=admin, at=SUNDAY, guard_limits={"refused": 0.3})
    start_due_runs(datetime(2026, 10, 5, 2, 50, tzinfo=UTC))  # still Sunday there
    assert states(rule) == {1: "published", 2: "draft"}
    start_due_runs(datetime(2026, 10, 5, 3, 5, tzinfo=UTC))
    assert states(rule) == {1: "retired", 2: "published"}
    begun = rule.versions.get(number=2)
    assert begun.published_at == datetime(2026, 10, 5, 3, 0, tzinfo=UTC) and begun.published_by == admin
    assert begun.guard_limits == {"refused": 0.3} and begun.publish_on is None
    start_due_runs(datetime(2026, 10, 5, 9, 5, tzinfo=UTC))
    assert Run.objects.get().rules.get().rule_version == begun
    trial = save_draft(rule, PRESETS["general"], by=admin)
    plan_publication(trial, on=MONDAY + timedelta(days=1), by=admin, at=datetime(2026, 10, 5, 12, tzinfo=UTC), team=team)
    start_due_runs(datetime(2026, 10, 6, 3, 5, tzinfo=UTC))
    assert states(rule) == {1: "retired", 2: "published", 3: "canary"}


def test_the_scheduler_that_was_down_publishes_before_it_runs(rule, draft, admin, fresh_feed):
    plan_publication(draft, on=MONDAY, by=admin, at=SUNDAY)
    (run,) = start_due_runs(datetime(2026, 10, 5, 11, 0, tzinfo=UTC))
    assert run.rules.get().rule_version.number == 2


def test_a_plan_is_cancelled_and_a_change_of_the_draft_takes_it_back(rule, draft, admin):
    plan_publication(draft, on=MONDAY, by=admin, at=SUNDAY)
    cancel_publication(draft, by=admin)
    with pytest.raises(ChangedMeanwhile):
        cancel_publication(draft, by=admin)
    draft.refresh_from_db()
    plan_publication(draft, on=MONDAY, by=admin, at=SUNDAY)
    save_draft(rule, {**PRESETS["general"], "limits": {"give_share": 0.3}}, by=admin)
    start_due_runs(datetime(2026, 10, 5, 3, 5, tzinfo=UTC))
    assert states(rule) == {1: "published", 2: "draft"}


@pytest.mark.parametrize("on", [SUNDAY.date(), SUNDAY.date() - timedelta(days=1), SUNDAY.date() + timedelta(days=400)])
def test_days_that_cannot_be_are_refused(draft, admin, on):
    with pytest.raises(BadDay):
        plan_publication(draft, on=on, by=admin, at=SUNDAY)


def test_only_administration_plans_and_not_the_one_who_wrote_it_where_two_are_asked(acting, rule, draft, admin, manager):
    with pytest.raises(NotAllowed):
        plan_publication(draft, on=MONDAY, by=manager, at=SUNDAY)
    rotation_settings()
    RotationSettings.objects.update(publish_needs_two=True)
    with pytest.raises(NeedsSecondPublisher):
        plan_publication(draft, on=MONDAY, by=admin, at=SUNDAY)
    other = make_member(acting, Role.ADMIN, email="other@vale-verde.example")
    plan_publication(draft, on=MONDAY, by=other, at=SUNDAY)
    start_due_runs(datetime(2026, 10, 5, 3, 5, tzinfo=UTC))
    assert rule.versions.get(number=2).published_by == other


def test_a_plan_of_somebody_who_left_is_told_and_not_carried_out(acting, rule, draft, admin, fresh_feed):
    other = make_member(acting, Role.ADMIN, email="other@vale-verde.example")
    plan_publication(draft, on=MONDAY, by=other, at=SUNDAY)
    Membership.objects.filter(pk=other.pk).update(is_active=False)
    start_due_runs(datetime(2026, 10, 5, 3, 5, tzinfo=UTC))
    assert states(rule) == {1: "published", 2: "draft"} and rule.versions.get(number=2).publish_on is None
    notice = Notice.objects.get(kind="rule_not_published")
    assert notice.facts["number"] == 2 and AuditEvent.objects.filter(action="rule.publication_failed").count() == 1


def test_no_run_starts_by_itself_on_quiet_days_and_the_next_ones_do(rule, admin, fresh_feed):
    period = add_quiet_period(starts_on=MONDAY, last_on=MONDAY, reason="Inventário", by=admin)
    assert (period.starts_on, period.ends_on) == (MONDAY, MONDAY + timedelta(days=1))
    assert start_due_runs(datetime(2026, 10, 5, 9, 5, tzinfo=UTC)) == []
    assert start_due_runs(datetime(2026, 10, 6, 0, 5, tzinfo=UTC)) == []  # what was passed over is not caught up
    (run,) = start_due_runs(datetime(2026, 10, 12, 9, 5, tzinfo=UTC))
    assert run.as_of == date(2026, 10, 12)
    remove_quiet_period(period, by=admin)
    assert AuditEvent.objects.filter(action__in=["rotation.quiet_added", "rotation.quiet_removed"]).count() == 2


@pytest.mark.parametrize(
    ("last_on", "reason", "field"),
    [(MONDAY - timedelta(days=1), "Feira", "last_on"), (MONDAY + timedelta(days=366), "Feira", "last_on"), (MONDAY, "  ", "reason")],
)
def test_a_quiet_period_that_cannot_be_names_its_field(admin, last_on, reason, field):
    with pytest.raises(BadDay) as refused:
        add_quiet_period(starts_on=MONDAY, last_on=last_on, reason=reason, by=admin)
    assert refused.value.field == field and not QuietPeriod.objects.exists()


# -- pages -----------------------------------------------------------------------------------------------------------------


def test_publishing_on_a_date_and_taking_it_back(signed_in, admin, rule, draft, acting):
    web = signed_in(admin)
    on = timezone.now().astimezone(acting.zone).date() + timedelta(days=3)
    web.post(url("rule-publish", rule.pk), {"hash": draft.definition_hash, "publish_on": on.isoformat()})
    draft.refresh_from_db()
    assert draft.publish_on == on and draft.state == "draft"
    assert "entra em vigor em" in web.get(url("rule", rule.pk)).content.decode()
    assert "O que muda" in web.get(url("rule-publish", rule.pk)).content.decode()
    web.post(url("rule-publish", rule.pk), {"cancel": "1"})
    draft.refresh_from_db()
    assert draft.publish_on is None
    wrong = web.post(url("rule-publish", rule.pk), {"hash": draft.definition_hash, "publish_on": "2020-01-01"})
    assert wrong.status_code == 422 and 'id="id_publish_on_error"' in wrong.content.decode()


def test_a_version_is_restored_as_the_draft(signed_in, admin, rule, draft):
    publish(draft, by=admin)
    web = signed_in(admin)
    html = web.get(url("rule-versions", rule.pk)).content.decode()
    assert "O que mudou da anterior" in html and "<del>10% da carteira</del>" in html and "<ins>20% da carteira</ins>" in html
    web.post(url("rule-restore", rule.pk, 1))
    restored = rule.versions.get(state="draft")
    assert restored.number == 3 and restored.definition == rule.versions.get(number=1).definition
    assert web.post(url("rule-restore", rule.pk, 9)).status_code == 404


def test_the_calendar_shows_what_ran_what_will_and_when_nothing_may(signed_in, admin, rule, draft, acting, representatives):
    web = signed_in(admin)
    today = timezone.now().astimezone(acting.zone).date()
    first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    plan_publication(draft, on=first + timedelta(days=9), by=admin, at=timezone.now())
    answer = web.post(url("schedule"), {"starts_on": first.isoformat(), "last_on": first.isoformat(), "reason": "Inventário geral"})
    assert answer["Location"].endswith(f"?month={first:%Y-%m}")
    Run.objects.create(rule_set="1", as_of=first, state=Run.State.AWAITING, trigger="person", n_proposed=7)
    html = web.get(answer["Location"]).content.decode()
    assert "Inventário geral" in html and "7 propostas" in html and "v2 de Geral, 90 dias entra em vigor" in html
    assert "06:00 Geral, 90 dias" in html
    period = QuietPeriod.objects.get()
    wrong = web.post(url("schedule"), {"starts_on": first.isoformat(), "last_on": "2020-01-01", "reason": "x"})
    assert wrong.status_code == 422 and "vem antes do primeiro" in wrong.content.decode()
    auditor = signed_in(make_member(acting, Role.AUDITOR))
    assert "Acrescentar período" not in auditor.get(url("schedule")).content.decode()
    assert auditor.post(url("schedule"), {}).status_code == 404
    assert auditor.post(url("quiet-remove", period.pk)).status_code == 404
    web.post(url("quiet-remove", period.pk))
    assert not QuietPeriod.objects.exists()


def test_holidays_and_odd_months(signed_in, admin, representatives):
    web = signed_in(admin)
    year = timezone.now().year
    assert "Independência" in web.get(url("schedule") + f"?month={year}-09").content.decode()
    assert "(SP)" in web.get(url("schedule") + f"?month={year}-07").content.decode()  # 9 July, of the state alone
    for month in ("0000-00", "9999-12", "abc", "1990-01"):
        assert web.get(url("schedule") + f"?month={month}").status_code == 200


def test_the_calendar_costs_the_same_however_much_is_in_it(signed_in, admin, rule):
    web = signed_in(admin)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert web.get(url("schedule")).status_code == 200
        return len(captured)

    one = queries()
    for key in ("durable", "seasonal"):
        publish(create_rule(PRESETS[key], by=admin).versions.get(), by=admin)
    for n in range(3):
        Run.objects.create(rule_set=str(n), as_of=timezone.now().date(), state=Run.State.AWAITING, trigger="person")
    assert queries() == one


# -- differences in words --------------------------------------------------------------------------------------------------


def said(new, old=PRESETS["general"]):
    found = differences(parse_rule(old).definition, parse_rule(new).definition, "BRL")
    return [(each.kind, each.text, str(each.before), str(each.after)) for each in found]


@pytest.mark.parametrize(
    ("new", "changes"),
    [
        ({}, []),
        ({"name": "Outra"}, [("changed", "Nome", "Geral, 90 dias", "Outra")]),
        (
            {"trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": 75}]}},
            [("changed", "Dias sem compra", "de 90 a 359", "≥ 75")],
        ),
        (
            {"population": {"all": [{"field": "abc", "op": "in", "value": ["A", "B"]}]}},
            [("added", "Só entre alguns clientes: Curva ABC: A ou B", "", "")],
        ),
        ({"guards": PRESETS["general"]["guards"][1:]}, [("gone", "Proteção “Cliente com trava”", "", "")]),
        (
            {"limits": {"give_share": 0.1, "receive_share": 0.1, "team_max": 40}},
            [("changed", "Máximo a receber por equipe", BLANK, "40 clientes por giro")],
        ),
        ({"limits": {"give_share": 0.25, "receive_share": 0.1}}, [("changed", "Máximo a ceder", "10% da carteira", "25% da carteira")]),
        (
            {"strategy": {"kind": "least_loaded"}},
            [("changed", "Distribuir por", "Valor esperado, carga e distância", "Quem tem menos carga")],
        ),
    ],
)
def test_what_a_version_changes_is_said_in_words(new, changes):
    assert said({**PRESETS["general"], **new}) == changes


def test_conditions_joined_otherwise_are_said_whole():
    leaf = [{"field": "days_since_last", "op": ">=", "value": 90}, {"field": "days_since_visit", "op": ">=", "value": 60}]
    (change,) = said({**PRESETS["general"], "trigger": {"any": leaf}}, {**PRESETS["general"], "trigger": {"all": leaf}})
    assert change[1] == "Como as condições se juntam" and " ou " in change[3] and " e " in change[2]

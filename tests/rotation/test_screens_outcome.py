"""A rule's result as people read it: sentences, chart, load, guard figures, trial, and who may press what."""

import re
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from rotation.engine.presets import PRESETS
from rotation.engine.uplift import uplift
from rotation.models import Outcome, Rule, RuleVersion
from rotation.selectors.uplift import rule_uplift
from rotation.services.rules import create_rule, publish, save_draft
from rotation.uplift_words import chart, effect_sentence, in_hundred, plan_sentence, signed_points
from tests.factories import ClientFactory, TeamFactory, make_member
from tests.rotation.engine.test_outcome import arms
from tests.rotation.factories import RunFactory

MEASURED = PRESETS["general_with_hold_out"] | {"population": {"all": []}, "name": "Com controle"}


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", answer.content.decode()))


@pytest.fixture
def rule(admin):
    made = create_rule(MEASURED, by=admin)
    publish(made.versions.get(), by=admin)
    made.refresh_from_db()
    return made


def drawn(rule, n1, back1, n0, back0, *, until_on, representative=None, measured=True):
    """Clients of one draw: ``back1`` of ``n1`` treated and ``back0`` of ``n0`` control ordered; the treated moved."""
    version = rule.versions.exclude(state="draft").latest("number")
    run = RunFactory(version=version, rule_set=f"{rule.pk}:{until_on}:{n1}")
    clients = ClientFactory.create_batch(n1 + n0)
    rows = []
    for i, client in enumerate(clients):
        treated = i < n1
        ordered = i < back1 if treated else i - n1 < back0
        known = {"ordered": ordered, "net_cents": 50_000 * ordered, "measured_at": run.computed_at} if measured else {}
        moved = {"moved_to": representative, "moved_on": until_on, "recovered": ordered} if treated and representative and measured else {}
        rows.append(
            Outcome(
                organization_id=rule.organization_id, run=run, rule=rule, rule_version=version, client=client, stratum="B2", share=0.3,
                arm="treatment" if treated else "control", drawn_on=until_on - timedelta(days=90), until_on=until_on, **known, **moved,
            )
        )  # fmt: skip
    Outcome.objects.bulk_create(rows)


@pytest.fixture
def weeks(rule, representatives):
    """Five weeks of windows that closed: 120 treated of whom 40 came back, 50 left alone of whom 10 did."""
    today = date.today()
    for week in range(1, 6):
        drawn(rule, 24, 8, 10, 2, until_on=today - timedelta(days=7 * week), representative=representatives[0])


def test_the_result_is_said_in_words_with_its_interval(signed_in, admin, rule, weeks):
    said = text_of(signed_in(admin).get(url("rule-outcome", rule.pk)))
    assert "Dos 120 clientes sorteados para o giro, 40 voltaram a comprar em 90 dias; dos 50 deixados como estavam, 10." in said
    assert re.search(r"Ainda não dá para dizer se o giro ajuda: em cada 100 clientes, entre \d+ a menos e \d+ a mais\.", said)
    assert "120 dos sorteados mudaram de mãos; os outros contam também" in said
    assert "Pode olhar toda semana" in said
    assert "são precisos cerca de" in said and "já foram sorteados 170" in said
    assert "Recuperação suposta: 10%" in said
    assert "Carteira hoje" in said and "Vendedor" in said  # the load stands beside
    own = text_of(signed_in(admin).get(url("rule", rule.pk)))
    assert "Dos 120 clientes sorteados para o giro" in own and "Ver o resultado da regra" in own


def test_few_clients_get_a_month_instead_of_a_number(signed_in, admin, rule):
    today = date.today()
    drawn(rule, 14, 7, 6, 1, until_on=today - timedelta(days=3))
    drawn(rule, 28, 0, 12, 0, until_on=today + timedelta(days=40), measured=False)
    answer = signed_in(admin).get(url("rule-outcome", rule.pk))
    said = text_of(answer)
    assert "Não é possível medir antes de" in said and "Hoje são 14 no giro e 6 deixados como estavam." in said
    assert "voltaram a comprar em 90 dias" not in said and "uplift-chart" not in answer.content.decode()


def test_a_rule_without_a_control_group_says_that_nobody_knows(signed_in, admin):
    made = create_rule(PRESETS["general"], by=admin)
    publish(made.versions.get(), by=admin)
    said = text_of(signed_in(admin).get(url("rule-outcome", made.pk)))
    assert "sem grupo de controle não há com que comparar" in said and "Pôr um grupo de controle" in said


def test_the_chart_draws_what_the_table_says(rule, weeks):
    seen = rule_uplift(rule.versions.get(), as_of=date.today())
    assert [each.n_treated for _day, each in seen.looks] == [24, 48, 72, 96, 120][-len(seen.looks) :]
    assert seen.looks[-1][1] == seen.found
    made = chart(seen)
    assert len(made.rows) == len(seen.looks) == len(made.line.split())
    assert len(made.band.split()) == 2 * len(seen.looks)
    assert made.rows[0][1] == signed_points(seen.found.reactivation.value, 1)
    heights = [float(point.split(",")[1]) for point in made.band.split()]
    assert all(0 <= height <= made.height for height in heights)
    assert min(float(y) for y, _w in made.ticks) < float(made.zero) < max(float(y) for y, _w in made.ticks)


def test_the_page_costs_the_same_whatever_was_drawn(signed_in, admin, rule, weeks):
    web = signed_in(admin)
    web.get(url("rule-outcome", rule.pk))
    with CaptureQueriesContext(connection) as few:
        web.get(url("rule-outcome", rule.pk))
    drawn(rule, 60, 10, 20, 4, until_on=date.today() - timedelta(days=50))
    with CaptureQueriesContext(connection) as many:
        web.get(url("rule-outcome", rule.pk))
    assert len(few) == len(many)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((500, 1000, 160, 400), "trouxe de volta entre"),
        ((100, 1000, 160, 400), "a menos em cada 100: mudar de mãos está fazendo perder"),
        ((38, 120, 9, 50), "Ainda não dá para dizer"),
    ],
)
def test_each_interval_has_its_sentence(rule, counts, said):
    from dataclasses import replace

    seen = replace(rule_uplift(rule.versions.get(), as_of=date(2026, 1, 1)), found=uplift(arms(*counts)))
    assert said in effect_sentence(seen)
    low, high = (
        sorted((abs(seen.found.low), abs(seen.found.high)))
        if seen.found.low * seen.found.high > 0
        else (abs(seen.found.low), seen.found.high)
    )
    assert f"entre {in_hundred(low)}" in effect_sentence(seen) and in_hundred(high) in effect_sentence(seen)
    assert "909" in plan_sentence(seen) or seen.found.sayable


def test_a_little_never_reads_as_nothing():
    assert [in_hundred(each) for each in (0.004, 0.0003, 0.034, -0.2)] == ["0,4", "0", "3", "20"]
    assert [signed_points(each) for each in (0.12, -0.031, 0.001)] == ["+12", "−3", "0"]


def test_a_version_is_published_to_one_team_and_released_from_its_result(signed_in, admin, manager, team, rule):
    save_draft(rule, MEASURED | {"value": {"horizon_days": 42, "lift": 0.1}}, by=admin)
    web = signed_in(admin)
    draft = rule.versions.get(state="draft")
    page = web.get(url("rule-publish", rule.pk)).content.decode()
    assert team.name in page and "Em todas as equipes" in page

    wrong = web.post(url("rule-publish", rule.pk), {"hash": draft.definition_hash, "limit_rejected": "150"})
    assert wrong.status_code == 422 and rule.versions.filter(state="draft").exists()

    answer = web.post(
        url("rule-publish", rule.pk), {"hash": draft.definition_hash, "team": team.pk, "limit_rejected": "25", "limit_undone": "10"}
    )
    assert answer["Location"] == url("rule-outcome", rule.pk)
    trial = rule.versions.get(state="canary")
    assert (trial.canary_team, trial.guard_limits) == (team, {"rejected": 0.25})
    said = text_of(web.get(url("rule-outcome", rule.pk)))
    assert f"A v2 está em teste na equipe {team.name}" in said and "Liberar para todos" in said
    assert "O que faz a v2 parar" in said and "25%" in said and "poucos dados: 0 casos" in said
    assert "em teste" in text_of(web.get(url("rules")))

    theirs = signed_in(manager)
    assert "Liberar para todos" not in text_of(theirs.get(url("rule-outcome", rule.pk)))
    assert theirs.post(url("rule-trial", rule.pk), {"version": 2, "action": "release"}).status_code == 404
    web = signed_in(admin)
    assert web.post(url("rule-trial", rule.pk), {"version": 2, "action": "nonsense"}).status_code == 404
    web.post(url("rule-trial", rule.pk), {"version": 2, "action": "release"})
    assert dict(rule.versions.values_list("number", "state")) == {1: "retired", 2: "published"}


def test_a_trial_is_ended_and_a_first_version_on_trial_has_its_pages(signed_in, admin, team):
    made = create_rule(MEASURED, by=admin)
    publish(made.versions.get(), by=admin, team=team)
    web = signed_in(admin)
    for name in ("rule", "rule-outcome", "rule-versions", "rule-definition"):
        assert web.get(url(name, made.pk)).status_code == 200
    web.post(url("rule-trial", made.pk), {"version": 1, "action": "end"})
    made.refresh_from_db()
    assert not made.is_active and made.versions.get().state == "retired"


def test_a_rule_that_stopped_says_why_on_every_page_of_it(signed_in, admin, manager, rule):
    halt = {"number": 1, "figures": [{"figure": "undone", "hits": 6, "cases": 40, "limit": 0.1}]}
    Rule.objects.filter(pk=rule.pk).update(is_active=False, halted_at=rule.created_at, halt=halt)
    for member in (admin, manager):
        web = signed_in(member)
        for name in ("rule", "rule-outcome"):
            assert "15% das mudanças foram desfeitas (o limite é 10%)" in text_of(web.get(url(name, rule.pk)))
        assert "Parou sozinha" in text_of(web.get(url("rules")))


def test_two_people_publish_where_the_company_asks_for_it(signed_in, acting, admin, rule):
    web = signed_in(admin)
    assert "Convide antes" in text_of(web.post(url("rules-two-people"), {"required": "on"}, follow=True))
    other = make_member(acting, Role.ADMIN)
    assert "Publicar agora exige duas pessoas." in text_of(web.post(url("rules-two-people"), {"required": "on"}, follow=True))
    save_draft(rule, MEASURED | {"value": {"horizon_days": 60, "lift": 0.1}}, by=admin)
    draft = rule.versions.get(state="draft")
    assert "Enviar para aprovação" in text_of(web.get(url("rule-publish", rule.pk)))
    web.post(url("rule-publish", rule.pk), {"hash": draft.definition_hash})
    assert rule.versions.get(pk=draft.pk).state == "draft"
    signed_in(other).post(url("rule-publish", rule.pk), {"hash": draft.definition_hash})
    assert rule.versions.get(pk=draft.pk).state == RuleVersion.State.PUBLISHED


def test_the_form_holds_control_group_and_approval(signed_in, admin, rule):
    from tests.rotation.test_screens_editor import form_of

    web = signed_in(admin)
    TeamFactory()
    form = form_of(web, rule) | {"experiment.share": "15", "approval.mode": "two_people", "do": "save"}
    web.post(url("rule", rule.pk), form)
    made = rule.versions.get(state="draft").definition
    assert made["experiment"]["share"] == 0.15 and made["experiment"]["exempt"] == {"abc": ["A"]}
    assert made["approval"]["mode"] == "two_people"
    refused = web.post(url("rule", rule.pk), form | {"experiment.share": "80"})
    assert refused.status_code == 422 and 'id="id_experiment_share_error">80 está fora' in refused.content.decode()


def test_lifting_the_stop_asks_the_administration_for_a_reason(signed_in, admin, manager, rule):
    halt = {"number": 1, "figures": [{"figure": "undone", "hits": 5, "cases": 20, "limit": 0.1}]}
    Rule.objects.filter(pk=rule.pk).update(is_active=False, halted_at=rule.created_at, halt=halt)
    shown = signed_in(manager).get(url("rule-outcome", rule.pk)).content.decode()
    assert "25% das mudanças foram desfeitas (o limite é 10%)" in shown and 'id="lift"' not in shown
    web = signed_in(admin)
    assert f'href="{url("rule-outcome", rule.pk)}#lift"' in web.get(url("rules")).content.decode()
    assert 'id="lift"' in web.get(url("rule-outcome", rule.pk)).content.decode()

    refused = web.post(url("rule-act", rule.pk), {"action": "resume", "reason": " "}, follow=True)
    assert refused.redirect_chain[-1][0] == url("rule-outcome", rule.pk) and "Diga por que pode voltar a rodar" in refused.content.decode()
    rule.refresh_from_db()
    assert not rule.is_active
    web.post(url("rule-act", rule.pk), {"action": "resume", "reason": "Ajustada"})
    rule.refresh_from_db()
    assert rule.is_active and rule.halted_at is None

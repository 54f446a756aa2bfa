"""Rules, reasons and refusals in a person's words."""

import re
from datetime import date
from string import Formatter

import pytest

from rotation.engine.errors import SENTENCES as ENGINE_SENTENCES
from rotation.engine.presets import PRESETS
from rotation.engine.schema import FIELDS, GUARDS
from rotation.explaining import explanation
from rotation.models import Proposal, RuleVersion
from rotation.refusals import SENTENCES
from rotation.wording import (
    FIELD_NAMES,
    GUARD_NAMES,
    condition_text,
    conditions_sentence,
    fact_text,
    guard_text,
    reason_lines,
    rule_sentence,
    schedule_text,
)

AS_OF = date(2026, 10, 5)


def test_every_field_and_guard_of_the_engine_has_a_name():
    assert set(FIELDS) == set(FIELD_NAMES)
    assert set(GUARDS) <= set(GUARD_NAMES)


@pytest.mark.parametrize(
    ("leaf", "text"),
    [
        ({"field": "days_since_last", "op": ">=", "value": 90}, "Dias sem compra ≥ 90"),
        ({"field": "days_since_last", "op": "between", "value": [90, 359]}, "Dias sem compra de 90 a 359"),
        ({"field": "abc", "op": "in", "value": ["A", "B"]}, "Curva ABC: A ou B"),
        ({"field": "segment", "op": "not_in", "value": ["contract"]}, "Segmento: menos contrato"),
        ({"field": "p_cross", "op": ">=", "value": 0.7}, "Chance de inativar ≥ 70%"),
        ({"field": "net_12m_cents", "op": ">=", "value": 500_000}, "Faturamento 12 meses ≥ R$\u00a05.000"),
        ({"field": "days_since_visit", "op": "is_null", "value": True}, "Dias sem visita: sem dado"),
        ({"field": "key_account", "op": "=", "value": False}, "Conta-chave = não"),
    ],
)
def test_a_condition_in_short(leaf, text):
    assert condition_text(leaf) == text


def test_values_are_read_as_their_field_is():
    assert [fact_text("lateness", 4.25), fact_text("days_since_last", 118.0), fact_text("abc", None)] == ["4,2×", "118", "sem dado"]


def test_a_rule_in_a_sentence_with_what_may_change_marked():
    rule = PRESETS["general"] | {
        "population": {"all": [{"field": "uf", "op": "in", "value": ["SP"]}]},
        "trigger": {
            "any": [{"field": "days_since_last", "op": ">=", "value": 1}, {"field": "p_cross", "op": ">=", "value": 0.5}],
        },
        "guards": ["hold", "never_rotate", "visit_within:15"],
    }
    assert rule_sentence(rule) == (
        "Quando um cliente (<mark>está há 1 dia ou mais sem compra</mark> ou <mark>tem 50% ou mais de chance de inativar</mark>)"
        " e <mark>fica em SP</mark>, propor <mark>o vendedor de maior valor esperado na mesma região em até 150 km</mark>,"
        " dando e recebendo no máximo <mark>10% de cada carteira</mark>. Nunca girar: cliente com trava, visita recente (15 dias)."
    )


def test_the_sentence_leaves_no_doubt_what_goes_together_and_names_every_limit_of_the_run():
    weekly = rule_sentence(PRESETS["weekly_buyer"]).replace("<mark>", "").replace("</mark>", "")
    assert (
        "Quando um cliente (tem 50% ou mais de chance de inativar ou (está há 4,0× o próprio ciclo ou mais sem compra e "
        "está há 28 dias ou mais sem compra)) e costuma comprar a cada 10 dias ou menos, propor"
    ) in weekly
    assert "Deixar 30% dos sinalizados como estão, fora curva ABC: A, para medir se o giro ajuda." in weekly
    limits = {"give_share": 0.1, "receive_share": 0.1, "run_max": 1, "run_share": 0.05}
    assert (
        "dando e recebendo no máximo <mark>10% de cada carteira</mark> e movendo no máximo "
        "<mark>1 cliente e 5% dos clientes que a regra olha</mark> por giro."
    ) in rule_sentence(PRESETS["general"] | {"limits": limits})
    assert (
        "no máximo <mark>10% de cada carteira</mark>, no máximo <mark>40 clientes</mark> para cada equipe "
        "e movendo no máximo <mark>1 cliente"
    ) in rule_sentence(PRESETS["general"] | {"limits": limits | {"team_max": 40}})


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"field": "days_since_last", "op": ">", "value": 45}, "está há mais de 45 dias sem compra"),
        ({"field": "net_12m_cents", "op": ">", "value": 500000}, "comprou mais de R$ 5.000 em 12 meses"),
        ({"field": "overdue_cents", "op": ">", "value": 123456}, "tem valor em atraso maior que R$ 1.234,56"),
        ({"field": "p_silent", "op": ">=", "value": 0.855}, "tem 85,5% ou mais de chance de silenciar"),
        ({"field": "size", "op": "!=", "value": "Grande"}, "tem porte diferente de Grande"),
        ({"field": "size", "op": "not_in", "value": ["Grande", "Médio"]}, "não tem porte: Grande ou Médio"),
        ({"field": "uf", "op": "not_in", "value": ["SP"]}, "não fica em SP"),
        ({"field": "days_since_visit", "op": "is_null", "value": True}, "nunca recebeu visita"),
        ({"field": "credit_score", "op": "is_null", "value": False}, "tem dado de score de crédito"),
        ({"not": {"any": [{"field": "abc", "op": "=", "value": "A"}, {"field": "uf", "op": "in", "value": ["SP", "MG"]}]}},
         "não (é curva A ou fica em SP ou MG)"),
        ({"not": {"field": "abc", "op": "=", "value": "A"}}, "não (é curva A)"),
    ],
)  # fmt: skip
def test_a_sentence_is_read_without_signs_and_a_limit_is_not_rounded(condition, said):
    spoken = re.sub("</?mark>", "", str(conditions_sentence(condition))).replace("\u00a0", " ")
    assert spoken == said


def test_names_from_people_are_escaped_in_the_sentence():
    rule = PRESETS["general"] | {"population": {"all": [{"field": "city", "op": "=", "value": "<script>"}]}}
    assert "<script>" not in rule_sentence(rule) and "&lt;script&gt;" in rule_sentence(rule)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ({"cadence": "weekly", "weekday": "fri", "at": "07:30"}, "sextas às 07:30"),
        ({"cadence": "daily", "at": "06:00"}, "todo dia às 06:00"),
        ({"cadence": "monthly", "day": 5, "at": "06:00"}, "dia 5 de cada mês às 06:00"),
        ({"cadence": "on_event", "event": "representative_deactivated"}, "quando um vendedor sai"),
    ],
)
def test_a_schedule_in_words(schedule, text):
    assert schedule_text({"schedule": schedule}) == text


def test_guards_say_their_days():
    assert [guard_text("visit_within:1"), guard_text("blocked")] == ["Visita recente (1 dia)", "Cliente bloqueado"]


def test_reasons_of_a_row_put_the_caveat_before_the_cycle():
    proposal = Proposal(days_since_last=94, cycle_days=28.4, lateness=3.3)
    assert reason_lines(proposal) == ("94 dias sem compra", "3,3× o ciclo (28 dias)", False)
    proposal.caveats = ["autonomous", "farther"]
    assert reason_lines(proposal) == ("94 dias sem compra", "Autônomo: aceite · Destino mais longe", True)


def test_the_explanation_has_values_and_what_would_have_avoided_the_move():
    definition = PRESETS["general"] | {"guards": ["blocked", "visit_within:60"]}
    proposal = Proposal(
        rule_version=RuleVersion(definition=definition), days_since_last=118, facts={"days_since_last": 118.0}, net_12m_cents=0
    )

    found = explanation(proposal, AS_OF, "BRL")

    assert [(each.text, each.value, each.holds) for each in found.reasons] == [("Dias sem compra de 90 a 359", "118", True)]
    assert found.n_guards == 2
    # 90 days before 5 October the client would be flagged; an order from 8 July on leaves 89.
    assert found.avoided_by == [("um pedido", date(2026, 7, 8)), ("uma visita", date(2026, 8, 7))]


def test_a_branch_not_taken_is_shown_as_such():
    definition = PRESETS["weekly_buyer"]
    proposal = Proposal(
        rule_version=RuleVersion(definition=definition), days_since_last=30, lateness=5.0, cycle_days=6.0, facts={"p_cross": 0.2}
    )
    holds = {each.text: each.holds for each in explanation(proposal, AS_OF, "BRL").reasons}
    assert holds["Chance de inativar ≥ 50%"] is False and holds["Atraso no próprio ciclo ≥ 4,0×"] is True


def test_a_reason_turned_around_and_a_client_nobody_ever_visited_are_said_as_they_are():
    asked = {
        "not": {"any": [{"field": "abc", "op": "=", "value": "A"}, {"field": "key_account", "op": "=", "value": True}]},
    }
    definition = PRESETS["general"] | {"trigger": {"field": "days_since_visit", "op": ">=", "value": 45}, "population": asked}
    proposal = Proposal(rule_version=RuleVersion(definition=definition), facts={"abc": "B", "key_account": False})

    reasons = explanation(proposal, AS_OF, "BRL").reasons

    assert [(each.text, each.value, each.holds) for each in reasons] == [
        ("Dias sem visita ≥ 45", "nunca", True),
        ("não: Curva ABC = A", "B", True),
        ("não: Conta-chave = sim", "não", True),
    ]


def test_every_refusal_of_the_engine_has_a_sentence_for_people_that_uses_what_it_is_told():
    assert set(ENGINE_SENTENCES) - set(SENTENCES) == set()
    for code, words in ENGINE_SENTENCES.items():
        told = {name for _text, name, _format, _conversion in Formatter().parse(words) if name}
        asked = set(re.findall(r"%\((\w+)\)s", str(SENTENCES[code])))
        assert asked <= told | {"path"}, code

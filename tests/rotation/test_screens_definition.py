"""The definition page: the whole form of a rule as text, checked as the engine reads it."""

import json

import pytest
from django.urls import reverse

from accounts.models import Role
from rotation.engine.presets import PRESETS
from rotation.models import Rule
from rotation.services.rules import create_rule
from tests.factories import make_member

NESTED = PRESETS["general"] | {
    "name": "Contrato ou crédito",
    "trigger": {
        "any": [
            {
                "all": [
                    {"field": "contract_days_left", "op": "between", "value": [0, 60]},
                    {"field": "days_since_visit", "op": ">=", "value": 45},
                ]
            },
            {"field": "days_since_credit_event", "op": "<=", "value": 30},
        ]
    },
    "guards": ["hold", "group_within:60", "save_window:10"],
}


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def rule(admin):
    return create_rule(PRESETS["general"], by=admin)


def test_a_rule_the_form_cannot_write_is_written_here(signed_in, admin):
    web = signed_in(admin)
    assert json.loads(shown(web.get(url("rule-new-definition") + "?preset=durable")))["name"] == "Indústria durável, 180 dias"

    answer = web.post(url("rule-new-definition"), {"definition": json.dumps(NESTED), "then": "save"})

    made = Rule.objects.get(name="Contrato ou crédito")
    assert answer["Location"] == url("rule", made.pk)
    stored = made.versions.get().definition
    assert stored["trigger"] == NESTED["trigger"] and stored["guards"] == NESTED["guards"]
    assert json.loads(shown(web.get(url("rule-definition", made.pk)))) == stored


def test_checking_shows_the_sentence_and_writes_nothing(signed_in, admin, rule):
    before = rule.versions.get().definition_hash

    body = signed_in(admin).post(url("rule-definition", rule.pk), {"definition": json.dumps(NESTED), "then": "check"}).content.decode()

    assert "Outra filial comprou há pouco (60 dias)".lower() in body.lower()
    assert rule.versions.get().definition_hash == before and Rule.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": "x",\n "trigger" }', "Linha 2, coluna 12"),
        ("NaN", "NaN, Infinity"),
        ("[" * 15, "não é JSON"),
        (json.dumps(NESTED | {"trigger": {"all": [{"field": "dias", "op": "<", "value": 1}]}}), "trigger.all[0].field"),
        (json.dumps(NESTED | {"limits": {"give_share": 2}}), "limits.give_share"),
        ("[]", "objeto"),
        ("x" * 60_001, "60000"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_nothing_typed_is_lost(signed_in, admin, rule, text, words):
    answer = signed_in(admin).post(url("rule-definition", rule.pk), {"definition": text, "then": "save"})

    assert answer.status_code == 422
    body = answer.content.decode()
    assert words in body
    assert shown(answer) == text
    assert rule.versions.count() == 1


@pytest.mark.parametrize("role", [Role.MANAGER, Role.REPRESENTATIVE, Role.AUDITOR])
def test_only_administration_writes_definitions(signed_in, acting, rule, role):
    web = signed_in(make_member(acting, role))
    assert web.get(url("rule-definition", rule.pk)).status_code == 404
    assert web.post(url("rule-new-definition"), {"definition": json.dumps(NESTED)}).status_code == 404
    assert Rule.objects.count() == 1


def shown(answer) -> str:
    """The text in the page's text area."""
    import html

    body = answer.content.decode()
    return html.unescape(body.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>", 1)[0])

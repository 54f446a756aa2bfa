"""Rules as an admin writes them: presets, thresholds, refusals at the field, drafts, versions, dry runs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule
from rotation.forms import PRESET_NAMES, RuleForm, initial_of, preset_definition
from rotation.models import Proposal, Rule, RuleVersion, Run
from rotation.services.rules import check_definition, create_rule, publish
from tests.factories import make_member

HTMX = {"HTTP_HX_REQUEST": "true"}


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


def posted(definition, **changes):
    """What a browser sends for the form of a definition."""
    form = RuleForm(base=definition)
    data = {}
    for bound in form:
        value = bound.initial
        if value is None or value is False or value in ("", []):
            continue
        data[bound.name] = "on" if value is True else value
    return {name: value for name, value in (data | changes).items() if value is not None}


@pytest.fixture
def rule(admin):
    made = create_rule(PRESETS["general"], by=admin)
    publish(made.versions.get(), by=admin)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("key", sorted(PRESET_NAMES))
def test_a_preset_through_the_form_is_the_same_rule(key):
    preset = preset_definition(key)
    form = RuleForm(posted(preset), base=preset)
    assert form.is_valid(), form.errors
    assert check_definition(form.definition()).hash == parse_rule(preset).hash


def test_a_new_rule_begins_as_a_draft_of_a_preset(signed_in, admin):
    web = signed_in(admin)
    assert "Giro rápido" in web.get(url("rule-new")).content.decode()

    answer = web.post(url("rule-new"), posted(PRESETS["general"], name="Padarias", days_from=75, preset="general", then="save"))

    made = Rule.objects.get(name="Padarias")
    assert answer["Location"] == url("rule", made.pk)
    version = made.versions.get()
    assert version.state == RuleVersion.State.DRAFT and not made.is_active
    assert version.definition["trigger"]["all"][0]["value"] == [75, 359]


def test_contradictory_thresholds_come_back_at_the_field_and_nothing_is_saved(signed_in, admin, rule):
    answer = signed_in(admin).post(url("rule", rule.pk), posted(PRESETS["general"], days_from=90, days_to=60, then="save"))

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "O fim (60 dias) vem antes do começo (90 dias)" in html and 'value="60"' in html
    assert 'id="id_days_to_error"' in html
    assert rule.versions.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"days_from": ""}, "Diga a partir de quantos dias sem compra"),
        ({"uf": "São Paulo"}, "não é uma UF"),
        ({"give_share": "150"}, "100"),
        ({"fairness": "0.9"}, "0.5"),
        ({"at": "25:00"}, "válid"),
        ({"name": ""}, "obrigatório"),
    ],
)
def test_each_refusal_names_its_field(signed_in, admin, rule, changes, said):
    answer = signed_in(admin).post(url("rule", rule.pk), posted(PRESETS["general"], **changes, then="save"))
    assert answer.status_code == 422
    name = next(iter(changes))
    html = answer.content.decode()
    start = html.index(f'id="id_{name}_error"')
    assert said in html[start : start + 400].replace("&#x27;", "'").replace("0,5", "0.5")


def test_a_name_already_taken_is_said_at_the_name(signed_in, admin, rule):
    create_rule(PRESETS["durable"], by=admin)
    other = Rule.objects.exclude(pk=rule.pk).get()
    answer = signed_in(admin).post(url("rule-new"), posted(PRESETS["general"], name=other.name, preset="general", then="save"))
    assert answer.status_code == 422 and "Já existe uma regra chamada" in answer.content.decode()


def test_publishing_shows_before_and_after_and_makes_a_version(signed_in, admin, rule):
    web = signed_in(admin)
    answer = web.post(url("rule", rule.pk), posted(PRESETS["general"], days_from=75, then="publish"))
    assert answer["Location"] == url("rule-publish", rule.pk)

    html = web.get(url("rule-publish", rule.pk)).content.decode()
    assert "está há 90 a 359 dias sem compra" in html and "está há 75 a 359 dias sem compra" in html
    draft = rule.versions.get(state="draft")
    assert rule.versions.get(state="published").number == 1

    web.post(url("rule-publish", rule.pk), {"hash": draft.definition_hash})
    assert dict(rule.versions.values_list("number", "state")) == {1: "retired", 2: "published"}


def test_a_draft_that_changed_while_it_was_read_is_not_published(signed_in, admin, rule):
    web = signed_in(admin)
    web.post(url("rule", rule.pk), posted(PRESETS["general"], days_from=75, then="save"))
    answer = web.post(url("rule-publish", rule.pk), {"hash": "0" * 64}, follow=True)
    assert "O rascunho mudou enquanto você lia" in answer.content.decode()
    assert rule.versions.get(state="published").number == 1


def test_the_sentence_follows_the_form_and_keeps_still_while_something_is_missing(signed_in, admin, rule):
    web = signed_in(admin)
    html = web.post(url("rule-sentence"), posted(PRESETS["general"], days_from=45, abc=["A", "B"], rule=rule.pk), **HTMX).content.decode()
    assert "está há 45 a 359 dias sem compra" in html and "é curva A ou B" in html
    assert web.post(url("rule-sentence"), posted(PRESETS["general"], days_from="", rule=rule.pk), **HTMX).status_code == 204


def test_a_dry_run_shows_what_would_be_proposed_and_writes_nothing(signed_in, admin, rule, portfolio, fresh_feed):
    form = posted(PRESETS["general"], days_from=100, give_share=50, receive_share=50, max_km="", rule=rule.pk)

    html = signed_in(admin).post(url("rule-simulate"), form, **HTMX).content.decode()

    assert "Simulação de hoje" in html and "O rodízio renderia" in html
    assert (Run.objects.count(), Proposal.objects.count(), rule.versions.count()) == (0, 0, 1)


def test_a_dry_run_of_a_rule_that_cannot_be_says_why(signed_in, admin, rule):
    html = signed_in(admin).post(url("rule-simulate"), posted(PRESETS["general"], days_to=1, rule=rule.pk), **HTMX).content.decode()
    assert "vem antes do começo" in html


def test_order_pause_and_resume(signed_in, admin, rule):
    second = create_rule(PRESETS["durable"], by=admin)
    web = signed_in(admin)

    web.post(url("rule-act", second.pk), {"action": "up"})
    assert list(Rule.objects.order_by("position").values_list("pk", flat=True)) == [second.pk, rule.pk]
    web.post(url("rule-act", rule.pk), {"action": "pause"})
    rule.refresh_from_db()
    assert not rule.is_active
    html = web.post(url("rule-act", second.pk), {"action": "resume"}, follow=True).content.decode()
    assert "Publique uma versão" in html
    web.post(url("rule-act", rule.pk), {"action": "archive"})
    assert web.get(url("rule", rule.pk)).status_code == 404


def test_the_list_costs_the_same_with_one_rule_and_with_many(signed_in, admin, rule):
    web = signed_in(admin)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert web.get(url("rules")).status_code == 200
        return len(captured)

    one = queries()
    for key in ("durable", "seasonal", "fast_moving"):
        made = create_rule(PRESETS[key], by=admin)
        publish(made.versions.get(), by=admin)
    assert queries() == one


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR])
def test_managers_and_auditors_read_rules_and_write_none(signed_in, acting, rule, role):
    web = signed_in(make_member(acting, role))

    html = web.get(url("rule", rule.pk)).content.decode()
    assert "está há 90 a 359 dias sem compra" in html and "Salvar rascunho" not in html
    assert "Pausar" not in web.get(url("rules")).content.decode()
    form = posted(PRESETS["general"], rule=rule.pk)
    writes = [url("rule", rule.pk), url("rule-new"), url("rule-act", rule.pk), url("rule-publish", rule.pk), url("rule-simulate")]
    assert [web.post(each, form | {"action": "pause"}).status_code for each in writes] == [404] * len(writes)


def test_versions_say_who_wrote_and_who_published(signed_in, admin, rule):
    html = signed_in(admin).get(url("rule-versions", rule.pk)).content.decode()
    assert f"publicada por {admin.name}" in html and "v1" in html


def test_conditions_the_form_does_not_show_are_kept():
    weekly = PRESETS["weekly_buyer"]
    form = RuleForm(posted(weekly), base=weekly)
    assert form.is_valid(), form.errors
    made = form.definition()
    assert made["trigger"] == weekly["trigger"] and made["population"] == weekly["population"]
    assert "days_from" not in form.fields
    assert initial_of(weekly)["max_km"] == 60

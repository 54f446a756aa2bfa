"""Rules: who writes them, what is refused, and that a published version stays what it was."""

import pytest
from django.db import IntegrityError, transaction

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Role
from rotation.engine.presets import PRESETS
from rotation.errors import RuleRefused, WrongState
from rotation.models import RefusalReason, RotationSettings, Rule, RuleVersion
from rotation.services.rules import (
    archive_rule,
    check_definition,
    create_rule,
    move_rule,
    pause,
    publish,
    resume,
    rotation_settings,
    save_draft,
)
from tests.factories import make_member
from tests.rotation.conftest import RULE


def test_the_first_rule_brings_the_settings_and_the_reasons_of_refusal(acting, admin):
    create_rule(RULE, by=admin)
    create_rule(RULE | {"name": "Outra"}, by=admin)
    assert RotationSettings.objects.count() == 1
    assert RefusalReason.objects.earliest("position").label == "Negociação em andamento"
    assert RefusalReason.objects.count() == 6
    assert rotation_settings().undo_days == 30


def test_a_draft_becomes_the_version_in_force_and_the_next_one_retires_it(acting, admin):
    rule = create_rule(RULE, by=admin)
    draft = rule.versions.get()
    assert (draft.number, draft.state, rule.is_active) == (1, "draft", False)
    publish(draft, by=admin)
    second = save_draft(rule, RULE | {"name": "Geral, 100 dias"}, by=admin)
    assert publish(second, by=admin).published_by_id == admin.pk
    rule.refresh_from_db()
    assert (rule.name, rule.is_active) == ("Geral, 100 dias", True)
    assert list(rule.versions.order_by("number").values_list("number", "state")) == [(1, "retired"), (2, "published")]
    actions = list(AuditEvent.objects.filter(stream=f"rule:{rule.pk}").order_by("seq").values_list("action", flat=True))
    assert actions == ["rule.created", "rule.published", "rule.drafted", "rule.published"]


def test_saving_a_draft_again_replaces_it(acting, admin):
    rule = create_rule(RULE, by=admin)
    again = save_draft(rule, RULE | {"limits": {"run_max": 7}}, by=admin)
    assert (again.pk, again.number) == (rule.versions.get().pk, 1)
    assert again.definition["limits"]["run_max"] == 7


def test_a_manager_proposes_and_the_administration_publishes(acting, admin, manager):
    rule = create_rule(RULE, by=manager)
    with pytest.raises(NotAllowed):
        publish(rule.versions.get(), by=manager)
    assert publish(rule.versions.get(), by=admin).created_by_id == manager.pk
    for act in (pause, resume, archive_rule):
        with pytest.raises(NotAllowed):
            act(rule, by=manager)


@pytest.mark.parametrize("role", [Role.REPRESENTATIVE, Role.AUDITOR])
def test_others_do_not_write_rules(acting, role):
    with pytest.raises(NotAllowed):
        create_rule(RULE, by=make_member(acting, role))


def test_publishing_a_draft_that_changed_meanwhile_is_refused(acting, admin):
    rule = create_rule(RULE, by=admin)
    seen = rule.versions.get()
    save_draft(rule, RULE | {"limits": {"run_max": 7}}, by=admin)
    with pytest.raises(ChangedMeanwhile):
        publish(seen, by=admin)
    publish(rule.versions.get(), by=admin)
    with pytest.raises(ChangedMeanwhile):
        publish(rule.versions.get(), by=admin)


def test_the_database_keeps_a_published_version_as_it_was(acting, admin):
    rule = create_rule(RULE, by=admin)
    publish(rule.versions.get(), by=admin)
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        RuleVersion.objects.update(definition={})


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"trigger": {"all": [{"field": "dias", "op": ">=", "value": 90}]}}, "trigger.all[0].field", "campo desconhecido dias"),
        (
            {
                "trigger": {
                    "all": [{"field": "days_since_last", "op": ">=", "value": 90}, {"field": "days_since_last", "op": "<", "value": 60}]
                }
            },
            "trigger.all[1]",
            "nenhum cliente pode cumprir isto e também trigger.all[0]",
        ),
        ({"guards": ["visit_within"]}, "guards[0]", "precisa de dias"),
        ({"limits": {"give_share": 2}}, "limits.give_share", "fora de"),
        ({"surprise": 1}, "surprise", "chave desconhecida"),
        ({"name": ""}, "name", "um nome"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place_and_the_cure(acting, admin, change, path, words):
    with pytest.raises(RuleRefused) as refusal:
        create_rule(RULE | change, by=admin)
    assert refusal.value.path == path
    assert words in str(refusal.value)
    assert str(refusal.value).startswith(path)
    assert Rule.objects.count() == 0


@pytest.mark.parametrize(
    "preset", ["fast_moving", "general", "durable", "seasonal", "general_with_hold_out", "high_risk", "weekly_buyer", "leaver"]
)
def test_the_presets_pass_the_checks(preset):
    assert check_definition(PRESETS[preset]).name == PRESETS[preset]["name"]


def test_two_rules_may_not_share_a_name_unless_one_is_archived(acting, admin):
    first = create_rule(RULE, by=admin)
    with pytest.raises(RuleRefused, match="Já existe uma regra chamada “Geral, 90 dias”") as refusal:
        create_rule(RULE, by=admin)
    assert refusal.value.path == "name"
    archive_rule(first, by=admin)
    assert create_rule(RULE, by=admin).position == 1


def test_the_order_changes_by_one_place_and_stops_at_the_ends(acting, admin):
    rules = [create_rule(RULE | {"name": name}, by=admin) for name in ("a", "b", "c")]

    def order() -> list[str]:
        return list(Rule.objects.order_by("position").values_list("name", flat=True))

    move_rule(rules[2], "up", by=admin)
    assert order() == ["a", "c", "b"]
    move_rule(rules[2], "up", by=admin)
    move_rule(rules[2], "up", by=admin)
    assert order() == ["c", "a", "b"]
    move_rule(rules[1], "down", by=admin)
    assert order() == ["c", "a", "b"]
    archive_rule(rules[2], by=admin)
    assert list(Rule.objects.filter(archived_at=None).order_by("position").values_list("name", "position")) == [("a", 1), ("b", 2)]


def test_a_rule_without_a_published_version_cannot_be_resumed(acting, admin):
    rule = create_rule(RULE, by=admin)
    with pytest.raises(WrongState, match="Publique"):
        resume(rule, by=admin)
    publish(rule.versions.get(), by=admin)
    assert pause(rule, by=admin).is_active is False
    assert resume(rule, by=admin).is_active is True
    archive_rule(rule, by=admin)
    with pytest.raises(WrongState, match="arquivada"):
        resume(rule, by=admin)

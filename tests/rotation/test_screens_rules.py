"""The list of rules: their order, pausing, who reads and who writes, versions."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from rotation.engine.presets import PRESETS
from rotation.models import Rule
from rotation.services.rules import create_rule, publish
from tests.factories import make_member


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def rule(admin):
    made = create_rule(PRESETS["general"], by=admin)
    publish(made.versions.get(), by=admin)
    made.refresh_from_db()
    return made


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
    writes = [url("rule-new"), *(url(name, rule.pk) for name in ("rule", "rule-live", "rule-proof", "rule-act", "rule-publish"))]
    assert [web.post(each, {"action": "pause", "preset": "general"}).status_code for each in writes] == [404] * len(writes)
    assert rule.versions.count() == 1


def test_versions_say_who_wrote_and_who_published(signed_in, admin, rule):
    html = signed_in(admin).get(url("rule-versions", rule.pk)).content.decode()
    assert f"publicada por {admin.name}" in html and "v1" in html

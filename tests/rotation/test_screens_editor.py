"""The rule editor's pages: kept while one edits, sentence and test beside it, refusals, conflicts, what a button does without script."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Role
from rotation.engine.presets import PRESETS
from rotation.models import Backtest, Proposal, Rule, RuleVersion, Run
from rotation.services import backtest as service
from rotation.services.backtest import compute_backtest
from rotation.services.rules import create_rule, publish, save_draft
from tests.factories import make_member
from tests.rotation.conftest import make_client
from tests.rotation.test_editor_form import sent

HTMX = {"HTTP_HX_REQUEST": "true"}


def url(name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def rule(admin):
    made = create_rule(PRESETS["general"], by=admin)
    publish(made.versions.get(), by=admin)
    made.refresh_from_db()
    return made


@pytest.fixture
def web(signed_in, admin):
    return signed_in(admin)


@pytest.fixture
def company(acting, representatives):
    """Nine clients, a third of whom stopped half a year ago."""
    today = timezone.now().astimezone(acting.zone).date()
    for i in range(9):
        make_client(representatives[i % 3], days_silent=190 + i if i % 3 == 0 else 5 + i, as_of=today, x=11)
    acting.orders_received_at = timezone.now()
    acting.save(update_fields=["orders_received_at"])
    return acting


def form_of(web, rule, **changes) -> dict[str, list[str]]:
    """What a browser sends of the editor as it stands, changed at these controls (``trigger-0.value`` as trigger_0__value)."""
    page = web.get(url("rule", rule.pk)).content.decode()
    post = sent(page[page.index('id="rule-form"') : page.index('id="proof"')])
    post.pop("csrfmiddlewaretoken", None)
    for name, value in changes.items():
        post.setlist(name.replace("__", ".").replace("_0", "-0"), value if isinstance(value, list) else [value])
    return dict(post.lists())


@pytest.mark.parametrize("key", ["general", "weekly_buyer", "leaver"])
def test_a_new_rule_begins_as_a_draft_of_a_preset_and_opens_in_the_editor(web, rule, key):
    assert "Giro rápido" in web.get(url("rule-new")).content.decode()
    answer = web.post(url("rule-new"), {"preset": key})
    made = Rule.objects.latest("pk")
    assert answer["Location"] == url("rule", made.pk)
    version = made.versions.get()
    assert version.state == RuleVersion.State.DRAFT and not made.is_active
    # a second rule of one preset needs a name of its own
    assert made.name == (PRESETS[key]["name"] + (" (2)" if key == "general" else ""))
    assert web.get(url("rule", made.pk)).status_code == 200
    assert web.post(url("rule-new"), {"preset": "none"}).status_code == 422


def test_what_is_typed_is_kept_as_the_draft_and_said_back(web, admin, rule):
    form = form_of(web, rule, trigger_0__value=["75", "359"])
    answer = web.post(url("rule-live", rule.pk), form, **HTMX)
    html = answer.content.decode()
    draft = rule.versions.get(state="draft")
    assert draft.definition["trigger"]["all"][0]["value"] == [75, 359]
    assert "está há 75 a 359 dias sem compra" in html and "v2 salva como rascunho" in html and "Rascunho v2" in html
    assert answer["HX-Trigger"] == "rule-saved" and f'value="{draft.definition_hash}"' in html
    # one record of the draft, not one a letter
    for days in ("76", "77"):
        web.post(url("rule-live", rule.pk), form_of(web, rule, trigger_0__value=[days, "359"]), **HTMX)
    assert AuditEvent.objects.filter(action="rule.drafted").count() == 1
    assert rule.versions.count() == 2


def test_the_hour_of_a_draft_is_not_told_as_that_of_the_version_in_force(web, rule):
    said = web.post(url("rule-live", rule.pk), form_of(web, rule, schedule__at="05:12"), **HTMX).content.decode()
    page = web.get(url("rule", rule.pk)).content.decode()
    for html in (said, page):
        spot = html.split('id="schedule-said"')[1].split("</span>")[0]
        assert "segundas às 06:00; como está aqui, segundas às 05:12" in spot


def test_looking_and_changing_nothing_begins_no_draft(web, rule):
    answer = web.post(url("rule-live", rule.pk), form_of(web, rule), **HTMX)
    assert rule.versions.count() == 1 and "Igual à versão em vigor" in answer.content.decode()
    web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["save"]})
    assert rule.versions.count() == 1


def test_what_cannot_be_is_said_at_its_control_and_the_draft_stays(web, rule):
    web.post(url("rule-live", rule.pk), form_of(web, rule, trigger_0__value=["75", "359"]), **HTMX)
    form = form_of(web, rule, trigger_0__value=["400", "359"])
    answer = web.post(url("rule-live", rule.pk), form, **HTMX)
    html = answer.content.decode()
    assert '<i data-for="id_trigger-0_value">' in html and "400 é maior que 359" in html and "Não salvo: 1 campo" in html
    assert "HX-Trigger" not in answer and "está há 75 a 359" in html
    saved = web.post(url("rule", rule.pk), form | {"do": ["save"]})
    page = saved.content.decode()
    assert saved.status_code == 422 and 'value="400"' in page and 'id="id_trigger-0_value_error">O limite menor' in page
    assert rule.versions.get(state="draft").definition["trigger"]["all"][0]["value"] == [75, 359]


def test_a_draft_somebody_else_changed_is_not_written_over(signed_in, web, acting, admin, rule):
    save_draft(rule, {**PRESETS["general"], "limits": {"give_share": 0.2}}, by=admin)
    form = form_of(web, rule, trigger_0__value=["75", "359"])
    other = make_member(acting, Role.ADMIN, email="other@vale-verde.example", name="Bruno Sá")
    save_draft(rule, {**PRESETS["general"], "limits": {"give_share": 0.3}}, by=other)
    html = web.post(url("rule-live", rule.pk), form, **HTMX).content.decode()
    assert "Bruno Sá mudou este rascunho enquanto você editava" in html
    assert rule.versions.get(state="draft").definition["limits"]["give_share"] == 0.3


def test_buttons_change_the_form_without_script(web, rule):
    page = web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["add:trigger"]}).content.decode()
    assert 'name="trigger-1.field"' in page and "não recebe visita há 60 dias ou mais" in page
    assert rule.versions.get(state="draft").definition["trigger"]["all"][1]["field"] == "days_since_visit"
    page = web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["group:trigger"]}).content.decode()
    assert 'name="trigger-2.kind"' in page and 'name="trigger-2-0.value"' in page and "é curva A" in page
    page = web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["up:trigger-2"]}).content.decode()
    assert 'name="trigger-1.kind"' in page
    web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["remove:trigger-1"]})
    web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["add-guard:"], "guard.add": ["save_window"]})
    draft = rule.versions.get(state="draft").definition
    assert len(draft["trigger"]["all"]) == 2 and draft["guards"][-1] == "save_window:10"
    assert web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["remove:trigger-9"]}).status_code == 404


def test_a_changed_field_draws_its_own_comparisons_and_values(web, rule, representatives):
    form = form_of(web, rule, trigger_0__field="owner")
    page = web.post(url("rule", rule.pk), form, **HTMX).content.decode()
    assert "<html" not in page and f'value="{representatives[0].pk}"' in page and representatives[0].name in page
    # nobody is chosen yet: said at the control, and nothing is kept
    assert "Escolha ou escreva ao menos um valor" in page and rule.versions.count() == 1


def test_a_name_already_taken_is_said_at_the_name(web, admin, rule):
    other = create_rule(PRESETS["durable"], by=admin)
    answer = web.post(url("rule", rule.pk), form_of(web, rule, name=other.name) | {"do": ["save"]})
    assert answer.status_code == 422 and 'id="id_name_error">Já existe uma regra chamada' in answer.content.decode()


def test_publishing_shows_before_and_after_and_makes_a_version(web, rule):
    answer = web.post(url("rule", rule.pk), form_of(web, rule, trigger_0__value=["75", "359"]) | {"do": ["publish"]})
    assert answer["Location"] == url("rule-publish", rule.pk)
    html = web.get(url("rule-publish", rule.pk)).content.decode()
    assert "está há 90 a 359 dias sem compra" in html and "está há 75 a 359 dias sem compra" in html
    draft = rule.versions.get(state="draft")
    answer = web.post(url("rule-publish", rule.pk), {"hash": "0" * 64}, follow=True)
    assert "O rascunho mudou enquanto você lia" in answer.content.decode()
    web.post(url("rule-publish", rule.pk), {"hash": draft.definition_hash})
    assert dict(rule.versions.values_list("number", "state")) == {1: "retired", 2: "published"}


def test_a_draft_is_discarded_and_a_rule_that_was_nothing_else_goes_with_it(web, admin, rule):
    save_draft(rule, {**PRESETS["general"], "limits": {"give_share": 0.2}}, by=admin)
    assert web.post(url("rule", rule.pk), {"do": "discard"})["Location"] == url("rule", rule.pk)
    assert [each.state for each in rule.versions.all()] == ["published"]
    never = create_rule(PRESETS["durable"], by=admin)
    assert web.post(url("rule", never.pk), {"do": "discard"})["Location"] == url("rules")
    assert web.get(url("rule", never.pk)).status_code == 404


# -- the test beside it ----------------------------------------------------------------------------------------------------


def test_the_draft_is_tested_beside_the_version_in_force(web, rule, company):
    web.post(url("rule-live", rule.pk), form_of(web, rule, trigger_0__value=["60", "359"]), **HTMX)
    html = web.post(url("rule-proof", rule.pk), {"months": "12"}, **HTMX).content.decode()
    row = Backtest.objects.get()
    assert (row.label, row.against_label, row.state) == ("v2", "v1", Backtest.State.DONE)
    assert (
        'id="proof"' in html
        and "Alarme falso" in html
        and "Carga por vendedor" in html
        and "propostos, dentro dos limites" in html
        and "Limites não repetidos:" in html
        and "vs v1" in html
    )
    # the page shows it again without computing anything, and for nothing else
    assert "vs v1" in web.get(url("rule", rule.pk)).content.decode()
    web.post(url("rule-live", rule.pk), form_of(web, rule, trigger_0__value=["61", "359"]), **HTMX)
    page = web.get(url("rule", rule.pk)).content.decode()
    assert "vs v1" not in page and 'hx-trigger="load, rule-saved' in page
    assert Backtest.objects.count() == 1


def test_a_test_in_the_background_is_given_up_when_the_rule_changes_again(web, rule, company, monkeypatch):
    monkeypatch.setattr(service, "AT_ONCE", 0)
    web.post(url("rule-live", rule.pk), form_of(web, rule, trigger_0__value=["60", "359"]), **HTMX)
    html = web.post(url("rule-proof", rule.pk), {"months": "6"}, **HTMX).content.decode()
    first = Backtest.objects.get()
    assert 'data-state="running"' in html
    web.post(url("rule-live", rule.pk), form_of(web, rule, trigger_0__value=["61", "359"]), **HTMX)
    web.post(url("rule-proof", rule.pk), {"months": "6"}, **HTMX)
    first.refresh_from_db()
    assert first.state == Backtest.State.FAILED
    assert compute_backtest(first.pk, company.pk).state == Backtest.State.FAILED
    second = Backtest.objects.latest("pk")
    assert compute_backtest(second.pk, company.pk).state == Backtest.State.DONE


def test_today_is_a_dry_run_and_writes_nothing(web, rule, portfolio, fresh_feed):
    html = web.post(url("rule-proof", rule.pk), {"months": "0"}, **HTMX).content.decode()
    assert "Simulação de hoje" in html and "O rodízio renderia" in html
    assert (Run.objects.count(), Proposal.objects.count(), Backtest.objects.count()) == (0, 0, 0)


def test_without_orders_the_test_says_what_to_do(web, rule):
    assert "Ainda não há pedidos" in web.post(url("rule-proof", rule.pk), {"months": "6"}, **HTMX).content.decode()
    page = web.post(url("rule", rule.pk), form_of(web, rule) | {"do": ["test"]}).content.decode()
    assert "Ainda não há pedidos" in page and 'id="rule-form"' in page


def test_the_editor_costs_the_same_with_one_rule_and_with_many(web, admin, rule):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert web.get(url("rule", rule.pk)).status_code == 200
        return len(captured)

    one = queries()
    for key in ("durable", "seasonal", "fast_moving"):
        publish(create_rule(PRESETS[key], by=admin).versions.get(), by=admin)
    assert queries() == one

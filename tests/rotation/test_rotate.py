"""``manage.py rotate`` and the task behind it: the same run, said to scripts and to people."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from rotation.models import Proposal, Run
from rotation.services.rules import create_rule, publish
from rotation.services.runs import start_run
from rotation.tasks import compute_run
from tests.factories import make_member
from tests.rotation.conftest import AS_OF, RULE


@pytest.fixture
def rule(acting, admin, portfolio):
    acting.orders_received_at = timezone.now()
    acting.save()
    rule = create_rule(RULE, by=admin)
    publish(rule.versions.get(), by=admin)
    rule.refresh_from_db()
    return rule


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate", "--organization", "vale-verde", "--as-of", AS_OF.isoformat(), *arguments, stdout=out)
    return out.getvalue()


def test_a_dry_run_prints_one_document_and_writes_nothing(rule):
    report = json.loads(rotate("--dry-run", "--json"))
    assert Run.objects.count() == 0
    assert report["run"] is None
    assert (report["rule"], report["version"], report["as_of"]) == ("Geral, 90 dias", 1, "2026-10-05")
    assert (report["clients"], report["flagged"], report["proposed"], len(report["proposals"])) == (50, 18, 5, 5)
    assert set(report["seconds"]) == {"facts", "score", "assign", "write", "total"}
    assert report["objective"] <= report["bound"]


def test_a_run_prints_what_it_wrote_and_the_dry_run_had_said_the_same(rule):
    dry = json.loads(rotate("--dry-run", "--json"))
    report = json.loads(rotate("--json"))
    run = Run.objects.get(pk=report["run"])
    assert (run.trigger, run.state) == ("command", "awaiting_approval")
    assert report["proposals"] == dry["proposals"]
    for name in ("clients", "flagged", "guarded", "held_out", "proposed", "unassigned", "objective", "bound", "gap", "digest"):
        assert report[name] == dry[name]
    first = run.proposals.select_related("client", "from_representative", "to_representative").get(position=1)
    assert report["proposals"][0] == {
        "client_code": first.client.code,
        "from": first.from_representative.code,
        "to": first.to_representative.code,
        "score": first.value_cents,
        "reasons": [{"field": "days_since_last", "op": "between", "value": [90, 359], "observed": first.days_since_last}],
    }


def test_running_again_repeats_the_report_and_nothing_else(rule, capsys):
    first = json.loads(rotate("--json"))
    assert json.loads(rotate("--json")) == first
    assert "já existe" in capsys.readouterr().err
    assert Proposal.objects.count() == first["proposed"]


def test_without_json_it_says_the_same_in_sentences(rule):
    text = rotate("--rule", "Geral, 90 dias")
    assert "50 clientes: 18 sinalizados, 0 protegidos, 0 no grupo de controle, 5 propostos, 13 sem destino." in text
    assert "days_since_last = " in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--organization", "nowhere"], "nowhere"),
        (["--organization", "vale-verde", "--rule", "Outra"], "Não há regra publicada chamada “Outra”. Regras ativas: “Geral, 90 dias”."),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_1(rule, arguments, sentence):
    with pytest.raises(CommandError) as refusal:
        call_command("rotate", *arguments)
    assert sentence in str(refusal.value)
    assert refusal.value.returncode == 1


def test_a_stale_feed_is_refused_and_a_dry_run_warns(rule, acting, capsys):
    acting.orders_received_at = timezone.now() - timedelta(days=3)
    acting.save()
    with pytest.raises(CommandError, match="Importe os pedidos de hoje"):
        rotate()
    rotate("--dry-run")
    assert "Importe os pedidos de hoje" in capsys.readouterr().err


def test_no_active_rule_is_a_refusal_that_names_the_cure(acting):
    with pytest.raises(CommandError, match="crie e publique uma em Regras de giro"):
        rotate()


def test_a_wrong_date_is_wrong_usage(rule):
    with pytest.raises(CommandError, match="AAAA-MM-DD"):
        call_command("rotate", "--organization", "vale-verde", "--as-of", "ontem")


def test_the_task_may_run_twice_and_demands_its_organization(rule, admin):
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    for _ in range(2):
        compute_run.run(run.pk, organization_id=rule.organization_id)
    run.refresh_from_db()
    assert run.state == "awaiting_approval"
    assert run.proposals.count() == run.n_proposed == 5
    with pytest.raises(TypeError, match="organization_id"):
        compute_run.apply_async(args=[run.pk])


def test_the_task_keeps_a_refusal_in_the_run(rule, acting, admin):
    acting.orders_received_at = None
    acting.save()
    run = start_run([rule], as_of=AS_OF, trigger="person", by=admin)
    compute_run.run(run.pk, organization_id=acting.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "Importe os pedidos" in run.error


def test_starting_by_hand_sends_the_task_when_the_run_is_committed(rule, acting, django_capture_on_commit_callbacks):
    admin = make_member(acting, "admin")
    with django_capture_on_commit_callbacks() as callbacks:
        start_run([rule], as_of=AS_OF, trigger="person", by=admin)
        start_run([rule], as_of=AS_OF, trigger="person", by=admin)
        start_run([rule], as_of=AS_OF + timedelta(days=1), trigger="command", by=admin)
    assert len(callbacks) == 1

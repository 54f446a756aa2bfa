"""From the review to applied and back, as pages: what they say, what they start, what they refuse."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Representative, Role
from clients.models import Client
from portfolio.models import Ownership
from rotation.models import Proposal, Run
from tests.factories import RepresentativeFactory, make_member
from tests.rotation.factories import ProposalFactory, RuleVersionFactory, RunFactory

State = Proposal.State
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def version(acting):
    return RuleVersionFactory()


@pytest.fixture
def run(version):
    return RunFactory(version=version)


@pytest.fixture
def pair(representatives):
    return {"owner": representatives[0], "to_representative": representatives[1]}


def page(run, name, slug="vale-verde"):
    return reverse(f"rotation:{name}", args=[slug, run.pk])


def applied(proposal, *, by):
    """What applying leaves behind: the proposal, the ledger's two rows and the mirrored owner."""
    Ownership.objects.filter(client=proposal.client, ended_on=None).update(ended_on=timezone.localdate())
    Ownership.objects.create(
        client=proposal.client,
        representative=proposal.to_representative,
        seq=2,
        started_on=timezone.localdate(),
        source=Ownership.Source.ROTATION,
        proposal_id=proposal.pk,
    )
    Client.objects.filter(pk=proposal.client_id).update(representative=proposal.to_representative)
    Proposal.objects.filter(pk=proposal.pk).update(state=State.APPLIED, applied_at=timezone.now(), decided_by=by)


def test_the_page_before_says_who_gains_and_who_loses(signed_in, admin, run, version, pair):
    ProposalFactory.create_batch(3, run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    ProposalFactory(run=run, rule_version=version, **pair)

    context = signed_in(admin).get(page(run, "apply")).context

    summary = context["summary"]
    assert (summary.approved, summary.undecided, summary.money_cents) == (3, 1, 3_000_000)
    assert {(each.representative_id, each.before, each.after) for each in summary.changes} == {
        (pair["owner"].pk, 4, 1),
        (pair["to_representative"].pk, 0, 3),
    }
    assert not context["blocked"]


def test_the_page_before_costs_the_same_with_one_row_and_with_many(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    web = signed_in(admin)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert web.get(page(run, "apply")).status_code == 200
        return len(captured)

    one = queries()
    ProposalFactory.create_batch(4, run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    assert queries() == one


def test_applying_puts_the_run_to_work_and_shows_its_job(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    web = signed_in(admin)

    answer = web.post(page(run, "apply"))
    assert answer.status_code == 302 and answer["Location"] == page(run, "job")
    run.refresh_from_db()
    assert run.state == Run.State.APPLYING

    job = web.get(page(run, "job"), **HTMX)
    assert job.status_code == 200
    assert 'hx-trigger="load delay:2s"' in job.content.decode() and "0 de 1" in job.content.decode()


def test_applying_twice_happens_once(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    web = signed_in(admin)
    web.post(page(run, "apply"))

    answer = web.post(page(run, "apply"))

    assert answer.status_code == 409 and "não está em revisão" in answer.content.decode()


def test_missing_consent_is_named_and_stops_the_button(signed_in, admin, run, version, pair):
    autonomous = RepresentativeFactory(name="Sorocaba ME", contract_type="autonomous")
    proposal = ProposalFactory(
        run=run, rule_version=version, state=State.APPROVED, decided_by=admin, caveats=["autonomous"], **pair | {"owner": autonomous}
    )
    web = signed_in(admin)

    html = web.get(page(run, "apply")).content.decode()
    assert "Falta o aceite de Sorocaba ME" in html and "Aplicar 1 agora" not in html
    assert web.post(page(run, "apply")).status_code == 409
    proposal.refresh_from_db()
    assert proposal.state == State.APPROVED


def test_a_receiver_who_left_is_named_before_anything_moves(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    receiver = pair["to_representative"]
    Representative.objects.filter(pk=receiver.pk).update(valid_to=timezone.localdate() - timedelta(1))

    html = signed_in(admin).get(page(run, "apply")).content.decode()

    assert f"{receiver.name} não está mais em atividade." in html and "1 cliente que receberia fica como está." in html


def test_a_page_opened_before_it_was_applied_says_that_it_was(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, state=State.APPLIED, **pair)
    ProposalFactory(run=run, rule_version=version, **pair)
    Run.objects.filter(pk=run.pk).update(applied_at=timezone.now())

    answer = signed_in(admin).post(page(run, "apply"))

    html = answer.content.decode()
    assert answer.status_code == 409 and "já foram aplicadas em" in html and page(run, "job") in html
    assert "Aprove ao menos uma" not in html


def test_nothing_approved_says_what_to_do(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, **pair)
    html = signed_in(admin).get(page(run, "apply")).content.decode()
    assert "Nenhuma proposta aprovada" in html and "Ir para a revisão" in html


def test_the_finished_job_stops_the_polling_and_lists_what_was_refused(signed_in, admin, run, version, pair):
    ProposalFactory.create_batch(2, run=run, rule_version=version, state=State.APPLIED, **pair)
    stale = ProposalFactory(run=run, rule_version=version, state=State.STALE, stale_reason="owner_changed", **pair)
    Run.objects.filter(pk=run.pk).update(state=Run.State.APPLIED, applied_at=timezone.now())

    answer = signed_in(admin).get(page(run, "job"), **HTMX)

    html = answer.content.decode()
    assert answer.status_code == 286 and "hx-trigger" not in html
    assert "2 aplicadas" in html and "1 recusada" in html
    assert str(stale.client) in html and "o cliente mudou de vendedor depois da proposta" in html


def test_a_failed_run_says_so_and_offers_to_go_on(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, state=State.APPROVED, decided_by=admin, **pair)
    Run.objects.filter(pk=run.pk).update(state=Run.State.FAILED, failed_in=Run.State.APPLYING, error="O banco parou.")
    web = signed_in(admin)

    html = web.get(page(run, "job")).content.decode()
    assert "O banco parou." in html and "Continuar de onde parou" in html
    web.post(page(run, "apply"))
    run.refresh_from_db()
    assert run.state == Run.State.APPLYING


def test_reversing_lists_what_was_touched_and_makes_its_own_run(signed_in, admin, run, version, pair, representatives):
    proposals = ProposalFactory.create_batch(3, run=run, rule_version=version, **pair)
    for proposal in proposals:
        applied(proposal, by=admin)
    touched = proposals[0].client
    Ownership.objects.filter(client=touched, ended_on=None).update(ended_on=timezone.localdate())
    Ownership.objects.create(
        client=touched, representative=representatives[2], seq=3, started_on=timezone.localdate(), source=Ownership.Source.MANUAL
    )
    Client.objects.filter(pk=touched.pk).update(representative=representatives[2])
    Run.objects.filter(pk=run.pk).update(state=Run.State.APPLIED, applied_at=timezone.now())
    web = signed_in(admin)

    html = web.get(page(run, "reverse")).content.decode()
    assert "2 clientes voltam" in html and str(touched) in html

    answer = web.post(page(run, "reverse"))
    reversal = Run.objects.get(kind=Run.Kind.REVERSAL)
    assert answer["Location"] == page(reversal, "job")
    assert sorted(reversal.proposals.values_list("state", flat=True)) == ["approved", "approved", "stale"]
    assert "Devolvendo clientes" in web.get(page(reversal, "job")).content.decode()
    assert web.get(page(reversal, "review"))["Location"] == page(reversal, "job")


def test_after_the_days_to_reverse_the_page_says_so(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    applied(proposal, by=admin)
    Proposal.objects.filter(pk=proposal.pk).update(applied_at=timezone.now() - timedelta(days=31))
    web = signed_in(admin)

    assert "Nada a reverter" in web.get(page(run, "reverse")).content.decode()
    answer = web.post(page(run, "reverse"))
    assert answer.status_code == 409 and "o prazo passou" in answer.content.decode()


def test_only_those_who_decide_apply_and_reverse(signed_in, acting, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    applied(proposal, by=admin)
    Run.objects.filter(pk=run.pk).update(state=Run.State.APPLIED, applied_at=timezone.now())
    web = signed_in(make_member(acting, Role.AUDITOR))
    assert [web.get(page(run, name)).status_code for name in ("apply", "reverse")] == [404, 404]
    assert [web.post(page(run, name)).status_code for name in ("apply", "reverse", "cancel")] == [404, 404, 404]
    assert web.get(page(run, "job")).status_code == 200


def test_the_list_of_runs_puts_what_waits_on_top(signed_in, admin, manager, run, version, pair):
    ProposalFactory.create_batch(2, run=run, rule_version=version, **pair)
    web, url = signed_in(admin), reverse("rotation:runs", args=["vale-verde"])

    html = web.get(url).content.decode()
    assert "2 propostas a decidir" in html
    with CaptureQueriesContext(connection) as captured:
        web.get(url)
    one = len(captured)
    for _ in range(3):
        ProposalFactory(run=RunFactory(version=version), rule_version=version, **pair)
    with CaptureQueriesContext(connection) as captured:
        web.get(url)
    assert len(captured) == one


def test_no_rule_at_all_leads_to_the_rules(signed_in, admin, acting):
    html = signed_in(admin).get(reverse("rotation:runs", args=[acting.slug])).content.decode()
    assert "Nenhuma regra publicada" in html and reverse("rotation:rules", args=[acting.slug]) in html


def test_cancelling_a_run_expires_what_was_open(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    signed_in(admin).post(page(run, "cancel"))
    proposal.refresh_from_db()
    run.refresh_from_db()
    assert (run.state, proposal.state) == (Run.State.CANCELLED, State.EXPIRED)

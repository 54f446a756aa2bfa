"""Words about a proposal, and the panel that shows them with all the rest."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Role
from rotation.errors import EmptyComment
from rotation.models import Decision, Proposal
from rotation.selectors.commission import Commission, commission_of_move
from rotation.services.comments import comment
from rotation.services.decisions import decide, undo_batch
from tests.factories import OrderFactory, make_member
from tests.rotation.conftest import AS_OF
from tests.rotation.factories import ProposalFactory
from tests.rotation.test_screens_review import HTMX, page, pair, run, version  # noqa: F401


@pytest.fixture
def proposal(run, version, pair):  # noqa: F811
    return ProposalFactory(run=run, rule_version=version, **pair)


def test_a_comment_stands_in_the_history_and_changes_nothing_else(proposal, admin):
    said = comment(proposal, "  Ligar antes\0 de mudar. ", by=admin, at=timezone.now())
    proposal.refresh_from_db()
    assert (said.note, said.from_state, said.to_state, proposal.version, proposal.state) == (
        "Ligar antes de mudar.",
        "proposed",
        "proposed",
        1,
        "proposed",
    )
    assert AuditEvent.objects.filter(stream=f"run:{proposal.run_id}", action="proposals.comment").count() == 1


def test_only_who_decides_writes_and_words_are_needed(proposal, acting, admin):
    with pytest.raises(NotAllowed):
        comment(proposal, "oi", by=make_member(acting, Role.AUDITOR), at=timezone.now())
    with pytest.raises(EmptyComment):
        comment(proposal, " \0 ", by=admin, at=timezone.now())
    assert not Decision.objects.exists()


def test_a_comment_neither_stands_in_the_way_of_a_decision_nor_of_its_undo(proposal, admin, manager):
    moment = timezone.now()
    comment(proposal, "antes", by=manager, at=moment + timedelta(seconds=1))
    rows = Proposal.objects.filter(pk=proposal.pk)
    postponed = decide(rows, "postpone", by=admin, at=moment + timedelta(seconds=2), moment=moment)
    assert postponed.decided == [proposal.pk]
    comment(proposal, "depois", by=manager, at=moment + timedelta(seconds=3))
    decided = decide(rows, "approve", by=admin, at=moment + timedelta(seconds=4))
    said = comment(proposal, "fim", by=manager, at=moment + timedelta(seconds=5))
    assert undo_batch(said.batch, by=admin, at=moment).decided == []

    assert undo_batch(decided.batch, by=admin, at=moment + timedelta(seconds=6)).decided == [proposal.pk]
    proposal.refresh_from_db()
    assert proposal.state == "proposed" and proposal.postponed_at == moment + timedelta(seconds=2)


def test_the_panel_takes_a_comment_and_shows_it_with_what_was_decided(signed_in, admin, acting, run, proposal):  # noqa: F811
    web = signed_in(admin)
    decide(Proposal.objects.filter(pk=proposal.pk), "reject", by=admin, at=timezone.now(), reason="Negociação", note="até maio")
    html = web.post(page(run, "comment", proposal.pk), {"comment": "<b>Falei</b> com o dono"}, **HTMX).content.decode()
    assert "&lt;b&gt;Falei&lt;/b&gt; com o dono" in html and "Negociação" in html and "recusou" in html

    refused = web.post(page(run, "comment", proposal.pk), {"comment": " "}, **HTMX)
    assert refused.status_code == 422 and "Escreva o comentário" in refused.content.decode()
    plain = web.post(page(run, "comment", proposal.pk), {"comment": "sem script", "here": "tab=rejected"})
    assert plain.status_code == 302 and plain["Location"] == f"{page(run)}?tab=rejected&open={proposal.pk}#review-detail"

    masked = signed_in(make_member(acting, Role.AUDITOR)).get(page(run, "proposal", proposal.pk), **HTMX).content.decode()
    assert "comentou" in masked and "Falei" not in masked and "até maio" not in masked and "<textarea" not in masked


def test_what_a_move_does_to_commissions(representatives, proposal):
    origin, receiver, third = representatives
    for person, rate in ((origin, "0.06"), (receiver, "0.03")):
        person.contract_type, person.commission_rate = "autonomous", rate
        person.save()
    origin.refresh_from_db(), receiver.refresh_from_db()
    for days, cents in ((30, 100_000), (179, 20_000), (181, 5_000_000)):
        OrderFactory(client=proposal.client, representative=origin, ordered_on=AS_OF - timedelta(days=days), amount_cents=cents)
    OrderFactory(representative=origin, ordered_on=AS_OF - timedelta(days=1), amount_cents=480_000)

    # 6 % of 6.000,00 over six months, and of 4.800,00 without the client; 3 % of its 1.200,00 more for the receiver.
    found = commission_of_move(proposal.client_id, origin, [receiver, third], as_of=AS_OF)
    assert found == (Commission(6_000, 4_800), {receiver.pk: 600})
    assert commission_of_move(proposal.client_id, third, [third], as_of=AS_OF) == (None, {})


def test_undo_stays_at_hand_after_its_message_is_gone(signed_in, admin, run, proposal):  # noqa: F811
    web = signed_in(admin)
    html = web.post(page(run, "decide"), {"approve": f"{proposal.pk}:1"}, **HTMX).content.decode()
    batch = Decision.objects.get().batch
    kept = html.split('id="review-kpis"')[1].split("kpis")[0]
    assert f"/undo/{batch}/" in kept and "data-undo" in kept
    assert "data-undo" not in web.post(page(run, "undo", batch), **HTMX).content.decode().split('id="review-kpis"')[1].split("kpis")[0]

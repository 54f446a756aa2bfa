"""The review page: who sees and decides what, what each answer changes, and how much a page costs."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Avg
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Representative, Role
from accounts.tenancy import acting_for
from clients.models import Client
from rotation.models import Decision, Proposal, Run
from rotation.selectors.filters import TABS, ReviewFilter
from rotation.selectors.reach import Reach
from rotation.selectors.review import decidable_by, groups_of, totals_of
from rotation.selectors.tally import kinds_of
from rotation.services.decisions import decide
from tests.factories import RepresentativeFactory, TeamFactory, make_member
from tests.rotation.factories import ProposalFactory, RefusalReasonFactory, RuleVersionFactory, RunFactory

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
    """From and to of the proposals: two colleagues of the manager's team."""
    return {"owner": representatives[0], "to_representative": representatives[1]}


def page(run, name="review", *args, slug="vale-verde"):
    return reverse(f"rotation:{name}", args=[slug, run.pk, *args])


def queries_of(web, url, **extra):
    with CaptureQueriesContext(connection) as captured:
        answer = web.get(url, **extra)
    assert answer.status_code == 200
    return len(captured)


def test_review_costs_the_same_with_one_row_and_with_many(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, **pair)
    web = signed_in(admin)
    one = queries_of(web, page(run))
    ProposalFactory.create_batch(6, run=run, rule_version=version, **pair)

    assert queries_of(web, page(run)) == one
    assert one <= 30


def test_a_manager_page_costs_the_same_with_one_row_and_with_many(signed_in, manager, run, version, pair):
    ProposalFactory(run=run, rule_version=version, **pair)
    web = signed_in(manager)
    one = queries_of(web, page(run))
    ProposalFactory.create_batch(4, run=run, rule_version=version, **pair)

    assert queries_of(web, page(run)) == one


def test_the_tabs_count_every_state_once(signed_in, admin, run, version, pair):
    def make(**fields):
        return ProposalFactory(run=run, rule_version=version, **pair, **fields)

    make(), make(caveats=["farther"]), make(postponed_at=timezone.now())
    make(state=State.APPROVED), make(state=State.REJECTED), make(state=State.WITHHELD)

    context = signed_in(admin).get(page(run)).context

    counted = {tab["name"]: tab["count"] for tab in context["tabs"]}
    assert counted == {"pending": 2, "high": 0, "caution": 1, "postponed": 1, "approved": 1, "rejected": 1, "all": 5}


def test_what_was_counted_once_is_what_every_tab_would_count(run, version, pair):
    other = RepresentativeFactory()
    for number, fields in enumerate(
        [
            {"abc": "A", "km_from": 3.0, "km_to": 9.0},
            {"abc": "A", "caveats": ["farther"], "km_to": 4.0},
            {"abc": "B", "postponed_at": timezone.now()},
            {"abc": "A", "state": State.APPROVED, "km_from": 1.0, "km_to": 2.0, "to_representative": other},
            {"state": State.REJECTED, "km_from": 80.0, "km_to": 90.0},
            {"state": State.STALE},
            {"state": State.EXPIRED},
            {"state": State.APPLIED, "rule_version": None},
        ]
    ):
        ProposalFactory(run=run, net_12m_cents=10**number, **({"rule_version": version} | pair | fields))
    proposals = run.proposals.all()
    reach = Reach(frozenset([pair["owner"].pk, pair["to_representative"].pk]), decides=True)

    kinds = kinds_of(run, reach)

    totals = totals_of(kinds)
    assert totals.tabs == {tab: proposals.filter(asked).count() for tab, asked in TABS.items()}
    assert (totals.pending_cents, totals.approved_cents, totals.revenue_cents) == (11, 1_000, 10_001_111)
    live = proposals.filter(state__in=[State.PROPOSED, State.APPROVED, State.APPLIED])
    assert totals.km_from == live.filter(km_to__isnull=False).aggregate(mean=Avg("km_from"))["mean"]
    assert totals.km_to == live.aggregate(mean=Avg("km_to"))["mean"]
    undecided = decidable_by(reach, proposals).filter(state=State.PROPOSED)
    assert sum(kind.n for kind in kinds if kind.within) == undecided.count() == 3
    assert all(kind.within is None for kind in kinds if kind.state != State.PROPOSED)
    for group in ("rule", "none"):
        for tab in TABS:
            wanted = ReviewFilter(tab=tab, group=group)
            asked = groups_of(wanted.apply(proposals), replace(wanted, text=" "), kinds, {})
            known = groups_of(wanted.apply(proposals), wanted, kinds, {})
            assert {key: (each.n, each.cents) for key, each in known.items()} == {key: (each.n, each.cents) for key, each in asked.items()}


def test_the_filters_are_a_dialog_or_a_page_of_what_occurs(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, **pair)
    web = signed_in(admin)
    whole = web.get(page(run, "filters") + "?uf=SP").content.decode()
    dialog = web.get(
        page(run, "filters"), headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{page(run)}?q=casa"}
    ).content.decode()
    assert "<html" in whole and "<dialog" in dialog and "<html" not in dialog
    for html in (whole, dialog):
        assert f'name="from" value="{pair["owner"].pk}"' in html
        assert f'name="to" value="{pair["to_representative"].pk}"' in html
    assert 'value="casa"' in dialog


def test_what_is_written_of_a_row_is_text_whoever_reads_it(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    Client.objects.filter(pk=proposal.client_id).update(trade_name="<b>Serra</b>", city='"><i>')
    Representative.objects.filter(pk=pair["owner"].pk).update(code="<u>V")
    decided = ProposalFactory(
        run=run, rule_version=version, state=State.REJECTED, decided_by=admin, decided_at=timezone.now(), decision_reason="<s>", **pair
    )
    for tab in ("pending", "rejected"):
        html = signed_in(admin).get(page(run) + f"?tab={tab}").content.decode()
        row = re.search(r"<tr id=.*?</tr>", html, re.S)[0]
        assert "&lt;u&gt;V" in row
        assert not re.search(r"<b>Serra|<i>|<u>|<s>", row)
        assert ("&lt;b&gt;Serra" in row) == (tab == "pending")
        assert ("&lt;s&gt;" in row) == (tab == "rejected")
    assert decided.pk


def test_the_panel_says_whose_own_ceiling_was_reached_and_which_would_have_kept_the_client(signed_in, admin, run, version, pair):
    full, mate = RepresentativeFactory(), RepresentativeFactory(team=TeamFactory())
    receiver = pair["to_representative"]
    chosen = {"candidates": [receiver.pk, full.pk, mate.pk], "candidate_values": [90, 80, 70], "candidate_costs": [0, 10, 20]}
    proposal = ProposalFactory(run=run, rule_version=version, candidate_kms=[1.0, 2.0, 3.0], **chosen, **pair)
    ceilings = {"full_receivers": {str(full.pk): 1, str(receiver.pk): 4}, "team_max": 40, "full_teams": [{"team": mate.team_id}]}
    Run.objects.filter(pk=run.pk).update(summary={"rules": [{"rule_version_id": version.pk, **ceilings}]})
    html = signed_in(admin).get(page(run, "proposal", proposal.pk), **HTMX).content.decode()
    assert html.count("já recebe o máximo do seu cadastro: 1 cliente") == 1
    assert html.count("já recebe o máximo") == 2 and "a equipe já recebe o máximo da regra: 40 clientes" in html
    kept = f"o máximo a ceder de {pair['owner'].code} em 0"
    assert kept in html
    # who serves no more is held by no ceiling
    Representative.objects.filter(pk=pair["owner"].pk).update(valid_to=run.as_of)
    assert kept not in signed_in(admin).get(page(run, "proposal", proposal.pk), **HTMX).content.decode()


def test_the_panel_says_when_nobody_else_could_receive(signed_in, admin, run, version, pair):
    receiver, second = pair["to_representative"], RepresentativeFactory()
    one = {"candidates": [receiver.pk], "candidate_values": [90], "candidate_costs": [0], "candidate_kms": [1.0]}
    two = {"candidates": [receiver.pk, second.pk], "candidate_values": [90, 80], "candidate_costs": [0, 10], "candidate_kms": [1.0, 2.0]}
    said = []
    for candidates in (one, two):
        proposal = ProposalFactory(run=run, rule_version=version, **candidates, **pair)
        said.append("Nenhum outro vendedor cabe" in signed_in(admin).get(page(run, "proposal", proposal.pk), **HTMX).content.decode())
    assert said == [True, False]


def test_a_representative_finds_none_of_it(signed_in, acting, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    web = signed_in(make_member(acting, Role.REPRESENTATIVE))
    slug = acting.slug
    pages = [
        reverse("rotation:runs", args=[slug]),
        reverse("rotation:start", args=[slug]),
        page(run),
        page(run, "proposal", proposal.pk),
        page(run, "export", "csv"),
        page(run, "apply"),
        page(run, "job"),
        page(run, "reverse"),
        reverse("rotation:rules", args=[slug]),
        reverse("rotation:rule", args=[slug, version.rule_id]),
    ]
    assert [web.get(url).status_code for url in pages] == [404] * len(pages)
    assert web.post(page(run, "decide"), {"approve": f"{proposal.pk}:1"}).status_code == 404


@pytest.fixture
def theirs(other):
    """A proposal of another organization; ask for it before anything that acts for one's own."""
    with acting_for(other.pk):
        return ProposalFactory(owner=RepresentativeFactory(), rule_version=RuleVersionFactory())


def test_ids_of_another_organization_are_not_found(theirs, signed_in, admin, run):
    their_run = theirs.run
    web = signed_in(admin)

    for url in (page(their_run), page(their_run, "apply"), page(their_run, "job"), page(their_run, "export", "csv")):
        assert web.get(url).status_code == 404
    assert web.get(page(run, "proposal", theirs.pk), **HTMX).status_code == 404
    assert web.post(page(run, "decide"), {"approve": f"{theirs.pk}:1"}).status_code == 404


def test_a_manager_sees_the_team_and_decides_only_where_both_are_theirs(signed_in, manager, run, version, pair):
    stranger = RepresentativeFactory(team=TeamFactory())
    ours = ProposalFactory(run=run, rule_version=version, **pair)
    leaving = ProposalFactory(run=run, rule_version=version, owner=pair["owner"], to_representative=stranger)
    ProposalFactory(run=run, rule_version=version, owner=stranger, to_representative=pair["owner"])
    web = signed_in(manager)

    lines = {line["p"].pk: line["decidable"] for line in web.get(page(run)).context["lines"]}
    assert lines == {ours.pk: True, leaving.pk: False}
    assert web.post(page(run, "decide"), {"approve": f"{leaving.pk}:1"}).status_code == 404
    leaving.refresh_from_db()
    assert leaving.state == State.PROPOSED


def test_an_auditor_reads_without_controls(signed_in, acting, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    web = signed_in(make_member(acting, Role.AUDITOR))

    html = web.get(page(run)).content.decode()
    assert str(proposal.client) in html
    assert "data-act=" not in html and 'class="pick"' not in html
    assert web.post(page(run, "decide"), {"approve": f"{proposal.pk}:1"}).status_code == 404


def test_approving_without_javascript_comes_back_to_the_same_list(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)

    answer = signed_in(admin).post(page(run, "decide"), {"approve": f"{proposal.pk}:1", "here": "tab=all"})

    assert answer.status_code == 302 and answer["Location"] == page(run) + "?tab=all"
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by_id) == (State.APPROVED, admin.pk)


def test_approving_by_htmx_answers_the_row_with_counts_and_an_undo(signed_in, admin, run, version, pair):
    first, _second = ProposalFactory.create_batch(2, run=run, rule_version=version, **pair)
    web = signed_in(admin)

    html = web.post(page(run, "decide"), {"approve": f"{first.pk}:1"}, **HTMX).content.decode()

    assert html.lstrip().startswith(f'<tr id="proposal-{first.pk}"')
    assert 'id="review-tabs" ' in html and 'id="review-kpis" hx-swap-oob' in html
    undo = re.search(r'hx-post="([^"]+/undo/[^"]+)"', html).group(1)
    assert web.post(undo, **HTMX).status_code == 200
    first.refresh_from_db()
    assert first.state == State.PROPOSED
    assert list(Decision.objects.order_by("id").values_list("action", flat=True)) == ["approve", "reopen"]


def test_a_row_somebody_else_decided_is_shown_and_not_overwritten(signed_in, admin, manager, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    web = signed_in(admin)
    decide(Proposal.objects.filter(pk=proposal.pk), "reject", by=manager, at=timezone.now(), reason="Outro motivo")

    html = web.post(page(run, "decide"), {"approve": f"{proposal.pk}:1"}, **HTMX).content.decode()

    proposal.refresh_from_db()
    assert proposal.state == State.REJECTED
    assert manager.name in html and "ficou como está" in html


def test_refusing_asks_for_the_reason_first(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    RefusalReasonFactory(label="Negociação em curso")
    web = signed_in(admin)

    asked = web.post(page(run, "decide"), {"reject": f"{proposal.pk}:1"}, **HTMX)
    assert asked["HX-Retarget"] == "#dialog-slot" and "Negociação em curso" in asked.content.decode()
    proposal.refresh_from_db()
    assert proposal.state == State.PROPOSED

    form = {"decision": "reject", "proposal": f"{proposal.pk}:1", "single": "1", "reason": "Negociação em curso", "note": "até dezembro"}
    assert web.post(page(run, "decide"), form, **HTMX)["HX-Retarget"] == f"#proposal-{proposal.pk}"
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decision_reason, proposal.decision_note) == (State.REJECTED, "Negociação em curso", "até dezembro")


def test_without_javascript_the_reason_is_asked_on_a_page(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    answer = signed_in(admin).post(page(run, "decide"), {"reject": f"{proposal.pk}:1"})
    assert answer.status_code == 200 and "rotation/ask.html" in [template.name for template in answer.templates]


def test_a_bulk_approval_leaves_caveats_out_unless_asked(signed_in, admin, run, version, pair):
    plain = ProposalFactory(run=run, rule_version=version, **pair)
    careful = ProposalFactory(run=run, rule_version=version, caveats=["over_capacity"], **pair)
    web = signed_in(admin)
    picks = [f"{plain.pk}:1", f"{careful.pk}:1"]

    html = web.post(page(run, "decide"), {"decision": "approve", "proposal": picks}, **HTMX).content.decode()

    assert "1 com ressalva ficou de fora" in html
    assert dict(Proposal.objects.values_list("pk", "state")) == {plain.pk: "approved", careful.pk: "proposed"}
    web.post(page(run, "decide"), {"decision": "approve", "proposal": picks[1:], "with_caveats": "1"}, **HTMX)
    careful.refresh_from_db()
    assert careful.state == State.APPROVED


def test_the_whole_filter_is_counted_again_and_leaves_out_what_changed_since(signed_in, admin, manager, run, version, pair):
    rows = ProposalFactory.create_batch(4, run=run, rule_version=version, **pair)
    moment = timezone.now()
    decide(Proposal.objects.filter(pk=rows[0].pk), "reject", by=manager, at=moment + timedelta(seconds=1), reason="Outro motivo")
    web = signed_in(admin)
    order = {"decision": "approve", "scope": "filter", "filter": "", "moment": moment.isoformat(), "proposal": f"{rows[1].pk}:1"}

    asked = web.post(page(run, "decide"), order, **HTMX).content.decode()
    assert "Aprovar 3 propostas" in asked and "1 mudou desde então e fica de fora" in asked
    assert Proposal.objects.filter(state=State.APPROVED).count() == 0

    web.post(page(run, "decide"), order | {"confirmed": "1", "proposal": []}, **HTMX)
    assert Proposal.objects.filter(state=State.APPROVED).count() == 3
    rows[0].refresh_from_db()
    assert rows[0].state == State.REJECTED


def test_a_manager_selecting_the_whole_filter_reaches_only_the_team(signed_in, manager, run, version, pair):
    ours = ProposalFactory(run=run, rule_version=version, **pair)
    leaving = ProposalFactory(run=run, rule_version=version, owner=pair["owner"], to_representative=RepresentativeFactory())
    order = {"decision": "approve", "scope": "filter", "filter": "tab=all", "moment": timezone.now().isoformat(), "confirmed": "1"}

    signed_in(manager).post(page(run, "decide"), order, **HTMX)

    assert dict(Proposal.objects.values_list("pk", "state")) == {ours.pk: "approved", leaving.pk: "proposed"}


def test_the_panel_approves_with_another_receiver_in_one_press(signed_in, admin, run, version, representatives):
    first, second, third = representatives
    proposal = ProposalFactory(run=run, rule_version=version, owner=first, to_representative=second)

    signed_in(admin).post(page(run, "decide"), {"approve": f"{proposal.pk}:1", "to": third.pk}, **HTMX)

    proposal.refresh_from_db()
    assert (proposal.state, proposal.to_representative_id) == (State.APPROVED, third.pk)


@pytest.mark.parametrize("act", ["approve", "change"])
def test_a_full_receiver_is_said_with_its_numbers_and_only_a_second_yes_sends_clients(signed_in, admin, run, version, representatives, act):
    first, second, third = representatives
    Representative.objects.filter(pk=third.pk).update(capacity_clients=0, receive_ceiling=0, name="Caio")
    proposal = ProposalFactory(run=run, rule_version=version, owner=first, to_representative=second)
    web = signed_in(admin)
    form = {"decision": act, "single": "1", "proposal": f"{proposal.pk}:1", "to": third.pk}

    asked = web.post(page(run, "decide"), form, **HTMX)
    html = asked.content.decode()
    proposal.refresh_from_db()
    assert asked.headers["HX-Retarget"] == "#dialog-slot" and (proposal.state, proposal.to_representative_id) == ("proposed", second.pk)
    assert "Caio ficaria com 1 cliente, de 0 que pode atender." in html and "Caio receberia 1 cliente de uma vez, de 0 no máximo." in html
    # a yes is to whom it was said of
    assert web.post(page(run, "decide"), form | {"accepted": second.pk}, **HTMX).headers.get("HX-Retarget") == "#dialog-slot"
    web.post(page(run, "decide"), form | {"accepted": third.pk}, **HTMX)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.to_representative_id) == ("approved" if act == "approve" else "proposed", third.pk)
    assert proposal.caveats[:2] == ["over_capacity", "over_ceiling"]
    Proposal.objects.update(state="approved")
    warned = web.get(page(run, "apply")).content.decode()
    assert "Caio fica acima da capacidade" in warned and "Caio receberia 1 cliente de uma vez, de 0 no máximo." in warned


def test_a_receiver_who_may_not_is_refused_in_words(signed_in, admin, run, version, pair):
    gone = RepresentativeFactory(name="Bruno", valid_to="2026-01-01")
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    form = {"decision": "change", "proposal": f"{proposal.pk}:1", "single": "1", "to": gone.pk}

    answer = signed_in(admin).post(page(run, "decide"), form, **HTMX)

    assert "Bruno não está mais em atividade" in answer.content.decode()
    proposal.refresh_from_db()
    assert proposal.to_representative_id == pair["to_representative"].pk


@pytest.mark.parametrize("order", ["-value", "revenue", "-days", "client"])
def test_pages_by_keyset_show_every_row_once_though_rows_are_decided_between_them(signed_in, admin, run, version, pair, order):
    for i in range(60):
        days = None if i % 7 == 0 else 90 + i % 5
        ProposalFactory(run=run, rule_version=version, net_12m_cents=1_000 * (i % 9), days_since_last=days, **pair)
    web = signed_in(admin)
    url, seen = f"{page(run)}?size=25&order={order}", []
    while url:
        context = web.get(url).context
        rows = [row.pk for row in context["page"].rows]
        seen += rows
        Proposal.objects.filter(pk__in=rows[::2]).update(state=State.APPROVED)
        url = context["next_query"] and f"{page(run)}?{context['next_query']}"

    assert len(seen) == 60 and len(set(seen)) == 60


def test_the_page_before_is_the_page_one_came_from(signed_in, admin, run, version, pair):
    ProposalFactory.create_batch(60, run=run, rule_version=version, **pair)
    web = signed_in(admin)
    first = web.get(f"{page(run)}?size=25").context
    second = web.get(f"{page(run)}?{first['next_query']}").context
    back = web.get(f"{page(run)}?{second['previous_query']}").context

    assert [row.pk for row in back["page"].rows] == [row.pk for row in first["page"].rows]


def test_an_empty_filter_offers_to_clear_it(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, **pair)
    html = signed_in(admin).get(page(run) + "?q=inexistente").content.decode()
    assert "Nenhuma proposta com este filtro" in html and "Limpar filtros" in html and "<thead>" not in html


def test_a_query_nobody_would_type_is_read_as_no_query(signed_in, admin, run, version, pair):
    ProposalFactory(run=run, rule_version=version, **pair)
    nonsense = "?tab=x&order=id;drop&size=9999&from=abc&rule=999999999999999999999&after=-1&before=x&open=zz&group=z&caveat=y&q=%20%20&uf=1"
    assert signed_in(admin).get(page(run) + nonsense).status_code == 200


def test_paper_and_files_have_the_filter_and_each_rows_state(signed_in, admin, run, version, pair):
    kept = [ProposalFactory(run=run, rule_version=version, caveats=["farther"], postponed_at=at, **pair) for at in (None, timezone.now())]
    ProposalFactory(run=run, rule_version=version, **pair)
    web, caution = signed_in(admin), "?tab=all&caveat=farther"

    html = web.get(page(run) + caution).content.decode()
    assert "data-print" in html and f"{page(run, 'export', 'csv')}{caution.replace('&', '&amp;')}" in html
    assert sorted(re.findall(r'<tr id="proposal-(\d+)"', html)) == sorted(str(each.pk) for each in kept)
    assert re.search(rf'id="proposal-{kept[0].pk}".*?class="on-paper"><[^>]*>.*?Pendente', html, re.S)
    later = web.get(page(run) + "?tab=postponed", **HTMX).content.decode()
    assert f'{page(run, "export", "csv")}?tab=postponed"' in later  # the menu stands outside of what htmx swaps
    assert re.search(r'class="on-paper"><[^>]*>.*?Adiada', later, re.S)

    rows = list(csv.reader(io.StringIO(web.get(page(run, "export", "csv") + caution).content.decode("utf-8-sig"))))
    assert {row[1] for row in rows[1:]} == {str(each.client) for each in kept} and len(rows) == 3


def test_exports_are_harmless_and_recorded(signed_in, admin, acting, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, decision_note="segredo", **pair)
    proposal.client.name = "=HYPERLINK(1)"
    proposal.client.save(update_fields=["name"])
    web = signed_in(admin)

    answer = web.get(page(run, "export", "csv"))
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer["Content-Disposition"].startswith("attachment") and answer["X-Content-Type-Options"] == "nosniff"
    assert rows[1][1] == "'=HYPERLINK(1)" and "segredo" in rows[1]
    assert web.get(page(run, "export", "xlsx")).content[:2] == b"PK"
    assert AuditEvent.objects.filter(stream=f"run:{run.pk}", action="run.exported").count() == 2

    auditor = signed_in(make_member(acting, Role.AUDITOR))
    assert "segredo" not in auditor.get(page(run, "export", "csv")).content.decode("utf-8-sig")


def test_a_run_no_longer_in_review_decides_nothing(signed_in, admin, run, version, pair):
    proposal = ProposalFactory(run=run, rule_version=version, **pair)
    Run.objects.filter(pk=run.pk).update(state=Run.State.EXPIRED)

    answer = signed_in(admin).post(page(run, "decide"), {"approve": f"{proposal.pk}:1"}, **HTMX)

    assert "não está mais em revisão" in answer.content.decode()
    proposal.refresh_from_db()
    assert proposal.state == State.PROPOSED


def test_the_load_view_says_before_and_after(signed_in, admin, run, version, pair):
    ProposalFactory.create_batch(2, run=run, rule_version=version, **pair)
    context = signed_in(admin).get(page(run) + "?view=load").context
    loads = {load.representative.pk: (load.clients.before, load.clients.after) for load in context["loads"]}
    assert loads[pair["owner"].pk] == (2, 0) and loads[pair["to_representative"].pk] == (0, 2)

"""The map and load views of the review: what is where, what is in view of it, and what each representative would carry."""

import re
from html import unescape

import numpy as np
import pytest
from django.utils import timezone

from accounts.models import Representative, Role
from clients.models import Client, ClientActivity
from rotation.engine.facts import REQUIRED, Facts, Representatives
from rotation.engine.workload import QUARTER_WEEKS, client_minutes, minutes_held
from rotation.models import Decision, Proposal
from rotation.selectors.filters import ReviewFilter
from rotation.selectors.review_map import places_of, ways_of
from rotation.selectors.run_load import run_loads
from tests.factories import RepresentativeFactory, make_member
from tests.rotation.factories import ProposalFactory, RuleVersionFactory, RunFactory
from tests.rotation.test_screens_review import HTMX, page, queries_of

State = Proposal.State


@pytest.fixture
def version(acting):
    return RuleVersionFactory()


@pytest.fixture
def run(version):
    return RunFactory(version=version)


@pytest.fixture
def make(run, version, representatives):
    """``make(latitude, longitude, **fields)``: a proposal from the first representative to the second, its client there."""

    def made(latitude=None, longitude=None, **fields):
        pair = {"owner": representatives[0], "to_representative": representatives[1]}
        proposal = ProposalFactory(**({"run": run, "rule_version": version} | pair | fields))
        Client.objects.filter(pk=proposal.client_id).update(latitude=latitude, longitude=longitude)
        return proposal

    return made


def test_points_are_the_filters_rows_with_coordinates_and_the_bases_they_name(signed_in, admin, run, make, representatives):
    north, south = make(-20.0, -47.0, value_cents=10), make(-24.0, -46.0, value_cents=20)
    make(), make(-20.0, -47.0, state=State.APPROVED)
    first, second, _third = representatives

    found = signed_in(admin).get(page(run, "points")).json()

    ends = [first.pk, second.pk]
    assert [row[:5] for row in found["points"]] == [[south.pk, -24.0, -46.0, *ends], [north.pk, -20.0, -47.0, *ends]]
    assert found["bases"] == [
        [each.pk, f"{each.code} {each.base_city or each.name}", each.latitude, each.longitude] for each in (first, second)
    ]
    assert found["said"] == "1 sem coordenadas está só na lista."
    receiver, base, near = found["ways"][0]
    assert (receiver, base, near in ([-20.0, -47.0], [-24.0, -46.0])) == (second.pk, [second.latitude, second.longitude], True)


def test_points_cost_the_same_with_one_row_and_with_many(signed_in, admin, run, make):
    make(-20.0, -47.0)
    web = signed_in(admin)
    one = queries_of(web, page(run, "points"))
    for _ in range(4):
        make(-21.0, -47.0)
    assert queries_of(web, page(run, "points")) == one


def test_more_points_than_fit_are_the_most_valuable_and_the_rest_is_counted(run, make):
    rows = [make(-20.0, -47.0, value_cents=value) for value in (1, 3, 2)]
    found = places_of(Proposal.objects.filter(run=run), ReviewFilter(), most=2)
    assert [point.pk for point in found.points] == [rows[1].pk, rows[2].pk] and (found.left_out, found.unplaced) == (1, 0)


def test_a_way_ends_at_the_proposal_nearest_to_the_middle_and_needs_a_base(run, make, representatives):
    middle = [make(latitude, -47.0) for latitude in (-20.0, -22.1, -24.0)][1]
    make(-20.0, -47.0, to_representative=RepresentativeFactory(latitude=None, longitude=None))
    found = ways_of(places_of(Proposal.objects.filter(run=run), ReviewFilter()))
    assert [(receiver, point.pk) for receiver, point in found] == [(representatives[1].pk, middle.pk)]


def test_the_area_in_view_is_listed_counted_and_goes_along_to_the_list(signed_in, admin, run, make):
    inside, outside, _nowhere = make(-20.0, -47.0), make(-24.0, -46.0), make()
    web = signed_in(admin)
    address = f"{page(run)}?view=map&box=-21.0,-48.0,-19.0,-46.5"

    moved = web.get(address, headers={"HX-Request": "true", "HX-Target": "map-area"})
    html = moved.content.decode()
    assert html.lstrip().startswith('<section class="card" id="map-area"') and "1 proposta" in html and "Aprovar 1" in html
    assert [row.pk for row in moved.context["page"].rows] == [inside.pk]

    # What is taken away as a file is what is in view: the menu above the map follows it.
    menu = html[html.index('id="export-menu"') :]
    assert 'hx-swap-oob="true"' in menu
    file = web.get(unescape(re.search(r'href="([^"]+csv[^"]*)"', menu)[1])).content.decode()
    assert inside.client.code in file and outside.client.code not in file

    listed = web.get(f"{page(run)}?{moved.context['in_list_query']}")
    assert [line["p"].pk for line in listed.context["lines"]] == [inside.pk]
    assert ("Na área do mapa", "") in listed.context["chips"]


@pytest.mark.parametrize("box", ["", "1,2,3", "a,b,c,d", "nan,1,2,3", "5,1,4,2", "-95,0,0,1", "1e999,0,2,1", "1,2,3,4,5", "0,0,1,inf"])
def test_what_is_no_area_of_the_earth_is_no_filter(box):
    from django.http import QueryDict

    assert ReviewFilter.parse(QueryDict(f"box={box}")).box is None


def test_an_area_comes_back_from_its_own_address():
    from django.http import QueryDict

    wanted = ReviewFilter(box=(-23.12345, -47.0, -20.0, 0.00001), view="map")
    assert ReviewFilter.parse(QueryDict(wanted.query)) == wanted


def test_approving_the_area_counts_it_again_and_leaves_the_map_where_it_is(signed_in, admin, manager, run, make):
    inside, careful, outside = make(-20.0, -47.0), make(-20.1, -47.0, caveats=["farther"]), make(-24.0, -46.0)
    web = signed_in(admin)
    query = "view=map&box=-21.0,-48.0,-19.0,-46.5"
    asked_from = HTMX | {"HTTP_HX_CURRENT_URL": f"http://testserver{page(run)}?{query}"}
    order = {"decision": "approve", "scope": "filter", "filter": query, "moment": timezone.now().isoformat()}

    asked = web.post(page(run, "decide"), order, **asked_from).content.decode()
    assert "Aprovar 1 proposta" in asked and 'hx-target="#map-area"' in asked and "com ressalva" in asked
    answer = web.post(page(run, "decide"), order | {"confirmed": "1"}, **asked_from)

    assert answer["HX-Retarget"] == "#map-area" and "mapChanged" in answer["HX-Trigger"]
    assert "<rotation-map" not in answer.content.decode()
    assert dict(Proposal.objects.values_list("pk", "state")) == {inside.pk: "approved", careful.pk: "proposed", outside.pk: "proposed"}
    batch = Decision.objects.latest("pk").batch
    assert web.post(page(run, "undo", batch), **asked_from)["HX-Retarget"] == "#map-area"
    inside.refresh_from_db()
    assert inside.state == State.PROPOSED


def test_one_proposal_opened_on_the_map_is_decided_there(signed_in, admin, run, make):
    proposal = make(-20.0, -47.0)
    web = signed_in(admin)
    asked_from = HTMX | {"HTTP_HX_CURRENT_URL": f"http://testserver{page(run)}?view=map&open={proposal.pk}"}
    assert 'hx-target="#map-area"' in web.get(page(run, "proposal", proposal.pk), **asked_from).content.decode()

    answer = web.post(page(run, "decide"), {"approve": f"{proposal.pk}:1"}, **asked_from)

    assert answer["HX-Retarget"] == "#map-area"
    assert answer.context["proposal"].state == State.APPROVED and answer.context["page"].n == 0


def test_a_tab_chosen_on_the_map_stays_on_the_map_and_one_chosen_at_the_load_shows_its_rows(signed_in, admin, run, make):
    make(-20.0, -47.0)
    web = signed_in(admin)
    tabs = {tab["name"]: tab["query"] for tab in web.get(f"{page(run)}?view=map&box=-21,-48,-19,-46&uf=SP").context["tabs"]}
    assert tabs["approved"] == "tab=approved&view=map&uf=SP"
    tabs = {tab["name"]: tab["query"] for tab in web.get(f"{page(run)}?view=load").context["tabs"]}
    assert tabs["approved"] == "tab=approved"


def test_load_is_told_in_clients_minutes_and_money_before_and_after(run, make, representatives):
    first, second, third = representatives
    moving = make(-23.50, -46.60, abc="A", net_12m_cents=700, km_from=7.0, km_to=5.0)
    make(-23.60, -46.60, state=State.REJECTED)
    gone = make(-23.55, -46.63, state=State.APPLIED, abc="B", net_12m_cents=50, km_from=1.0, km_to=2.0)
    Client.objects.filter(pk=gone.client_id).update(representative=second)
    ClientActivity.objects.filter(client=moving.client_id).update(abc="A", net_12m_cents=700)
    ClientActivity.objects.filter(client=gone.client_id).update(abc="B", net_12m_cents=50)

    loads = {load.representative.pk: load for load in run_loads(run, within=Representative.objects.all())}

    assert (loads[first.pk].clients.before, loads[first.pk].clients.after) == (3, 1)
    assert (loads[second.pk].clients.before, loads[second.pk].clients.after) == (0, 2)
    assert (loads[second.pk].revenue.before, loads[second.pk].revenue.after) == (0, 750)
    # 210 minutes over the days between visits, more by a fiftieth for each km.
    change = loads[first.pk].minutes.change
    assert change == pytest.approx(-210 / 14 * (1 + 7 / 50) - 210 / 28 * (1 + 1 / 50), abs=1)
    assert loads[third.pk].clients.change == loads[third.pk].minutes.change == 0


def test_minutes_are_those_the_engine_reckons_with(run, make, representatives):
    first = representatives[0]
    Representative.objects.filter(pk=first.pk).update(base_city="Campinas")
    places = [(-23.1, -46.2, "Jundiaí"), (None, None, "Campinas"), (None, None, "Santos")]
    for (latitude, longitude, city), abc in zip(places, "ABC", strict=True):
        client = make(latitude, longitude, state=State.REJECTED).client_id
        Client.objects.filter(pk=client).update(city=city)
        ClientActivity.objects.filter(client=client).update(abc=abc)
    nan = np.nan
    given = {
        "client_id": np.arange(3),
        "minutes": client_minutes(np.array([0, 1, 2])),
        "lat": np.array([-23.1, nan, nan]),
        "lon": np.array([-46.2, nan, nan]),
        "city": np.array([0, 1, 2]),
    }
    facts = Facts(**({name: np.zeros(3) for name in REQUIRED} | given))
    place = {"lat": np.array([first.latitude]), "lon": np.array([first.longitude]), "city": np.array([1])}
    person = Representatives(**{name: np.ones(1) for name in ("id", "team", "active", "autonomous", "capacity", "holds")}, **place)
    held = minutes_held(facts, person)[0] / QUARTER_WEEKS

    loads = {load.representative.pk: load for load in run_loads(run, within=Representative.objects.all())}
    assert loads[first.pk].minutes.before == round(held)


@pytest.mark.parametrize("view", ["map", "load"])
def test_an_auditor_reads_both_views_without_controls_and_a_representative_neither(signed_in, acting, run, make, view):
    make(-20.0, -47.0)
    html = signed_in(make_member(acting, Role.AUDITOR)).get(f"{page(run)}?view={view}").content.decode()
    assert 'name="decision"' not in html
    seller = signed_in(make_member(acting, Role.REPRESENTATIVE))
    assert seller.get(f"{page(run)}?view={view}").status_code == seller.get(page(run, "points")).status_code == 404


def test_a_manager_sees_on_the_map_the_team_alone(signed_in, manager, run, make):
    ours = make(-20.0, -47.0)
    make(-20.0, -47.0, owner=RepresentativeFactory())
    assert [row[0] for row in signed_in(manager).get(page(run, "points")).json()["points"]] == [ours.pk]

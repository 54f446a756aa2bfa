"""Lists of clients: who sees which, which state they are in, and pages that neither skip nor repeat."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from clients.models import Client, ClientWord
from clients.selectors import ClientFilter, Lifecycle, Limits, client_rows, clients_visible_to, lifecycle_filter, lifecycle_of
from clients.selectors.choices import list_choices
from clients.selectors.words import search_tokens
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

TODAY = date(2026, 11, 22)
LIMITS = Limits(60, 90, 360)


@pytest.mark.parametrize(
    ("silent", "state"),
    [(0, "active"), (59, "active"), (60, "near_inactive"), (89, "near_inactive"), (90, "inactive"), (359, "inactive"), (360, "lost")],
)
def test_a_state_changes_on_the_exact_day(silent, state):
    assert lifecycle_of(TODAY - timedelta(days=silent), None, as_of=TODAY, limits=LIMITS) == state


def test_who_never_ordered_is_a_prospect_and_who_was_discarded_is_discarded():
    assert lifecycle_of(None, None, as_of=TODAY, limits=LIMITS) == "prospect"
    assert lifecycle_of(TODAY, TODAY, as_of=TODAY, limits=LIMITS) == "discarded"
    assert lifecycle_of(TODAY, TODAY + timedelta(days=1), as_of=TODAY, limits=LIMITS) == "active"


def test_every_client_is_in_exactly_one_state_and_the_filter_agrees_with_the_function(acting):
    for silent in (None, 0, 59, 60, 89, 90, 359, 360, 2_000):
        last_on = None if silent is None else TODAY - timedelta(days=silent)
        ClientFactory(activity={"last_on": last_on})
        ClientFactory(activity={"last_on": last_on}, discarded_on=TODAY - timedelta(days=1))
        ClientFactory(activity={"last_on": last_on}, lost_silence=last_on)
        ClientFactory(activity={"last_on": last_on}, lost_silence=last_on and last_on - timedelta(days=1))
    found = {}
    for state in Lifecycle.values:
        for client in Client.objects.filter(lifecycle_filter(state, as_of=TODAY, limits=LIMITS)):
            assert client.pk not in found
            found[client.pk] = state
    expected = {
        client.pk: lifecycle_of(
            client.activity.get().last_on, client.discarded_on, as_of=TODAY, limits=LIMITS, lost_silence=client.lost_silence
        )
        for client in Client.objects.all()
    }
    assert found == expected
    # two lost by their own silence, declared or not, and every other declared one that ever ordered
    assert list(expected.values()).count("lost") == 2 * 3 + 6


def test_each_role_sees_its_own_reach(acting):
    north = TeamFactory()
    under_north = TeamFactory(parent=north)
    south = TeamFactory()
    seller = make_member(acting, "representative")
    mine = ClientFactory(representative=RepresentativeFactory(team=under_north, membership=seller))
    theirs = ClientFactory(representative=RepresentativeFactory(team=south))
    nobodys = ClientFactory()

    def seen(member):
        return set(clients_visible_to(member).values_list("pk", flat=True))

    assert seen(seller) == {mine.pk}
    assert seen(make_member(acting, "manager", team=north)) == {mine.pk}
    assert seen(make_member(acting, "manager", team=south)) == {theirs.pk}
    assert seen(make_member(acting, "manager")) == set()
    everyone = {mine.pk, theirs.pk, nobodys.pk}
    assert seen(make_member(acting, "admin")) == seen(make_member(acting, "auditor")) == everyone


@pytest.mark.parametrize("sort", ["name", "silence", "value"])
def test_pages_neither_skip_nor_repeat(acting, sort, django_assert_num_queries):
    for number in range(60):
        last_on = None if number % 7 == 0 else TODAY - timedelta(days=number % 5)
        ClientFactory(name=f"Casa {number % 9}", activity={"last_on": last_on, "net_12m_cents": number % 4})
    whole = client_rows(Client.objects.all(), ClientFilter(sort=sort, size=100), as_of=TODAY, limits=LIMITS)
    collected, wanted = [], ClientFilter(sort=sort, size=25)
    for last in (False, False, True):
        # whoever has no value comes at the end, in a query of its own
        with django_assert_num_queries(3 if last and sort != "name" else 2):
            page = client_rows(Client.objects.all(), wanted, as_of=TODAY, limits=LIMITS)
        collected += [row.pk for row in page.rows]
        wanted = ClientFilter(sort=sort, size=25, after=page.after)
    assert page.after == ""
    assert collected == [row.pk for row in whole.rows]
    assert len(set(collected)) == 60 == page.count


@pytest.mark.parametrize("sort", ["silence", "value"])
def test_a_sorted_page_of_a_whole_company_is_led_by_the_index_of_what_it_is_sorted_by(acting, sort):
    """Sorting everybody to show fifty took a hundred and fifty times as long in a company of 100,000."""
    for number in range(30):
        ClientFactory(activity={"last_on": TODAY - timedelta(days=number), "net_12m_cents": number})
    with CaptureQueriesContext(connection) as asked:
        page = client_rows(Client.objects.all(), ClientFilter(sort=sort, size=25), as_of=TODAY, limits=LIMITS)
    assert len(page.rows) == 25
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        cursor.execute("EXPLAIN " + asked[-1]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "clientactivity_by_value" in plan if sort == "value" else "clientactivity_by_last" in plan, plan
    assert "Sort" not in plan, plan


def test_search_finds_by_every_word_without_accents(acting):
    found, missed = ClientFactory(name="Empório Pão de Açúcar"), ClientFactory(name="Empório Central")
    for client in (found, missed):
        for word in search_tokens(client.name):
            ClientWord.objects.create(organization_id=acting.pk, client=client, word=word)
    rows = client_rows(Client.objects.all(), ClientFilter(q="EMPORIO açu"), as_of=TODAY, limits=LIMITS).rows
    assert [row.pk for row in rows] == [found.pk]


def test_a_formatted_number_is_searched_as_its_digits():
    assert search_tokens("12.345.678/0001-95") == ["12345678000195"]
    assert search_tokens("Açaí & Cia") == ["acai", "cia"]


@given(st.dictionaries(st.sampled_from(["q", "state", "representative", "uf", "sort", "after", "size", "abc"]), st.text(max_size=80)))
def test_any_query_string_makes_a_filter_that_survives_the_round_trip(query):
    from django.http import QueryDict

    wanted = ClientFilter.parse(query)
    again = ClientFilter.parse(QueryDict(wanted.query(after=wanted.after)).dict())
    assert again.query() == wanted.query()


def test_the_choices_of_a_list_are_what_occurs_among_the_clients_of_the_reach(acting):
    ana, bruno = RepresentativeFactory(), RepresentativeFactory()
    for representative, state, segment in [
        (ana, "SP", "Mercado"),
        (ana, "SP", "Padaria"),
        (ana, "", ""),
        (bruno, "MG", "Mercado"),
        (None, "RS", "Hotel"),
    ]:
        ClientFactory(representative=representative, state=state, segment=segment)
    assert list_choices(None) == (["MG", "RS", "SP"], ["Hotel", "Mercado", "Padaria"])
    assert list_choices([ana.pk]) == (["SP"], ["Mercado", "Padaria"])
    assert list_choices([ana.pk, bruno.pk]) == (["MG", "SP"], ["Mercado", "Padaria"])
    assert list_choices([]) == ([], [])


@pytest.mark.parametrize(
    "wanted", [ClientFilter(sort="value", size=25), ClientFilter(state="active"), ClientFilter(abc="A", sort="silence")]
)
def test_counting_on_the_way_changes_nothing_but_the_statements(acting, wanted, django_assert_num_queries):
    for number in range(30):
        ClientFactory(activity={"last_on": TODAY - timedelta(days=number % 3), "net_12m_cents": number % 5, "abc": "AB"[number % 2]})
    with django_assert_num_queries(2 if wanted == ClientFilter(sort="value", size=25) or wanted.sort == "name" else 3):
        apart = client_rows(Client.objects.all(), wanted, as_of=TODAY, limits=LIMITS)
    with django_assert_num_queries(1):
        together = client_rows(Client.objects.all(), wanted, as_of=TODAY, limits=LIMITS, few=True)
    assert together == apart
    nobody = client_rows(Client.objects.none(), wanted, as_of=TODAY, limits=LIMITS, few=True)
    assert (list(nobody.rows), nobody.after, nobody.count) == ([], "", 0)

"""The first page of one's own clients, composed once, is the page of any list; and nobody's statement is another's."""

from datetime import date, timedelta

import pytest

from accounts.tenancy import acting_for
from clients.models import Client
from clients.selectors import ClientFilter, client_rows
from clients.selectors.lifecycle import Limits
from clients.selectors.own_list import _statement, own_rows
from clients.selectors.visibility import Reach, clients_within
from tests.factories import ClientFactory, RepresentativeFactory, make_organization

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 2)
LIMITS = Limits(60, 90, 360)
ASKED = [
    *(ClientFilter(size=25), ClientFilter(sort="stake"), ClientFilter(state="inactive", sort="value", uf="SP"), ClientFilter(abc="A")),
    *(ClientFilter(q="Cliente"), ClientFilter(size=25, after="a|1")),
]


def test_own_rows_are_those_of_any_list_each_time(acting, django_assert_num_queries):
    ana, bruno = RepresentativeFactory.create_batch(2)
    for n in range(30):
        active = {"last_on": TODAY - timedelta(days=12 * n), "net_12m_cents": n % 5, "abc": "AB"[n % 2]}
        ClientFactory(representative=[ana, bruno][n % 3 == 0], state=["SP", "RJ"][n % 2], activity=active if n % 7 else {})
    lone = Client.objects.filter(representative=bruno).latest("pk")
    reaches = [Reach([ana.pk, bruno.pk], []), Reach([ana.pk], [lone.pk]), Reach([], [])]

    def same(reach: Reach) -> None:
        for wanted in ASKED:
            plain = client_rows(clients_within(reach), wanted, as_of=TODAY, limits=LIMITS, few=True)
            assert own_rows(reach, wanted, as_of=TODAY, limits=LIMITS) == plain, (reach, wanted)

    for reach in reaches:
        same(reach)
    ClientFactory(representative=ana, name="AAA", activity={"last_on": TODAY, "net_12m_cents": 99})  # a new row is on the next page
    Client.objects.filter(pk=lone.pk).update(representative=ana)
    kept = _statement.cache_info().misses
    for reach in reaches:
        same(reach)
    assert _statement.cache_info().misses == kept
    with django_assert_num_queries(1):
        own_rows(reaches[0], ASKED[0], as_of=TODAY, limits=LIMITS)


def test_a_statement_is_of_one_organization():
    with acting_for(make_organization("one").pk):
        reach, wanted = Reach([ClientFactory(representative=RepresentativeFactory()).representative_id], []), ClientFilter()
        assert own_rows(reach, wanted, as_of=TODAY, limits=LIMITS).count == 1
    with acting_for(make_organization("another").pk):
        assert own_rows(reach, wanted, as_of=TODAY, limits=LIMITS).count == 0

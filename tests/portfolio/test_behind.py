"""The clients behind a number, where the list is long and its length is kept: the same rows as when all of it is sorted."""

from datetime import date
from unittest.mock import patch

import pytest

from clients.models import Client, ClientActivity
from portfolio.selectors.figures import Behind, Span, behind, clients_behind
from portfolio.services.keeping import PAGE, keep_figures
from tests.factories import ClientFactory, RepresentativeFactory
from tests.portfolio.test_figures import AS_OF, LIMITS, buy, own, refresh, visit

pytestmark = pytest.mark.django_db
OCT = Span.month(date(2026, 10, 1), as_of=AS_OF)


@pytest.fixture
def people(acting) -> list[int]:
    """Two, with twelve clients worth less and less, pairs alike: every third bought, every second was visited in October.

    One went over since, one left in October, one that nobody answers for bought most of all.
    """
    ana, bruno = RepresentativeFactory.create_batch(2)
    clients = ClientFactory.create_batch(14)
    own([*clients[:8], clients[12]], ana)
    own(clients[8:11], bruno)
    own(clients[11:12], ana, end=date(2026, 11, 3))
    own(clients[11:12], bruno, start=date(2026, 11, 3), seq=2)
    for n, client in enumerate(clients):
        buy(client, date(2026, 9 if n % 3 else 10, 5), cents=99_000 if n == 13 else 9_000 - 500 * (n // 2))
        if n % 2:
            visit(client, ana, date(2026, 10, 6))
    Client.objects.filter(pk=clients[12].pk).update(discarded_on=date(2026, 10, 20))
    refresh()
    ClientActivity.objects.filter(client=clients[1]).delete()  # the last of its lists
    keep_figures(acting.pk, spans={OCT: PAGE})
    return [ana.pk, bruno.pk]


def found(what: str, page: int, whose: list[int] | None, *, many: int) -> Behind:
    with patch.multiple(behind, MANY=many, LONG=1, BEST_A_PLACE=1, BEST_FIRST=4):
        return clients_behind(what, OCT, LIMITS, whose, as_of=AS_OF, within=whose, page=page, per_page=2)


def test_the_beginning_of_a_long_list_is_found_without_sorting_all_of_it(people):
    ana, bruno = people
    with patch.object(behind, "_among_the_best", wraps=behind._among_the_best) as tried:
        for whose in (None, [ana], [bruno], [ana, bruno]):
            for what in behind.REACHED:
                for page in (1, 2):
                    assert found(what, page, whose, many=2) == found(what, page, whose, many=99), (what, page, whose)
    assert tried.call_count == 64
    # Ana's number, and not of those whose clients she leads now.
    assert (found("missing", 1, [ana], many=2).elsewhere, found("missing", 1, [ana], many=2).clients) == (1, 6)
    # Of the company's best six, and of its best eight, four are on the list; of its best ten, one too few for the third page.
    with patch.object(behind, "_looked", wraps=behind._looked) as looked:
        pages = [(found("missing", page, None, many=2), looked.call_count) for page in (1, 2, 3)]
    assert [([row.net_12m_cents for row in page.rows], page.clients, looks) for page, looks in pages] == [
        ([8_500, 8_000], 8, 1),
        ([8_000, 7_500], 8, 2),
        ([7_000, 6_500], 8, 4),
    ]

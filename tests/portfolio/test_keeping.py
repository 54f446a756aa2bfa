"""Figures of days that are over are kept, and hold until a fact of those days changes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from accounts.models import Membership
from clients.models import ChangedSince, Client
from clients.services import facts_changed, refresh_clients
from clients.services.changes import orders_written
from portfolio.models import KeptFigures
from portfolio.selectors import figures
from portfolio.selectors.figures import Sales, Span, StateSales, kept
from portfolio.selectors.figures.kept import kept_numbers
from portfolio.services import keeping
from portfolio.services.keeping import ADD_UP, EVERY, PAGE, due, keep_figures, keep_present, read_now, spans_kept, spans_present
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, VisitFactory, make_member
from tests.portfolio.test_figures import AS_OF, LIMITS, NOV, buy, goods, own, refresh, score, visit

pytestmark = pytest.mark.django_db
SEP = Span.month(date(2026, 9, 1), as_of=AS_OF)
OCT = Span.month(date(2026, 10, 1), as_of=AS_OF)
OCT_SO_FAR = NOV.before()  # to the 23rd


@pytest.fixture
def client(acting):
    client, ana = ClientFactory(state="SP"), RepresentativeFactory()
    own([client], ana)
    buy(client, date(2026, 9, 9), goods(2), cents=500)
    refresh()
    client.refresh_from_db()
    return client


def holds(span: Span) -> bool:
    return kept_numbers("sales", span) is not None


def test_what_is_kept_is_what_is_shown(acting, client):
    keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    assert figures.sales(SEP).total == Sales(500, 1)
    row = KeptFigures.objects.get(family="sales")
    row.numbers = {"total": [700, 1], "by": [[client.representative_id, 700, 1]]}
    row.save()
    assert figures.sales(SEP) == figures.sales(SEP, [client.representative_id])
    assert figures.sales(SEP).total == Sales(700, 1)
    facts_changed(since=date(2026, 10, 1))
    assert figures.sales(SEP).total == Sales(700, 1)  # what came later changes nothing
    facts_changed(since=SEP.until)
    assert figures.sales(SEP).total == Sales(500, 1)
    assert keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY)) == KeptFigures.objects.count()
    assert (kept_numbers("sales", SEP), ChangedSince.objects.count()) == (
        {"total": [500, 1], "by": [[client.representative_id, 500, 1]]},
        0,
    )
    assert keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY)) == 0


def test_days_that_are_not_over_are_not_kept(acting, client):
    with pytest.raises(ValueError, match="not over"):
        keep_figures(acting.pk, spans=dict.fromkeys([SEP, NOV], EVERY))
    assert not KeptFigures.objects.exists()


def changes(client: Client) -> dict:
    """What may change, by name: what is done, and the first day of which figures hold no longer."""
    ana, bruno = client.representative, RepresentativeFactory()
    order, seen = client.orders.get(), visit(client, ana, date(2026, 10, 20))

    def moved_within_its_month() -> None:
        client.orders.update(ordered_on=date(2026, 9, 11))
        orders_written([order.pk])

    def taken_back() -> None:
        client.orders.update(status="cancelled")
        refresh_clients([client.pk], as_of=AS_OF)

    def sold_late() -> None:
        OrderFactory(client=client, ordered_on=date(2026, 10, 30))
        refresh_clients([client.pk], as_of=AS_OF)

    def sold_today() -> None:
        OrderFactory(client=client, ordered_on=AS_OF)
        refresh_clients([client.pk], as_of=AS_OF)

    return {
        "an order moved within its month": (moved_within_its_month, date(2026, 9, 1)),
        "an order taken back": (taken_back, date(2026, 9, 1)),
        "an order that came late": (sold_late, date(2026, 10, 1)),
        "an order of today": (sold_today, date(2026, 11, 1)),
        "a visit told late": (lambda: VisitFactory(client=client, representative=ana, visited_on=date(2026, 10, 5)), date(2026, 10, 5)),
        "a visit moved": (lambda: type(seen).objects.filter(pk=seen.pk).update(planned_on=date(2026, 10, 7)), date(2026, 10, 7)),
        "a visit taken away": (lambda: type(seen).objects.filter(pk=seen.pk).delete(), date(2026, 10, 20)),
        "a client that left": (lambda: Client.objects.filter(pk=client.pk).update(discarded_on=date(2026, 10, 24)), date(2026, 10, 24)),
        "a client elsewhere": (lambda: Client.objects.filter(pk=client.pk).update(state="RJ"), date(1, 1, 1)),
        "an owner of old": (lambda: own([ClientFactory()], bruno, start=date(2026, 10, 2)), date(2026, 10, 2)),
        "a name": (lambda: Client.objects.filter(pk=client.pk).update(name="Outro", phone="1"), None),
        "a client nobody knew": (lambda: ClientFactory(), None),
    }


@pytest.mark.parametrize(
    "change",
    [
        *("an order moved within its month", "an order taken back", "an order that came late", "an order of today", "a visit told late"),
        *("a visit moved", "a visit taken away", "a client that left", "a client elsewhere", "an owner of old", "a name"),
        "a client nobody knew",
    ],
)
def test_figures_hold_until_a_fact_of_their_days_or_earlier_changes(acting, client, change):
    change, first = changes(client)[change]
    keep_figures(acting.pk, spans=dict.fromkeys([SEP, OCT, OCT_SO_FAR], EVERY))
    change()
    assert min(ChangedSince.objects.values_list("day", flat=True), default=None) == first
    assert [holds(span) for span in (SEP, OCT, OCT_SO_FAR)] == [first is None or span.until < first for span in (SEP, OCT, OCT_SO_FAR)]


def test_a_transaction_tells_once_how_far_back_it_changed(acting, client):
    keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    for day in (20, 5, 25, 3, 8):
        VisitFactory(client=client, representative=client.representative, visited_on=date(2026, 10, day))
    assert list(ChangedSince.objects.order_by("pk").values_list("day", flat=True)) == [date(2026, 10, day) for day in (20, 5, 3)]


def test_a_change_made_while_figures_are_counted_is_counted_the_next_time(acting, client, monkeypatch):
    """Another transaction may commit between two statements; here its word appears between them."""
    families = keeping.families

    def interrupted(limits):
        family, count = families(limits)["sales"]

        def meanwhile(span):
            facts_changed(since=date(2026, 9, 5))
            return count(span)

        return families(limits) | {"sales": (family, meanwhile)}

    monkeypatch.setattr(keeping, "families", interrupted)
    keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    assert not holds(SEP)
    monkeypatch.undo()
    assert keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    assert holds(SEP)


def test_months_kept_and_the_one_in_course_make_up_a_year(acting, client):
    buy(client, AS_OF, cents=300)
    visit(client, client.representative, AS_OF - timedelta(days=1))
    refresh()
    last = Span.months(date(2026, 9, 1), AS_OF, as_of=AS_OF)
    keep_figures(acting.pk, spans={SEP: ADD_UP, OCT: ADD_UP})
    for people in (None, [client.representative_id], []):
        counted = figures.selling.sales_counted(last, people), figures.reach.visits_counted(last, people)
        assert (figures.sales(last, people), figures.visits(last, people)) == counted
        assert figures.sales(last, people, each=False).total == counted[0].total
        assert (figures.visits(last, people, each=False).total, figures.visits_done(last, people)) == (
            counted[1].total,
            counted[1].total.done,
        )
        by_month = figures.sales_by_month(last, people), figures.visits_by_month(last, people)
        KeptFigures.objects.filter(family__in=["month", "visits"], since=OCT.since).delete()
        assert by_month == (figures.sales_by_month(last, people), figures.visits_by_month(last, people))
        assert figures.visits(last, people) == counted[1]
        keep_figures(acting.pk, spans={SEP: ADD_UP, OCT: ADD_UP})


def test_the_spans_kept_are_those_the_panel_opens_with():
    spans = spans_kept(AS_OF)
    assert {OCT_SO_FAR, OCT, SEP, SEP.before()} <= set(spans)
    assert Span(date(2025, 10, 1), date(2025, 10, 31)) in spans  # what the oldest month on offer is compared with
    quarter, year = Span(date(2026, 7, 1), date(2026, 9, 30)), Span(date(2025, 11, 1), date(2026, 10, 31))
    in_course = Span.months(date(2026, 10, 1), AS_OF, as_of=AS_OF)
    assert all(set(spans[span]) == EVERY for span in (OCT, OCT_SO_FAR, quarter, quarter.before(), year, year.before(), in_course.before()))
    assert spans[Span(date(2025, 1, 1), date(2025, 12, 31))] == PAGE
    assert not any(span.now or span.until >= AS_OF for span in spans)
    assert all(span.until < day for day in (date(2026, 1, 1), date(2026, 3, 31), date(2028, 2, 29)) for span in spans_kept(day))


def test_only_a_large_company_keeps_figures_and_only_while_some_are_missing(acting, client, monkeypatch):
    keep_figures(acting.pk, spans={SEP: PAGE})
    facts_changed()
    assert not due(acting, today=AS_OF)
    assert not KeptFigures.objects.exists() and not ChangedSince.objects.exists()
    monkeypatch.setattr(keeping, "MANY_CLIENTS", 1)
    monkeypatch.setattr(keeping, "YEAR", 1)
    assert due(acting, today=AS_OF)
    keep_figures(acting.pk, spans=spans_kept(AS_OF))
    assert not due(acting, today=AS_OF)
    assert due(acting, today=AS_OF + timedelta(days=1))  # other days are compared then
    visit(client, client.representative, AS_OF)
    assert not due(acting, today=AS_OF)
    visit(client, client.representative, date(2026, 10, 3))
    assert due(acting, today=AS_OF)


def test_other_limits_are_other_figures(acting, client):
    keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    families = set(KeptFigures.objects.values_list("family", flat=True))
    acting.inactive_days, acting.lost_days = 75, 200
    acting.save()
    keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    now = set(KeptFigures.objects.values_list("family", flat=True))
    assert (now - families, len(now)) == ({"movement said 75 200"}, len(families))
    assert figures.movement(SEP, LIMITS).total == figures.base.movement_counted(SEP, LIMITS).total


def test_revenue_by_state_is_of_where_clients_are_now(acting, client):
    keep_figures(acting.pk, spans=dict.fromkeys([SEP], EVERY))
    Client.objects.filter(pk=client.pk).update(state="RJ")
    assert figures.sales_by_state(SEP) == [StateSales("RJ", 500, 1, 1)]


@pytest.fixture
def minutes(monkeypatch):
    """A test is one transaction, and the database's clock stands still in it: what is read how long is told here."""

    def told(*, read: int = 3_600, enough: int = 0, anyway: int = 300) -> None:
        monkeypatch.setattr(kept, "PRESENT_SECONDS", read)
        monkeypatch.setattr(keeping, "ENOUGH", timedelta(seconds=enough))
        monkeypatch.setattr(keeping, "COUNTED_ANYWAY", timedelta(seconds=anyway))

    told()
    return told


def another_transaction() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('app.changed_since', '', true), set_config('app.visits_changed_since', '', true)")


def test_what_reaches_the_present_is_read_for_less_than_a_minute(acting, client, monkeypatch):
    ana = client.representative_id
    monkeypatch.setattr(keeping, "ENOUGH", timedelta(0))

    def known(seconds: int) -> None:
        """So long ago, by the database's clock."""
        KeptFigures.objects.update(true_at=Now() - timedelta(seconds=seconds))

    assert keep_present(acting.pk, today=AS_OF) == KeptFigures.objects.count()
    buy(client, AS_OF, cents=300)
    refresh()
    known(40)
    assert (figures.sales(NOV).total, figures.positivated(NOV).buyers) == (Sales(), 0)  # as it was known to be a moment ago
    known(55)
    assert (figures.sales(NOV).by, figures.positivated(NOV, [ana]).buyers) == ({ana: Sales(300, 1)}, 1)
    keep_present(acting.pk, today=AS_OF)
    known(40)
    assert (figures.sales(NOV).by, figures.positivated(NOV, [ana]).buyers) == ({ana: Sales(300, 1)}, 1)
    assert figures.reached(NOV).total.registered_buyers == 1
    keep_present(acting.pk, today=AS_OF + timedelta(days=1))
    assert set(KeptFigures.objects.values_list("until", flat=True)) == {AS_OF + timedelta(days=1)}
    # A tick may be missed.
    assert 2 * settings.BEAT["portfolio.tasks.keep_present"] < kept.PRESENT_SECONDS < 60


def test_only_what_somebody_changed_is_counted_again(acting, client, minutes):
    def counted() -> int:
        found = keep_present(acting.pk, today=AS_OF)
        another_transaction()
        return found

    every = counted()
    assert (every, counted()) == (KeptFigures.objects.count(), 0)
    visit(client, client.representative, AS_OF)
    of_visits = KeptFigures.objects.filter(family__in=["visits", "reached"]).count()
    assert (counted(), counted(), of_visits) == (of_visits, 0, 4)
    assert (figures.visits(NOV).total.done, figures.reached(NOV).total.visited) == (1, 1)
    own([ClientFactory()], client.representative)
    assert (counted(), counted()) == (every, 0)
    minutes(anyway=0)  # what nobody tells of: a score, a debt
    assert counted() == every
    minutes(enough=5, anyway=0)
    assert counted() == 0


def test_what_stands_today_is_kept_by_representative(acting, client, minutes):
    ana = client.representative_id
    buy(client, AS_OF - timedelta(days=80), cents=900)
    own(ClientFactory.create_batch(2), RepresentativeFactory())
    refresh()
    score(client, 0.25, 8_000)
    asked_for = (None, [ana], [])

    def stands() -> list:
        return [
            *(figures.composition(AS_OF, LIMITS, people) for people in asked_for),
            *(figures.abc_composition(people, on=AS_OF) for people in asked_for),
            *(figures.revenue_at_risk(AS_OF, LIMITS, people) for people in asked_for),
            *(figures.at_risk_by_person(AS_OF, LIMITS, people) for people in asked_for),
        ]

    found = stands()
    assert (found[0].groups["prospect"].clients, found[6].expected_cents, found[9]) == (2, 2_000, {ana: 2_000})
    keep_present(acting.pk, today=AS_OF)
    KeptFigures.objects.exclude(family__in=["abc", "base 60 90 360", "risk 90"]).delete()
    Client.objects.update(discarded_on=AS_OF)
    assert stands() == found
    minutes(read=0)
    assert stands() != found


def test_the_present_is_kept_while_somebody_reads_it(acting, monkeypatch):
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    ClientFactory.create_batch(2)
    seller, reader = make_member(acting, "representative"), make_member(acting, "manager")
    Membership.objects.filter(pk=seller.pk).update(seen_at=at)
    monkeypatch.setattr(keeping, "MANY_CLIENTS", 2)
    assert not read_now(acting, at=at)
    Membership.objects.filter(pk=reader.pk).update(seen_at=at - timedelta(minutes=19))
    assert read_now(acting, at=at)
    monkeypatch.setattr(keeping, "MANY_CLIENTS", 3)
    assert not read_now(acting, at=at)
    monkeypatch.setattr(keeping, "MANY_CLIENTS", 2)
    Membership.objects.filter(pk=reader.pk).update(seen_at=at - timedelta(minutes=21))
    assert not read_now(acting, at=at)


def test_the_spans_in_course_are_those_the_panel_opens():
    quarter, year = Span.months(date(2026, 10, 1), AS_OF, as_of=AS_OF), Span.months(date(2025, 12, 1), AS_OF, as_of=AS_OF)
    assert list(spans_present(AS_OF)) == [NOV, quarter, year]
    october = date(2026, 10, 8)
    assert list(spans_present(october)) == [Span.month(october, as_of=october), Span.months(date(2025, 11, 1), october, as_of=october)]

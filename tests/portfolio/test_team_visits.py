"""The team's visits: where each stands, how soon it was told and from how far, against the same rules in Python; and their page."""

import csv
import io
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Role
from accounts.tenancy import tenant_atomic
from portfolio.checkin import Fix, check_in
from portfolio.models import Visit
from portfolio.selectors.agenda import State, state_of
from portfolio.selectors.team_visits import PERIODS, VisitFilter, team_visits, totals_of
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
AT, TODAY, RADIUS = datetime(2026, 11, 23, 18, 0, tzinfo=UTC), date(2026, 11, 23), 200


def plain_outside(visit: Visit) -> bool:
    fix = Fix(0, 0, visit.accuracy_m, visit.fix_age_s) if visit.distance_m is not None else None
    return check_in(fix, visit.distance_m, radius_m=RADIUS) == "outside"


def plain_delay(visit: Visit) -> timedelta | None:
    if visit.made_at is None or visit.visited_at is None:
        return None
    return max(visit.made_at, visit.visited_at) - visit.visited_at


@pytest.mark.parametrize("seed", range(2))
def test_the_list_and_its_sums_equal_the_same_rules_in_python(acting, seed):
    chance = random.Random(seed)
    people = RepresentativeFactory.create_batch(2)
    for _each in range(30):
        day = TODAY + timedelta(days=chance.randrange(-12, 6))
        done, noon = chance.random() < 0.5, datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
        VisitFactory(
            client=ClientFactory(),
            representative=chance.choice(people),
            planned_on=day if not done or chance.random() < 0.7 else None,
            planned_at=None if done else chance.choice([None, noon, noon + timedelta(hours=3)]),
            visited_at=noon if done else None,
            visited_on=day if done else None,
            cancelled_at=AT if chance.random() < 0.2 else None,
            outcome=chance.choice(["sale", "order", "no_sale", "absent"]) if done else "",
            order_value_cents=chance.choice([None, 5_000]) if done else None,
            made_at=chance.choice([None, noon - timedelta(hours=1), noon + timedelta(hours=2), noon + timedelta(hours=30)])
            if done
            else None,
            distance_m=chance.choice([None, 50, 200, 201, 900]),
            accuracy_m=chance.choice([None, 20, 300]),
            fix_age_s=chance.choice([None, 5, 600]),
        )
    ids = [each.pk for each in people]

    for period in PERIODS:
        wanted = VisitFilter(period)
        first, last = wanted.days(TODAY)
        plain = [each for each in Visit.objects.all() if first <= (each.visited_on or each.planned_on) <= last]
        rows = team_visits(ids, wanted, today=TODAY, at=AT, radius_m=RADIUS)
        assert {each.pk: (each.where, each.delay, each.outside) for each in rows} == {
            each.pk: (state_of(each, at=AT, today=TODAY), plain_delay(each), plain_outside(each)) for each in plain
        }
        totals, states = totals_of(rows), [state_of(each, at=AT, today=TODAY) for each in plain]
        assert totals.total == len(plain)
        assert [getattr(totals, state) for state in State] == [states.count(state) for state in State]
        assert totals.with_order == sum(each.outcome in ("order", "sale") for each in plain)
        assert totals.sold_cents == sum(each.order_value_cents or 0 for each in plain if each.visited_at)
        delays = [delay for each in plain if (delay := plain_delay(each)) is not None]
        assert (totals.reported, totals.in_time) == (len(delays), sum(delay <= timedelta(hours=24) for delay in delays))
        if delays:
            assert abs(totals.delay - sum(delays, timedelta()) / len(delays)) < timedelta(milliseconds=1)
        assert totals.outside == sum(map(plain_outside, plain))
        for state in State:
            narrowed = team_visits(ids, VisitFilter(period, state=str(state)), today=TODAY, at=AT, radius_m=RADIUS)
            assert narrowed.count() == states.count(state)
        slow = team_visits(ids, VisitFilter(period, slow=True), today=TODAY, at=AT, radius_m=RADIUS)
        assert slow.count() == totals.reported - totals.in_time


def test_a_filter_is_read_back_from_its_own_address():
    from django.http import QueryDict

    wanted = VisitFilter("month", "missed", "no_sale", 3, 5, slow=True, outside=True)
    assert VisitFilter.parse(QueryDict(wanted.query())) == wanted
    assert VisitFilter.parse({"period": "x", "state": "x", "outcome": "x", "rep": "'", "slow": "yes"}) == VisitFilter()
    assert VisitFilter().query() == ""


def test_a_manager_sees_their_own_teams_visits_and_takes_them_away(organization, web, signed_in):
    now = timezone.now()
    today = now.astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        near, far = TeamFactory(name="Perto"), TeamFactory(name="Longe")
        manager = make_member(organization, Role.MANAGER, team=near)
        auditor, seller = make_member(organization, Role.AUDITOR), make_member(organization, Role.REPRESENTATIVE)
        mine, theirs = RepresentativeFactory(team=near, name="Ana"), RepresentativeFactory(team=far, name="Bruno")
        done = {
            "visited_at": now,
            "visited_on": today,
            "made_at": now,
            "outcome": "no_sale",
            "no_sale_reason": '=cmd|"calc"',
            "note": "Segredo",
        }
        VisitFactory(client=ClientFactory(name="Padaria Sol", representative=mine), representative=mine, **done)
        VisitFactory(client=ClientFactory(name="Mercado Lua"), representative=theirs, **done)
    lead = signed_in(manager)

    page = lead.get("/o/vale-verde/visits/").content.decode()
    assert "Padaria Sol" in page
    assert "Mercado Lua" not in page
    assert "na hora" in page
    file = lead.get("/o/vale-verde/visits/export.csv")
    [header, row] = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert (row[header.index("Cliente")], row[header.index("Motivo de não venda")]) == ("Padaria Sol", '\'=cmd|"calc"')
    assert "Segredo" not in file.content.decode()
    assert "Mercado Lua" in signed_in(auditor).get("/o/vale-verde/visits/").content.decode()
    assert signed_in(seller).get("/o/vale-verde/visits/").status_code == 302
    assert signed_in(seller).get("/o/vale-verde/visits/export.csv").status_code == 404
    assert lead.get("/o/vale-verde/visits/export.exe").status_code == 404
    with tenant_atomic(organization.pk):
        assert AuditEvent.objects.filter(stream="list:visits", action="list.exported").count() == 1

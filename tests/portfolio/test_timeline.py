"""The time line against a plain merge of the same facts, page by page, and what it costs where there are thousands."""

import random
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Role
from clients.models import Contact, CreditEvent, Opportunity, OpportunityMove
from clients.selectors import Lifecycle, Limits, lifecycle_of
from portfolio.models import Interaction, Ownership, Receipt, Task, VisitEdit
from portfolio.timeline import GROUPS, Place, timeline
from tests.factories import ClientFactory, OrderFactory, OwnershipFactory, RepresentativeFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)
LIMITS = Limits(60, 90, 360)


def second(instant: datetime, zone) -> int:
    local = instant.astimezone(zone)
    return local.hour * 3600 + local.minute * 60 + local.second


def states(net_of: dict[date, int]) -> list[tuple]:
    """Walk day by day from the first order, asking each day for its state: no formula in common with the query."""
    days = sorted(day for day, net in net_of.items() if net > 0)
    found, before = [], None
    day = days[0] if days else TODAY + timedelta(days=1)
    while day <= TODAY:
        last = max(each for each in days if each <= day)
        state = lifecycle_of(last, None, as_of=day, limits=LIMITS)
        if before is None:
            found.append(("state", day, 86401, "first_order"))
        elif state != before and state == Lifecycle.ACTIVE:
            if before in (Lifecycle.INACTIVE, Lifecycle.LOST):
                found.append(("state", day, 86401, "won_back"))
        elif state != before:
            found.append(("state", day, -3, str(state)))
        before, day = state, day + timedelta(days=1)
    return found


def plain_merge(client, zone) -> list[tuple]:
    """(kind, day, second, what) of everything known of the client."""
    found, net_of = [], {}
    for order in client.orders.all():
        found.append(("order", order.ordered_on, 86400, order.status))
        net_of[order.ordered_on] = net_of.get(order.ordered_on, 0) + order.net_cents
    for visit in client.visits.all():
        if visit.visited_on:
            found.append(("visit", visit.visited_on, second(visit.visited_at, zone) if visit.visited_at else 43200, visit.outcome))
        else:
            what = "cancelled" if visit.cancelled_at else "missed" if visit.planned_on < TODAY else "planned"
            found.append(("plan", visit.planned_on, -1, what))
    for edit in VisitEdit.objects.filter(visit__client=client):
        found.append(("edit", edit.at.astimezone(zone).date(), second(edit.at, zone), edit.before["outcome"]))
    for talk in client.interactions.all():
        found.append(("talk", talk.happened_on, second(talk.happened_at, zone), talk.kind))
    for task in client.tasks.all():
        found.append(("task", task.created_at.astimezone(zone).date(), second(task.created_at, zone), "given"))
        if task.done_at:
            found.append(("task_done", task.done_at.astimezone(zone).date(), second(task.done_at, zone), ""))
    for move in OpportunityMove.objects.filter(opportunity__client=client):
        found.append(("stage", move.moved_on, second(move.moved_at, zone), move.to_stage))
    found += [("owner", each.started_on, -2, each.source) for each in client.ownerships.all()]
    for receipt in Receipt.objects.filter(ownership__client=client):
        found.append(("receipt", receipt.accepted_at.astimezone(zone).date(), second(receipt.accepted_at, zone), ""))
    found += [("credit", each.observed_on, -4, "") for each in client.credit_events.all()]
    return found + states(net_of)


def live_through(client, organization, draw: random.Random, size: int) -> None:
    """Random facts, many of one day, some at the day's very ends in the organization's zone."""
    member, seller = make_member(organization, Role.REPRESENTATIVE), RepresentativeFactory()
    person = Contact.objects.create(client=client, name="Márcia Leal")
    chance = Opportunity.objects.create(client=client, title="Linha nova", stage_since=TODAY)
    ever, position = date(2024, 1, 1), 0

    def day() -> date:
        return ever + timedelta(days=draw.choice([draw.randrange(1050), 400, 401]))

    def instant() -> datetime:
        clock = draw.choice([time(0, 0), time(23, 59, 59), time(draw.randrange(24), draw.randrange(60))])
        return datetime.combine(day(), clock, tzinfo=organization.zone)

    for number in range(size):
        at = instant()
        match draw.choice(["order", "order", "visit", "plan", "edit", "talk", "task", "move", "credit", "owner"]):
            case "order":
                status, cents = draw.choice([("valid", 9_000), ("valid", 9_000), ("cancelled", 9_000), ("returned", -9_000)])
                OrderFactory(client=client, code=f"P{number}", ordered_on=day(), amount_cents=cents, status=status)
            case "visit":
                VisitFactory(client=client, representative=seller, visited_at=at, visited_on=at.date(), outcome="sale")
            case "plan":
                cancelled = timezone.now() if draw.random() < 0.3 else None
                planned = TODAY + timedelta(days=number - 30)  # one waits for a client on a day
                VisitFactory(client=client, representative=seller, planned_on=planned, cancelled_at=cancelled)
            case "edit":
                visit = VisitFactory(client=client, representative=seller, visited_on=day(), outcome="absent")
                edit = VisitEdit.objects.create(visit=visit, version=1, before={"outcome": "sale"}, by=member)
                VisitEdit.objects.filter(pk=edit.pk).update(at=at)
            case "talk":
                Interaction.objects.create(
                    client=client, kind="call", happened_at=at, happened_on=at.date(), contact=draw.choice([None, person]), by=member
                )
            case "task":
                task = Task.objects.create(client=client, title="Ligar", owner=member, due_on=day(), done_at=draw.choice([None, at]))
                Task.objects.filter(pk=task.pk).update(created_at=instant())
            case "move":
                OpportunityMove.objects.create(opportunity=chance, to_stage="proposal", moved_at=at, moved_on=at.date(), by=member)
            case "credit":
                CreditEvent.objects.create(client=client, observed_on=day(), event=f"Protesto {number}")
            case "owner" if position < 3:
                position += 1
                start = date(2024, position * 3, 1)
                end = date(2024, position * 3 + 3, 1) if position < 3 else None
                held = OwnershipFactory(client=client, representative=seller, seq=position, started_on=start, ended_on=end, source="import")
                Receipt.objects.create(ownership=held, by=member, accepted_at=at)


def walk(client, organization, **asked) -> list:
    entries, after = [], None
    while True:
        page = timeline(client, organization, as_of=TODAY, after=after, **asked)
        entries += page.entries
        if not page.after:
            return entries
        assert len(page.entries) == asked["size"]
        after = Place.parse(page.after)


@pytest.mark.parametrize("seed", range(4))
def test_the_line_is_a_plain_merge_of_the_facts_whatever_the_page(acting, seed):
    draw = random.Random(seed)
    client, other = ClientFactory(), ClientFactory()
    live_through(other, acting, random.Random(99), 10)
    live_through(client, acting, draw, 60)
    expected = sorted(plain_merge(client, acting.zone), key=lambda each: (each[1], each[2]), reverse=True)
    line = walk(client, acting, size=draw.choice([1, 7, 30]))
    shown = [(each.kind, each.on, each.place.second, each.what) for each in line]
    assert [each[1:3] for each in shown] == [each[1:3] for each in expected]  # latest first
    assert sorted(shown) == sorted(expected)  # each once, none else
    assert len({each.place for each in line}) == len(line)
    for group, kinds in GROUPS.items():
        narrowed = [(each.kind, each.on, each.place.second, each.what) for each in walk(client, acting, group=group, size=7)]
        assert narrowed == [each for each in shown if each[0] in kinds], group


def test_states_are_told_on_the_very_day_and_by_the_net_of_days(acting):
    client = ClientFactory(discarded_on=date(2026, 10, 1), discard_reason="Fechou")
    OrderFactory(client=client, ordered_on=date(2025, 1, 1))
    OrderFactory(client=client, ordered_on=date(2025, 2, 1), amount_cents=5_000)
    OrderFactory(client=client, ordered_on=date(2025, 2, 1), amount_cents=-5_000, status="returned")  # no order day after all
    OrderFactory(client=client, ordered_on=date(2025, 4, 1))  # 90 days after: on the day it would have turned inactive
    OrderFactory(client=client, ordered_on=date(2025, 7, 1))  # 91 days after
    told = [(each.on, each.what) for each in timeline(client, acting, as_of=TODAY, group="states").entries]
    assert told == [
        (date(2026, 10, 1), "discarded"),
        (date(2026, 6, 26), "lost"),
        (date(2025, 9, 29), "inactive"),
        (date(2025, 8, 30), "near_inactive"),
        (date(2025, 7, 1), "won_back"),
        (date(2025, 6, 30), "inactive"),
        (date(2025, 5, 31), "near_inactive"),
        (date(2025, 3, 2), "near_inactive"),
        (date(2025, 1, 1), "first_order"),
    ]


def test_entries_carry_what_a_reader_needs(acting):
    client, seller = ClientFactory(), RepresentativeFactory(code="V-04", name="Campinas")
    member = make_member(acting, Role.REPRESENTATIVE, name="Ana")
    person = Contact.objects.create(client=client, name="Márcia Leal")
    Ownership.objects.create(
        client=client, representative=seller, seq=1, started_on=date(2026, 1, 1), source="manual", reason="Região", actor=member
    )
    at = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
    Interaction.objects.create(client=client, kind="email", happened_at=at, happened_on=at.date(), note="Tabela", contact=person, by=member)
    talk, owner = timeline(client, acting, as_of=TODAY).entries
    assert (talk.what, talk.title, talk.note, talk.by, talk.at) == ("email", "Márcia Leal", "Tabela", "Ana", at)
    assert (owner.representative, owner.note, owner.by, owner.until) == ("V-04 Campinas", "Região", "Ana", None)


@pytest.mark.parametrize("text", ["", "x", "2026-01-01", "2026-01-01|1|2", "2026-01-01|1|2|99999999999999999999", "2026-01-01|1|2|3|4"])
def test_a_place_that_is_none_opens_the_first_page(text):
    assert Place.parse(text) is None


def test_ten_thousand_events_cost_one_query_that_reads_pages_only(acting, django_assert_num_queries):
    client = ClientFactory()
    member = make_member(acting, Role.REPRESENTATIVE)
    day = date(2016, 1, 1)
    Interaction.objects.bulk_create(
        Interaction(
            organization=acting, client=client, kind="call", by=member, happened_on=day + timedelta(days=n // 3),
            happened_at=datetime(2016, 1, 1, tzinfo=UTC) + timedelta(hours=8 * n),
        )
        for n in range(10_000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE portfolio_interaction")
    with django_assert_num_queries(1):
        page = timeline(client, acting, as_of=TODAY)
    assert len(page.entries) == 30 and page.after
    with django_assert_num_queries(1):
        deep = timeline(client, acting, as_of=TODAY, after=Place(date(2016, 2, 1), 0, 9, 0))
    assert deep.entries[0].on <= date(2016, 2, 1)

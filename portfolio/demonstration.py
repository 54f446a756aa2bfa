"""A day to live through for the demonstration's representatives: visits done, late and to come, goals, tasks. Made once a day."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from accounts.models import Absence, Membership, Organization, Representative
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from clients.models import Client, ClientMonth
from portfolio.cadence import next_contact
from portfolio.checkin import Fix
from portfolio.models import Goal, Task, Visit
from portfolio.route import haversine_km
from portfolio.services.planning import waiting_visits
from portfolio.services.visits import Report, record_visit
from portfolio.threats import threats_to

# Minutes from the moment of loading, so that whoever opens it at any hour finds visits done, one late and more to come.
MINUTES = (-205, -150, -95, -35, 25, 85, 140, 195)
TOMORROW = (time(8, 30), time(9, 40), time(11, 0), time(13, 30), time(15, 0))
DONE = (
    Report("sale", order_value_cents=534_000, note="Pediu entrega até sexta e dois boletos, 28 e 35 dias.", satisfaction=5),
    Report("no_sale", no_sale_reason="Estoque alto", note="Ainda tem mercadoria da última compra."),
    Report("sale", order_value_cents=218_750, satisfaction=4),
)


def live_a_day(organization: Organization, *, at: datetime, leave_out: Collection[int] = ()) -> int:
    """Give each representative with a sign-in a day, unless they have visits planned for it; returns how many visits were made.

    Parameters
    ----------
    leave_out : clients nobody is to visit, because a story of theirs goes on elsewhere
    """
    with tenant_atomic(organization.pk):
        today = local_day(organization, at=at)
        away = Absence.objects.filter(starts_on__lte=today, ends_on__gt=today).values("representative_id")
        people = Representative.objects.filter(membership__is_active=True).exclude(pk__in=away).select_related("membership__organization")
        goals_of_month(organization, list(people), today)
        made = 0
        for person in people.order_by("code"):
            if not Visit.objects.filter(representative=person, planned_on=today).exists():
                n = _day_of(person, today=today, at=at, leave_out=leave_out)
                if n:
                    _tasks_of(person, today)
                made += n
        return made


def goals_of_month(organization: Organization, people: Sequence[Representative], today: date) -> None:
    """Goals for the month, a little above what the last three whole months brought; those set already stay."""
    month = today.replace(day=1)
    since = (month - timedelta(days=80)).replace(day=1)
    ids = [person.pk for person in people]
    sold = dict(
        ClientMonth.objects.filter(representative_id__in=ids, month__gte=since, month__lt=month)
        .values_list("representative_id")
        .annotate(cents=Sum("revenue_cents"))
        .values_list("representative_id", "cents")
    )
    held = dict(Client.objects.filter(representative_id__in=ids, discarded_on=None).values_list("representative_id").annotate(Count("pk")))
    targets = {
        Goal.Measure.REVENUE: {pk: round(cents / 3 * 1.08 / 1_000_000) * 1_000_000 for pk, cents in sold.items()},
        Goal.Measure.BUYERS: {pk: round(n * 0.7) for pk, n in held.items()},
        Goal.Measure.VISITS: dict.fromkeys(ids, 90),
    }
    Goal.objects.bulk_create(
        [
            Goal(organization_id=organization.pk, representative_id=pk, month=month, measure=measure, target=target)
            for measure, by_person in targets.items()
            for pk, target in by_person.items()
            if target > 0
        ],
        ignore_conflicts=True,
    )


def _day_of(person: Representative, *, today: date, at: datetime, leave_out: Collection[int]) -> int:
    """Eight visits today, one left from yesterday, five tomorrow; those whose hour is over are done, but for the last of them."""
    member = person.membership
    # One visit waits for a client and day at most, and the night may have planned some.
    near = (today - timedelta(days=1), today + timedelta(days=1))
    planned = set(waiting_visits().filter(representative=person, planned_on__range=near).values_list("client_id", flat=True))
    clients = _round(person, {*leave_out, *planned})
    if member is None or len(clients) < len(MINUTES) + 1:
        return 0
    zone = member.organization.zone
    local = at.astimezone(zone)
    # Near midnight the day is moved inwards: all of it must fall on this date.
    earliest, latest = (datetime.combine(today, hour, zone) for hour in (time(3, 30), time(20, 15)))
    middle = min(max(local, earliest), latest)
    hours = [_round_to_five(middle + timedelta(minutes=minutes)) for minutes in MINUTES]
    threatened = {threat.client_id for threat in threats_to(member)} - planned
    today_clients = _with_fifth(clients[: len(hours)], Client.objects.filter(pk__in=threatened, latitude__isnull=False))
    rest = [client for client in clients if client not in today_clients]
    plans = [(client, today, hour) for client, hour in zip(today_clients, hours, strict=True)]
    plans += [(client, today - timedelta(days=1), None) for client in rest[:1]]
    plans += [
        (client, today + timedelta(days=1), datetime.combine(today + timedelta(days=1), hour, zone))
        for client, hour in zip(rest[1:], TOMORROW, strict=False)
    ]
    visits = [
        Visit(
            organization_id=person.organization_id,
            id_made=_key(person, today, f"plan {number}"),
            client=client,
            representative=person,
            planned_on=on,
            planned_at=hour,
            made_by=member,
            origin=Visit.Origin.NEXT_CONTACT if number % 3 == 1 else Visit.Origin.CADENCE,
        )
        for number, (client, on, hour) in enumerate(plans)
    ]
    Visit.objects.bulk_create(visits)
    over = [number for number, hour in enumerate(hours) if hour <= local][:-1]
    for number in over[: len(DONE)]:
        _report(person, member, today_clients[number], hours[number], number, today=today, at=at, plan=visits[number].id_made)
    return len(visits)


def _report(
    person: Representative, member: Membership, client: Client, hour: datetime, number: int, *, today: date, at: datetime, plan: uuid.UUID
) -> None:
    said = DONE[number]
    place = client.latitude is not None and client.longitude is not None
    report = Report(
        said.outcome,
        order_value_cents=(said.order_value_cents or 0) + 7_310 * (person.pk % 7) if said.order_value_cents else None,
        no_sale_reason=said.no_sale_reason,
        note=said.note,
        satisfaction=said.satisfaction,
        next_contact_on=next_contact(today, 14, member.organization.country),
        visited_at=hour,
        made_at=hour + timedelta(minutes=6),
        fix=Fix(client.latitude + 0.0003, client.longitude, 18, 4) if place else None,  # type: ignore[operator]
    )
    record_visit(report, id_made=_key(person, today, f"report {number}"), client_id=client.pk, by=member, at=at, plan=plan)


def _round(person: Representative, leave_out: Collection[int]) -> list[Client]:
    """Fourteen of the person's clients with a known place, each nearest to the one before, from the person's base onward."""
    wanted = Client.objects.filter(representative=person, discarded_on=None, latitude__isnull=False, activity__last_on__isnull=False)
    found = list(wanted.exclude(pk__in=leave_out).order_by("activity__last_on", "pk")[:60])
    here = (person.latitude, person.longitude) if person.latitude is not None else None
    chosen: list[Client] = []
    while found and len(chosen) < 14:
        # Clients of one town share its middle on the map: no more than two of them, for the route to show.
        towns = [each.city for each in chosen]
        others = [each for each in found if towns.count(each.city) < 2] or found
        nearest = min(others, key=lambda each: _km(here, each)) if here else others[0]
        found.remove(nearest)
        chosen.append(nearest)
        here = (nearest.latitude, nearest.longitude)
    return chosen


def _km(here: tuple[float | None, float | None], client: Client) -> float:
    return haversine_km(here, (client.latitude, client.longitude))


def _with_fifth(clients: list[Client], threatened: Iterable[Client]) -> list[Client]:
    """The visit that comes after the late one is to a client about to be lost, where there is one: the nearest to the round."""
    here = (clients[0].latitude, clients[0].longitude)
    nearest = min(threatened, key=lambda each: (_km(here, each), each.pk), default=None)
    if nearest is None:
        return clients
    others = [client for client in clients if client.pk != nearest.pk][: len(clients) - 1]
    return [*others[:4], nearest, *others[4:]]


def _tasks_of(person: Representative, today: date) -> None:
    client = Client.objects.filter(representative=person, discarded_on=None).order_by("name_key").first()
    wanted = [
        (_("Mandar a tabela nova de preços"), client, today),
        (_("Confirmar o limite de crédito com o financeiro"), None, today + timedelta(days=1)),
        (_("Levar amostra da linha de limpeza"), client, today - timedelta(days=1)),
    ]
    Task.objects.bulk_create(
        [
            Task(
                organization_id=person.organization_id,
                id_made=_key(person, today, f"task {number}"),
                client=about,
                title=title,
                owner_id=person.membership_id,
                given_by_id=person.membership_id,
                due_on=due_on,
            )
            for number, (title, about, due_on) in enumerate(wanted)
        ],
        ignore_conflicts=True,
    )


def _key(person: Representative, day: date, what: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"carteira:demo:{person.organization_id}:{person.code}:{day}:{what}")


def _round_to_five(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 5 * 5, second=0, microsecond=0)

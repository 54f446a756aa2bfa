"""What one client's page shows of its purchases."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Sum

from clients.models import Client, ClientActivity, ClientMonth, Order
from clients.selectors.forecast import Forecast, forecast_of
from clients.selectors.lifecycle import Lifecycle, Limits, inactive_on, lifecycle_of
from clients.selectors.temperature import Temperature, temperature_of

CYCLE_FROM_ORDERS = 4  # below this a median of gaps says too little to show


@dataclass(frozen=True)
class Standing:
    """Where a client stands on a day: its state, its silence, its own cycle and how late it is relative to it."""

    state: Lifecycle
    last_on: date | None
    days_since_last: int | None
    cycle_days: float | None
    lateness: float | None
    inactive_on: date | None
    net_12m_cents: int
    abc: str
    order_days: int
    last_visit_on: date | None
    near_inactive_on: date | None
    forecast: Forecast | None
    ticket_cents: int | None  # what a day with an order was worth in the last 12 months
    temperature: Temperature | None


def activity_of(client: Client) -> ClientActivity:
    """What the client's orders add up to; an empty row for one never projected. One query."""
    return ClientActivity.objects.filter(client_id=client.pk).first() or ClientActivity()


def standing_of(client: Client, *, as_of: date, limits: Limits, activity: ClientActivity | None = None) -> Standing:
    """The client's standing on ``as_of``, from its activity row and its score: three queries, one less if the row is given."""
    activity = activity or activity_of(client)
    forecast = forecast_of(client, last_on=activity.last_on, as_of=as_of)
    silent = (as_of - activity.last_on).days if activity.last_on else None
    cycle = activity.median_gap if activity.repeat_days + 1 >= CYCLE_FROM_ORDERS else None
    at_risk_on = forecast.at_risk_on if forecast else None
    state = lifecycle_of(
        activity.last_on,
        client.discarded_on,
        as_of=as_of,
        limits=limits,
        scored_at_risk_on=at_risk_on,
        lost_silence=client.lost_silence,
    )
    buys = state in (Lifecycle.ACTIVE, Lifecycle.AT_RISK)
    return Standing(
        state=state,
        last_on=activity.last_on,
        days_since_last=silent,
        cycle_days=cycle,
        lateness=silent / cycle if cycle and silent is not None else None,
        inactive_on=inactive_on(activity.last_on, limits=limits) if buys or state == Lifecycle.NEAR_INACTIVE else None,
        net_12m_cents=activity.net_12m_cents,
        abc=activity.abc,
        order_days=activity.repeat_days + 1,
        last_visit_on=activity.last_visit_on,
        near_inactive_on=activity.last_on + timedelta(days=limits.warn) if buys and activity.last_on else None,
        forecast=forecast,
        ticket_cents=activity.net_12m_cents // activity.n365 if activity.n365 else None,
        temperature=temperature_of(silent, cycle, limits=limits),
    )


def monthly_revenue(client: Client, *, as_of: date, months: int = 12) -> list[tuple[date, int]]:
    """Net revenue in cents of each of the last ``months`` months, oldest first, empty months included: one query."""
    first = as_of.replace(day=1)
    wanted = []
    for _each in range(months):
        wanted.append(first)
        first = date(first.year - (first.month == 1), (first.month - 2) % 12 + 1, 1)
    sums = dict(
        ClientMonth.objects.filter(client_id=client.pk, month__gte=wanted[-1])
        .values_list("month")
        .annotate(cents=Sum("revenue_cents"))
        .values_list("month", "cents")
    )
    return [(month, sums.get(month, 0)) for month in reversed(wanted)]


def recent_orders(client: Client, *, before: tuple[date, int] | None = None, size: int = 25) -> list[Order]:
    """The client's orders, latest first, with who was credited; ``before`` is the (day, id) of the last one shown."""
    orders = Order.objects.filter(client_id=client.pk).select_related("representative").order_by("-ordered_on", "-id")
    if before:
        day, last_id = before
        orders = orders.filter(ordered_on__lte=day).exclude(ordered_on=day, id__gte=last_id)
    return list(orders[:size])

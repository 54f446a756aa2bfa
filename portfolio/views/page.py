"""The page of one client, tab by tab."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Role
from accounts.services.personal import record_reading
from accounts.templatetags.formats import money_whole, month, symbol
from clients.models import Client, Contract, CreditEvent, CreditSnapshot, Opportunity, Order
from clients.selectors import Limits
from clients.selectors.contacts import people_of
from clients.selectors.custom import said_of, said_of_people
from clients.selectors.lifecycle import Lifecycle
from clients.selectors.mix import bought_mix, peer_suggestions, timely_offers
from clients.selectors.opportunities import OPEN, opportunities_of
from clients.selectors.page import Standing, activity_of, monthly_revenue, recent_orders, standing_of
from clients.selectors.people import colleagues_of
from clients.selectors.stops import is_lost_by_hand, stop_of
from clients.services.discards import may_discard, open_proposal
from clients.services.reach import may_write
from portfolio.forecasting import shown_forecast
from portfolio.models import Visit
from portfolio.selectors.renewals import clients_in_renewal, window_of
from portfolio.talk_form import TalkForm
from portfolio.threats import threats_to
from portfolio.timeline import GROUPS, Place, timeline
from portfolio.timeline_words import GROUPS as GROUP_WORDS
from portfolio.timeline_words import told
from portfolio.views.common import is_partial, today_of
from portfolio.views.reached import client_or_404, client_url, member_of

TABS = {
    "summary": _("Resumo"),
    "orders": _("Compras"),
    "visits": _("Visitas"),
    "contacts": _("Contatos"),
    "mix": _("Mix"),
    "opportunities": _("Oportunidades"),
    "credit": _("Crédito"),
    "history": _("Histórico"),
}
RENEWS_WITHIN_DAYS = 60
Context = dict[str, Any]


@require_GET
@vary_on_headers("HX-Request")
def client_page(request: HttpRequest, client_id: int) -> HttpResponse:
    """One client: where it stands, what it bought, who answered for it and why. Out of reach is 404."""
    client, as_of, member = client_or_404(request, client_id), today_of(request), member_of(request)
    if client.pk != client_id:
        return redirect(client_url(request, client.pk))
    organization, tab = member.organization, request.GET.get("tab", "summary")
    if tab not in TABS:
        raise Http404
    activity = activity_of(client)
    standing = standing_of(client, as_of=as_of, limits=Limits.of(organization), activity=activity)
    context: Context = {
        "client": client,
        "activity": activity,
        "standing": standing,
        "tab": tab,
        "tabs": [(name, label, f"?tab={name}", name == tab) for name, label in TABS.items()],
        "as_of": as_of,
        "masked": member.role == Role.AUDITOR,
        "writes": may_write(member),
        "here": client_url(request, client.pk),
    }
    if not is_partial(request):
        context |= _head(request, client, standing)
    context |= FILL[tab](request, client, standing, context)
    if context.get("people"):
        record_reading(f"client:{client.pk}", by=member, at=timezone.now())
    response = render(request, "portfolio/_client_tab.html" if is_partial(request) else "portfolio/client_page.html", context)
    if is_partial(request):
        response["Cache-Control"] = "no-store"
    elif tab == "summary":
        response["X-Offline"] = "keep"  # the pages of the day's clients open without signal
    return response


def _head(request: HttpRequest, client: Client, standing: Standing) -> Context:
    """What stands above the tabs: who works with the client, what waits to be decided of it, and the sheet to record a talk."""
    member = member_of(request)
    threat = None
    if member.role == Role.REPRESENTATIVE:
        threat = next((each for each in threats_to(member) if each.client_id == client.pk), None)
    by_hand = is_lost_by_hand(client, last_on=standing.last_on)
    return {
        "colleagues": list(colleagues_of(client)),
        "in_renewal": clients_in_renewal([client.pk], as_of=today_of(request), within=window_of(member.organization)).get(client.pk),
        "threat": threat,
        "proposal": open_proposal(client),
        "silent": standing.state in (Lifecycle.INACTIVE, Lifecycle.LOST),
        "stop": stop_of(client, last_on=client.lost_silence if by_hand else standing.last_on),
        "lost_by_hand": by_hand,
        "discards": may_discard(member),
        "talk": TalkForm(client=client, initial={"kind": "call"}) if may_write(member) else None,
        "talk_id": uuid4(),
    }


def _summary(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    organization, as_of = member_of(request).organization, context["as_of"]
    line = timeline(client, organization, as_of=as_of, size=6)
    filled: Context = {
        "custom": said_of(client, at=timezone.now()),
        "forecast": shown_forecast(standing, currency=organization.currency),
        "people": people_of(client, country=organization.country, masked=context["masked"], most=3),
        "entries": [told(each, currency=organization.currency) for each in line.entries],
        "renewal": _renewal(client, as_of),
    }
    months = monthly_revenue(client, as_of=as_of)
    if any(cents for _month, cents in months):
        filled["bar_rows"] = [(month(first), cents, money_whole(cents, organization.currency)) for first, cents in months]
        filled["unit"] = symbol(organization.currency)
    return filled


def _renewal(client: Client, as_of: date) -> Contract | None:
    """The contract that ends soonest within the days in which it is to be renewed."""
    ending = Contract.objects.filter(client_id=client.pk, ends_on__gte=as_of, ends_on__lte=as_of + timedelta(days=RENEWS_WITHIN_DAYS))
    return ending.order_by("ends_on", "pk").first()


def _orders(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    before = _before(request)
    orders = recent_orders(client, before=before, size=26)
    return {
        "orders": orders[:25],
        "next_url": f"?tab=orders&before={orders[24].ordered_on}|{orders[24].pk}" if len(orders) > 25 else "",
        "first_url": "?tab=orders" if before else "",
        "totals": Order.objects.filter(client_id=client.pk).aggregate(n=Count("id")),
    }


def _visits(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    of_client = Visit.objects.filter(client_id=client.pk).select_related("representative")
    waiting = of_client.filter(visited_at=None, visited_on=None, cancelled_at=None, planned_on__isnull=False)
    return {
        "planned": list(waiting.order_by("planned_on", "planned_at", "pk")[:20]),
        "visits": list(of_client.exclude(visited_on=None).annotate(corrected=Count("edits")).order_by("-visited_on", "-pk")[:100]),
    }


def _contacts(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    masked = context["masked"]
    found = people_of(client, country=member_of(request).organization.country, masked=masked)
    own = {} if masked else said_of_people(client, at=timezone.now())
    return {"people": [replace(person, own=own.get(person.contact.pk, ())) for person in found]}


def _mix(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    as_of = context["as_of"]
    return {
        "mix": bought_mix(client, as_of=as_of),
        "suggestions": peer_suggestions(client, context["activity"], as_of=as_of),
        "offers": timely_offers(client, as_of=as_of),
    }


def _opportunities(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    rows = opportunities_of(client)
    return {
        "opportunities": rows,
        "open_cents": sum(row.value_cents or 0 for row in rows if row.stage in OPEN),
        "stages": [(stage.value, str(stage.label)) for stage in Opportunity.Stage],
    }


def _credit(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    snapshots = list(CreditSnapshot.objects.filter(client_id=client.pk).order_by("-observed_on")[:13])
    latest, earlier = snapshots[:1], snapshots[1:2]
    trend = None
    if latest and earlier and latest[0].restrictions is not None and earlier[0].restrictions is not None:
        trend = latest[0].restrictions - earlier[0].restrictions
    return {
        "snapshots": snapshots,
        "latest": latest[0] if latest else None,
        "trend": trend,
        "events": list(CreditEvent.objects.filter(client_id=client.pk).order_by("-observed_on", "-pk")[:50]),
        "contracts": list(Contract.objects.filter(client_id=client.pk).order_by("-ends_on", "-pk")[:20]),
        "renew_by": context["as_of"] + timedelta(days=RENEWS_WITHIN_DAYS),
    }


def _history(request: HttpRequest, client: Client, standing: Standing, context: Context) -> Context:
    organization, group = member_of(request).organization, request.GET.get("kind", "")
    if group and group not in GROUPS:
        raise Http404
    after = Place.parse(request.GET.get("after", ""))
    line = timeline(client, organization, as_of=context["as_of"], group=group, after=after)
    kept = f"?tab=history&kind={group}" if group else "?tab=history"
    return {
        "entries": [told(each, currency=organization.currency) for each in line.entries],
        "groups": [(f"?tab=history&kind={name}" if name else "?tab=history", word, name == group) for name, word in GROUP_WORDS.items()],
        "group": group,
        "next_url": f"{kept}&after={line.after}" if line.after else "",
        "first_url": kept if after else "",
    }


FILL: dict[str, Callable[[HttpRequest, Client, Standing, Context], Context]] = {
    "summary": _summary,
    "orders": _orders,
    "visits": _visits,
    "contacts": _contacts,
    "mix": _mix,
    "opportunities": _opportunities,
    "credit": _credit,
    "history": _history,
}


def _before(request: HttpRequest) -> tuple[date, int] | None:
    day, _bar, number = request.GET.get("before", "").partition("|")
    try:
        return date.fromisoformat(day), int(number)
    except ValueError:
        return None

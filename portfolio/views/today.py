"""Hoje: the day of who visits clients; for who leads, the team's day, to look at."""

from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import Membership, Representative, Role
from accounts.selectors import local_day
from accounts.templatetags.formats import day_short
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.visibility import Reach, clients_within, reach_of
from portfolio.day_words import delay_words, stopping_act, ways_to, why_call, why_now, why_short
from portfolio.route import route_km
from portfolio.selectors.agenda import own_representative
from portfolio.selectors.day import Day, Stop, day_of
from portfolio.selectors.goals import goals_by_representative, month_of, pace_of
from portfolio.selectors.tasks import open_tasks, reached_clients
from portfolio.selectors.team_day import team_day
from portfolio.services.planning import CANCEL_REASONS
from portfolio.templatetags.route import Stop as Mark

CALLS_SHOWN = 8
TASKS_SHOWN = 6
KEPT_PAGES = 60  # what a device keeps of the days to come


@require_GET
def today(request: HttpRequest) -> HttpResponse:
    """A representative's own day; to anyone who leads or audits, how the day of the people they see goes."""
    now = timezone.now()
    as_of = local_day(request.organization, at=now)  # type: ignore[attr-defined]
    member = request.membership  # type: ignore[attr-defined]
    if member.role != Role.REPRESENTATIVE:
        team = team_day(member, as_of=as_of, now=now)
        lines = [(each, delay_words(each.delay)) for each in team.people]
        return render(request, "portfolio/today_team.html", {"as_of": as_of, "team": team, "lines": lines})
    response = render(request, "portfolio/today.html", _own(request, as_of=as_of, now=now))
    response["X-Offline"] = "keep"
    return response


def _own(request: HttpRequest, *, as_of: Any, now: Any) -> dict[str, Any]:
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    limits, reach = Limits.of(organization), reach_of(member)
    day = day_of(member, reach, as_of=as_of, now=now, limits=limits)
    clients, sheet = reverse("portfolio:client_list", args=[organization.slug]), reverse("portfolio:new_visit", args=[organization.slug])
    threats = {risk.client.pk: risk.threat for risk in day.at_risk}
    context: dict[str, Any] = {
        "as_of": as_of,
        "day": day,
        "later": [_row(stop, sheet, as_of, member) for stop in day.later],
        "missed": [_row(stop, sheet, as_of, member) for stop in day.missed],
        "risks": [
            {
                "client": risk.client,
                "url": f"{clients}{risk.client.pk}/",
                "act": stopping_act(risk),
                "days": risk.client.days_silent(as_of),
                "tone": "bad" if risk.threat else "warn",
            }
            for risk in day.at_risk
        ],
        "calls": _calls(reach, as_of=as_of, limits=limits, currency=organization.currency, clients=clients),
        "calls_url": f"{clients}?{ClientFilter(sort='stake').query()}",
        "new_url": sheet,
        "keep": " ".join(_kept(day, clients, sheet)),
    }
    person = own_representative(member)
    if person:
        person.organization = organization  # read already
    stops = [_mark(stop, "done") for stop in day.done] + [_mark(stop, "now" if stop is day.next else "") for stop in day.waiting]
    start = (person.latitude, person.longitude) if person else None
    here = (day.done[-1].client.latitude, day.done[-1].client.longitude) if day.done else start
    tasks = open_tasks(member, until=as_of)
    context |= {
        "person": person,
        "stops": stops,
        "start": start,
        "km_later": route_km([(stop.client.latitude, stop.client.longitude) for stop in day.waiting], here),
        "order_url": reverse("portfolio:agenda", args=[organization.slug]) + "?view=day",
        "tasks": tasks[:TASKS_SHOWN],
        "n_tasks": len(tasks),
        "today": as_of,
        "reached": reached_clients(reach, tasks[:TASKS_SHOWN]),
        "form_id": uuid4,
        "goals": goals_by_representative([person], month_of(as_of), as_of=as_of)[person.pk] if person else [],
        "days_left": _days_left(as_of, organization.country, person),
    }
    if day.next:
        client = day.next.client
        context["next"] = {
            "stop": day.next,
            "client": client,
            "silent": client.days_silent(as_of),
            "month_cents": (client.net_12m_cents or 0) // 12,
            "why": why_now(client, day.last_order, threats.get(client.pk), as_of=as_of, limits=limits, currency=organization.currency),
            "ways": ways_to(client, list(day.contacts), country=organization.country),
            "sheet": f"{sheet}?client={client.pk}",
            "page": f"{clients}{client.pk}/",
            "reasons": [(reason, _(reason)) for reason in CANCEL_REASONS],
        }
    return context


def _days_left(as_of: Any, country: str, person: Representative | None) -> int:
    """Working days of the month after today."""
    pace = pace_of(month_of(as_of), as_of=as_of, country=country, state=person.base_state if person else "")
    return pace.days - pace.passed


def _mark(stop: Stop, state: str) -> Mark:
    return Mark(stop.client.latitude, stop.client.longitude, str(stop.client), state, stop.client.city)


def _row(stop: Stop, sheet: str, as_of: Any, member: Membership) -> dict[str, Any]:
    """A visit to come or left behind; one of another day names its plan, which the sheet would not find by itself."""
    planned_on = stop.visit.planned_on
    plan = f"&plan={stop.visit.id_made}" if planned_on != as_of else ""
    where = [stop.client.city, why_short(stop, as_of=as_of), day_short(planned_on) if plan else ""]
    if stop.visit.representative.membership_id != member.pk:
        where.append(_("cobrindo %(name)s") % {"name": stop.visit.representative.name})
    return {"stop": stop, "detail": " · ".join(filter(None, where)), "url": f"{sheet}?client={stop.client.pk}{plan}"}


def _calls(reach: Reach, *, as_of: Any, limits: Limits, currency: str, clients: str) -> list[dict[str, Any]]:
    """Whom to call, by what is at stake; where no chance is known yet, by the year's value among those silent."""
    mine = clients_within(reach).filter(discarded_on=None)
    rows = client_rows(mine, ClientFilter(sort="stake", size=CALLS_SHOWN), as_of=as_of, limits=limits, few=True).rows
    if not rows:
        rows = client_rows(mine, ClientFilter(sort="silence", size=CALLS_SHOWN), as_of=as_of, limits=limits, few=True).rows
    return [{"name": str(row), "url": f"{clients}{row.pk}/", "why": why_call(row, as_of=as_of, currency=currency)} for row in rows]


def _kept(day: Day, clients: str, sheet: str) -> list[str]:
    """Pages the device fetches ahead: sheet and client of what is to be visited today and tomorrow, and of who is about to be lost."""
    wanted = [stop.client.pk for stop in (*day.waiting, *day.missed, *day.tomorrow)] + [risk.client.pk for risk in day.at_risk]
    pages = [page for pk in dict.fromkeys(wanted) for page in (f"{sheet}?client={pk}", f"{clients}{pk}/")]
    return pages[:KEPT_PAGES]

"""Hoje: the day of who visits clients; for who leads, the team's day, to look at."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.models import Role
from accounts.selectors import local_day
from accounts.templatetags.formats import day_short
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.visibility import Reach, clients_within, reach_of
from portfolio.day_words import delay_words, stopping_act, ways_to, why_call, why_now, why_short
from portfolio.selectors.day import Day, Stop, day_of
from portfolio.selectors.team_day import team_day

CALLS_SHOWN = 8
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
        "later": [_row(stop, sheet, as_of) for stop in day.later],
        "missed": [_row(stop, sheet, as_of) for stop in day.missed],
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
        }
    return context


def _row(stop: Stop, sheet: str, as_of: Any) -> dict[str, Any]:
    """A visit to come or left behind; one of another day names its plan, which the sheet would not find by itself."""
    planned_on = stop.visit.planned_on
    plan = f"&plan={stop.visit.id_made}" if planned_on != as_of else ""
    where = [stop.client.city, why_short(stop, as_of=as_of), day_short(planned_on) if plan else ""]
    return {"stop": stop, "detail": " · ".join(filter(None, where)), "url": f"{sheet}?client={stop.client.pk}{plan}"}


def _calls(reach: Reach, *, as_of: Any, limits: Limits, currency: str, clients: str) -> list[dict[str, Any]]:
    """Whom to call, by what is at stake; where no chance is known yet, by the year's value among those silent."""
    mine = clients_within(reach).filter(discarded_on=None)
    rows = client_rows(mine, ClientFilter(sort="stake", size=25), as_of=as_of, limits=limits, few=True).rows
    if not rows:
        rows = client_rows(mine, ClientFilter(sort="silence", size=25), as_of=as_of, limits=limits, few=True).rows
    return [
        {"name": str(row), "url": f"{clients}{row.pk}/", "why": why_call(row, as_of=as_of, currency=currency)} for row in rows[:CALLS_SHOWN]
    ]


def _kept(day: Day, clients: str, sheet: str) -> list[str]:
    """Pages the device fetches ahead: sheet and client of what is to be visited today and tomorrow, and of who is about to be lost."""
    wanted = [stop.client.pk for stop in (*day.waiting, *day.missed, *day.tomorrow)] + [risk.client.pk for risk in day.at_risk]
    pages = [page for pk in dict.fromkeys(wanted) for page in (f"{sheet}?client={pk}", f"{clients}{pk}/")]
    return pages[:KEPT_PAGES]

"""The agenda by day and by week, and the sheet of one visit."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Representative, Role
from accounts.selectors import local_day
from clients.selectors.visibility import Reach, reach_of
from portfolio.models import Visit
from portfolio.route import Route, ordered_route
from portfolio.selectors.agenda import Slot, State, agendas_of, by_day, may_plan, own_representative, slots, state_of, visits_within
from portfolio.services.planning import CANCEL_REASONS, SKIPPED
from portfolio.services.visits import may_edit
from portfolio.templatetags.route import Stop
from portfolio.views.common import is_partial
from portfolio.workdays import holiday_name, is_workday, next_workday

TAGS = {
    State.PLANNED: ("", "clock", gettext_lazy("Marcada")),
    State.LATE: ("warn", "clock", gettext_lazy("Atrasada")),
    State.MISSED: ("bad", "circle-alert", gettext_lazy("Não feita")),
    State.DONE: ("ok", "check", gettext_lazy("Feita")),
    State.CANCELLED: ("", "ban", gettext_lazy("Cancelada")),
}
VIEWS = ("week", "day")


@dataclass(frozen=True)
class Shown:
    """A visit as it is drawn: where it stands in words, and its number in the route (None: out of it)."""

    slot: Slot
    state: State
    tag: tuple[str, str, Any]
    number: int | None
    url: str
    after_hour: str  # town, class and why it was cancelled, as they follow the hour


@dataclass(frozen=True)
class Day:
    on: date
    holiday: str
    works: bool
    today: bool
    chosen: bool
    shown: list[Shown]
    url: str

    @property
    def n(self) -> int:
        return sum(each.state != State.CANCELLED for each in self.shown)

    @property
    def n_done(self) -> int:
        return sum(each.state == State.DONE for each in self.shown)

    @property
    def missing(self) -> int:
        return sum(each.state in (State.LATE, State.MISSED) for each in self.shown)


@dataclass(frozen=True)
class Desk:
    """Whose agenda, which days, at what moment: read from the address."""

    base: str
    representative: Representative | None
    own: bool
    on: date
    view: str
    today: date
    at: datetime
    reach: Reach

    def url(self, **changes: Any) -> str:
        wanted = {"on": self.on, "view": self.view} | changes
        query = {} if wanted["on"] == self.today else {"on": wanted["on"].isoformat()}
        query |= {"view": "day"} if wanted["view"] == "day" else {}
        query |= {"rep": self.representative.pk} if self.representative and not self.own else {}
        return f"{self.base}?{urlencode(query)}" if query else self.base

    @property
    def monday(self) -> date:
        return self.on - timedelta(days=self.on.weekday())


def desk_of(request: HttpRequest, query: QueryDict | None = None) -> Desk:
    """The agenda that ``query`` (the request's own unless given) asks for; another team's representative is not found."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    query, at = request.GET if query is None else query, timezone.now()
    today = local_day(organization, at=at)
    own, number = own_representative(member), query.get("rep", "")
    representative = own
    if number:
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            raise Http404
        representative = get_object_or_404(agendas_of(member), pk=int(number))
    return Desk(
        base=reverse("portfolio:agenda", args=[organization.slug]),
        representative=representative,
        own=representative is not None and own is not None and representative.pk == own.pk,
        on=day_in(query.get("on", "")) or today,
        view="day" if query.get("view") == "day" else "week",
        today=today,
        at=at,
        reach=reach_of(member),
    )


def day_in(text: str) -> date | None:
    """The day a text names in ISO 8601, if it is one that days around it can be counted from."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


@require_GET
@vary_on_headers("HX-Request")
def agenda(request: HttpRequest) -> HttpResponse:
    """A week of visits, or a day of them; a phone sees the chosen day of either."""
    desk = desk_of(request)
    response = answer(request, desk)
    if desk.own and desk.on == desk.today and not is_partial(request):
        response.headers["X-Offline"] = "keep"
    return response


def answer(request: HttpRequest, desk: Desk, **extra: Any) -> HttpResponse:
    """The page, or for htmx its fragment; ``extra`` may carry a toast."""
    context = agenda_context(request, desk) | extra
    if is_partial(request):
        response = render(request, "portfolio/_agenda.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response
    return render(request, "portfolio/agenda.html", context)


def agenda_context(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "desk": desk,
        "may_plan": may_plan(member) and desk.representative is not None,
        "is_admin": member.role == Role.ADMIN,
        "has_feed": desk.own,
    }
    if member.role != Role.REPRESENTATIVE:
        context["people"] = [(pk, f"{code} {name}") for pk, code, name in agendas_of(member).values_list("pk", "code", "name")]
    if desk.representative is None:
        return context
    person, monday = desk.representative, desk.monday
    found = by_day(slots(person, desk.reach, first=monday, last=monday + timedelta(days=6)))
    days = [_day(desk, organization, monday + timedelta(days=n), found.get(monday + timedelta(days=n), [])) for n in range(7)]
    chosen = next(day for day in days if day.chosen)
    route = suggestion(desk, chosen)
    step = 7 if desk.view == "week" else 1
    return context | {
        "days": days,
        # An empty weekend takes no column.
        "columns": [day for day in days if day.on.weekday() < 5 or day.shown or day.today or day.chosen],
        "chosen": chosen,
        "any": any(day.shown for day in days),
        "before_url": desk.url(on=desk.on - timedelta(days=step)),
        "after_url": desk.url(on=desk.on + timedelta(days=step)),
        "day_before_url": desk.url(on=desk.on - timedelta(days=1)),
        "day_after_url": desk.url(on=desk.on + timedelta(days=1)),
        "today_url": desk.url(on=desk.today),
        "day_url": desk.url(view="day"),
        "week_url": desk.url(view="week"),
        "export_query": urlencode({"rep": person.pk, "on": desk.on.isoformat(), "view": desk.view}),
        "route": route,
        "shorter": route is not None and route.km_after < route.km_before - 0.1,
        "stops": [
            Stop(each.slot.latitude, each.slot.longitude, str(each.slot), _tone(each, chosen), each.slot.city)
            for each in chosen.shown
            if each.number
        ],
        "n_nowhere": sum(each.number is not None and each.slot.latitude is None for each in chosen.shown),
        "start": (person.latitude, person.longitude),
    }


def _day(desk: Desk, organization: Any, on: date, found: list[Slot]) -> Day:
    state = desk.representative.base_state if desk.representative else ""
    number, shown, page = 0, [], reverse("portfolio:agenda_visit", args=[organization.slug, 0]).removesuffix("0/")
    for slot in found:
        stands = slot.state(at=desk.at, today=desk.today)
        number += stands != State.CANCELLED
        curve = _("curva %(abc)s") % {"abc": slot.abc} if slot.abc else ""
        words = " · ".join(filter(None, [slot.city, curve, slot.cancel_reason and _(slot.cancel_reason)]))
        place = number if stands != State.CANCELLED else None
        shown.append(Shown(slot, stands, TAGS[stands], place, f"{page}{slot.pk}/", words))
    return Day(
        on=on,
        holiday=holiday_name(on, organization.country, state, get_language() or ""),
        works=is_workday(on, organization.country, state),
        today=on == desk.today,
        chosen=on == desk.on,
        shown=shown,
        url=desk.url(on=on, view="day"),
    )


def _tone(each: Shown, day: Day) -> str:
    if each.state == State.DONE:
        return "done"
    first = next((one for one in day.shown if one.slot.waits), None)
    return "now" if day.today and first is each else ""


def waiting_on(day: Day) -> list[Slot]:
    """The day's visits still to be made, in their order."""
    return [each.slot for each in day.shown if each.slot.waits]


def suggestion(desk: Desk, day: Day) -> Route | None:
    """A short order of what is still to be visited, from the last place visited that day or from the base; None under two."""
    waiting = waiting_on(day)
    if len(waiting) < 2 or len(waiting) > 60 or desk.representative is None:
        return None
    done = [each.slot for each in day.shown if each.state == State.DONE and each.slot.latitude is not None]
    last = max(done, key=lambda slot: slot.visited_at or desk.at, default=None)
    start = (last.latitude, last.longitude) if last else (desk.representative.latitude, desk.representative.longitude)
    hours = [slot.planned_at.timestamp() if slot.planned_at else None for slot in waiting]
    return ordered_route([(slot.latitude, slot.longitude) for slot in waiting], start, hours=hours)


def visit_or_404(request: HttpRequest, number: int) -> Visit:
    """A visit of an agenda one sees, to a client within reach."""
    member = request.membership  # type: ignore[attr-defined]
    seen = visits_within(reach_of(member)).filter(representative__in=agendas_of(member).order_by().values("pk"))
    return get_object_or_404(seen.select_related("client", "representative"), pk=number)


@require_GET
@vary_on_headers("HX-Request")
def visit(request: HttpRequest, number: int) -> HttpResponse:
    """One visit: when, where it stands, and what can be done with it."""
    found = visit_or_404(request, number)
    template = "portfolio/_agenda_visit.html" if is_partial(request) else "portfolio/agenda_visit.html"
    response = render(request, template, sheet_context(request, found))
    if is_partial(request):
        response.headers["Cache-Control"] = "no-store"
    return response


def sheet_context(request: HttpRequest, found: Visit) -> dict[str, Any]:
    organization, member, at = request.organization, request.membership, timezone.now()  # type: ignore[attr-defined]
    today, person = local_day(organization, at=at), found.representative
    stands = state_of(found, at=at, today=today)
    tomorrow = next_workday(today, organization.country, person.base_state)
    week = max(found.planned_on or today, today - timedelta(days=6)) + timedelta(days=7)
    if not is_workday(week, organization.country, person.base_state):
        week = next_workday(week, organization.country, person.base_state)
    return {
        "visit": found,
        "state": stands,
        "tag": TAGS[stands],
        "today": today,
        "may_plan": may_plan(member),
        "may_edit": found.visited_at is not None and may_edit(found, member),
        "waits": stands in (State.PLANNED, State.LATE, State.MISSED),
        "tomorrow": tomorrow,
        "tomorrow_is_next_day": tomorrow == today + timedelta(days=1),
        "next_week": week,
        "reasons": [(reason, _(reason)) for reason in CANCEL_REASONS if reason != SKIPPED],
        "cancel_reason": _(found.cancel_reason) if found.cancel_reason else "",
        "back": desk_back(request, found),
    }


def desk_back(request: HttpRequest, found: Visit) -> str:
    """The agenda's day the visit stands in."""
    own = own_representative(request.membership)  # type: ignore[attr-defined]
    query: dict[str, Any] = {"on": found.visited_on or found.planned_on}
    if own is None or own.pk != found.representative_id:
        query["rep"] = found.representative_id
    return reverse("portfolio:agenda", args=[request.organization.slug]) + "?" + urlencode(query)  # type: ignore[attr-defined]


def query_here(request: HttpRequest) -> QueryDict | None:
    """The query of the agenda the person is looking at, if it is one they act from."""
    url = urlsplit(request.htmx.current_url or "") if request.htmx else None  # type: ignore[attr-defined]
    if url is None or url.path != reverse("portfolio:agenda", args=[request.organization.slug]):  # type: ignore[attr-defined]
        return None
    return QueryDict(url.query[:2_000])

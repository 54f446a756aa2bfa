"""The calendar of runs: a month of what ran and what will, holidays, quiet periods, reviews that expire."""

from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Organization
from accounts.selectors import local_day
from portfolio.workdays import holidays_in
from rotation.engine.rules import parse_rule
from rotation.errors import BadDay
from rotation.models import QuietPeriod
from rotation.selectors.calendar import CalendarDay, days_of, quiet_periods, states_served
from rotation.services.quiet import add_quiet_period, remove_quiet_period
from rotation.services.schedule import next_occurrence, rules_in_force
from rotation.views.common import ADMINS, LEADERS, only, paged
from rotation.views.rules import writes

_FAR = 24  # months to either side that the calendar turns to


class QuietForm(forms.Form):
    """A period in which no run starts, its last day included."""

    starts_on = forms.DateField(label=gettext_lazy("De"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last_on = forms.DateField(label=gettext_lazy("Até"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    reason = forms.CharField(label=gettext_lazy("Motivo"), max_length=120)


@require_http_methods(["GET", "POST"])
@only(LEADERS)
@paged
def calendar(request: HttpRequest) -> HttpResponse:
    """The month asked for, or this one; POST adds a quiet period."""
    organization: Organization = request.organization  # type: ignore[attr-defined]
    at = timezone.now()
    today = local_day(organization, at=at)
    first = _month(request.GET.get("month", ""), today)
    form = QuietForm(request.POST or None)
    if request.method == "POST":
        if not writes(request):
            raise Http404
        if form.is_valid():
            try:
                add_quiet_period(**form.cleaned_data, by=request.membership)  # type: ignore[attr-defined]
            except BadDay as refusal:
                form.add_error(refusal.field or None, str(refusal))
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("Período de silêncio salvo. Nenhum giro começa sozinho nesses dias."))
                return redirect(f"{request.path}?month={form.cleaned_data['starts_on']:%Y-%m}")
    following = (first + timedelta(days=32)).replace(day=1)
    start = first - timedelta(days=first.weekday())
    last = following - timedelta(days=1)
    last += timedelta(days=6 - last.weekday())
    days = days_of(organization, start, last)
    _add_holidays(days, organization)
    upcoming = _add_due(days, organization, at, last)
    listed = list(days.values())
    context: dict[str, Any] = {
        "first": first,
        "today": today,
        "weeks": [listed[i : i + 7] for i in range(0, len(listed), 7)],
        "listed": [day for day in listed if day.on.month == first.month and _anything(day)],
        "earlier": (first - timedelta(days=1)).strftime("%Y-%m") if _within(first - timedelta(days=1), today) else "",
        "later": following.strftime("%Y-%m") if _within(following, today) else "",
        "upcoming": upcoming,
        "periods": quiet_periods(today, today + timedelta(days=730)),
        "form": form,
        "writes": writes(request),
    }
    return render(request, "rotation/calendar.html", context, status=422 if form.errors else 200)


@require_POST
@only(ADMINS)
def remove_quiet(request: HttpRequest, period: int) -> HttpResponse:
    """Let runs start on those days again."""
    found = QuietPeriod.objects.filter(pk=period).first()
    if found is None:
        raise Http404
    try:
        remove_quiet_period(found, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Período tirado: os giros voltam a começar nesses dias."))
    return redirect("rotation:schedule", request.organization.slug)  # type: ignore[attr-defined]


def _month(text: str, today: date) -> date:
    """The first day of the month an address names; of this month where it names none, or one too far."""
    try:
        first = datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        return today.replace(day=1)
    return first if _within(first, today) else today.replace(day=1)


def _within(day: date, today: date) -> bool:
    return abs((day.year - today.year) * 12 + day.month - today.month) <= _FAR


def _add_holidays(days: dict[date, CalendarDay], organization: Organization) -> None:
    """Holidays of the country, and of each state where somebody has their base, with the states that keep them."""
    states = states_served()
    language = get_language() or organization.language
    for day in days.values():
        national = holidays_in(day.on.year, organization.country, "", language).get(day.on)
        if national:
            day.holidays.append(national)
            continue
        kept: dict[str, list[str]] = {}
        for state in states:
            if name := holidays_in(day.on.year, organization.country, state, language).get(day.on):
                kept.setdefault(name, []).append(state)
        day.holidays += [f"{name} ({', '.join(where)})" for name, where in kept.items()]


def _add_due(days: dict[date, CalendarDay], organization: Organization, at: datetime, last: date) -> list[tuple[datetime, str]]:
    """Each run the schedule will start up to ``last``, on its day; the next one of each rule. None on quiet days."""
    upcoming = []
    for rule, version in rules_in_force():
        schedule = parse_rule(version.definition, accepted=True).schedule
        moment = next_occurrence(schedule, organization.zone, at)
        first = True
        while moment is not None and moment.astimezone(organization.zone).date() <= last:
            day = days.get(moment.astimezone(organization.zone).date())
            if day is None or not day.quiet:
                if day is not None:
                    day.due.append((moment, rule.name))
                if first:
                    upcoming.append((moment, rule.name))
                    first = False
            moment = next_occurrence(schedule, organization.zone, moment)
    return sorted(upcoming)


def _anything(day: CalendarDay) -> bool:
    return bool(day.runs or day.due or day.expiring or day.beginning or day.holidays or day.quiet)

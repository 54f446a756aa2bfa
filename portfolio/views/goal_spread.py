"""Spreading a year's goal: a total or a growth, shared out by last year and season, mended in the table, written at once."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Team
from accounts.selectors import representatives_visible_to, team_ids_under
from accounts.templatetags.formats import decimal
from clients.imports.values import Unreadable
from portfolio.goal_spread import Past, expected_total, spread_goal
from portfolio.models import Goal
from portfolio.selectors.goal_history import past_of
from portfolio.selectors.goals import month_of
from portfolio.services.goals import set_goals_of_months
from portfolio.views.common import today_of
from portfolio.views.goals import SETTERS, _read, _unit, _written

Measure = Goal.Measure
MOST_PEOPLE = 60
Cells = dict[tuple[int, date], int]


@require_http_methods(["GET", "HEAD", "POST"])
def spread(request: HttpRequest) -> HttpResponse:
    """The proposal is the address (measure, year, team, total or growth); POST writes the table, all of it or nothing."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    if member.role not in SETTERS:
        raise Http404
    today = today_of(request)
    measure, year, team = _asked(request, today)
    months = [month for month in (date(year, n, 1) for n in range(1, 13)) if month >= month_of(today)]
    people = _people(member, team, today)
    here = reverse("portfolio:spread_goals", args=[member.organization.slug])
    tail = f"&team={team}" if team else ""
    context: dict[str, Any] = {
        "measure": measure,
        "measure_label": Measure(measure).label,
        "unit": _unit(request, measure),
        "year": year,
        "months": months,
        "tabs": [
            (f"{here}?measure={m}&year={year}" + (f"&team={team}" if team else ""), label, m == measure) for m, label in Measure.choices
        ],
        "years": [
            (y, f"{here}?measure={measure}&year={y}" + (f"&team={team}" if team else ""), y == year) for y in (today.year, today.year + 1)
        ],
        "teams": _teams(member),
        "team": team,
        "action": f"{here}?measure={measure}&year={year}{tail}",
        "here": here,
        "back": reverse("portfolio:goals", args=[member.organization.slug]),
        "is_mean": measure in Goal.MEANS,
    }
    if len(people) > MOST_PEOPLE:
        return render(request, "portfolio/goals_spread.html", context | {"too_many": len(people)})
    if request.method == "POST":
        return _posted(request, context, people, months, measure)
    past = past_of(people, measure, as_of=today)
    usual = expected_total(past, [each.pk for each in people], months)
    if measure in Goal.MEANS and people:
        usual = round(usual / (len(people) * len(months)))
    context |= {"usual": _usual(request, usual, measure), "known": past.n_months, "n_people": len(people)}
    total, error, field = _total(request, usual, measure)
    context |= {"error": error, "field": field, "typed_total": request.GET.get("total", ""), "typed_growth": request.GET.get("growth", "")}
    if total is not None and people:
        context |= _grid(_proposed(past, people, months, total, measure), people, months, measure) | {"total": _written(total, measure)}
    return render(request, "portfolio/goals_spread.html", context, status=422 if error else 200)


def _usual(request: HttpRequest, usual: int, measure: str) -> str:
    """The level of the last year as its help says it; money with its sign, "" where there is none yet."""
    words = _written(usual or None, measure)
    return f"{_unit(request, measure)} {words}" if words and measure == Measure.REVENUE else words


def _asked(request: HttpRequest, today: date) -> tuple[str, int, int | None]:
    measure, year, team = request.GET.get("measure", Measure.REVENUE), request.GET.get("year", ""), request.GET.get("team", "")
    if measure not in Measure.values or year not in ("", str(today.year), str(today.year + 1)):
        raise Http404
    if team and not (team.isascii() and team.isdigit() and len(team) < 16):
        raise Http404
    return measure, int(year) if year else today.year + 1, int(team) if team else None


def _people(member: Membership, team: int | None, today: date) -> list[Representative]:
    found = representatives_visible_to(member)
    if team is not None:
        found = found.filter(team_id__in=team_ids_under(team))
    rows = found.order_by("code", "pk")
    return [each for each in rows if each.valid_to is None or each.valid_to > today]


def _teams(member: Membership) -> list[tuple[int, str]]:
    with_people = representatives_visible_to(member).exclude(team=None).values("team_id")
    return list(Team.objects.filter(pk__in=with_people).order_by("name").values_list("pk", "name"))


def _total(request: HttpRequest, usual: int, measure: str) -> tuple[int | None, str, str]:
    """What was asked for, in the measure's unit; what cannot be read of it, and where. None: nothing was asked yet."""
    total, growth = request.GET.get("total", "").strip(), request.GET.get("growth", "").strip()
    if total:
        try:
            return _read(total, measure), "", ""
        except Unreadable as problem:
            return None, str(problem), "total"
    if not growth:
        return None, "", ""
    try:
        rate = Decimal(growth.replace(",", ".").rstrip("% "))
    except ArithmeticError:
        rate = Decimal("NaN")
    if not rate.is_finite() or not -90 <= rate <= 500:
        return None, _("use um crescimento entre -90 e 500 por cento"), "growth"
    if not usual:
        return None, _("não há histórico de que crescer; diga o total"), "growth"
    unit = 100 if measure == Measure.REVENUE else 1
    return int((usual * (1 + rate / 100) / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * unit, "", ""


def _proposed(past: Past, people: list[Representative], months: list[date], total: int, measure: str) -> Cells:
    ids = [each.pk for each in people]
    if measure == Measure.REVENUE and total % 100 == 0:
        # A target in cents is no target anybody remembers: a total in whole units is shared out in whole units.
        return {cell: 100 * units for cell, units in spread_goal(past, ids, months, total // 100).items()}
    return spread_goal(past, ids, months, total * len(people) * len(months) if measure in Goal.MEANS else total)


def _grid(
    cells: Cells, people: list[Representative], months: list[date], measure: str, typed: Any = None, errors: Any = None
) -> dict[str, Any]:
    typed, errors = typed or {}, errors or {}
    rows = []
    for each in people:
        row = []
        for month in months:
            name = f"{each.pk}-{month:%Y-%m}"
            value = typed.get(name, _written(cells.get((each.pk, month)) or None, measure))
            row.append({"name": name, "value": value, "month": month, "error": errors.get(name, "")})
        rows.append((each, row, _sum([cells.get((each.pk, month), 0) for month in months], measure)))
    sums = [_sum([cells.get((each.pk, month), 0) for each in people], measure) for month in months]
    return {"rows": rows, "sums": sums, "whole": _sum(list(cells.values()), measure)}


def _sum(values: list[int], measure: str) -> str:
    """What the cells add up to; of a mean, their mean."""
    if measure in Goal.MEANS:
        return decimal(Decimal(sum(values)) / 100 / len(values), 2) if values else ""
    return _written(sum(values) or None, measure)


def _posted(request: HttpRequest, context: dict[str, Any], people: list[Representative], months: list[date], measure: str) -> HttpResponse:
    cells: dict[tuple[date, int, str], int | None] = {}
    errors: dict[str, str] = {}
    typed = {}
    for each in people:
        for month in months:
            name = f"{each.pk}-{month:%Y-%m}"
            typed[name] = request.POST.get(name, "").strip()
            if not typed[name]:
                continue  # an empty cell leaves what stands
            try:
                cells[month, each.pk, measure] = _read(typed[name], measure)
            except Unreadable as problem:
                errors[name] = str(problem)
    if errors:
        known = {(person, month): target or 0 for (month, person, _measure), target in cells.items()}
        context |= _grid(known, people, months, measure, typed, errors) | {"errors": errors}
        return render(request, "portfolio/goals_spread.html", context, status=422)
    try:
        n = set_goals_of_months(cells, by=request.membership)  # type: ignore[attr-defined]
    except NotAllowed:
        raise Http404 from None
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect(context["action"])
    messages.success(request, ngettext("%(n)s meta salva.", "%(n)s metas salvas.", n) % {"n": n} if n else _("Nada mudou."))
    first = months[0]
    return redirect(f"{context['back']}?month={first:%Y-%m}")

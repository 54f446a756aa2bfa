"""Metas: what each representative is to reach in a month, what they reached, who is missing; and setting them."""

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.templatetags.formats import decimal, symbol
from clients.imports.values import Place, Unreadable, number
from clients.selectors.visibility import clients_visible_to
from portfolio.models import Goal
from portfolio.selectors.goals import (
    HAS_MISSING,
    MOST_MISSING,
    goal_lines,
    goals_by_representative,
    missing_clients,
    month_of,
    next_month,
    pace_of,
    previous_month,
)
from portfolio.services.goals import set_goals
from portfolio.views.common import today_of

Measure = Goal.Measure
PER_PAGE = 50
FARTHEST = timedelta(days=750)  # months beyond this, back or ahead, are a slip of the address
SETTERS = (Role.ADMIN, Role.MANAGER)
_MONTH = re.compile(r"(\d{4})-(\d{2})")


def _month(request: HttpRequest, today: date) -> date:
    text = request.GET.get("month", "")
    if not text:
        return month_of(today)
    match = _MONTH.fullmatch(text)
    try:
        month = date(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        month = None
    if month is None or abs(month - today) > FARTHEST:
        raise Http404
    return month


def _chooser(month: date, here: str, extra: str = "") -> dict[str, Any]:
    """The month shown and the addresses of those beside it."""
    return {
        "month": month,
        "previous_url": f"{here}?month={previous_month(month):%Y-%m}{extra}",
        "next_url": f"{here}?month={next_month(month):%Y-%m}{extra}",
    }


def _pages(page: Any, here: str, month: date) -> dict[str, str] | None:
    """Where one is among the representatives, and the addresses of the pages beside; None where one page holds them all."""
    if page.paginator.num_pages < 2:
        return None
    address = f"{here}?month={month:%Y-%m}&page="
    return {
        "summary": _("página %(n)s de %(of)s") % {"n": page.number, "of": page.paginator.num_pages},
        "previous": f"{address}{page.previous_page_number()}" if page.has_previous() else "",
        "next": f"{address}{page.next_page_number()}" if page.has_next() else "",
    }


@require_GET
def goals(request: HttpRequest) -> HttpResponse:
    """One's own month; who leads sees each representative of the team, and one of them by ``?rep=``."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    today = today_of(request)
    month = _month(request, today)
    here = reverse("portfolio:goals", args=[request.organization.slug])  # type: ignore[attr-defined]
    people = representatives_visible_to(member).select_related("organization").order_by("code", "pk")
    context: dict[str, Any] = {"today": today, "sets": member.role in SETTERS}
    if member.role == Role.REPRESENTATIVE or request.GET.get("rep"):
        one = _one(request, people)
        context |= _chooser(month, here, f"&rep={one.pk}" if one and request.GET.get("rep") else "")
        if one is not None:
            context["representative"] = one
            context["lines"] = goal_lines([one.pk], month, today, every=True)
            context["pace"] = pace_of(month, as_of=today, country=one.organization.country, state=one.base_state)
        return render(request, "portfolio/goals.html", context)
    page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
    context |= _chooser(month, here)
    shown = list(page.object_list)
    by_person = goals_by_representative(shown, month, as_of=today, every=True)
    context |= {
        "pages": _pages(page, here, month),
        "rows": [(each, by_person[each.pk]) for each in shown],
        "totals": goal_lines([each.pk for each in shown], month, today, every=True) if len(shown) > 1 else [],
        "measures": Measure.choices,
        "any": any(line.target for lines in by_person.values() for line in lines),
        "set_url": f"{reverse('portfolio:set_goals', args=[request.organization.slug])}?month={month:%Y-%m}",  # type: ignore[attr-defined]
    }
    return render(request, "portfolio/goals_team.html", context)


def _one(request: HttpRequest, people: Any) -> Representative | None:
    """The representative asked for, within reach; one's own where none is. A sales member may have none."""
    number = request.GET.get("rep", "")
    if not number:
        return people.first()
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        raise Http404
    return get_object_or_404(people, pk=int(number))


@require_GET
def missing(request: HttpRequest) -> HttpResponse:
    """The clients still missing for one goal of one representative: who has not bought, or was not visited."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    today = today_of(request)
    month = _month(request, today)
    measure = request.GET.get("measure", Measure.BUYERS)
    if measure not in HAS_MISSING:
        raise Http404
    one = _one(request, representatives_visible_to(member).select_related("organization"))
    if one is None:
        raise Http404
    rows = missing_clients(one, month, measure, as_of=today, visible=clients_visible_to(member))
    context = {
        "representative": one,
        "month": month,
        "measure": measure,
        "rows": rows,
        "more": len(rows) == MOST_MISSING,
        "back": f"{reverse('portfolio:goals', args=[request.organization.slug])}?month={month:%Y-%m}"  # type: ignore[attr-defined]
        + (f"&rep={one.pk}" if member.role != Role.REPRESENTATIVE else ""),
    }
    return render(request, "portfolio/goal_missing.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def set_month(request: HttpRequest) -> HttpResponse:
    """The table of a month's targets; ``?copy=1`` offers last month's where this one has none."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    if member.role not in SETTERS:
        raise Http404
    today = today_of(request)
    month = _month(request, today)
    page = Paginator(representatives_visible_to(member).order_by("code", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    people = list(page.object_list)
    held = _targets(people, month)
    errors: dict[tuple[int, str], str] = {}
    if request.method == "POST":
        cells, errors = _posted(request, people)
        if not errors:
            return _set(request, month, cells, page)
    copied = _targets(people, previous_month(month)) if request.GET.get("copy") and request.method != "POST" else {}
    here = reverse("portfolio:set_goals", args=[request.organization.slug])  # type: ignore[attr-defined]
    context = _chooser(month, here) | {
        "page": page,
        "pages": _pages(page, here, month),
        "rows": [(each, [_cell(request, each, measure, held, copied, errors) for measure in Measure.values]) for each in people],
        "measures": [(label, _unit(request, measure)) for measure, label in Measure.choices],
        "errors": errors,
        "copied": len([cell for cell in copied if cell not in held]),
        "copy_url": f"{here}?month={month:%Y-%m}&copy=1&page={page.number}",
        "copying": bool(request.GET.get("copy")),
        "back": f"{reverse('portfolio:goals', args=[request.organization.slug])}?month={month:%Y-%m}",  # type: ignore[attr-defined]
    }
    return render(request, "portfolio/goals_set.html", context, status=422 if errors else 200)


def _set(request: HttpRequest, month: date, cells: dict[tuple[int, str], int | None], page: Any) -> HttpResponse:
    try:
        n = set_goals(month, cells, by=request.membership)  # type: ignore[attr-defined]
    except NotAllowed:
        raise Http404 from None
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect(request.get_full_path())
    messages.success(request, ngettext("%(n)s meta salva.", "%(n)s metas salvas.", n) % {"n": n} if n else _("Nada mudou."))
    slug = request.organization.slug  # type: ignore[attr-defined]
    return redirect(f"{reverse('portfolio:goals', args=[slug])}?month={month:%Y-%m}&page={page.number}")


def _targets(people: list[Representative], month: date) -> dict[tuple[int, str], int]:
    rows = Goal.objects.filter(month=month, representative_id__in=[each.pk for each in people])
    return {(pk, measure): target for pk, measure, target in rows.values_list("representative_id", "measure", "target")}


def _posted(request: HttpRequest, people: list[Representative]) -> tuple[dict[tuple[int, str], int | None], dict[tuple[int, str], str]]:
    """The cells somebody changed in the form, and what cannot be read in them: another's change of another cell stays."""
    cells: dict[tuple[int, str], int | None] = {}
    errors: dict[tuple[int, str], str] = {}
    for each in people:
        for measure in Measure.values:
            name = f"{each.pk}-{measure}"
            typed = request.POST.get(name, "").strip()
            if name not in request.POST or typed == request.POST.get(f"was-{name}", "").strip():
                continue
            try:
                cells[each.pk, measure] = _read(typed, measure) if typed else None
            except Unreadable as problem:
                errors[each.pk, measure] = str(problem)
    return cells, errors


def _read(typed: str, measure: str) -> int:
    """A number as people write it in the language in force; money and means come with two decimals."""
    mark = "." if (get_language() or "pt-br").startswith("en") else ","
    value = number(typed, Place(zone=None, decimal=mark))  # type: ignore[arg-type]  # a number has no zone
    if measure in {Measure.REVENUE, *Goal.MEANS}:
        value = (value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    if value != value.to_integral_value():
        raise Unreadable(_("use um número inteiro"))
    if not 0 < value <= 10**12:
        raise Unreadable(_("use um número maior que zero"))
    if measure == Measure.RATING and not 100 <= value <= 500:
        raise Unreadable(_("use uma nota de 1 a 5"))
    return int(value)


def _written(target: int | None, measure: str) -> str:
    if target is None:
        return ""
    if measure == Measure.REVENUE:
        return decimal(Decimal(target) / 100, 2 if target % 100 else 0)
    return decimal(Decimal(target) / 100, 2) if measure in Goal.MEANS else decimal(target)


def _unit(request: HttpRequest, measure: str) -> str:
    words = {
        Measure.BUYERS: _("clientes"),
        Measure.REVENUE: symbol(request.organization.currency),  # type: ignore[attr-defined]
        Measure.MIX: _("produtos por cliente"),
        Measure.VISITS: _("feitas"),
        Measure.REPORTS: _("em até 24 h"),
        Measure.RATING: _("de 1 a 5"),
    }
    return str(words[Measure(measure)])


def _cell(request: HttpRequest, each: Representative, measure: str, held: dict, copied: dict, errors: dict) -> dict[str, str]:
    cell, name = (each.pk, measure), f"{each.pk}-{measure}"
    was = _written(held.get(cell), measure)
    value = request.POST.get(name, was) if request.method == "POST" else was or _written(copied.get(cell), measure)
    word = str(Measure(measure).label)
    shown = {"measure": word, "unit": _unit(request, measure), "label": f"{word}, {each.name}"}
    return {"name": name, "was": was, "value": value, "error": errors.get(cell, ""), **shown}

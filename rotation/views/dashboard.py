"""Painel: what the company, a team or one person did in some months, and what waits. Each part has an address of its own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from accounts.models import Representative
from accounts.shell import PLACES, served
from accounts.templatetags import formats
from clients.models.score import HORIZON_DAYS
from clients.selectors.lifecycle import SCORES_HOLD_DAYS
from portfolio.models import Goal
from portfolio.selectors import figures
from portfolio.selectors.goals import pace_of
from portfolio.views.common import today_of
from rotation.models import RotationSettings
from rotation.panel import Asked, back, teams_visible_to
from rotation.panel_indicators import indicator_rows
from rotation.panel_table import SORTS, people_rows
from rotation.selectors.scores import latest_scoring
from rotation.selectors.waiting import received_age
from rotation.templatetags.panel import Bar
from rotation.views.common import LEADERS, only, paged, partial

STALE_HOURS = 36  # what a rule takes for stale unless it says otherwise
TOP = 8
MONTHS_OFFERED = 12


def asked_of(request: HttpRequest) -> Asked:
    return Asked.of(request.membership, request.GET, today=today_of(request))  # type: ignore[attr-defined]


@require_GET
@only(LEADERS)
@paged
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page: the numbers and what waits at once; the cards come by themselves, or by their links without a script."""
    asked = asked_of(request)
    context = shown(request, asked) | strip(asked) | todo(request, asked)
    context["cards"] = [(name, title) for name, (title, _make, later) in PARTS.items() if later]
    return render(request, "rotation/dashboard/page.html", context)


@require_GET
@only(LEADERS)
@paged
def part(request: HttpRequest, name: str) -> HttpResponse:
    """One card: alone for htmx, on a page of its own for whoever follows its link."""
    if name not in PARTS:
        raise Http404
    title, make, _later = PARTS[name]
    asked = asked_of(request)
    context = shown(request, asked) | make(request, asked) | {"part": f"rotation/dashboard/_{name}.html", "title": title}
    return render(request, context["part"] if partial(request) else "rotation/dashboard/part.html", context)


def shown(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What every part says of the months and people it speaks of, and the links that carry them on."""
    slug = request.organization.slug  # type: ignore[attr-defined]
    return {"asked": asked, "query": asked.query(), "base": reverse("rotation:dashboard", args=[slug]), "slug": slug} | choosers(
        asked, slug
    )


def choosers(asked: Asked, slug: str) -> dict[str, Any]:
    """The months, spans and teams one may change to, as links."""
    here = reverse("rotation:dashboard", args=[slug])
    this = asked.today.replace(day=1)
    months = [back(this, n) for n in range(MONTHS_OFFERED)]
    spans = [
        (_("Trimestre"), asked.query(period="quarter"), asked.period == "quarter"),
        (_("12 meses"), asked.query(period="year"), asked.period == "year"),
    ]
    return {
        "months": [
            (m, f"{here}?{asked.query(period='month', month=f'{m:%Y-%m}')}", asked.period == "month" and m == asked.month) for m in months
        ],
        "spans": [(label, f"{here}?{query}", current) for label, query, current in spans],
        "teams": [
            (team, f"{here}?{asked.query(team=team.pk, rep=None)}", team == asked.team)
            for team in teams_visible_to(asked.member).order_by("name")
        ],
        "everyone_url": f"{here}?{asked.query(team=None, rep=None)}",
    }


def rows_url(asked: Asked, what: str, **more: Any) -> str:
    """Where the clients behind a number are listed."""
    address = reverse("rotation:dashboard_rows", args=[asked.member.organization.slug, what])
    query = asked.query(**more)
    return f"{address}?{query}" if query else address


def _change(now: float | None, before: float | None) -> float | None:
    return (now - before) / before if now is not None and before else None


def _trend(change: float | None, places: int = 1) -> dict[str, Any]:
    """A change as the strip says it: sign, words and tone."""
    if change is None:
        return {"note": "", "tone": ""}
    sign = "▲" if change > 0 else "▼" if change < 0 else "="
    return {"note": f"{sign} {formats.decimal(abs(change) * 100, places)}%", "tone": "ok" if change > 0 else "bad" if change < 0 else ""}


def _points(now: float | None, before: float | None) -> dict[str, Any]:
    """The same for shares, whose difference is told in percentage points."""
    if now is None or before is None:
        return {"note": "", "tone": ""}
    difference = round(100 * now) - round(100 * before)
    sign = "▲" if difference > 0 else "▼" if difference < 0 else "="
    note = _("%(sign)s %(n)s p.p.") % {"sign": sign, "n": formats.decimal(abs(difference))}
    return {"note": note, "tone": "ok" if difference > 0 else "bad" if difference < 0 else ""}


def strip(asked: Asked) -> dict[str, Any]:
    """Five numbers as they are: what the page can say at once."""
    span, people = asked.span, asked.people
    near = figures.near_inactive(asked.today, asked.limits, people)
    return {
        "sold": figures.sales(span, people, each=False).total,
        "reached": figures.positivated(span, people),
        "visits_done": figures.visits_done(span, people),
        "near": near,
        "turning_on": asked.today + timedelta(days=near.soon_days),
        "waiting": asked.waiting,
        "urls": {what: rows_url(asked, what) for what in ("revenue", "buyers", "visited", "near_inactive")},
    }


def kpis(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """The strip with what each number was in the same days of the span before, and the whole months behind it."""
    found, people, before = strip(asked), asked.people, asked.span.before()
    # A month still running would look like a fall: the lines are of whole months.
    months = asked.months_sold[:12] if asked.year.partial else asked.months_sold[1:]
    whole = asked.year.before_last() if asked.year.partial else asked.year
    sold, reached, visits = (
        figures.sales(before, people, each=False).total,
        figures.positivated(before, people),
        figures.visits_done(before, people),
    )
    return found | {
        "trends": True,
        "sold_trend": _trend(_change(found["sold"].revenue_cents, sold.revenue_cents)),
        "reached_trend": _points(found["reached"].positivation, reached.positivation),
        "visits_trend": _trend(_change(found["visits_done"], visits)),
        "revenue_line": [month.revenue_cents for month in months],
        "buyers_line": [month.clients for month in months],
        "visits_line": [n for _month, n in figures.visits_by_month(whole, people)],
    }


def revenue(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Twelve months of revenue against the goals, and where the month in course is heading at its working days' pace."""
    year, people = asked.year, asked.people
    goals = Goal.objects.filter(measure=Goal.Measure.REVENUE, month__range=(year.since, year.last_month))
    if people is not None:
        goals = goals.filter(representative_id__in=people)
    asked_for = goals.order_by().values_list("month").annotate(target=Sum("target"), people=Count("representative_id"))
    wanted = {month: target for month, target, _n in asked_for}
    organization = request.organization  # type: ignore[attr-defined]
    n_with_goal = next((n for month, _target, n in asked_for if month == year.last_month), 0)
    without = _serving(asked) - n_with_goal if n_with_goal else 0
    bars = []
    for row in asked.months_sold[1:]:
        now = asked.until_now and row.month == year.last_month
        projected = None
        if now and year.partial:
            pace = pace_of(row.month, as_of=asked.today, country=organization.country)
            projected = round(row.revenue_cents / float(pace.share)) if pace.share else None
        bars.append(Bar(row.month, row.revenue_cents, wanted.get(row.month), projected, now=row.month == year.last_month))
    urls = [rows_url(asked, "revenue", period="month", month=f"{bar.month:%Y-%m}") for bar in bars]
    return {
        "bars": bars,
        "bar_rows": list(zip(bars, urls, strict=True))[::-1],
        "any_sales": any(bar.cents for bar in bars),
        "any_goal": bool(wanted),
        "n_with_goal": n_with_goal,
        "goal_of_some": without > 0,
        "goal_month": year.last_month,
        "imports_url": _place(asked, "imports/"),
    }


def _serving(asked: Asked) -> int:
    """How many people asked for serve in the last of the months."""
    serving = Representative.objects.filter(Q(valid_to=None) | Q(valid_to__gt=asked.year.last_month))
    return (serving if asked.people is None else serving.filter(pk__in=asked.people)).count()


def _place(asked: Asked, path: str) -> str:
    """The address of a place, "" while nobody serves it or where it is not this member's to open."""
    mine = asked.member.role in PLACES[path].roles
    return f"/o/{asked.member.organization.slug}/{path}" if mine and served(path, None) else ""


def todo(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What waits for this person, whatever the months looked at."""
    organization = request.organization  # type: ignore[attr-defined]
    limit = RotationSettings.objects.values_list("max_feed_age_hours", flat=True).first() or STALE_HOURS
    age = received_age(organization.orders_received_at, at=timezone.now())
    return {
        "waiting": asked.waiting,
        "stale": age is None or age > limit,
        "received_at": organization.orders_received_at,
        "imports_url": _place(asked, "imports/"),
        "load_url": _place(asked, "load/"),
        "nobodys_url": rows_url(asked, "nobody", rep=None, team=None),
    }


def reps(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """The representatives, sorted by any column; the first few on the page, all of them on the card's own."""
    sort = request.GET.get("sort", "")
    sort = sort if sort.lstrip("-") in SORTS else "-revenue"
    every = not partial(request) or "all" in request.GET
    rows = people_rows(asked, sort)
    address = reverse("rotation:dashboard_part", args=[asked.member.organization.slug, "reps"])
    query = asked.query()

    def link(column: str) -> str:
        falling = sort != f"-{column}" if column != "name" else sort == "name"
        chosen = f"sort={'-' if falling else ''}{column}"
        return f"{address}?{'&'.join(filter(None, [query, chosen, 'all=1' if every else '']))}"

    shown_rows = rows if every else rows[:TOP]
    for row in shown_rows:
        row.links = {
            what: rows_url(asked, what, rep=row.representative.pk, team=None) for what in ("revenue", "buyers", "visited", "at_risk")
        }
        row.links["panel"] = (
            f"{reverse('rotation:dashboard', args=[asked.member.organization.slug])}?{asked.query(rep=row.representative.pk, team=None)}"
        )
    return {
        "rows": shown_rows,
        "n_rows": len(rows),
        "more": not every and len(rows) > TOP,
        "sort": sort,
        "sort_links": {column: link(column) for column in SORTS},
        "all_url": f"{address}?{'&'.join(filter(None, [query, f'sort={sort}']))}",
        "any_goal": any(row.goal for row in rows),
        "export_query": "&".join(filter(None, [query, f"sort={sort}"])),
    }


def states(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Revenue by the clients' state, drawn and as a table."""
    rows = figures.sales_by_state(asked.span, asked.people)
    currency = request.organization.currency  # type: ignore[attr-defined]
    whole = sum(row.revenue_cents for row in rows)
    return {
        "states": [(row, rows_url(asked, "revenue", state=row.state or "-"), figures.share(row.revenue_cents, whole)) for row in rows],
        "shares": {row.state: max(row.revenue_cents, 0) for row in rows},
        "said": {row.state: formats.money_short(row.revenue_cents, currency) for row in rows},
    }


GROUP_WORDS = {
    "active": (gettext_lazy("Ativos"), "ok"),
    "near_inactive": (gettext_lazy("Quase inativos"), "warn"),
    "inactive": (gettext_lazy("Inativos"), "bad"),
    "one_time": (gettext_lazy("Compraram uma só vez"), "z4"),
    "delinquent": (gettext_lazy("Inadimplentes"), "z7"),
    "former": (gettext_lazy("Ex-clientes"), "z8"),
    "prospect": (gettext_lazy("Prospects"), "z5"),
    "credit_rejected": (gettext_lazy("Prospects sem crédito"), "z6"),
}


def base(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Who the clients are today: active, near-inactive, and why the others do not buy."""
    found = figures.composition(asked.today, asked.limits, asked.people)
    rows = [(word, tone, found.groups[what], rows_url(asked, what)) for what, (word, tone) in GROUP_WORDS.items()]
    return {"composition": found, "groups": rows, "parts": [(tone, group.clients) for _word, tone, group, _url in rows]}


def risk(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """R$ at risk today with its interval; nothing where no scoring speaks of these days."""
    scoring = latest_scoring(HORIZON_DAYS)
    fresh = scoring is not None and scoring.as_of >= asked.today - timedelta(days=SCORES_HOLD_DAYS)
    groups = (scoring.calibration or {}).get("groups", ()) if scoring else ()
    found = figures.revenue_at_risk(asked.today, asked.limits, asked.people, calibration=groups)
    return {"risk": found, "scoring": scoring, "fresh": fresh, "risk_url": rows_url(asked, "at_risk")}


def turnover(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What came and went in the twelve months."""
    months = figures.turnover(asked.year, asked.limits, asked.people)
    urls = [
        {what: rows_url(asked, what, period="month", month=f"{row.month:%Y-%m}") for what in ("new", "won_back", "inactivated")}
        for row in months
    ]
    return {
        "turnover": months,
        "turnover_rows": list(zip(months, urls, strict=True)),
        "any_turnover": any(r.new or r.won_back or r.inactivated for r in months),
    }


def indicators(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """Every other figure of the dictionary, with what it was before."""
    span, people, limits = asked.span, asked.people, asked.limits
    before = span.before()
    now = {
        "sold": figures.sales(span, people, each=False).total,
        "reached": figures.reached(span, people, each=False).total,
        "visits": figures.visits(span, people, each=False).total,
        "mix": figures.mix_in_all(span, people),
        "moved": figures.movement(span, limits, people, each=False).total,
        "giro": figures.moves(span, people, each=False).total,
    }
    was = {
        "sold": figures.sales(before, people, each=False).total,
        "visits": figures.visits(before, people, each=False).total,
        "mix": figures.mix_in_all(before, people),
        "moved": figures.movement(before, limits, people, each=False).total,
    }
    abc = figures.abc_composition(people, on=asked.today)
    whole = sum(group.revenue_cents for group in abc.values())
    return {
        "indicator_rows": list(indicator_rows(asked, now, was)),
        "abc_rows": [(letter, group, figures.share(group.revenue_cents, whole)) for letter, group in abc.items()],
    }


Make = Callable[[HttpRequest, Asked], dict[str, Any]]
# name: what the card is called, what it shows, and whether it comes after the page.
PARTS: dict[str, tuple[Any, Make, bool]] = {
    "kpis": (gettext_lazy("Números do período"), kpis, False),
    "revenue": (gettext_lazy("Faturamento"), revenue, True),
    "todo": (gettext_lazy("Precisa de você"), todo, False),
    "reps": (gettext_lazy("Vendedores"), reps, True),
    "states": (gettext_lazy("Faturamento por estado"), states, True),
    "base": (gettext_lazy("Composição da base"), base, True),
    "risk": (gettext_lazy("Receita em risco"), risk, True),
    "turnover": (gettext_lazy("Clientes que entraram e saíram"), turnover, True),
    "indicators": (gettext_lazy("Indicadores"), indicators, True),
}

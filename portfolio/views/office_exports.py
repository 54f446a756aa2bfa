"""The lists of the manager's room as files: absences with who covers, and the plans of a period."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.selectors import representatives_visible_to
from portfolio.selectors.plans import plan_lines
from portfolio.views.common import leaders_only, today_of
from portfolio.views.covers import TABS, absences_by_tab
from portfolio.views.exporting import MOST_ROWS, exported
from portfolio.views.plans import compared_rows, period_asked


@require_GET
@leaders_only
def covers(request: HttpRequest, form: str) -> HttpResponse:
    """The absences of one tab."""
    tab, today = request.GET.get("tab", "now"), today_of(request)
    if tab not in TABS:
        raise Http404
    rows = absences_by_tab(request.membership, today)[tab]  # type: ignore[attr-defined]
    header = [_("Quem se ausenta"), _("Quem cobre"), _("De"), _("Até"), _("Motivo")]

    def lines() -> Iterable[list[Any]]:
        for each in rows[:MOST_ROWS]:
            cover = str(each.cover) if each.cover else ""
            yield [str(each.representative), cover, each.starts_on, each.ends_on - timedelta(days=1), each.reason]

    back = f"{reverse('portfolio:covers', args=[request.organization.slug])}?tab={tab}"  # type: ignore[attr-defined]
    name = _("coberturas-%(day)s") % {"day": today.isoformat()}
    return exported(
        request,
        form,
        name=name,
        header=header,
        rows=lines,
        count=lambda most: rows.order_by()[:most].count(),
        back=back,
        what="covers",
        query=f"tab={tab}",
    )


@require_GET
@leaders_only
def plans(request: HttpRequest, form: str) -> HttpResponse:
    """Every portfolio's plan of the period beside what came of it, a line a measure."""
    today = today_of(request)
    period = period_asked(request, today)
    people = representatives_visible_to(request.membership).order_by("code", "pk")  # type: ignore[attr-defined]
    header = [
        _("Vendedor"), _("Período"), _("Objetivo"), _("Medida"), _("Meta"), _("Realizado"), _("Passos a fazer"), _("Passos atrasados"),
    ]  # fmt: skip

    def shown(value: int | None, kind: str) -> float | int | None:
        return value / 100 if value is not None and kind == "money" else value

    def lines() -> Iterable[list[Any]]:
        for line in plan_lines(list(people[:MOST_ROWS]), period, as_of=today):
            objective = line.plan.objective if line.plan else ""
            for row in compared_rows(line).values():
                told = [shown(row["target"], row["kind"]), shown(row["actual"], row["kind"])]
                yield [str(line.representative), period.key, objective, row["label"], *told, line.open_steps, line.late_steps]

    query = f"period={period.key}"
    back = f"{reverse('portfolio:plans', args=[request.organization.slug])}?{query}"  # type: ignore[attr-defined]
    name = _("planos-%(period)s") % {"period": period.key}
    return exported(
        request,
        form,
        name=name,
        header=header,
        rows=lines,
        count=lambda most: people.order_by()[:most].count(),
        back=back,
        what="plans",
        query=query,
    )

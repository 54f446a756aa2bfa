"""Plano: what each portfolio is to become in a period, beside what came of it; the steps, and the page to print."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.templatetags.formats import symbol
from portfolio.cents_field import CentsField
from portfolio.models import Goal, Plan, PlanStep
from portfolio.selectors.plans import Period, PlanLine, may_plan, plan_lines, steps_of
from portfolio.services.plans import add_step, drop_step, record_spending, write_plan
from portfolio.services.tasks import LONGEST_TITLE, complete_task, reopen_task
from portfolio.views.common import today_of
from portfolio.views.reached import member_of

PER_PAGE = 50
Measure = Goal.Measure


class PlanForm(forms.Form):
    objective = forms.CharField(
        label=gettext_lazy("Objetivo"),
        max_length=2_000,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": gettext_lazy("Diga o objetivo: o que a carteira deve ser ao fim do período.")},
    )
    strategy = forms.CharField(
        label=gettext_lazy("Estratégia"),
        max_length=4_000,
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text=gettext_lazy("Que clientes primeiro, com que oferta, com que frequência."),
    )
    capacity_clients = forms.IntegerField(label=gettext_lazy("Capacidade em clientes"), min_value=0, max_value=100_000, required=False)
    capacity_visits = forms.IntegerField(label=gettext_lazy("Visitas no período"), min_value=0, max_value=1_000_000, required=False)
    budget_cents = CentsField(label=gettext_lazy("Orçamento"))
    visit_cost_cents = CentsField(
        label=gettext_lazy("Custo de uma visita"), help_text=gettext_lazy("Entra no custo realizado, por visita feita.")
    )


class StepForm(forms.Form):
    title = forms.CharField(
        label=gettext_lazy("Passo"), max_length=LONGEST_TITLE, error_messages={"required": gettext_lazy("Diga o que fazer.")}
    )
    owner = forms.TypedChoiceField(label=gettext_lazy("Quem faz"), coerce=int)
    due_on = forms.DateField(
        label=gettext_lazy("Prazo"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": gettext_lazy("Escolha o prazo.")},
    )
    cost = CentsField(label=gettext_lazy("Custo previsto"))

    def __init__(self, *args: Any, member: Membership, representative: Representative, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = list(Membership.objects.filter(is_active=True).exclude(role=Role.AUDITOR).order_by("name", "pk").values_list("pk", "name"))
        first = representative.membership_id or member.pk
        people.sort(key=lambda pair: pair[0] != first)
        self.fields["owner"].choices = people  # type: ignore[attr-defined]


def period_asked(request: HttpRequest, today: date) -> Period:
    text = request.GET.get("period", "")
    period = Period.parse(text) if text else Period.quarter_of(today)
    if period is None:
        raise Http404
    return period


def _name(period: Period) -> str:
    year = period.starts_on.year
    if period.n_months == 12:
        return f"{year}"
    if period.n_months == 6:
        return _("%(n)sº semestre de %(year)s") % {"n": 1 if period.starts_on.month == 1 else 2, "year": year}
    return _("%(n)sº trimestre de %(year)s") % {"n": (period.starts_on.month + 2) // 3, "year": year}


def _chooser(period: Period, here: str, today: date) -> dict[str, Any]:
    quarter = Period.quarter_of(today)
    half = Period.parse(f"{today.year}-H{1 if today.month < 7 else 2}")
    year = Period.parse(f"{today.year}")
    sizes = [(quarter, _("Trimestre")), (half, _("Semestre")), (year, _("Ano"))]
    return {
        "period": period,
        "period_name": _name(period),
        "previous_url": f"{here}?period={period.moved(-1).key}",
        "next_url": f"{here}?period={period.moved(1).key}",
        "sizes": [(f"{here}?period={each.key}", word, each.n_months == period.n_months) for each, word in sizes if each],
    }


@require_GET
def plans(request: HttpRequest) -> HttpResponse:
    """Every portfolio one leads in the period, planned or not; a representative is led to the own."""
    member, today = member_of(request), today_of(request)
    period = period_asked(request, today)
    people = representatives_visible_to(member).order_by("code", "pk")
    if member.role == Role.REPRESENTATIVE:
        own = people.first()
        if own is None:
            return render(request, "portfolio/plans.html", {"rows": [], "own": True})
        return redirect(f"{reverse('portfolio:plan', args=[member.organization.slug, own.pk])}?period={period.key}")
    here = reverse("portfolio:plans", args=[member.organization.slug])
    page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
    lines = plan_lines(list(page.object_list), period, as_of=today)
    context = _chooser(period, here, today) | {
        "rows": [(line, compared_rows(line)) for line in lines],
        "planned": sum(1 for line in lines if line.plan),
        "writes": may_plan(member),
        "page": page,
        "previous": f"{here}?period={period.key}&page={page.previous_page_number()}" if page.has_previous() else "",
        "next": f"{here}?period={period.key}&page={page.next_page_number()}" if page.has_next() else "",
    }
    return render(request, "portfolio/plans.html", context)


def compared_rows(line: PlanLine) -> dict[str, dict[str, Any]]:
    """What was set out beside what came, row by row: the measure, the target (None: none), the actual, and whether less is better."""
    plan = line.plan
    buyers, plan_months = line.goals.get(Measure.BUYERS), line.n_months
    rows = {
        "revenue": (_("Faturamento"), line.goals.get(Measure.REVENUE), line.sales.revenue_cents, "money"),
        "buyers": (_("Clientes que compraram"), None, line.reached.buyers, "number"),
        "visits": (_("Visitas"), (plan.capacity_visits if plan else None) or line.goals.get(Measure.VISITS), line.visits.done, "number"),
        "cost": (_("Custo"), plan.budget_cents if plan else None, line.cost_cents, "money"),
        "clients": (_("Clientes na carteira"), plan.capacity_clients if plan else None, line.reached.clients, "number"),
    }
    found = {}
    for name, (label, target, actual, kind) in rows.items():
        over = name in ("cost", "clients")
        tone = "" if not target else ("bad" if actual > target else "ok") if over else ("ok" if actual >= target else "warn")
        share = actual / target if target else None
        found[name] = {"label": label, "target": target, "actual": actual, "kind": kind, "tone": tone, "share": share, "over": over}
    for name, measure in (("revenue", Measure.REVENUE), ("visits", Measure.VISITS), ("buyers", Measure.BUYERS)):
        n = line.goal_months.get(measure, 0)
        if n and n < line.n_months and found[name]["target"] is None:
            found[name]["partly"] = _("meta em %(n)s de %(of)s meses") % {"n": n, "of": line.n_months}
    found["buyers"]["note"] = line.reached.positivation
    found["buyers"]["a_month"] = round(buyers / (plan_months or 1)) if buyers else None
    return found


def _representative_or_404(request: HttpRequest, number: int) -> Representative:
    return get_object_or_404(representatives_visible_to(member_of(request)).select_related("organization"), pk=number)


@require_GET
def plan(request: HttpRequest, representative: int) -> HttpResponse:
    """One portfolio in a period: what was set out, what came, the steps. Prints as it stands."""
    return _plan_page(request, _representative_or_404(request, representative))


def _plan_page(request: HttpRequest, person: Representative, *, form: StepForm | None = None, status: int = 200) -> HttpResponse:
    member, today = member_of(request), today_of(request)
    period = period_asked(request, today)
    here = reverse("portfolio:plan", args=[member.organization.slug, person.pk])
    (line,) = plan_lines([person], period, as_of=today)
    writes = may_plan(member)
    steps = steps_of(line.plan) if line.plan else []
    context = _chooser(period, here, today) | {
        "person": person,
        "line": line,
        "plan": line.plan,
        "compared": compared_rows(line),
        "steps": [{"step": each, "acts": member.role != Role.AUDITOR and (writes or each.task.owner_id == member.pk)} for each in steps],
        "writes": writes,
        "today": today,
        "unit": symbol(member.organization.currency),
        "begun": period.starts_on <= today,
        "edit_url": f"{here}edit/?period={period.key}",
        "add_url": f"{here}steps/?period={period.key}",
    }
    if writes and line.plan:
        context["form"] = form or StepForm(member=member, representative=person)
    return render(request, "portfolio/plan.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_plan(request: HttpRequest, representative: int) -> HttpResponse:
    """Objective, strategy, capacity and budget of a portfolio in a period."""
    person, member, today = _representative_or_404(request, representative), member_of(request), today_of(request)
    if not may_plan(member):
        raise Http404
    period = period_asked(request, today)
    back = f"{reverse('portfolio:plan', args=[member.organization.slug, person.pk])}?period={period.key}"
    held = Plan.objects.filter(representative=person, **vars(period)).first()
    form, status = PlanForm(request.POST or None, initial=_initial(held, person)), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            version = request.POST.get("version", "")
            said = form.cleaned_data | {"budget_cents": form.cleaned_data["budget_cents"] or None}
            try:
                write_plan(person, period, by=member, version=int(version) if version.isdigit() and len(version) < 9 else 0, **said)
            except ChangedMeanwhile as refusal:
                messages.warning(request, str(refusal))
                return redirect(request.get_full_path())
            except NotAllowed:
                raise Http404 from None
            except DomainError as refusal:
                name = getattr(refusal, "field", "")
                form.add_error(name if name in form.fields else None, str(refusal))
            else:
                messages.success(request, _("Plano salvo."))
                return redirect(back)
    context = {
        "form": form,
        "person": person,
        "period_name": _name(period),
        "back": back,
        "plan": held,
        "unit": symbol(member.organization.currency),
    }
    return render(request, "portfolio/plan_form.html", context | {"version": held.version if held else 0}, status=status)


def _initial(held: Plan | None, person: Representative) -> dict[str, Any]:
    if held is None:
        return {"capacity_clients": person.capacity_clients}
    names = ("objective", "strategy", "capacity_clients", "capacity_visits")
    money = {name: CentsField.written(getattr(held, name)) for name in ("budget_cents", "visit_cost_cents")}
    return {name: getattr(held, name) for name in names} | money


@require_POST
def add(request: HttpRequest, representative: int) -> HttpResponse:
    """One more step."""
    person, member = _representative_or_404(request, representative), member_of(request)
    if not may_plan(member):
        raise Http404
    period = period_asked(request, today_of(request))
    held = get_object_or_404(Plan, representative=person, **vars(period))
    form = StepForm(request.POST, member=member, representative=person)
    if form.is_valid():
        said = form.cleaned_data
        owner = get_object_or_404(Membership, pk=said["owner"])
        try:
            add_step(
                held, title=said["title"], owner=owner, due_on=said["due_on"], by=member, at=timezone.now(), planned_cents=said["cost"]
            )
        except NotAllowed:
            raise Http404 from None
        except DomainError as refusal:
            name = getattr(refusal, "field", "")
            form.add_error(name if name in form.fields else None, str(refusal))
        else:
            messages.success(request, _("Passo incluído."))
            return redirect(f"{reverse('portfolio:plan', args=[member.organization.slug, person.pk])}?period={period.key}")
    return _plan_page(request, person, form=form, status=422)


@require_POST
def step(request: HttpRequest, step: int) -> HttpResponse:
    """A step is done, is not after all, has cost something, or is given up."""
    member = member_of(request)
    people = representatives_visible_to(member)
    found = get_object_or_404(
        PlanStep.objects.select_related("task", "task__owner", "plan", "plan__representative"), pk=step, plan__representative__in=people
    )
    if member.role == Role.AUDITOR:
        raise Http404
    act = request.POST.get("act", "")
    try:
        if act == "done":
            complete_task(found.task, by=member, at=timezone.now())
        elif act == "reopen":
            reopen_task(found.task, by=member)
        elif act == "drop":
            drop_step(found, by=member, at=timezone.now())
        elif act == "spend":
            record_spending(found, CentsField(required=False).clean(request.POST.get("spent", "")), by=member)
            messages.success(request, _("Gasto salvo."))
        else:
            raise Http404
    except NotAllowed:
        raise Http404 from None
    except forms.ValidationError as wrong:
        messages.warning(request, " ".join(wrong.messages))
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    period = Period(found.plan.starts_on, found.plan.ends_on)
    return redirect(f"{reverse('portfolio:plan', args=[member.organization.slug, found.plan.representative_id])}?period={period.key}")

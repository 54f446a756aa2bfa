"""New companies: the number first, what is known of it, then the rest; and the list of those that have not bought yet."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.errors import DomainError
from accounts.models import Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.templatetags.formats import day_year
from clients.errors import AlreadyRegistered
from clients.selectors import Limits
from clients.selectors.choices import list_choices
from clients.selectors.visibility import clients_within, reach_of
from portfolio.forms import NewCompanyForm, TaxIdForm
from portfolio.selectors.prospects import known_company, prospects_within
from portfolio.services.prospects import NewCompany, register_prospect
from portfolio.views.common import is_partial, today_of

FIELDS = ("tax_id", "name", "city", "state", "phone", "segment", "source", "channel")


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def new_client(request: HttpRequest) -> HttpResponse:
    """Register a company: asked with ``?tax_id=`` it tells what is known of it, and only then asks for the rest."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    if member.role == Role.AUDITOR:
        raise Http404
    own = member.role == Role.REPRESENTATIVE
    me = Representative.objects.filter(membership_id=member.pk).first() if own else None
    context: dict[str, Any] = {"own": own, "nobody": own and me is None, "here": reverse("portfolio:new_client", args=[organization.slug])}
    given = request.POST if request.method == "POST" else request.GET
    first = TaxIdForm(given if "tax_id" in given else None, organization=organization)
    context |= {"first": first, "step": 1}
    if "tax_id" not in given or not first.is_valid():
        return _answer(request, context, 422 if request.method == "POST" else 200)

    number, reach = first.cleaned_data["tax_id"], reach_of(member)
    known = known_company(number, country=organization.country, reach=reach)
    branch = given.get("branch") == "1"
    context |= {"number": number, "known": known, "branch_url": f"{context['here']}?{urlencode({'tax_id': number, 'branch': 1})}"}
    if known.taken or (known.has_units and not branch):
        return _answer(request, context | {"step": 2}, 409 if request.method == "POST" else 200)

    context["segments"] = list_choices(reach.representatives)[1]
    people = None if own else _serving(request)
    form = NewCompanyForm(request.POST if request.method == "POST" else None, organization=organization, people=people)
    if request.method != "POST":
        form.initial = {"tax_id": number, "branch": branch, "state": me.base_state if me else "", "city": ""}
    context |= {"form": form, "step": 3, "branch": branch}
    if request.method == "GET" or context["nobody"] or not form.is_valid():
        return _answer(request, context, 422 if request.method == "POST" else 200)
    told = form.cleaned_data
    representative = me or Representative.objects.filter(pk=told["representative"]).first()
    try:
        client = register_prospect(
            NewCompany(**{name: told[name] for name in FIELDS}),
            representative=representative,  # type: ignore[arg-type]  # chosen among those offered
            by=member,
            as_of=today_of(request),
            branch=branch,
        )
    except AlreadyRegistered:
        # Somebody was faster between the question and the answer: say what is known now.
        known = known_company(number, country=organization.country, reach=reach)
        return _answer(request, context | {"known": known, "step": 2}, 409)
    except DomainError as refused:
        form.add_error(None, str(refused))
        return _answer(request, context, 409)
    words = {"name": client.name, "day": day_year(client.protected_until)}
    messages.success(
        request, _("%(name)s cadastrado. É seu para trabalhar até %(day)s.") % words if own else _("%(name)s cadastrado.") % words
    )
    return redirect("portfolio:client_page", organization.slug, client.pk)


def _serving(request: HttpRequest) -> list[tuple[int, str]]:
    people = representatives_visible_to(request.membership).filter(valid_to=None).order_by("code")  # type: ignore[attr-defined]
    return [(pk, f"{code} {name}") for pk, code, name in people.values_list("pk", "code", "name")]


def _answer(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    template = "portfolio/_new_client.html" if is_partial(request) else "portfolio/new_client.html"
    return render(request, template, context, status=status)


@require_GET
@vary_on_headers("HX-Request")
def prospects(request: HttpRequest) -> HttpResponse:
    """Companies within reach that never bought, whose protection ends first first."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    here = reverse("portfolio:prospects", args=[organization.slug])
    after = request.GET.get("after", "")[:60]
    clients = clients_within(reach_of(member))
    page = prospects_within(clients, as_of=today_of(request), limits=Limits.of(organization), after=after)
    context = {
        "rows": page.rows,
        "own": member.role == Role.REPRESENTATIVE,
        "writes": member.role != Role.AUDITOR,
        "next_url": f"{here}?{urlencode({'after': page.after})}" if page.after else "",
        "first_url": here if after else "",
        "list_url": reverse("portfolio:client_list", args=[organization.slug]),
    }
    return render(request, "portfolio/_prospects.html" if is_partial(request) else "portfolio/prospects.html", context)

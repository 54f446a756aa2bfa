"""Who else works with a client: the panel of its page, where they are named and taken off."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from clients.models import Client, Colleague
from clients.selectors.people import colleagues_of, may_name_colleagues, nameable_members
from clients.selectors.visibility import clients_visible_to
from clients.services.colleagues import name_colleague, take_off_colleague
from portfolio.views.common import is_partial, today_of


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def colleagues(request: HttpRequest, client_id: int) -> HttpResponse:
    """The named colleagues of one client; whoever may, names one more."""
    client = _client_or_404(request, client_id)
    if request.method != "POST":
        return _panel(request, client)
    number = request.POST.get("member", "")
    if request.membership.role == Role.AUDITOR:  # type: ignore[attr-defined]
        raise Http404
    if not (number.isascii() and number.isdigit() and len(number) < 16):
        return _panel(request, client, error=_("Escolha a pessoa."))
    member = get_object_or_404(Membership, pk=int(number))
    try:
        named = name_colleague(client, member, request.POST.get("part", ""), by=request.membership, on=today_of(request))  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _panel(request, client, error=str(refusal), status=403 if isinstance(refusal, NotAllowed) else 422)
    text = _("%(name)s agora acompanha este cliente: %(part)s.") % {"name": member.name, "part": named.get_part_display()}
    return _answer(request, client, text)


@require_POST
def remove(request: HttpRequest, client_id: int, colleague_id: int) -> HttpResponse:
    """The colleague works with this client no longer; already gone is as good."""
    client = _client_or_404(request, client_id)
    if request.membership.role == Role.AUDITOR:  # type: ignore[attr-defined]
        raise Http404
    held = Colleague.objects.filter(pk=colleague_id, client_id=client.pk).select_related("membership", "client").first()
    if held is None:
        return _answer(request, client, "")
    try:
        take_off_colleague(held, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _panel(request, client, error=str(refusal), status=403)
    if held.membership_id == request.membership.pk:  # type: ignore[attr-defined]
        messages.success(request, _("Você não acompanha mais %(client)s.") % {"client": client})
        address = redirect("portfolio:client_list", request.organization.slug)  # type: ignore[attr-defined]
        if is_partial(request):
            return HttpResponse(status=204, headers={"HX-Redirect": address.url})
        return address
    return _answer(request, client, _("%(name)s não acompanha mais este cliente.") % {"name": held.membership.name})


def _client_or_404(request: HttpRequest, client_id: int) -> Client:
    return get_object_or_404(clients_visible_to(request.membership).select_related("representative"), pk=client_id)  # type: ignore[attr-defined]


def _answer(request: HttpRequest, client: Client, text: str) -> HttpResponse:
    if is_partial(request):
        return _panel(request, client, toast=text)
    if text:
        messages.success(request, text)
    return redirect("portfolio:client_page", request.organization.slug, client.pk)  # type: ignore[attr-defined]


def _panel(request: HttpRequest, client: Client, *, error: str = "", toast: str = "", status: int = 200) -> HttpResponse:
    member: Membership = request.membership  # type: ignore[attr-defined]
    names = may_name_colleagues(member, client)
    context = {
        "client": client,
        "colleagues": list(colleagues_of(client)),
        "names": names,
        "people": list(nameable_members(client).values_list("pk", "name")) if names else [],
        "parts": Colleague.Part.choices,
        "chosen": request.POST.get("member", ""),
        "error": error,
        "toast": toast,
    }
    status = 422 if error and status == 200 else status
    whole = "portfolio/client_colleagues.html"
    response = render(request, "portfolio/_client_colleagues.html" if is_partial(request) else whole, context, status=status)
    if is_partial(request):
        response.headers["Cache-Control"] = "no-store"
    return response

"""Saved filters: the list of them, saving the one in sight, renaming, dropping and taking that back."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.errors import DomainError
from accounts.models import Role
from clients.models import Segment
from clients.selectors import ClientFilter
from clients.selectors.segments import segments_for
from clients.services.segments import SHARES, delete_segment, may_change, rename_segment, restore_segment, save_segment
from portfolio.filter_words import summary
from portfolio.views.common import is_partial


@require_GET
def segments(request: HttpRequest) -> HttpResponse:
    """Own and shared segments, each with what it narrows to."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    list_url = reverse("portfolio:client_list", args=[organization.slug])
    lines = [
        {
            "segment": segment,
            "words": summary(segment.definition, currency=organization.currency),
            "url": f"{list_url}?saved={segment.pk}",
            "changes": may_change(segment, member),
        }
        for segment in segments_for(member)
    ]
    return render(request, "portfolio/segments.html", {"lines": lines, "undo": request.GET.get("undo", "")[:4_000], "list_url": list_url})


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def save(request: HttpRequest) -> HttpResponse:
    """Give the filter of the address a name."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    if member.role == Role.AUDITOR:
        raise Http404
    wanted = ClientFilter.parse(request.GET)
    context = {
        "wanted": wanted,
        "words": summary(wanted.definition(), currency=organization.currency),
        "may_share": member.role in SHARES,
        "list_url": f"{reverse('portfolio:client_list', args=[organization.slug])}?{wanted.query()}",
        "action": f"{reverse('portfolio:save_segment', args=[organization.slug])}?{wanted.query()}",
    }
    status = 200
    if request.method == "POST":
        name, shared = request.POST.get("name", ""), request.POST.get("shared") == "1"
        try:
            made = save_segment(name, wanted, shared=shared, by=member)
        except DomainError as refused:
            status = 422
            context |= {"error": str(refused), "name": name[:80], "shared": shared}
        else:
            messages.success(request, _("Segmento “%(name)s” salvo.") % {"name": made.name})
            return redirect(f"{reverse('portfolio:client_list', args=[organization.slug])}?saved={made.pk}")
    template = "portfolio/_segment_save_dialog.html" if is_partial(request) else "portfolio/segment_save.html"
    return render(request, template, context, status=status)


@require_POST
def rename(request: HttpRequest, segment: int) -> HttpResponse:
    """Another name for a segment one may change."""
    found = _segment_or_404(request, segment)
    try:
        rename_segment(found, request.POST.get("name", ""), by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Segmento renomeado."))
    return redirect("portfolio:segments", request.organization.slug)  # type: ignore[attr-defined]


@require_POST
def delete(request: HttpRequest, segment: int) -> HttpResponse:
    """Drop a segment; the page that follows offers to take it back."""
    found = _segment_or_404(request, segment)
    back = reverse("portfolio:segments", args=[request.organization.slug])  # type: ignore[attr-defined]
    try:
        token = delete_segment(found, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refused:
        messages.error(request, str(refused))
        return redirect(back)
    return redirect(f"{back}?{urlencode({'undo': token})}")


@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Take back a deletion."""
    try:
        restore_segment(request.GET.get("undo", ""), by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Segmento de volta."))
    back = reverse("portfolio:segments", args=[request.organization.slug])  # type: ignore[attr-defined]
    if is_partial(request):
        return HttpResponse(status=204, headers={"HX-Redirect": back})
    return redirect(back)


def _segment_or_404(request: HttpRequest, segment: int) -> Segment:
    """A segment the member finds: another person's own does not exist for them."""
    found = segments_for(request.membership).filter(pk=segment).first()  # type: ignore[attr-defined]
    if found is None or request.membership.role == Role.AUDITOR:  # type: ignore[attr-defined]
        raise Http404
    return found

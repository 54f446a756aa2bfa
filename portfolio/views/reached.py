"""What the pages of one client share: the client itself, within reach, and the way back to it."""

from django.http import Http404, HttpRequest
from django.urls import reverse

from accounts.models import Membership
from clients.models import Client
from clients.selectors.visibility import client_named, clients_visible_to
from clients.services.reach import may_write


def member_of(request: HttpRequest) -> Membership:
    return request.membership  # type: ignore[attr-defined]


def client_or_404(request: HttpRequest, client_id: int) -> Client:
    """The client with who answers for it, by its number or that of one merged into it; out of reach is not found."""
    found = client_named(clients_visible_to(member_of(request)).select_related("representative"), client_id)
    if found is None:
        raise Http404
    return found


def writable_or_404(request: HttpRequest, client_id: int) -> Client:
    """The same for a page that writes: to someone who only reads there is no such page."""
    if not may_write(member_of(request)):
        raise Http404
    return client_or_404(request, client_id)


def client_url(request: HttpRequest, client_id: int, tab: str = "") -> str:
    """The client's page, at a tab."""
    address = reverse("portfolio:client_page", args=[request.organization.slug, client_id])  # type: ignore[attr-defined]
    return f"{address}?tab={tab}" if tab else address

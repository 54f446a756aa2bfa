"""One transaction around each request, in which only the person's own rows, then their organization's, exist."""

import re
from collections.abc import Callable

from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.auth.views import redirect_to_login
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.idempotency import answered_before, keep_answer
from accounts.second_factor import ASKED_BY, lacks_second_factor
from accounts.selectors import membership_in, was_member
from accounts.services.sessions import note_seen
from accounts.tenancy.context import identity_atomic, tenant_atomic
from accounts.tenancy.identity import named_identity
from accounts.views.errors import wants_json

_ORGANIZATION_PATH = re.compile(r"^/o/(?P<slug>[-\w]+)/")


class TenantMiddleware:
    """Opens the identity of the session's person, then ``/o/<slug>/``'s organization among their memberships.

    The slug only chooses among memberships, which are read again on every request; any other slug is a 404.
    Whatever answers 400 or more leaves nothing written.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organization = request.membership = None  # type: ignore[attr-defined]
        inside = _ORGANIZATION_PATH.match(request.path_info)
        user_id = request.session.get(SESSION_KEY)
        if not user_id:
            if inside:
                return _sign_in(request)
            names = named_identity(request)
            if not names:
                return self.get_response(request)
            with identity_atomic(**names):
                return self._answer(request)
        with identity_atomic(user_id=int(user_id)):
            request._cached_user = user = get_user(request)  # type: ignore[attr-defined]
            if not inside:
                return self._answer(request)
            if not user.is_authenticated:
                return _sign_in(request)
            membership = membership_in(inside["slug"], user_id=user.pk)
            if membership is None:
                if wants_json(request) and was_member(inside["slug"], user_id=user.pk):
                    return _deactivated()
                return self._answer(request)  # process_view answers 404
            with tenant_atomic(membership.organization_id):
                request.membership, request.organization = membership, membership.organization  # type: ignore[attr-defined]
                if getattr(request, "was_idle", False):  # once a minute at most, with the session's own note
                    note_seen(membership, at=timezone.now())
                return self._answer(request)

    def process_view(self, request: HttpRequest, view, args, kwargs):
        """Pages of an organization are for its members: anyone else sees the same 404 as for a page that is not there."""
        if "organization" in kwargs:
            if request.membership is None:  # type: ignore[attr-defined]
                raise Http404
            kwargs.pop("organization")  # request.organization carries it; views need not repeat it
            if lacks_second_factor(request):
                request.session[ASKED_BY] = request.organization.name  # type: ignore[attr-defined]
                return _elsewhere(request, "mfa_index")
            return answered_before(request)
        return None

    def _answer(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code >= 400 and connection.in_atomic_block:
            # DRF answers a refusal without raising: without this, what the view wrote before would be committed.
            transaction.set_rollback(True)
        else:
            keep_answer(request, response)
        return response


def _elsewhere(request: HttpRequest, name: str) -> HttpResponse:
    response = redirect(name)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": response.url})  # a fragment's place is not where that page belongs
    return response


def _deactivated() -> JsonResponse:
    """To the queue on a person's device, which keeps what was not sent and says whom to ask."""
    message = _("O seu acesso a esta empresa foi desativado. Fale com a administração.")
    return JsonResponse({"state": "forbidden", "message": message}, status=403)


def _sign_in(request: HttpRequest) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"state": "sign_in", "message": _("Entre de novo para continuar.")}, status=401)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401)  # the page's script asks to sign in and repeats the request
    return redirect_to_login(request.get_full_path())

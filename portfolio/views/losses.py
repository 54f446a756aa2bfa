"""Declaring a client lost before its silence says so, with the reason, and taking that back."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import DomainError, NotAllowed
from clients.selectors.page import activity_of
from clients.selectors.stops import stop_of
from clients.services.discards import may_discard
from clients.services.losses import declare_lost, take_back_lost
from clients.services.stops import STOP_REASONS
from portfolio.views.reached import client_url, member_of, writable_or_404


class LostForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Por que está perdido"),
        max_length=120,
        widget=forms.TextInput(attrs={"list": "lost-reasons", "autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def lost(request: HttpRequest, client_id: int) -> HttpResponse:
    """Ask for the reason, begun with what was said of this silence, then declare the client lost. For who leads."""
    client, member, status = writable_or_404(request, client_id), member_of(request), 200
    if not may_discard(member):
        raise Http404
    stop = stop_of(client, last_on=activity_of(client).last_on)
    form = LostForm(request.POST or None, initial={"reason": stop.reason if stop else ""})
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                declare_lost(client, reason=form.cleaned_data["reason"], by=member, at=timezone.now())
            except DomainError as refusal:
                name = getattr(refusal, "field", "")
                form.add_error(name if name in form.fields else None, str(refusal))
                status = 403 if isinstance(refusal, NotAllowed) else 422
            else:
                messages.success(request, _("%(client)s está perdido até voltar a comprar.") % {"client": client})
                return redirect(client_url(request, client.pk))
    reasons = member.organization.stop_reasons or STOP_REASONS
    context = {"client": client, "form": form, "reasons": reasons, "back": client_url(request, client.pk)}
    return render(request, "portfolio/lost.html", context, status=status)


@require_POST
def not_lost(request: HttpRequest, client_id: int) -> HttpResponse:
    """Take it back: the client's state follows its silence again."""
    client, member = writable_or_404(request, client_id), member_of(request)
    if not may_discard(member):
        raise Http404
    if take_back_lost(client, by=member, at=timezone.now()):
        messages.success(request, _("%(client)s volta à situação que os pedidos dizem.") % {"client": client})
    return redirect(client_url(request, client.pk))

"""Discarding a client that does not fit: a representative proposes, whoever leads decides or brings it back."""

from uuid import uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import DomainError, NotAllowed
from clients.services.discards import (
    DISCARD_REASONS,
    discard_client,
    keep_client,
    may_discard,
    open_proposal,
    propose_discard,
    restore_client,
)
from portfolio.views.answers import id_made_of
from portfolio.views.reached import client_url, member_of, writable_or_404


class DiscardForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Por que não serve"),
        max_length=120,
        widget=forms.TextInput(attrs={"list": "discard-reasons", "autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest, client_id: int) -> HttpResponse:
    """Ask for the reason, then propose or discard, as the role may; an open proposal is shown with both answers."""
    client, member, status = writable_or_404(request, client_id), member_of(request), 200
    decides, proposal = may_discard(member), open_proposal(client)
    if client.discarded_on is not None and request.method != "POST":
        return redirect(client_url(request, client.pk))
    form = DiscardForm(request.POST or None, initial={"reason": proposal.reason if proposal else ""})
    if request.method == "POST":
        status = 422
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                if decides:
                    discard_client(client, reason=reason, by=member, at=timezone.now())
                    text = _("%(client)s foi descartado. O histórico fica.")
                else:
                    propose_discard(client, reason=reason, by=member, id_made=id_made_of(request))
                    text = _("Proposta enviada à gerência. Até a resposta, %(client)s continua na sua carteira.")
            except DomainError as refusal:
                name = getattr(refusal, "field", "")
                form.add_error(name if name in form.fields else None, str(refusal))
                status = 403 if isinstance(refusal, NotAllowed) else 422
            else:
                messages.success(request, text % {"client": client})
                return redirect(client_url(request, client.pk))
    context = {
        "client": client,
        "form": form,
        "decides": decides,
        "proposal": proposal,
        "reasons": member.organization.discard_reasons or DISCARD_REASONS,
        "back": client_url(request, client.pk),
        "id_made": request.POST.get("id_made") or uuid4(),
    }
    return render(request, "portfolio/discard.html", context, status=status)


@require_POST
def keep(request: HttpRequest, client_id: int) -> HttpResponse:
    """The answer no to a proposal to discard, or a discarded client brought back."""
    client, member, now = writable_or_404(request, client_id), member_of(request), timezone.now()
    try:
        if client.discarded_on is not None:
            restore_client(client, by=member, at=now)
            text = _("%(client)s voltou para a carteira.")
        else:
            keep_client(client, by=member, at=now)
            text = _("%(client)s continua na carteira.")
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, text % {"client": client})
    return redirect(client_url(request, client.pk))

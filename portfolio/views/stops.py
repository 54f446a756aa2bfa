"""Why clients stopped buying, asked of one from its page and of many from the list."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError, NotAllowed
from clients.models import ClientStop
from clients.selectors import ClientFilter, Limits, clients_visible_to
from clients.selectors.matching import matching
from clients.selectors.stops import silent_clients
from clients.services.reach import may_write
from clients.services.stops import MOST, STOP_REASONS, tell_why_stopped
from portfolio.views.common import today_of
from portfolio.views.reached import client_url, member_of

SHOWN = 20


class StopForm(forms.Form):
    reason = forms.ChoiceField(
        label=gettext_lazy("Por que parou de comprar"),
        error_messages={"required": gettext_lazy("Escolha o motivo."), "invalid_choice": gettext_lazy("Escolha um motivo da lista.")},
    )

    def __init__(self, *args, reasons: list[str], **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = [("", _("Escolha…")), *((each, each) for each in reasons)]  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
def stopped(request: HttpRequest) -> HttpResponse:
    """The clients of the address (``c``, or all that ``filter`` finds), and the one reason kept for those inactive or lost."""
    member, as_of, status = member_of(request), today_of(request), 200
    if not may_write(member):
        raise Http404
    limits = Limits.of(member.organization)
    asked = request.POST if request.method == "POST" else request.GET
    ids = _chosen(request, asked)
    if not ids:
        raise Http404
    silent = silent_clients(clients_visible_to(member).filter(pk__in=ids), as_of=as_of, limits=limits)
    rows = list(silent.order_by("name_key", "pk")[: SHOWN + 1])
    n = len(rows) if len(rows) <= SHOWN else silent.count()
    one = rows[0] if len(ids) == 1 and rows else None
    said = ClientStop.objects.filter(client=one, silent_since=one.on).first() if one else None  # type: ignore[attr-defined]
    reasons = [str(each) for each in member.organization.stop_reasons or STOP_REASONS]
    if said and said.reason not in reasons:
        reasons.append(said.reason)
    form = StopForm(request.POST if request.method == "POST" else None, reasons=reasons, initial={"reason": said.reason if said else ""})
    back = client_url(request, ids[0]) if len(ids) == 1 else _list(request, asked)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                told = tell_why_stopped(ids, reason=form.cleaned_data["reason"], by=member, at=timezone.now())
            except DomainError as refusal:
                form.add_error(None, str(refusal))
                status = 403 if isinstance(refusal, NotAllowed) else 422
            else:
                messages.success(request, _said(told.n, told.left_out))
                return redirect(back)
    context = {
        "form": form,
        "one": one,
        "ids": ids,
        "rows": [(each, (as_of - each.on).days) for each in rows[:SHOWN]],  # type: ignore[attr-defined]
        "n": n,
        "more": max(0, n - SHOWN),
        "left_out": len(ids) - n,
        "filter": asked.get("filter", "")[:2_000],
        "back": back,
    }
    return render(request, "portfolio/stopped.html", context, status=status)


def _chosen(request: HttpRequest, asked: QueryDict) -> list[int]:
    """Ids within reach of the clients named, or of all that the list's filter finds; never more than may be written at once."""
    mine = clients_visible_to(member_of(request)).filter(discarded_on=None)
    if asked.get("scope") == "filter":
        wanted = ClientFilter.parse(QueryDict(asked.get("filter", "")[:2_000]))
        found = matching(mine, wanted, as_of=today_of(request), limits=Limits.of(member_of(request).organization))
        return list(found.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    named = {int(each) for each in asked.getlist("c")[:MOST] if each.isascii() and each.isdigit() and len(each) < 16}
    return list(mine.filter(pk__in=named).order_by("pk").values_list("pk", flat=True))


def _list(request: HttpRequest, asked: QueryDict) -> str:
    address = reverse("portfolio:client_list", args=[request.organization.slug])  # type: ignore[attr-defined]
    query = ClientFilter.parse(QueryDict(asked.get("filter", "")[:2_000])).query()
    return f"{address}?{query}" if query else address


def _said(n: int, left_out: int) -> str:
    text = ngettext("Motivo salvo para %(n)s cliente.", "Motivo salvo para %(n)s clientes.", n) % {"n": n}
    if left_out:
        text += " " + ngettext("%(n)s ainda compra e ficou de fora.", "%(n)s ainda compram e ficaram de fora.", left_out) % {"n": left_out}
    return text

"""Carga da equipe: who carries what against what they can, what moving some clients would change, and setting what they can."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from accounts.errors import DomainError
from accounts.models import Representative
from accounts.selectors import representatives_visible_to
from accounts.services.representatives import CapacityRefused, set_capacity
from clients.models import Client
from clients.selectors import ClientFilter
from portfolio.views.common import today_of
from rotation.load_chart import load_bars
from rotation.selectors.load import spread
from rotation.selectors.team_load import TeamLoad, team_load, with_moves
from rotation.services.by_hand import planned_moves
from rotation.views.common import DECIDERS, LEADERS, only, paged, partial, row_id

MOST_SHOWN = 200  # people; beyond, those with the fullest portfolios


class CapacityForm(forms.Form):
    clients = forms.IntegerField(label=gettext_lazy("Clientes"), min_value=0)
    minutes = forms.IntegerField(
        label=gettext_lazy("Minutos por semana"),
        required=False,
        min_value=1,
        help_text=gettext_lazy("Visitas e estrada. Em branco: conta só o número de clientes."),
    )


def lines_of(request: HttpRequest) -> tuple[list[TeamLoad], set[int]]:
    """The load of each who serves or still holds clients, the fullest first, and the ids of those who serve no more."""
    today = today_of(request)
    people = representatives_visible_to(request.membership)  # type: ignore[attr-defined]
    serving = people.filter(Q(valid_to=None) | Q(valid_to__gt=today), Q(valid_from=None) | Q(valid_from__lte=today))
    held = people.filter(pk__in=Client.objects.filter(discarded_on=None).values("representative"))
    lines = team_load(people.filter(Q(pk__in=serving) | Q(pk__in=held)).order_by("code"))
    return lines, {line.representative.pk for line in lines} - set(serving.values_list("pk", flat=True))


@require_GET
@only(LEADERS)
@paged
def load(request: HttpRequest) -> HttpResponse:
    """The team, the fullest first; with ``from`` and ``to`` in the address, what a move would change of the two."""
    lines, left = lines_of(request)
    shown = lines[:MOST_SHOWN]
    shares = [line.now.clients / line.capacity for line in lines if line.capacity and line.representative.pk not in left]
    context: dict[str, Any] = {
        "lines": shown,
        "left": [line for line in lines if line.representative.pk in left],
        "left_ids": left,
        "bars": load_bars(shown),
        "bars_minutes": load_bars(shown, minutes=True),
        "clients": sum(line.now.clients for line in lines),
        "capacity": sum(line.capacity for line in lines if line.representative.pk not in left),
        "net": sum(line.now.net_cents for line in lines),
        "over": sum(line.over for line in lines),
        "spread": spread(shares),
        "hidden": len(lines) - len(shown),
        **_what_if(request, lines),
    }
    return render(request, "rotation/_what_if.html" if partial(request) else "rotation/team_load.html", context)


def _what_if(request: HttpRequest, lines: list[TeamLoad]) -> dict[str, Any]:
    """Two people and the clients between them: so many, or all of a segment."""
    by_id = {line.representative.pk: line for line in lines}
    giver, taker = by_id.get(row_id(request.GET.get("from")) or 0), by_id.get(row_id(request.GET.get("to")) or 0)
    segment, most = request.GET.get("segment", "")[:60], row_id(request.GET.get("n"))
    segments = []
    if giver:
        mine = Client.objects.filter(representative=giver.representative, discarded_on=None)
        segments = sorted(mine.exclude(segment="").values_list("segment", flat=True).distinct()[:200])
        segment = segment if segment in segments else ""  # of whoever was chosen before
    context: dict[str, Any] = {
        "giver": giver,
        "taker": taker,
        "segment": segment,
        "most": most,
        "segments": segments,
        "may_move": request.membership.role in DECIDERS,  # type: ignore[attr-defined]
    }
    if not giver or not taker or giver == taker or not context["may_move"]:
        return context | {"same": bool(giver and giver == taker)}
    found = mine.filter(segment=segment) if segment else mine
    ids = list(found.values_list("pk", flat=True))
    if not ids:
        return context | {"nothing": True}
    try:
        plan = planned_moves(ids, [taker.representative.pk], by=request.membership, today=today_of(request), most=most or None)  # type: ignore[attr-defined]
    except DomainError as refusal:
        return context | {"refusal": str(refusal)}
    after = with_moves([giver, taker], [(move.client_id, move.to_id) for move in plan.moves])
    wanted = ClientFilter(representative=giver.representative.pk, segment=segment)
    query = {"scope": "filter", "filter": wanted.query(), "to": taker.representative.pk, **({"n": most} if most else {})}
    slug = request.organization.slug  # type: ignore[attr-defined]
    return context | {
        "plan": plan,
        "after": after,
        "bars_after": load_bars(after),
        "minutes_after": load_bars(after, minutes=True),
        "move_url": f"{reverse('rotation:move', args=[slug])}?{urlencode(query)}",
    }


@require_http_methods(["GET", "POST"])
@only(DECIDERS)
@paged
def capacity(request: HttpRequest, representative: int) -> HttpResponse:
    """How many clients and minutes one representative can take."""
    person = get_object_or_404(representatives_visible_to(request.membership), pk=representative)  # type: ignore[attr-defined]
    form = CapacityForm(request.POST or None, initial={"clients": person.capacity_clients, "minutes": person.capacity_minutes_week})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                set_capacity(person, clients=wanted["clients"], minutes_week=wanted["minutes"], by=request.membership)  # type: ignore[attr-defined]
            except CapacityRefused as refusal:
                form.add_error(refusal.field, str(refusal))
            else:
                messages.success(request, _("Capacidade de %(name)s salva.") % {"name": person.name})
                return redirect("rotation:load", request.organization.slug)  # type: ignore[attr-defined]
    line: TeamLoad = team_load(Representative.objects.filter(pk=person.pk))[0]
    return render(request, "rotation/capacity.html", {"form": form, "person": person, "line": line}, status=status)

"""Mover à mão: a selection of clients, to one receiver or divided over several, seen before it is done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import ChangedMeanwhile, DomainError
from accounts.models import Membership, Representative
from accounts.selectors import representatives_visible_to
from accounts.step_up import MANY_ROWS, ask_again, forget_words, keep_words, kept_words, proved_recently
from accounts.templatetags.formats import number
from clients.models import Client
from clients.selectors import ClientFilter, Limits, clients_visible_to
from clients.selectors.client_filter import BASE
from clients.selectors.matching import matching
from portfolio.models import Ownership
from portfolio.views.common import today_of
from rotation.ceiling_words import passed_sentence
from rotation.load_chart import load_bars
from rotation.models import Run
from rotation.selectors.facts import is_active_on
from rotation.selectors.receiving import passed_by_lines
from rotation.selectors.team_load import team_load, with_moves
from rotation.services.by_hand import MOST, PlannedMoves, move_by_hand, planned_moves
from rotation.services.reversal import request_reversal
from rotation.views.common import DECIDERS, only, paged, row_id
from rotation.views.previewing import UNASSIGNED_WORDS

MOST_NAMED, SHOWN = 1_000, 50


@dataclass(frozen=True)
class Selection:
    """Which clients, and to whom; all of it travels in the address, so that it can be reloaded and sent."""

    clients: list[int]
    named: list[int]  # chosen one by one
    whole: bool  # or all that ``filter`` finds
    filter: str
    seen: datetime | None  # when the person saw them: who changed hands since stays out
    changed: int
    receivers: list[int]
    most: int | None

    def fields(self) -> list[tuple[str, str]]:
        """The hidden fields of a form that keeps the selection, receivers apart."""
        kept = [("c", str(pk)) for pk in self.named]
        if self.whole:
            kept += [("scope", "filter"), ("filter", self.filter)]
        if self.seen:
            kept += [("seen", self.seen.isoformat())]
        return kept


def selection(request: HttpRequest, asked: QueryDict) -> Selection:
    """What the address or the form asks for, as far as the member reaches."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    mine = clients_visible_to(member).filter(discarded_on=None)
    named = [pk for each in asked.getlist("c")[:MOST_NAMED] if (pk := row_id(each))]
    told, seen, changed = asked.get("filter", "")[:2_000], moment(asked.get("seen", "")), 0
    whole = asked.get("scope") == "filter"
    if whole:
        wanted = ClientFilter.parse(QueryDict(told))
        limits = Limits.of(request.organization)  # type: ignore[attr-defined]
        found = matching(mine, wanted, as_of=today_of(request), limits=limits, base=_base(member, wanted))
        ids = list(found.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
        if seen:
            since = set(Ownership.objects.filter(client__in=ids, recorded_at__gt=seen).values_list("client_id", flat=True))
            ids, changed = [pk for pk in ids if pk not in since], len(since)
        named = []
    else:
        ids = list(mine.filter(pk__in=named).order_by("pk").values_list("pk", flat=True))
    receivers = sorted({pk for each in asked.getlist("to")[:200] if (pk := row_id(each))})
    return Selection(ids, named, whole, told, seen if whole else None, changed, receivers, row_id(asked.get("n")))


def moment(text: str) -> datetime | None:
    """The instant of an address, None for anything else."""
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _base(member: Membership, wanted: ClientFilter) -> tuple[float, float] | None:
    if wanted.near != BASE or not wanted.representative:
        return None
    person = representatives_visible_to(member).filter(pk=wanted.representative).first()
    if person is None or person.latitude is None or person.longitude is None:
        return None
    return person.latitude, person.longitude


@require_http_methods(["GET", "POST"])
@only(DECIDERS)
@paged
def move(request: HttpRequest) -> HttpResponse:
    """Choose who receives, see what it does, say why, do it."""
    asked = request.POST if request.method == "POST" else request.GET
    chosen = selection(request, asked)
    errors: dict[str, str] = {}
    status = 200
    member, today = request.membership, today_of(request)  # type: ignore[attr-defined]
    if request.method == "POST":
        if len(chosen.clients) > MANY_ROWS and not proved_recently(request):
            back = f"{request.path}?{_query(chosen)}"
            keep_words(request, back, asked.get("reason", "")[:300])
            return ask_again(request, f"{back}#confirm-title")
        try:
            run = move_by_hand(
                chosen.clients,
                chosen.receivers,
                reason=asked.get("reason", ""),
                mark=asked.get("mark", ""),
                by=member,
                at=timezone.now(),
                most=chosen.most,
            )
        except ChangedMeanwhile as refusal:
            errors, status = {"": str(refusal)}, 409
        except DomainError as refusal:
            errors, status = {getattr(refusal, "field", ""): str(refusal)}, 422
        else:
            forget_words(request)
            return _moved(request, run)
    plan: PlannedMoves | None = None
    if chosen.receivers and chosen.clients:
        try:
            plan = planned_moves(chosen.clients, chosen.receivers, by=member, today=today, most=chosen.most)
        except DomainError as refusal:
            errors.setdefault(getattr(refusal, "field", ""), str(refusal))
            status = 422
    people = representatives_visible_to(member).select_related("membership", "team").order_by("code")
    context: dict[str, Any] = {
        "chosen": chosen,
        "alone": clients_visible_to(member).get(pk=chosen.clients[0]) if len(chosen.clients) == 1 else None,
        "hidden": chosen.fields(),
        "people": [(each, each.pk in chosen.receivers) for each in people if is_active_on(each, today)],
        "errors": errors,
        "reason": request.POST.get("reason", "") if request.method == "POST" else kept_words(request),
        "too_many": len(chosen.clients) > MOST,
        "list_url": reverse("portfolio:client_list", args=[request.organization.slug]),  # type: ignore[attr-defined]
    }
    if plan:
        context |= _seen(plan)
    return render(request, "rotation/move.html", context, status=status)


def _query(chosen: Selection) -> str:
    more = [("n", chosen.most)] if chosen.most else []
    return urlencode([*chosen.fields(), *(("to", pk) for pk in chosen.receivers), *more])


def _seen(plan: PlannedMoves) -> dict[str, Any]:
    """The moves as the page shows them: loads before and after, warnings, the first fifty clients."""
    owners = {move.from_id for move in plan.moves if move.from_id}
    involved = Representative.objects.filter(pk__in=owners | set(plan.receivers))
    lines = with_moves(team_load(involved), [(move.client_id, move.to_id) for move in plan.moves])
    dearest = sorted(plan.moves, key=lambda move: (-move.net_12m_cents, move.client_id))[:SHOWN]
    people = {line.representative.pk: line.representative for line in lines}
    clients = Client.objects.in_bulk([move.client_id for move in dearest])
    return {
        "plan": plan,
        "lines": lines,
        "bars": load_bars(lines),
        "bars_minutes": load_bars(lines, minutes=True),
        "passed": [passed_sentence(each) for each in passed_by_lines(lines)],
        "rows": [(clients[move.client_id], people.get(move.from_id or 0), people[move.to_id], move) for move in dearest],
        "n": len(plan.moves),
        "net": sum(move.net_12m_cents for move in plan.moves),
        "unassigned": _counted(plan.why),
        "better": plan.objective_cents / plan.round_robin_cents - 1 if plan.round_robin_cents > 0 else None,
    }


def _counted(why: dict[int, str]) -> list[tuple[Any, int]]:
    counts: dict[str, int] = {}
    for code in why.values():
        counts[code] = counts.get(code, 0) + 1
    return [(UNASSIGNED_WORDS.get(code, code), n) for code, n in sorted(counts.items(), key=lambda each: -each[1])]


def _moved(request: HttpRequest, run: Run) -> HttpResponse:
    slug = request.organization.slug  # type: ignore[attr-defined]
    if run.state != Run.State.APPLIED:
        return redirect("rotation:job", slug, run.pk)
    n, stale = run.proposals.filter(state="applied").count(), run.proposals.filter(state="stale").count()
    text = ngettext("%(n)s cliente mudou de mãos.", "%(n)s clientes mudaram de mãos.", n) % {"n": number(n)}
    if stale:
        text += " " + ngettext("%(n)s ficou: mudou antes.", "%(n)s ficaram: mudaram antes.", stale) % {"n": number(stale)}
    messages.success(request, text, extra_tags=reverse("rotation:move-undo", args=[slug, run.pk]))
    return redirect("portfolio:client_list", slug)


@require_POST
@only(DECIDERS)
def undo(request: HttpRequest, run: int) -> HttpResponse:
    """Put back what nobody moved since."""
    found = get_object_or_404(Run, pk=run, kind=Run.Kind.MANUAL)
    slug = request.organization.slug  # type: ignore[attr-defined]
    if found.started_by_id != request.membership.pk and request.membership.role != "admin":  # type: ignore[attr-defined]
        raise Http404
    try:
        back = request_reversal(found, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        if back.state != Run.State.APPLIED:
            return _there(request, reverse("rotation:job", args=[slug, back.pk]))
        n = back.proposals.filter(state="applied").count()
        text = ngettext("%(n)s cliente voltou a quem o tinha.", "%(n)s clientes voltaram a quem os tinha.", n)
        messages.success(request, text % {"n": number(n)})
    return _there(request, reverse("portfolio:client_list", args=[slug]))


def _there(request: HttpRequest, url: str) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        response = HttpResponse(status=204)
        response.headers["HX-Redirect"] = url
        return response
    return redirect(url)

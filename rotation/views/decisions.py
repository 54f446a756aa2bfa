"""Decisions posted from the review: one row, the picked rows, or the whole filter; asked back when words are missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.db.models import Count, QuerySet, Sum
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.errors import DomainError
from accounts.models import Representative
from accounts.selectors import representatives_visible_to
from accounts.step_up import MANY_ROWS, ask_again, proved_recently
from accounts.templatetags.formats import money_short, number
from rotation.ceiling_words import passed_sentence
from rotation.models import Decision, Proposal
from rotation.selectors.filters import CAUTION, ReviewFilter
from rotation.selectors.receiving import Filled
from rotation.selectors.review import decidable_by, groups_of, refusal_reasons, shown
from rotation.services.approval import NEEDS_ADMIN, NEEDS_SUPERVISOR
from rotation.services.decisions import DecisionResult, ceilings_passed, decide, undo_batch
from rotation.views.common import DECIDERS, only, partial, query_here, row_id
from rotation.views.desk import Desk, desk_of, line_of
from rotation.views.panel import panel
from rotation.views.review import frame, head, receivers_for, rows_for, work

Action = Decision.Action
ACTIONS = (Action.APPROVE, Action.REJECT, Action.POSTPONE, Action.CHANGE, Action.REOPEN)
CAVEAT = "caveat"
NOT_FIT = {"receiver_inactive", "receiver_absent", "owner", "no_region", "no_segment", "too_far", "cooling_off"}
NOT_YOURS = {NEEDS_ADMIN, NEEDS_SUPERVISOR}
MOST_IDS = 1_000
MOST_NOTE = 500


@dataclass(frozen=True)
class Order:
    """What a person asked for: an action over some rows, and the words it needs."""

    action: str
    picks: dict[int, int] = field(default_factory=dict)  # proposal id -> the version they saw
    whole_filter: bool = False
    single: bool = False
    filter: QueryDict = field(default_factory=QueryDict)
    moment: datetime | None = None
    reason: str = ""
    note: str = ""
    to: int | None = None
    with_caveats: bool = False
    confirmed: bool = False
    accepted: int | None = None  # the receiver whose passed ceilings the person saw

    @property
    def wants_words(self) -> bool:
        """Whether the act still lacks its reason, its receiver or a yes."""
        if self.action == Action.REJECT and not self.reason:
            return True
        if self.action == Action.CHANGE and not self.to:
            return True
        return self.whole_filter and not self.confirmed


def parse_order(post: QueryDict) -> Order | None:
    """The order in a posted form, or None when it names no action."""
    single = next((action for action in ACTIONS if action in post), None)
    action = single or post.get("decision", "")
    if action not in ACTIONS:
        return None
    values = [post[single]] if single else post.getlist("proposal")
    picks = {}
    for value in values[:MOST_IDS]:
        pk, _colon, version = value.partition(":")
        if pk.isascii() and pk.isdigit() and version.isascii() and version.isdigit():
            picks[int(pk)] = int(version)
    to = post.get("to", "")
    return Order(
        action=action,
        picks=picks,
        single=bool(single) or "single" in post,
        whole_filter=not single and post.get("scope") == "filter",
        filter=QueryDict(post.get("filter", "")[:4_000]),
        moment=parse_datetime(post.get("moment", "")) if post.get("moment") else None,
        reason=post.get("reason", "").replace("\0", "").strip()[:120],
        note=post.get("note", "").replace("\0", "").strip()[:MOST_NOTE],
        to=int(to) if to.isascii() and to.isdigit() else None,
        with_caveats="with_caveats" in post,
        confirmed="confirmed" in post,
        accepted=row_id(post.get("accepted")),
    )


@require_POST
@only(DECIDERS)
def decide_proposals(request: HttpRequest, run: int) -> HttpResponse:
    """Decide, or ask for what is missing; answers the row or the list for htmx, a redirect otherwise."""
    desk = desk_of(request, run)
    order = parse_order(request.POST)
    if order is None or not (order.picks or order.whole_filter):
        return _refused(request, desk, _("Escolha ao menos uma proposta."))
    rows = _rows_of(desk, order)
    if order.single and not rows.filter(pk__in=order.picks).exists():
        raise Http404
    if not desk.decides:
        return _refused(request, desk, _("Este giro não está mais em revisão: nada foi decidido."))
    # Before a reason is asked for: whoever proves who they are comes back to the list, and would have typed it for nothing.
    if order.whole_filter and not proved_recently(request) and rows.order_by()[: MANY_ROWS + 1].count() > MANY_ROWS:
        return ask_again(request, _back(request, desk))
    if order.wants_words:
        return _ask(request, desk, order, rows)
    if passed := _ceilings_passed(request, order, rows):
        return _ask(request, desk, order, rows, passed)
    try:
        result = _carry_out(request, order, rows)
    except DomainError as refusal:
        return _refused(request, desk, str(refusal))
    return _answer(request, desk, order, result)


def _rows_of(desk: Desk, order: Order) -> QuerySet[Proposal]:
    if order.whole_filter:
        return decidable_by(desk.reach, ReviewFilter.parse(order.filter).apply(desk.proposals))
    return decidable_by(desk.reach, desk.proposals.filter(pk__in=order.picks))


def _changed_since(desk: Desk, order: Order) -> QuerySet[Proposal]:
    """Rows of the filter, in whatever tab they are now, that somebody decided after the selection was made."""
    if order.moment is None:
        return desk.proposals.none()
    return decidable_by(desk.reach, ReviewFilter.parse(order.filter).narrow(desk.proposals)).filter(decided_at__gt=order.moment)


def _carry_out(request: HttpRequest, order: Order, rows: QuerySet[Proposal]) -> DecisionResult:
    by, at = request.membership, timezone.now()  # type: ignore[attr-defined]
    return decide(
        rows,
        order.action,
        by=by,
        at=at,
        reason=order.reason,
        note=order.note,
        to=_receiver(request, order.to) if _takes_receiver(order) else None,
        moment=order.moment if order.whole_filter else None,
        versions=order.picks or None,
        bulk=not order.single,
        with_caveats=order.with_caveats,
    )


def _takes_receiver(order: Order) -> bool:
    # The panel's own choice of receiver, approved in one press, is one act, and one undo takes all of it back.
    return bool(order.to) and (order.action == Action.CHANGE or (order.action == Action.APPROVE and order.single))


def _ceilings_passed(request: HttpRequest, order: Order, rows: QuerySet[Proposal]) -> list[Filled]:
    """What the chosen receiver would stand beyond, unless the person saw just that."""
    if not _takes_receiver(order) or order.accepted == order.to:
        return []
    if order.whole_filter and order.moment:
        rows = rows.exclude(decided_at__gt=order.moment)
    return ceilings_passed(rows, _receiver(request, order.to), by=request.membership, at=timezone.now())  # type: ignore[attr-defined]


def _receiver(request: HttpRequest, to: int | None) -> Representative:
    found = representatives_visible_to(request.membership).filter(pk=to).first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404
    return found


def _ask(request: HttpRequest, desk: Desk, order: Order, rows: QuerySet[Proposal], passed: Sequence[Filled] = ()) -> HttpResponse:
    """The form for the reason, the receiver, the yes, or a yes to ceilings passed: a dialog for htmx, a page otherwise."""
    if order.whole_filter and order.moment:
        rows = rows.exclude(decided_at__gt=order.moment)
    bulk_approval = order.action == Action.APPROVE and not order.single
    counted = rows.order_by().aggregate(
        n=Count("id"),
        cents=Sum("net_12m_cents", default=0),
        receivers=Count("to_representative", distinct=True),
        caution=Count("id", filter=CAUTION),
        caution_cents=Sum("net_12m_cents", filter=CAUTION, default=0),
    )
    counted["changed"] = _changed_since(desk, order).count() if order.whole_filter else 0
    apart = counted["caution"] if bulk_approval else 0
    kept = counted["n"] - apart
    kept_cents = int(counted["cents"]) - (int(counted["caution_cents"]) if bulk_approval else 0)
    one = rows.select_related("client").first() if counted["n"] == 1 else None
    context = {
        "desk": desk,
        "run": desk.run,
        "order": order,
        "picks": [f"{pk}:{version}" for pk, version in order.picks.items()],
        "here": query_here(request).urlencode(),
        "opened": row_id(request.POST.get("open")),
        "target": _target(request, one if order.single else None),
        "n_apart": apart,
        "reasons": refusal_reasons() if order.action == Action.REJECT else [],
        "receivers": receivers_for(request) if order.action == Action.CHANGE else [],
        "reason_missing": order.action == Action.REJECT and "asked" in request.POST,
        "ask_title": ask_title(order.action, kept),
        "ask_subtitle": one.client if one else "",
        "ask_sentence": "" if one else ask_sentence(order.action, kept, kept_cents, counted, currency_of(request)),
        "ask_verb": anyway(order.action) if passed else ask_verb(order.action, kept),
        "passed": [passed_sentence(each) for each in passed],
    }
    if not partial(request):
        return render(request, "rotation/ask.html", context)
    response = render(request, "rotation/_ask_dialog.html", context)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#dialog-slot", "innerHTML"
    return response


def _target(request: HttpRequest, one: Proposal | None) -> str:
    if ReviewFilter.parse(on_show(request)).view == "map":
        return "#map-area"
    return f"#proposal-{one.pk}" if one else "#review-work"


def currency_of(request: HttpRequest) -> str:
    return request.organization.currency  # type: ignore[attr-defined]


def ask_title(action: str, n: int) -> str:
    titles = {
        Action.APPROVE: ngettext("Aprovar a proposta", "Aprovar propostas", n),
        Action.REJECT: ngettext("Recusar a proposta", "Recusar propostas", n),
        Action.POSTPONE: ngettext("Adiar a proposta", "Adiar propostas", n),
        Action.CHANGE: _("Mudar destino"),
        Action.REOPEN: _("Voltar a pendente"),
    }
    return titles[Action(action)]


def ask_verb(action: str, n: int) -> str:
    verbs = {
        Action.APPROVE: ngettext("Aprovar %(n)s", "Aprovar %(n)s", n),
        Action.REJECT: ngettext("Recusar", "Recusar %(n)s", n),
        Action.POSTPONE: ngettext("Adiar", "Adiar %(n)s", n),
        Action.CHANGE: ngettext("Mudar destino", "Mudar destino de %(n)s", n),
        Action.REOPEN: ngettext("Voltar a pendente", "Voltar %(n)s a pendentes", n),
    }
    return verbs[Action(action)] % {"n": number(n)} if "%" in verbs[Action(action)] else verbs[Action(action)]


def anyway(action: str) -> str:
    return _("Aprovar mesmo assim") if action == Action.APPROVE else _("Mudar mesmo assim")


def ask_sentence(action: str, n: int, cents: int, counted: dict[str, Any], currency: str) -> str:
    """How many, how much money and how many people, counted again now, and what changed since the list was opened."""
    receivers = counted["receivers"]
    parts = [
        ngettext("%(n)s proposta", "%(n)s propostas", n) % {"n": number(n)},
        money_short(cents, currency),
        ngettext("%(n)s vendedor", "%(n)s vendedores", receivers) % {"n": receivers},
    ]
    verb = {
        Action.APPROVE: _("Aprovar %(what)s?"),
        Action.REJECT: _("Recusar %(what)s?"),
        Action.POSTPONE: _("Adiar %(what)s?"),
        Action.CHANGE: _("Mudar o destino de %(what)s?"),
        Action.REOPEN: _("Voltar %(what)s a pendente?"),
    }[Action(action)]
    sentences = [verb % {"what": ", ".join(parts)}]
    changed = counted["changed"]
    if changed:
        text = ngettext("%(n)s mudou desde então e fica de fora.", "%(n)s mudaram desde então e ficam de fora.", changed)
        sentences.append(text % {"n": number(changed)})
    return " ".join(sentences)


def _answer(request: HttpRequest, desk: Desk, order: Order, result: DecisionResult) -> HttpResponse:
    text, level = sentence(order.action, result)
    slug = request.organization.slug  # type: ignore[attr-defined]
    undo = reverse("rotation:undo", args=[slug, desk.run.pk, result.batch]) if result.decided else ""
    if not partial(request):
        messages.add_message(request, messages.SUCCESS if level == "ok" else messages.WARNING, text)
        return redirect(_back(request, desk))
    query = on_show(request)
    context: dict[str, Any] = {"toast_text": text, "toast_level": level, "undo": undo, "skipped": result.skipped}
    if ReviewFilter.parse(query).view == "map":
        return _map_answer(request, desk, query, context)
    if order.single and len(order.picks) == 1:
        pk = next(iter(order.picks))
        return _row_answer(request, desk, pk, query, context)
    context |= work(request, desk, query)
    context |= head(request, desk, context["totals"])
    response = render(request, "rotation/_answer_list.html", context)
    response.headers["HX-Trigger"] = "closeDialog"
    return response


def on_show(request: HttpRequest) -> QueryDict:
    """The querystring of the page on show. A map moves after its page was written: there the address counts, not the form's word."""
    if request.htmx and request.htmx.current_url:  # type: ignore[attr-defined]
        address = QueryDict(urlsplit(request.htmx.current_url).query[:4_000])  # type: ignore[attr-defined]
        if address.get("view") == "map":
            return address
    return query_here(request)


def _map_answer(request: HttpRequest, desk: Desk, query: QueryDict, context: dict[str, Any]) -> HttpResponse:
    """What stands beside the map, counted again; the map itself stays, and asks for its points."""
    context |= work(request, desk, query)
    context |= head(request, desk, context["totals"])
    response = render(request, "rotation/_answer_map.html", context)
    response.headers["HX-Trigger"] = "closeDialog, mapChanged"
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#map-area", "outerHTML"
    return response


def _row_answer(request: HttpRequest, desk: Desk, pk: int, query: QueryDict, context: dict[str, Any]) -> HttpResponse:
    """The row as it now is, with counts, group total and, when it is the one on show, the panel out of band."""
    proposal = shown(desk.proposals).get(pk=pk)
    context |= frame(request, desk, query)
    context |= head(request, desk, context["totals"])
    wanted = context["wanted"]
    key = getattr(proposal, f"{wanted.group_field}_id") if wanted.group_field else None
    context["group"] = groups_of(wanted.apply(desk.proposals), wanted, context["kinds"], context["rules"]).get(key)
    opened = request.POST.get("open") == str(pk)
    if opened:
        context |= panel(request, desk, pk, ReviewFilter()) | {"explicit": True, "with_panel": True}
    context["row"] = rows_for(request, desk, context, pk if opened else None).row(line_of(proposal, desk))
    response = render(request, "rotation/_answer_row.html", context)
    response.headers["HX-Trigger"] = "closeDialog"
    # The panel's own buttons decide the row too: whatever asked, the row is what changes.
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = f"#proposal-{pk}", "outerHTML"
    return response


def _refused(request: HttpRequest, desk: Desk, text: str) -> HttpResponse:
    """A refusal in words; nothing was written."""
    if not partial(request):
        messages.warning(request, text)
        return redirect(_back(request, desk))
    response = render(request, "rotation/_answer_toast.html", {"toast_text": text, "toast_level": "warn"})
    response.headers["HX-Reswap"] = "none"
    return response


def _back(request: HttpRequest, desk: Desk) -> str:
    query = query_here(request).urlencode()
    return f"{desk.base}?{query}" if query else desk.base


def sentence(action: str, result: DecisionResult) -> tuple[str, str]:
    """What became of the order, in one or two sentences, and whether all of it went well."""
    n = len(result.decided)
    done = {
        Action.APPROVE: ngettext("%(n)s aprovada.", "%(n)s aprovadas.", n),
        Action.REJECT: ngettext("%(n)s recusada.", "%(n)s recusadas.", n),
        Action.POSTPONE: ngettext("%(n)s adiada.", "%(n)s adiadas.", n),
        Action.CHANGE: ngettext("%(n)s com novo destino.", "%(n)s com novo destino.", n),
        Action.REOPEN: ngettext("%(n)s de volta a pendente.", "%(n)s de volta a pendentes.", n),
    }[Action(action)] % {"n": n}
    apart = sum(1 for each in result.skipped if each.code == CAVEAT)
    unfit = sum(1 for each in result.skipped if each.code in NOT_FIT)
    others = sum(1 for each in result.skipped if each.code in NOT_YOURS)
    changed = [each for each in result.skipped if each.code not in {CAVEAT, *NOT_FIT, *NOT_YOURS}]
    parts = [done] if n or not result.skipped else []
    if apart:
        parts.append(ngettext("%(n)s com ressalva ficou de fora.", "%(n)s com ressalva ficaram de fora.", apart) % {"n": apart})
    if unfit:
        text = ngettext("%(n)s não pode ir para esse destino.", "%(n)s não podem ir para esse destino.", unfit)
        parts.append(text % {"n": unfit})
    if others:
        text = ngettext("%(n)s pede aprovação de outra pessoa.", "%(n)s pedem aprovação de outra pessoa.", others)
        parts.append(text % {"n": others})
    if changed:
        text = ngettext(
            "%(n)s mudou desde que você abriu a lista e ficou como está.",
            "%(n)s mudaram desde que você abriu a lista e ficaram como estão.",
            len(changed),
        )
        parts.append(text % {"n": len(changed)})
        named = next((each for each in changed if each.by_name and each.at), None)
        if named and len(changed) == 1:
            local = timezone.localtime(named.at)
            parts.append(_("Decidida por %(name)s às %(at)s.") % {"name": named.by_name, "at": local.strftime("%H:%M")})
    return " ".join(parts), "ok" if n and not changed and not unfit and not others else "warn"


@require_POST
@only(DECIDERS)
def undo(request: HttpRequest, run: int, batch: str) -> HttpResponse:
    """Take back one act, however many proposals it covered; rows decided again since stay as they are."""
    desk = desk_of(request, run)
    made = Decision.objects.filter(batch=batch, proposal__in=desk.proposals).exclude(action=Action.COMMENT)
    if not made.exists():
        raise Http404
    try:
        result = undo_batch(batch, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _refused(request, desk, str(refusal))
    text, level = sentence(Action.REOPEN, result)
    if not partial(request):
        messages.add_message(request, messages.SUCCESS if level == "ok" else messages.WARNING, text)
        return redirect(_back(request, desk))
    query = on_show(request)
    if ReviewFilter.parse(query).view == "map":
        return _map_answer(request, desk, query, {"toast_text": text, "toast_level": level})
    context = work(request, desk, query) | {"toast_text": text, "toast_level": level}
    context |= head(request, desk, context["totals"])
    return render(request, "rotation/_answer_list.html", context)

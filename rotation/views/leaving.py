"""A representative leaves: dividing the portfolio, confirming it, what became of it, and taking it back."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import ChangedMeanwhile, DomainError
from accounts.models import Representative
from accounts.selectors import representatives_visible_to
from accounts.templatetags.formats import day_year, number
from portfolio.views.common import today_of
from rotation.ceiling_words import passed_sentence
from rotation.load_chart import load_bars
from rotation.models import Handover, Proposal, Run
from rotation.selectors.handovers import (
    PAGE,
    divided_clients,
    division_of,
    ending_absences,
    handovers_visible_to,
    likely_receivers,
    possible_receivers,
    received_by,
)
from rotation.selectors.leaving import carried_along
from rotation.selectors.receiving import passed_by_lines
from rotation.services.dividing import OPEN, draft_handover, drop_draft, most_by_minutes, put_clients
from rotation.services.handover import confirm_handover, undo_handover
from rotation.services.reversal import reversible
from rotation.views.applying import MOST_LISTED, MOVING, STOP_POLLING
from rotation.views.common import DECIDERS, LEADERS, only, paged, partial, row_id
from rotation.views.previewing import UNASSIGNED_WORDS
from rotation.wording import stale_words

MOST_PUT = 1_000


class LeaveForm(forms.Form):
    last_on = forms.DateField(label=gettext_lazy("Último dia"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


def _leaver(request: HttpRequest, representative: int) -> Representative:
    """The representative, if the member leads their team; who sells finds nothing here."""
    people = representatives_visible_to(request.membership).select_related("membership", "team")  # type: ignore[attr-defined]
    return get_object_or_404(people, pk=representative)


@require_http_methods(["GET", "POST"])
@only(DECIDERS)
@paged
def leave(request: HttpRequest, representative: int) -> HttpResponse:
    """Choose the day and the receivers, see the division, change it, confirm it."""
    leaver = _leaver(request, representative)
    draft = Handover.objects.filter(representative=leaver, state__in=OPEN).select_related("representative", "rest").first()
    errors: dict[str, str] = {}
    status = 200
    if request.method == "POST":
        acts: dict[str, Callable[[HttpRequest, Representative, Handover | None], HttpResponse | None]] = {
            "divide": _divide,
            "put": _put,
            "confirm": _confirm,
            "drop": _drop,
        }
        act = acts.get(request.POST.get("act", ""))
        if act is None:
            raise Http404
        try:
            answer = act(request, leaver, draft)
        except ChangedMeanwhile as refusal:
            # The fragment has to be swapped in, and htmx swaps 422.
            errors, status = {"": str(refusal)}, 422 if partial(request) else 409
        except DomainError as refusal:
            errors, status = {getattr(refusal, "field", ""): str(refusal)}, 422
        else:
            if answer is not None:
                return answer
            draft = Handover.objects.filter(representative=leaver, state__in=OPEN).select_related("representative", "rest").first()
    context = _work(request, leaver, draft) | {"errors": errors}
    if partial(request):
        return render(request, "rotation/_leave.html", context, status=status)
    return render(request, "rotation/leave.html", context, status=status)


def _divide(request: HttpRequest, leaver: Representative, draft: Handover | None) -> HttpResponse | None:
    last_on = parse_day(request.POST.get("last_on", ""))
    receivers = [found for each in request.POST.getlist("receivers")[:MOST_PUT] if (found := row_id(each))]
    rest = row_id(request.POST.get("rest"))
    draft_handover(leaver, last_on=last_on or date.min, receivers=receivers, rest=rest, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    return None if partial(request) else redirect(request.path)


def parse_day(text: str) -> date | None:
    """The day of a date field, None for anything else."""
    try:
        return parse_date(text)
    except ValueError:
        return None


def _draft(request: HttpRequest, draft: Handover | None) -> tuple[Handover, int]:
    if draft is None:
        raise ChangedMeanwhile(_("Alguém mudou esta divisão depois que você a abriu. Confira e confirme de novo."))
    return draft, row_id(request.POST.get("version")) or 0


def _put(request: HttpRequest, leaver: Representative, draft: Handover | None) -> HttpResponse | None:
    found, version = _draft(request, draft)
    clients = [pk for each in request.POST.getlist("client")[:MOST_PUT] if (pk := row_id(each))]
    put_clients(found, clients, row_id(request.POST.get("to")), version=version, by=request.membership)  # type: ignore[attr-defined]
    return None if partial(request) else redirect(f"{request.path}?{request.GET.urlencode()}")


def _drop(request: HttpRequest, leaver: Representative, draft: Handover | None) -> HttpResponse | None:
    found, version = _draft(request, draft)
    drop_draft(found, version=version, by=request.membership)  # type: ignore[attr-defined]
    messages.success(request, _("Saída desmarcada. Nada mudou de mãos."))
    return redirect(request.path)


def _confirm(request: HttpRequest, leaver: Representative, draft: Handover | None) -> HttpResponse | None:
    found, version = _draft(request, draft)
    done = confirm_handover(found, reason=request.POST.get("reason", ""), version=version, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    slug = request.organization.slug  # type: ignore[attr-defined]
    if done.state == Handover.State.PLANNED:
        messages.success(request, _("Saída marcada: começa no dia seguinte a %(day)s.") % {"day": day_year(done.last_on)})
        return redirect("rotation:leave", slug, leaver.pk)
    return redirect("rotation:handover", slug, done.pk)


def _work(request: HttpRequest, leaver: Representative, draft: Handover | None) -> dict[str, Any]:
    """The page: who may receive, and the division where there is one."""
    member, today = request.membership, today_of(request)  # type: ignore[attr-defined]
    last_on = parse_day(request.POST.get("last_on", "")) or (draft.last_on if draft else today)
    people = possible_receivers(leaver, member, on=today)
    chosen = set(draft.receivers) if draft else set(likely_receivers(leaver, people, on=today))
    if request.POST.get("act") == "divide":
        chosen = {found for each in request.POST.getlist("receivers") if (found := row_id(each))}
    context: dict[str, Any] = {
        "leaver": leaver,
        "draft": draft,
        "form": LeaveForm(initial={"last_on": last_on}),
        "near": [(each, each.pk in chosen) for each in people if each.team_id == leaver.team_id],
        "far": [(each, each.pk in chosen) for each in people if each.team_id != leaver.team_id],
        "chosen": chosen,
        "people": people,
        "along": carried_along(leaver, today=today),
        "absences": ending_absences(leaver, today=today),
        "today": today,
        "past": handovers_visible_to(member).filter(representative=leaver, state=Handover.State.STARTED).order_by("-pk").first(),
        "reason": request.POST.get("reason", draft.reason if draft else ""),
    }
    if draft and draft.plan:
        context |= _division(request, draft)
    return context


def _division(request: HttpRequest, draft: Handover) -> dict[str, Any]:
    division = division_of(draft)
    of = request.GET.get("of", "")
    page = row_id(request.GET.get("page")) or 1
    rows, count = divided_clients(draft, division, of=of, page=page)
    here = request.path

    def link(of: str, page: int = 1) -> str:
        return f"{here}?of={of}&page={page}#division"

    plan = draft.plan
    takers = {line.representative.pk: line.representative for line in division.lines}
    worth = plan["objective_cents"]
    return {
        "division": division,
        "passed": [passed_sentence(each) for each in passed_by_lines(division.lines)],
        "bars": load_bars(division.lines),
        "bars_minutes": load_bars(division.lines, minutes=True),
        "rows": [(row, takers.get(row.to_id or 0), UNASSIGNED_WORDS.get(row.why, "")) for row in rows],
        "takers": list(takers.values()),
        "of": of,
        "chips": [
            (_("Todos"), link(""), of == "", len(division.targets)),
            *[
                (str(line.representative.name), link(str(line.representative.pk)), of == str(line.representative.pk), line.gains.clients)
                for line in division.lines
            ],
            (_("Ninguém pode receber"), link("nobody"), of == "nobody", sum(division.unassigned.values())),
            (_("Escolhidos por você"), link("hand"), of == "hand", len(division.by_hand)),
        ],
        "unassigned": [(UNASSIGNED_WORDS.get(code, code), n) for code, n in division.unassigned.most_common()],
        "n_clients": len(division.targets),
        "net": sum(line.gains.net_cents for line in division.lines),
        "worth_cents": worth,
        "better": worth / plan["round_robin_cents"] - 1 if plan["round_robin_cents"] > 0 else None,
        "gap": plan["gap"],
        "by_minutes": plan["counts"] == "minutes",
        "heads_because": plan.get("heads_because", ""),
        "most_by_minutes": most_by_minutes(len(draft.receivers)),
        "pages": {
            "summary": _("%(first)s a %(last)s de %(n)s")
            % {"first": number((page - 1) * PAGE + 1), "last": number(min(page * PAGE, count)), "n": number(count)},
            "previous": link(of, page - 1) if page > 1 else "",
            "next": link(of, page + 1) if page * PAGE < count else "",
        }
        if count > PAGE
        else None,
    }


@require_GET
@only(LEADERS)
@paged
def handover(request: HttpRequest, handover: int) -> HttpResponse:
    """What became of a hand-over that began; the card asks again every 2 s while clients move."""
    found = get_object_or_404(handovers_visible_to(request.membership).filter(run__isnull=False), pk=handover)  # type: ignore[attr-defined]
    run = found.run
    assert run is not None
    moving = run.state in MOVING
    lines = received_by(found)
    done, waiting = sum(line.applied for line in lines), sum(line.waiting for line in lines)
    stale = Proposal.objects.filter(run=run, state=Proposal.State.STALE).select_related("client", "to_representative").order_by("position")
    context: dict[str, Any] = {
        "handover": found,
        "run": run,
        "moving": moving,
        "failed": run.state == Run.State.FAILED,
        "lines": lines,
        "done": done,
        "to_do": done + waiting,
        "stale": [(row, stale_words(row.stale_reason)) for row in stale[:MOST_LISTED]],
        "reversals": Run.objects.filter(reverses=run).order_by("-pk")[:5],
    }
    if request.membership.role in DECIDERS and found.state == Handover.State.STARTED and not moving:  # type: ignore[attr-defined]
        context["reversible"] = reversible(run, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    if partial(request):
        return render(request, "rotation/_handover.html", context, status=200 if moving else STOP_POLLING)
    return render(request, "rotation/handover.html", context)


@require_POST
@only(DECIDERS)
def undo(request: HttpRequest, handover: int) -> HttpResponse:
    """The person did not leave after all."""
    found = get_object_or_404(handovers_visible_to(request.membership), pk=handover)  # type: ignore[attr-defined]
    slug = request.organization.slug  # type: ignore[attr-defined]
    try:
        run = undo_handover(found, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        # The message has to survive, and what the service may have written must not.
        response = redirect("rotation:handover", slug, found.pk)
        return response
    n = run.n_proposed
    text = ngettext("%(name)s voltou, com %(n)s cliente.", "%(name)s voltou, com %(n)s clientes.", n)
    messages.success(request, text % {"name": found.representative.name, "n": number(n)})
    return redirect("rotation:job", slug, run.pk)


def handover_url(request: HttpRequest, run: Run) -> str:
    """Where a run of this kind is shown."""
    found = Handover.objects.filter(run=run).first()
    return reverse("rotation:handover", args=[request.organization.slug, found.pk]) if found else ""  # type: ignore[attr-defined]

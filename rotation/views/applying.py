"""From approved to applied and back: the page before, the job, its result, and taking a batch back."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Role
from rotation.ceiling_words import passed_sentence
from rotation.models import Proposal, Run
from rotation.selectors.review import totals_of
from rotation.selectors.tally import kinds_of
from rotation.services.apply import apply_summary, request_apply
from rotation.services.reversal import request_reversal, reversible, reversible_days
from rotation.services.runs import cancel_run
from rotation.views.common import ADMINS, DECIDERS, LEADERS, only, paged, partial, run_or_404
from rotation.views.desk import Desk, desk_of
from rotation.wording import stale_words

MOST_LISTED = 200
MOVING = (Run.State.SCHEDULED, Run.State.COMPUTING, Run.State.APPLYING)
STOP_POLLING = 286  # htmx swaps the answer and stops asking


@require_http_methods(["GET", "POST"])
@only(DECIDERS)
@paged
def apply(request: HttpRequest, run: int) -> HttpResponse:
    """Totals before and after, and what speaks against it; POST puts the run to work."""
    desk = desk_of(request, run)
    slug = request.organization.slug  # type: ignore[attr-defined]
    refusal = ""
    if request.method == "POST":
        try:
            request_apply(desk.run, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
        except DomainError as error:
            refusal = str(error)
        else:
            return redirect("rotation:job", slug, desk.run.pk)
    if desk.run.state != Run.State.AWAITING and not refusal and not _stopped_applying(desk.run):
        return redirect("rotation:job", slug, desk.run.pk)
    summary = apply_summary(desk.run, by=request.membership)  # type: ignore[attr-defined]
    context = {
        "desk": desk,
        "run": desk.run,
        "summary": summary,
        "refusal": refusal,
        "reversible_days": reversible_days(request.membership),  # type: ignore[attr-defined]
        "blocked": bool(summary.consent_missing or summary.needs_second_approver or summary.needs_second_person or not summary.approved),
        "passed": [passed_sentence(each) for each in summary.passed],
        "over": [change for change in summary.changes if change.over_capacity],
        "commission": [change for change in summary.changes if change.commission and change.commission.change_cents < 0],
    }
    # A refusal wrote nothing; 409 keeps it so, and says so to whoever asks by program.
    return render(request, "rotation/apply.html", context, status=409 if refusal else 200)


def _stopped_applying(run: Run) -> bool:
    return run.state == Run.State.FAILED and run.failed_in == Run.State.APPLYING


@require_GET
@only(LEADERS)
@paged
def job(request: HttpRequest, run: int) -> HttpResponse:
    """How far the run is, or what it came to. The card asks again every 2 s until there is nothing to wait for."""
    desk = desk_of(request, run)
    handover = desk.run.handovers.first() if desk.run.kind == Run.Kind.HANDOVER and desk.run.state != Run.State.FAILED else None
    if handover:
        return redirect("rotation:handover", request.organization.slug, handover.pk)  # type: ignore[attr-defined]
    context = job_context(request, desk)
    if not partial(request):
        if desk.run.state == Run.State.AWAITING and not desk.run.applied_at:
            return redirect(desk.base)
        return render(request, "rotation/job.html", context)
    done = desk.run.state not in MOVING
    return render(request, "rotation/_job.html", context, status=STOP_POLLING if done else 200)


def job_context(request: HttpRequest, desk: Desk) -> dict[str, Any]:
    run = desk.run
    totals = totals_of(kinds_of(desk.run, desk.reach))
    applied, stale = totals.tabs["applied"], totals.tabs["stale"]
    refused = [(row, stale_words(row.stale_reason)) for row in _stale_rows(desk)] if stale else []
    context: dict[str, Any] = {
        "desk": desk,
        "run": run,
        "totals": totals,
        "applied": applied,
        "stale": stale,
        "done": applied + stale,
        "to_do": applied + stale + totals.tabs["approved"],
        "refused": refused,
        "moving": run.state in MOVING,
        "reversal": run.kind == Run.Kind.REVERSAL,
        "elapsed": _elapsed(run),
        "reversals": Run.objects.filter(reverses=run).annotate(n=Count("proposals")).order_by("-id")[:5] if applied else [],
        "left": totals.tabs["pending"] + totals.tabs["postponed"] if run.state == Run.State.AWAITING else 0,
    }
    if desk.reach.decides and run.kind in (Run.Kind.ROTATION, Run.Kind.MANUAL) and applied and run.state not in MOVING:
        context["reversible"] = reversible(run, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    context["may_retry"] = desk.reach.decides and _stopped_applying(run)
    context["may_cancel"] = request.membership.role == Role.ADMIN and (  # type: ignore[attr-defined]
        run.state == Run.State.SCHEDULED or (run.state == Run.State.FAILED and run.failed_in != Run.State.APPLYING)
    )
    return context


def _stale_rows(desk: Desk) -> list[Proposal]:
    rows = desk.proposals.filter(state=Proposal.State.STALE)
    return list(rows.select_related("client", "from_representative", "to_representative").order_by("position", "id")[:MOST_LISTED])


def _elapsed(run: Run) -> int | None:
    begun = run.apply_requested_at or run.created_at
    ended = run.applied_at if run.applied_at and run.applied_at >= begun else None
    return round(((ended or timezone.now()) - begun).total_seconds()) if begun else None


@require_http_methods(["GET", "POST"])
@only(DECIDERS)
@paged
def reverse_batch(request: HttpRequest, run: int) -> HttpResponse:
    """What goes back and what was touched since; POST makes the compensating run."""
    desk = desk_of(request, run)
    if desk.run.kind in (Run.Kind.REVERSAL, Run.Kind.HANDOVER) or not desk.proposals.filter(state=Proposal.State.APPLIED).exists():
        raise Http404
    refusal = ""
    if request.method == "POST":
        try:
            made = request_reversal(desk.run, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
        except DomainError as error:
            refusal = str(error)
        else:
            return redirect("rotation:job", request.organization.slug, made.pk)  # type: ignore[attr-defined]
    found = reversible(desk.run, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    context = {
        "desk": desk,
        "run": desk.run,
        "found": found,
        "standing": found.standing,
        "touched": _touched(desk) if found.touched else [],
        "refusal": refusal,
    }
    return render(request, "rotation/reverse.html", context, status=409 if refusal else 200)


def _touched(desk: Desk) -> list[Proposal]:
    """Applied moves whose client somebody moved again: they stay where they are."""
    standing = Q(client__representative=F("to_representative"))
    rows = desk.proposals.filter(state=Proposal.State.APPLIED).exclude(standing)
    return list(rows.select_related("client__representative", "to_representative").order_by("position", "id")[:MOST_LISTED])


@require_POST
@only(ADMINS)
def cancel(request: HttpRequest, run: int) -> HttpResponse:
    """Give the run up, or what is left of it."""
    found = run_or_404(request, run)
    slug = request.organization.slug  # type: ignore[attr-defined]
    try:
        ended = cancel_run(found, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect("rotation:review", slug, found.pk)
    if ended.state == Run.State.APPLIED:
        messages.success(request, _("Giro encerrado. O que foi aplicado fica; as propostas em aberto expiraram."))
        return redirect("rotation:job", slug, found.pk)
    messages.success(request, _("Giro cancelado. As propostas em aberto expiraram e o dia pode ser rodado de novo."))
    return redirect("rotation:start" if request.POST.get("next") == "start" else "rotation:runs", slug)

"""What came of a run: treated against left alone, bought again, false alarms, and its lines of the ledger."""

from types import SimpleNamespace

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.selectors import local_day
from rotation import uplift_words as words
from rotation.models import Run
from rotation.selectors.run_outcome import ledger_of, run_outcome
from rotation.services.reversal import reversible
from rotation.views.common import LEADERS, only, paged
from rotation.views.desk import desk_of


@require_GET
@only(LEADERS)
@paged
def outcome(request: HttpRequest, run: int) -> HttpResponse:
    """The run's own outcome; a rule's effect over all its runs stands on the rule's page."""
    desk = desk_of(request, run)
    if desk.run.kind == Run.Kind.REVERSAL or desk.run.computed_at is None:
        raise Http404
    seen = run_outcome(desk.run, as_of=local_day(request.organization, at=timezone.now()))  # type: ignore[attr-defined]
    context = {"desk": desk, "run": desk.run, "seen": seen, "entries": ledger_of(desk.proposals)}
    if seen.found is not None and seen.found.sayable:
        context["effect_sentence"] = words.effect_sentence(SimpleNamespace(found=seen.found))  # type: ignore[arg-type]
    if desk.reach.decides and seen.moved:
        context["reversible"] = reversible(desk.run, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    return render(request, "rotation/run_outcome.html", context)

"""One member at one run: what the pages of the review share."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from rotation.models import Proposal, Run
from rotation.selectors.reach import Reach, reach_of
from rotation.selectors.review import proposals_visible_to
from rotation.views.common import run_or_404
from rotation.wording import reason_lines, stale_words


@dataclass(frozen=True)
class Desk:
    """One member at one run: what they may see and do there."""

    run: Run
    reach: Reach
    base: str

    @cached_property
    def proposals(self) -> QuerySet[Proposal]:
        """The run's rows in sight; only ever narrowed, so that it is made once."""
        return proposals_visible_to(self.reach, self.run)

    @property
    def decides(self) -> bool:
        return self.reach.decides and self.run.state == Run.State.AWAITING


def desk_of(request: HttpRequest, run_id: int) -> Desk:
    run = run_or_404(request, run_id)
    slug = request.organization.slug  # type: ignore[attr-defined]
    return Desk(run, reach_of(request.membership), reverse("rotation:review", args=[slug, run.pk]))  # type: ignore[attr-defined]


def line_of(proposal: Proposal, desk: Desk, tab: str = "") -> dict[str, Any]:
    """Everything a row shows of one proposal (see ``rotation.rows``); ``proposal`` comes from ``shown``.

    A postponed proposal shows that it is, except in the tab where the postponed ones are decided.
    """
    first, second, caution = reason_lines(proposal)
    measured = proposal.km_from is not None and proposal.km_to is not None
    State = Proposal.State
    within = desk.decides and desk.reach.may_decide(proposal)
    decidable = within and proposal.state == State.PROPOSED
    return {
        "p": proposal,
        "reason": first,
        "reason_2": second,
        "caution": caution,
        "km_change": round(proposal.km_to - proposal.km_from) if measured else None,
        "decidable": decidable,
        "acts": decidable and (proposal.postponed_at is None or tab == "postponed"),
        "reopenable": within and (proposal.state in (State.APPROVED, State.REJECTED) or (decidable and proposal.postponed_at is not None)),
        "pick": f"{proposal.pk}:{proposal.version}",
        "stale": stale_words(proposal.stale_reason) if proposal.stale_reason else "",
    }

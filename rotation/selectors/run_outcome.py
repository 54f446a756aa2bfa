"""What came of one run: who moved and bought again, against those its draw left alone; and what it wrote in the ledger."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db.models import Count, Max, Q, QuerySet, Sum

from accounts.models import Representative
from portfolio.models import Ownership
from rotation.engine.outcome import Drawn
from rotation.engine.uplift import Uplift, uplift
from rotation.models import Outcome, Proposal, Run

MOST_ENTRIES = 50


@dataclass(frozen=True)
class RunOutcome:
    """Counts of clients; money in cents. ``found`` compares the arms where both were drawn and measured.

    ``recovered`` counts those of ``moved_measured`` that ordered after they moved, ``alone`` those of ``control_measured``
    that ordered though left alone: a false alarm. ``closes_on`` is the last day any window still waits for.
    """

    moved: int
    moved_measured: int
    recovered: int
    recovered_cents: int
    drawn_treated: int
    drawn_control: int
    control_measured: int
    alone: int
    waiting: int
    closes_on: date | None
    found: Uplift | None

    @property
    def recovered_share(self) -> float | None:
        return self.recovered / self.moved_measured if self.moved_measured else None

    @property
    def false_alarm_share(self) -> float | None:
        return self.alone / self.control_measured if self.control_measured else None


def run_outcome(run: Run, *, as_of: date) -> RunOutcome:
    """What the run's clients did in their windows, as known on ``as_of``; three queries, however many clients."""
    Arm = Outcome.Arm
    rows = Outcome.objects.filter(run=run)
    closed = Q(measured_at__isnull=False, until_on__lt=as_of)
    moved = Q(moved_to__isnull=False)
    back = closed & moved & Q(recovered=True)
    # The money first: an alias named as a column hides that column from what comes after it.
    counted = rows.aggregate(
        moved_measured=Count("id", filter=closed & moved),
        recovered_cents=Sum("net_cents", filter=back, default=0),
        recovered=Count("id", filter=back),
        drawn_treated=Count("id", filter=Q(arm=Arm.TREATMENT)),
        drawn_control=Count("id", filter=Q(arm=Arm.CONTROL)),
        control_measured=Count("id", filter=closed & Q(arm=Arm.CONTROL)),
        alone=Count("id", filter=closed & Q(arm=Arm.CONTROL, ordered=True)),
        waiting=Count("id", filter=~closed),
        closes_on=Max("until_on", filter=~closed),
    )
    n_moved = Proposal.objects.filter(run=run, state=Proposal.State.APPLIED).count()
    drawn = rows.filter(closed).exclude(arm=Arm.OUTSIDE).order_by("id")
    return RunOutcome(moved=n_moved, found=_compared(drawn), **counted)


def _compared(drawn: QuerySet[Outcome]) -> Uplift | None:
    found = list(drawn.values_list("arm", "ordered", "net_cents", "stratum", "rule_version_id"))
    if not found:
        return None
    arms, ordered, net, strata, versions = zip(*found, strict=True)
    # The order of the strata decides nothing; that of their names is always the same.
    return uplift(
        Drawn(
            np.array([arm == Outcome.Arm.TREATMENT for arm in arms]),
            np.array(ordered, bool),
            np.array(net, np.int64),
            np.unique(strata, return_inverse=True)[1].astype(np.int32),
            np.unique(versions, return_inverse=True)[1].astype(np.int32),
        )
    )


def ledger_of(proposals: QuerySet[Proposal], *, most: int = MOST_ENTRIES) -> list[tuple[Ownership, Representative | None]]:
    """What applying these proposals wrote in the ledger of ownership, the latest first, each with who had the client; two queries."""
    applied = proposals.filter(state=Proposal.State.APPLIED).order_by()
    entries = Ownership.objects.filter(proposal_id__in=applied.values("pk")).select_related("client", "representative", "actor")
    latest = list(entries.order_by("-recorded_at", "-pk")[:most])
    gave = Proposal.objects.filter(pk__in=[entry.proposal_id for entry in latest]).select_related("from_representative")
    former = {each.pk: each.from_representative for each in gave.only("id", "organization_id", "from_representative")}
    return [(entry, former.get(entry.proposal_id or 0)) for entry in latest]

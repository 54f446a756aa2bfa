"""Open proposals of a run that ends, however many: no statement of it grows with the run."""

from django.db.models import F

from rotation.models import Proposal, Run

OPEN = [Proposal.State.PROPOSED, Proposal.State.APPROVED]
# One statement over a hundred thousand rows, each in seven indexes, outlasts what a page's statement may take.
SLICE = 5_000


def expire_open(run: Run) -> int:
    """Expire the run's open proposals within the caller's transaction; how many there were.

    All are locked first, in id order as decisions lock them, so that none is decided between two slices.
    """
    open_ones = Proposal.objects.filter(run=run, state__in=OPEN)
    locked = list(open_ones.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    for first in range(0, len(locked), SLICE):
        Proposal.objects.filter(pk__in=locked[first : first + SLICE]).update(state=Proposal.State.EXPIRED, version=F("version") + 1)
    return len(locked)

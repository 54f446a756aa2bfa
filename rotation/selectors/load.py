"""How many clients each representative holds, and would hold after a run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from django.db.models import Count, Q, QuerySet

from accounts.models import Representative
from clients.models import Client
from rotation.models import Proposal, Run


@dataclass(frozen=True)
class Load:
    """Clients of one representative before and after the run's open and applied moves."""

    representative: Representative
    before: int
    after: int
    capacity: int

    @property
    def over(self) -> bool:
        return self.after > self.capacity

    @property
    def change(self) -> int:
        return self.after - self.before


def clients_held(representative_ids: Iterable[int] | None = None) -> dict[int, int]:
    """Clients per representative now; one query over the index of the mirrored owner."""
    held = Client.objects.filter(representative__isnull=False)
    if representative_ids is not None:
        held = held.filter(representative__in=list(representative_ids))
    return dict(held.order_by().values_list("representative_id").annotate(n=Count("id")))


def clients_coming() -> dict[int, int]:
    """Clients per representative that open proposals, of whatever run, would bring; one query."""
    State = Proposal.State
    coming = Proposal.objects.filter(state__in=[State.PROPOSED, State.APPROVED], to_representative__isnull=False)
    return dict(coming.order_by().values_list("to_representative_id").annotate(n=Count("id")))


def loads_of(run: Run, *, within: QuerySet[Representative]) -> list[Load]:
    """Loads of the representatives who serve on the run's day or take part in it, the fullest first; three queries.

    Pending and approved moves count as made; refused ones do not. For moves already applied, "before" is rebuilt by
    taking them back.
    """
    State = Proposal.State
    moves = (
        Proposal.objects.filter(run=run, state__in=[State.PROPOSED, State.APPROVED, State.APPLIED])
        .order_by()
        .values_list("state", "from_representative_id", "to_representative_id")
        .annotate(n=Count("id"))
    )
    before_change: Counter[int | None] = Counter()
    after_change: Counter[int | None] = Counter()
    for state, origin, receiver, n in moves:
        if state == State.APPLIED:
            before_change[origin] += n
            before_change[receiver] -= n
        else:
            after_change[origin] -= n
            after_change[receiver] += n
    held = clients_held()
    serving = (Q(valid_to=None) | Q(valid_to__gt=run.as_of)) & (Q(valid_from=None) | Q(valid_from__lte=run.as_of))
    taking_part = [each for each in {*before_change, *after_change} if each]
    loads = [
        Load(
            each,
            held.get(each.pk, 0) + before_change[each.pk],
            held.get(each.pk, 0) + after_change[each.pk],
            each.capacity_clients,
        )
        for each in within.filter(serving | Q(pk__in=taking_part)).order_by("code")
    ]
    return sorted(loads, key=lambda load: (-load.after / max(load.capacity, 1), load.representative.code))


def spread(shares: Iterable[float]) -> float | None:
    """How unevenly loads lie: their standard deviation over their mean; None where there is nothing to compare."""
    values = list(shares)
    mean = sum(values) / len(values) if values else 0
    if len(values) < 2 or not mean:
        return None
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values)) / mean


def load_spread(loads: list[Load]) -> tuple[float | None, float | None]:
    """Unevenness of clients over capacity, before and after."""
    shares = [(load.before / load.capacity, load.after / load.capacity) for load in loads if load.capacity]
    return spread(before for before, _after in shares), spread(after for _before, after in shares)

"""Every client a back-test flagged and what came of each, as far as a member sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from django.db.models import QuerySet

from accounts.models import Membership
from clients.models import Client
from clients.selectors.visibility import clients_within, reach_of
from rotation.engine.facts import NO_DAY, Array
from rotation.engine.judging import EPOCH, Alone, Fate, FlagColumns
from rotation.engine.past import FOREVER
from rotation.models import Backtest
from rotation.packing import unpack_flags

# What may be asked for -> which flags it means; all but the last are the first version's.
KINDS = {
    "": lambda flags: flags.alone != Alone.OLD,
    "silent": lambda flags: (flags.fate == Fate.SILENT) & (flags.alone != Alone.OLD),
    "ordered": lambda flags: (flags.fate == Fate.ORDERED) & (flags.alone != Alone.OLD),
    "open": lambda flags: (flags.fate == Fate.OPEN) & (flags.alone != Alone.OLD),
    "new": lambda flags: flags.alone == Alone.NEW,
    "old": lambda flags: flags.alone == Alone.OLD,
}
AT_ONCE = 1_000


class FlaggedClient(NamedTuple):
    """One flag: of whom, when, and what came of it."""

    client: Client
    flagged_on: date
    days_silent: int | None  # None for a prospect
    then_on: date | None  # the next order, where one came by now
    days_after: int | None
    at_stake_cents: int
    fate: Fate
    alone: Alone


@dataclass(frozen=True)
class Flagged:
    """The flags of a proof that a member may read, those with most at stake first."""

    flags: FlagColumns
    counts: Mapping[str, int]  # of each of KINDS
    elsewhere: int  # flags of clients that are not the member's to see
    clients: QuerySet[Client]  # those the member sees

    def of(self, kind: str) -> Array:
        """The positions of one kind."""
        return np.flatnonzero(KINDS[kind](self.flags))

    def rows(self, positions: Array) -> Iterator[FlaggedClient]:
        """The flags at these positions with their clients' names, a query a thousand."""
        for begin in range(0, len(positions), AT_ONCE):
            part = self.flags.where(positions[begin : begin + AT_ONCE])
            clients = self.clients.select_related("representative").in_bulk(part.client.tolist())
            for i in range(len(part)):
                if client := clients.get(int(part.client[i])):
                    yield _row(client, part, i)


def flagged_clients(proof: Backtest, member: Membership) -> Flagged | None:
    """The flags of a finished proof; None where it kept none, as those of earlier versions of this program.

    One query for the flags; for who leads some of the teams one more for the clients, beside those of ``reach_of``.

    Of clients that are gone since nothing is left to name.
    """
    if proof.state != Backtest.State.DONE or proof.flags is None:
        return None
    flags = unpack_flags(proof.flags)
    n, seen = len(flags), flags
    reach = reach_of(member)
    clients = clients_within(reach)
    if reach.representatives is not None:
        mine = np.fromiter(clients.order_by().values_list("pk", flat=True).iterator(chunk_size=10_000), np.int64)
        seen = flags.where(np.isin(flags.client, mine))
    return Flagged(seen, {kind: int(meant(seen).sum()) for kind, meant in KINDS.items()}, n - len(seen), clients)


def _row(client: Client, flags: FlagColumns, i: int) -> FlaggedClient:
    on, last, then = int(flags.flagged_on[i]), int(flags.last_on[i]), int(flags.then_on[i])
    return FlaggedClient(
        client,
        _day(on),
        None if last == NO_DAY else on - last,
        None if then == FOREVER else _day(then),
        None if then == FOREVER else then - on,
        int(flags.stake_cents[i]),
        Fate(int(flags.fate[i])),
        Alone(int(flags.alone[i])),
    )


def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)

"""Everything dated that is known of an organization's clients, as a back-test takes it (ENGINE.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import FactsError
from .facts import NO_DAY, Array
from .features import ABC_CUTS

FOREVER = 2**30  # an ownership, a service or an absence without an end


def _nothing() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Past:
    """Everything dated about an organization's clients; days since 1970-01-01, money in cents.

    ``n`` clients and ``m`` representatives in the order of Facts and Representatives; ``*_client`` and
    ``*_representative`` are rows of those tables. Other tables are flat, one row an event.

    Parameters
    ----------
    client_id : shape (n,)
    order_client, order_day, order_cents : shape (n_days,), sorted by client, then day, each pair once
        Net of every day a client ordered on or gave back; a day whose net is not above zero is no order day, and its
        cents count all the same.
    visit_client, visit_day, contact_client, contact_day : any order
    owner_client, owner_representative, owner_from, owner_until, owner_moved : the ledger, sorted by client, then in its
        own sequence; half-open days, ``FOREVER`` while open; ``moved`` marks a rotation or hand-over
    registered_on, discarded_on : shape (n,), NO_DAY for never
    active_from, active_until, consent_on : shape (m,), half-open days of service; NO_DAY for no consent
    absent_representative, absent_from, absent_until : half-open days away
    lost_client, lost_silence, lost_from, lost_until : half-open days on which a person had declared the client lost; it is
        while no order came after the day ``lost_silence``
    abc_cuts : shares of the year's net value at which class A ends and class B ends, as ``features.abc_classes`` takes them
    """

    client_id: Array
    order_client: Array
    order_day: Array
    order_cents: Array
    visit_client: Array
    visit_day: Array
    contact_client: Array
    contact_day: Array
    owner_client: Array
    owner_representative: Array
    owner_from: Array
    owner_until: Array
    owner_moved: Array
    registered_on: Array
    discarded_on: Array
    active_from: Array
    active_until: Array
    consent_on: Array
    absent_representative: Array
    absent_from: Array
    absent_until: Array
    abc_cuts: tuple[float, float] = ABC_CUTS
    lost_client: Array = field(default_factory=_nothing)
    lost_silence: Array = field(default_factory=_nothing)
    lost_from: Array = field(default_factory=_nothing)
    lost_until: Array = field(default_factory=_nothing)

    def __post_init__(self) -> None:
        client, day = self.order_client, self.order_day
        backwards = (client[1:] < client[:-1]) | ((client[1:] == client[:-1]) & (day[1:] <= day[:-1]))
        if backwards.any():
            raise FactsError("not_sorted", column="order_day", row=int(np.argmax(backwards)) + 1)
        for name, size in (("registered_on", len(self)), ("discarded_on", len(self)), ("active_until", len(self.active_from))):
            if len(getattr(self, name)) != size:
                raise FactsError("wrong_shape", column=name, found=getattr(self, name).shape, expected=(size,))

    def __len__(self) -> int:
        return len(self.client_id)

    def until(self, day: int) -> Past:
        """The same clients with only what had happened by the end of ``day``."""

        def kept(mask: Array, *names: str) -> dict[str, Array]:
            return {name: getattr(self, name)[mask] for name in names}

        def known(column: Array) -> Array:
            return np.where(column <= day, column, NO_DAY).astype(column.dtype)

        owners = self.owner_from <= day
        ordered = (self.order_day <= day) & (self.order_cents > 0)
        first = np.full(len(self), FOREVER)
        np.minimum.at(first, self.order_client[ordered], self.order_day[ordered])
        # who was registered later but had ordered by then was there from the first order on
        there = np.where((self.registered_on > day) & (first < FOREVER), first, known(self.registered_on))
        made = {
            **kept(self.order_day <= day, "order_client", "order_day", "order_cents"),
            **kept(self.visit_day <= day, "visit_client", "visit_day"),
            **kept(self.contact_day <= day, "contact_client", "contact_day"),
            **kept(self.lost_from <= day, "lost_client", "lost_silence", "lost_from"),
            "lost_until": np.where(self.lost_until <= day, self.lost_until, FOREVER)[self.lost_from <= day],
            **kept(owners, "owner_client", "owner_representative", "owner_from", "owner_moved"),
            **kept(self.absent_from <= day, "absent_representative", "absent_from", "absent_until"),
            "owner_until": np.where(self.owner_until <= day, self.owner_until, FOREVER)[owners],
            "registered_on": there.astype(self.registered_on.dtype),
            "discarded_on": known(self.discarded_on),
            "consent_on": known(self.consent_on),
            "active_until": np.where(self.active_until <= day, self.active_until, FOREVER),
        }
        return Past(client_id=self.client_id, active_from=self.active_from, abc_cuts=self.abc_cuts, **made)

    def order_days(self) -> tuple[NDArray[np.int64], Array, Array]:
        """``start`` (n + 1,), ``day`` and ``net_cents`` of the valid order days, as ``features.order_statistics`` takes them."""
        valid = self.order_cents > 0
        count = np.bincount(self.order_client[valid], minlength=len(self))
        return np.concatenate(([0], np.cumsum(count))), self.order_day[valid], self.order_cents[valid]

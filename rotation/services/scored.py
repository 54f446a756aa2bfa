"""Every client's scores on one day, computed in memory from the order days that were known then. Writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from time import perf_counter

import numpy as np
from django.db.models import Q

from accounts.models import Organization
from clients.models import Client, ClientStop
from clients.models.score import HORIZON_DAYS
from rotation.engine.facts import NO_DAY, Facts
from rotation.engine.features import OrderStatistics, lateness, lifecycle_states
from rotation.engine.prediction import OrderHistory, Prediction, predict
from rotation.selectors.columns import Array
from rotation.selectors.facts import day_number
from rotation.selectors.order_days import order_history


@dataclass(frozen=True, eq=False)
class Scored:
    """Every client's scores on one day, in memory; arrays of shape (n,), clients sorted by id.

    ``state`` is a position in ``engine.schema.STATES``. ``ticket_cents``, ``year_cents`` and ``at_stake_cents`` are whole cents, 0
    for a client that never ordered. ``seconds`` is by phase.
    """

    as_of: date
    horizon: int
    client_id: Array
    known: OrderStatistics
    prediction: Prediction
    state: Array
    lateness: Array
    ticket_cents: Array
    year_cents: Array
    at_stake_cents: Array
    orders_received_at: datetime | None
    seconds: dict[str, float]

    @property
    def ordered(self) -> Array:
        """Which clients have ordered, and so have scores."""
        return self.known.x >= 0


@dataclass(frozen=True, eq=False)
class KnownOn:
    """What was known of all clients on a day: their order days, and which of them were discarded by then."""

    as_of: date
    history: OrderHistory
    discarded: Array
    lost: Array  # int32 days: the order day of the silence declared lost, NO_DAY for none
    seconds: float


def known_on(organization: Organization, *, as_of: date) -> KnownOn:
    """Read it all; what follows asks the database nothing, so that no transaction need wait while a model is fitted."""
    began = perf_counter()
    history = order_history(organization, as_of=as_of)
    gone = np.array(list(Client.objects.filter(discarded_on__lte=as_of).values_list("pk", flat=True)), np.int64)
    told = ClientStop.objects.filter(Q(lost_until=None) | Q(lost_until__gt=as_of), lost_on__lte=as_of)
    silences = dict(told.order_by("silent_since").values_list("client_id", "silent_since"))
    lost = np.full(len(history), NO_DAY, np.int32)
    ids = np.array(sorted(silences), np.int64)
    ids = ids[np.isin(ids, history.client_id)]
    lost[np.searchsorted(history.client_id, ids)] = [day_number(silences[pk]) for pk in ids.tolist()]
    return KnownOn(as_of, history, np.isin(history.client_id, gone), lost, perf_counter() - began)


def scores_on(organization: Organization, *, as_of: date, horizon: int = HORIZON_DAYS, calibrate: bool = True) -> Scored:
    """Compute every client's scores from what was known on ``as_of``; writes nothing. Parameters as in ``scores_from``."""
    return scores_from(known_on(organization, as_of=as_of), organization, horizon=horizon, calibrate=calibrate)


def scores_from(known: KnownOn, organization: Organization, *, horizon: int = HORIZON_DAYS, calibrate: bool = True) -> Scored:
    """Compute every client's scores; no query.

    Parameters
    ----------
    known : orders after its day are not in it, and a client discarded later is not discarded yet
    organization : as it was read: its limits, and how fresh its orders were
    horizon : days
    calibrate : whether to compare past answers with what came, which takes as long as the rest and changes no score

    Raises
    ------
    FactsError
        A horizon out of range.
    """
    began = perf_counter()
    history, day = known.history, day_number(known.as_of)
    made = predict(history, day, horizon=horizon, inactive_days=organization.inactive_days, calibrate=calibrate)
    statistics = history.statistics(day)
    facts = _facts(organization, known, statistics, made)
    year = whole_cents(made.year_cents)
    return Scored(
        as_of=known.as_of,
        horizon=horizon,
        client_id=history.client_id,
        known=statistics,
        prediction=made,
        state=lifecycle_states(facts, day),
        lateness=lateness(facts, day),
        ticket_cents=whole_cents(made.ticket_cents),
        year_cents=year,
        at_stake_cents=whole_cents(made.p_silent * year),
        orders_received_at=organization.orders_received_at,
        seconds={"read": known.seconds, "predict": perf_counter() - began},
    )


def whole_cents(money: Array) -> Array:
    """Cents rounded to whole ones, nothing where unknown: what is stored and what is computed anew are then equal."""
    return np.rint(np.nan_to_num(money)).astype(np.int64)


def _facts(organization: Organization, known: KnownOn, statistics: OrderStatistics, made: Prediction) -> Facts:
    """The clients as the engine's states and lateness look at them; nobody's owner matters here."""
    nobody = np.full(len(known.history), -1, np.int32)
    return Facts(
        client_id=known.history.client_id,
        owner=nobody,
        seq=nobody,
        x=statistics.x,
        first_on=statistics.first_on,
        last_on=statistics.last_on,
        net_12m=statistics.net_12m,
        median_gap=statistics.median_gap,
        discarded=known.discarded,
        lost_by_hand=(known.lost != NO_DAY) & (statistics.last_on <= known.lost),
        p_cross=made.p_cross,
        warn_days=organization.warn_days,
        inactive_days=organization.inactive_days,
        lost_days=organization.lost_days,
    )

"""Every client's scores on one day, computed in memory from the order days that were known then. Writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime
from time import perf_counter

import numpy as np

from accounts.models import Organization
from clients.models import Client
from clients.models.score import HORIZON_DAYS
from rotation.engine.facts import Facts
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


def scores_on(
    organization: Organization,
    *,
    as_of: date,
    horizon: int = HORIZON_DAYS,
    history: OrderHistory | None = None,
    calibrate: bool = True,
) -> Scored:
    """Compute every client's scores from what was known on ``as_of``; writes nothing.

    Parameters
    ----------
    as_of : a day of the organization; orders after it are not read, and a client discarded later is not discarded yet
    horizon : days
    history : the order days up to ``as_of``, where the caller has read them already
    calibrate : whether to compare past answers with what came, which takes as long as the rest and changes no score

    Raises
    ------
    FactsError
        A horizon out of range.
    """
    began = perf_counter()
    if history is None:
        history = order_history(organization, as_of=as_of)
    read = perf_counter()
    day = day_number(as_of)
    made = predict(history, day, horizon=horizon, inactive_days=organization.inactive_days, calibrate=calibrate)
    known = history.statistics(day)
    facts = _facts(organization, history.client_id, known, made, as_of)
    year, ticket = whole_cents(made.year_cents), whole_cents(made.ticket_cents)
    return Scored(
        as_of=as_of,
        horizon=horizon,
        client_id=history.client_id,
        known=known,
        prediction=made,
        state=lifecycle_states(facts, day),
        lateness=lateness(facts, day),
        ticket_cents=ticket,
        year_cents=year,
        at_stake_cents=whole_cents(made.p_silent * year),
        orders_received_at=organization.orders_received_at,
        seconds={"read": read - began, "predict": perf_counter() - read},
    )


def whole_cents(money: Array) -> Array:
    """Cents rounded to whole ones, nothing where unknown: what is stored and what is computed anew are then equal."""
    return np.rint(np.nan_to_num(money)).astype(np.int64)


def _facts(organization: Organization, client_id: Array, known: OrderStatistics, made: Prediction, as_of: date) -> Facts:
    """The clients as the engine's states and lateness look at them; nobody's owner matters here."""
    gone = np.array(list(Client.objects.filter(discarded_on__lte=as_of).values_list("pk", flat=True)), np.int64)
    nobody = np.full(len(client_id), -1, np.int32)
    return Facts(
        client_id=client_id,
        owner=nobody,
        seq=nobody,
        x=known.x,
        first_on=known.first_on,
        last_on=known.last_on,
        net_12m=known.net_12m,
        median_gap=known.median_gap,
        discarded=np.isin(client_id, gone),
        p_cross=made.p_cross,
        warn_days=organization.warn_days,
        inactive_days=organization.inactive_days,
        lost_days=organization.lost_days,
    )

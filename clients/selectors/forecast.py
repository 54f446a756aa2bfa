"""What the last scoring says of one client, and whether it still stands."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from clients.models import Client, ClientScore, Scoring
from clients.models.score import HORIZON_DAYS
from clients.selectors.lifecycle import SCORES_HOLD_DAYS, Lifecycle


@dataclass(frozen=True)
class Forecast:
    """A client's score with what it rests on: chances from 0 to 1, money in cents, days of the organization.

    ``stands`` is False where the client ordered since, or the scoring is of another time: then only its day is to be told.
    """

    made_for: date
    horizon: int
    p_silent: float
    p_cross: float
    early_on: date | None
    likely_on: date | None
    late_on: date | None
    year_cents: int
    at_stake_cents: int
    at_risk_on: date | None
    method: str
    basis: dict[str, Any]
    calibration: dict[str, Any] | None
    stands: bool


def forecast_of(client: Client, *, last_on: date | None, as_of: date) -> Forecast | None:
    """The client's forecast, or None for one never scored: at most two queries.

    Parameters
    ----------
    last_on : the client's last order day
    as_of : today
    """
    score = ClientScore.objects.filter(client_id=client.pk, horizon=HORIZON_DAYS).first()
    if score is None:
        return None
    scoring = Scoring.objects.filter(horizon=HORIZON_DAYS, as_of=score.made_for).first() or Scoring(method="")
    return Forecast(
        made_for=score.made_for,
        horizon=score.horizon,
        p_silent=score.p_silent,
        p_cross=score.p_cross,
        early_on=score.early_on,
        likely_on=score.likely_on,
        late_on=score.late_on,
        year_cents=score.year_cents,
        at_stake_cents=score.at_stake_cents,
        at_risk_on=score.made_for if score.state == Lifecycle.AT_RISK else None,
        method=scoring.method,
        basis=scoring.basis,
        calibration=scoring.calibration,
        stands=last_on is not None and score.made_for >= max(last_on, as_of - timedelta(days=SCORES_HOLD_DAYS)),
    )

"""R$ at risk: what clients that still buy may take away, with an interval.

A client worth V over a year that falls silent with chance p takes V away or nothing. Over all of them the loss expected is the sum of
V p, and around it the loss varies with the sum of V² p (1 - p), for each falls silent or not by itself. Beyond that the chances may
all be a little wrong together: in each group of chances that the organization's own past could check (the calibration of the
scoring), by the distance e between what was said and what came, or by the error of what came, sqrt(o (1 - o) / n), where that is
more. Groups may err the same way, so V e is added up over all. Both together, sd² = sum V² p (1 - p) + (sum V e)², give the interval
sum V p ± 1.96 sd, in which the loss lies 19 times of 20 as far as a normal distribution of it holds, cut at nothing and at everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any

from clients.models.score import HORIZON_DAYS
from clients.selectors.lifecycle import SCORES_HOLD_DAYS, Limits
from portfolio.selectors.figures.kept import kept_today
from portfolio.selectors.figures.span import People, rows, scope
from portfolio.selectors.figures.standing import standing_values

Z = 1.959964
BINS = 20

# Clients not discarded, not declared lost, not inactive, whose score still speaks of them: made these days and since their last order.
SCORED = """
scored AS (
    SELECT c.id AS client_id, c.representative_id, s.p_silent AS p, s.year_cents, s.at_stake_cents FROM clients_clientscore s
      JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = s.client_id
      JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = s.client_id
     WHERE s.organization_id = %(organization)s AND s.horizon = %(horizon)s AND s.made_for >= %(scored_since)s AND s.made_for >= a.last_on
       AND a.last_on > %(as_of)s - %(inactive)s AND (c.discarded_on IS NULL OR c.discarded_on > %(as_of)s)
       AND (c.lost_silence IS NULL OR c.lost_silence < a.last_on)
)"""


@dataclass(frozen=True)
class Risk:
    """Cents of a year's revenue: of ``clients`` still buying, what is expected to go, and between which bounds.

    ``checked``: whether the chances were held against the past, so that the interval allows for their being wrong too.
    """

    clients: int = 0
    worth_cents: int = 0
    expected_cents: int = 0
    low_cents: int = 0
    high_cents: int = 0
    checked: bool = False


def scored_values(as_of: date, limits: Limits, people: People) -> dict[str, Any]:
    """What the statements over ``SCORED`` are given."""
    since = as_of - timedelta(days=SCORES_HOLD_DAYS)
    return standing_values(as_of, limits, people) | {"horizon": HORIZON_DAYS, "scored_since": since, "bins": BINS}


def interval(
    worth: Sequence[tuple[float, int]], expected: float, variance: float, calibration: Sequence[Mapping[str, Any]]
) -> tuple[float, float]:
    """The bounds of the loss, cents.

    Parameters
    ----------
    worth : (chance in the middle of a bin, sum of V of its clients), one a bin
    expected, variance : sums of V p and of V² p (1 - p) over all clients
    calibration : groups with ``predicted`` and ``observed`` from 0 to 1 and ``n``; each bin is judged by the nearest
    """
    wrong = 0.0
    for middle, value in worth:
        if calibration:
            group = min(calibration, key=lambda each: abs(each["predicted"] - middle))
            observed = group["observed"]
            wrong += value * max(abs(observed - group["predicted"]), sqrt(observed * (1 - observed) / group["n"]))
    spread = Z * sqrt(variance + wrong**2)
    return max(0.0, expected - spread), min(float(sum(value for _middle, value in worth)), expected + spread)


@dataclass(frozen=True)
class AtStake:
    """Of one representative's clients that were scored: how many, cents expected to go, their variance; cents of a year in each bin."""

    representative_id: int | None
    clients: int
    expected: float
    variance: float
    worth: tuple[int, ...]


def risk_family(limits: Limits) -> str:
    """What is at stake under these limits is kept as."""
    return f"risk {limits.inactive}"


def at_stake_kept(as_of: date, limits: Limits, people: People = None) -> list[AtStake] | None:
    """What is at stake on ``as_of``, the organization's day, by who answers for the client now; None where it is not kept."""
    found = kept_today(risk_family(limits), as_of, people)
    if found is None:
        return None
    return [AtStake(person, clients, expected, variance, tuple(worth)) for person, clients, expected, variance, worth in found]


def at_stake_counted(as_of: date, limits: Limits, people: People = None, *, each: bool = True) -> list[AtStake]:
    """The same from the facts; one statement. Without ``each``, of all people asked for together: a twentieth of the rows."""
    statement = f"""WITH {SCORED}
SELECT {"representative_id" if each else "NULL::bigint"}, least(width_bucket(p, 0, 1, %(bins)s), %(bins)s), count(*),
       sum(year_cents)::bigint, sum(year_cents * p), sum(year_cents::float8 * year_cents * p * (1 - p)) FROM scored
 WHERE {scope(people, "representative_id")} GROUP BY 1, 2 ORDER BY 1, 2"""  # noqa: S608 - constants
    of: dict[int | None, list[tuple[Any, ...]]] = {}
    for person, *numbers in rows(statement, scored_values(as_of, limits, people)):
        of.setdefault(person, []).append(tuple(numbers))
    return [_together(person, bins) for person, bins in of.items()]


def _together(person: int | None, bins: Sequence[tuple[Any, ...]]) -> AtStake:
    worth = [0] * BINS
    for place, _clients, cents, _expected, _variance in bins:
        worth[place - 1] = int(cents)
    clients, expected, variance = (sum(each[column] for each in bins) for column in (1, 3, 4))
    return AtStake(person, clients, expected, variance, tuple(worth))


def revenue_at_risk(as_of: date, limits: Limits, people: People = None, *, calibration: Sequence[Mapping[str, Any]] = ()) -> Risk:
    """What is at risk on ``as_of``, the organization's day, by the last scoring. Nothing where there are no fresh scores."""
    found = at_stake_kept(as_of, limits, people)
    found = at_stake_counted(as_of, limits, people, each=False) if found is None else found
    if not found:
        return Risk()
    of_bins = [sum(column) for column in zip(*(each.worth for each in found), strict=True)]
    expected, variance = sum(each.expected for each in found), sum(each.variance for each in found)
    worth = [((place + 0.5) / BINS, cents) for place, cents in enumerate(of_bins) if cents]
    low, high = interval(worth, expected, variance, calibration)
    return Risk(sum(each.clients for each in found), sum(of_bins), round(expected), round(low), round(high), bool(calibration))


def at_risk_by_person(as_of: date, limits: Limits, people: People = None) -> dict[int | None, int]:
    """Cents expected to go, by who answers for the client now: as kept, or counted in one statement."""
    if (found := at_stake_kept(as_of, limits, people)) is not None:
        return {each.representative_id: round(each.expected) for each in found}
    statement = f"""WITH {SCORED}
SELECT representative_id, round(sum(year_cents * p))::bigint FROM scored WHERE {scope(people, "representative_id")} GROUP BY 1"""  # noqa: S608
    return dict(rows(statement, scored_values(as_of, limits, people)))

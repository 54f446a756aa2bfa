"""Stored scores: the latest of every client as columns, and the record of how they were made."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet, Sum
from psycopg2 import sql

from accounts.models import Organization
from clients.models import Client, ClientScore, Scoring
from rotation.engine.facts import NO_DAY
from rotation.selectors.columns import Array, read_columns

_STORED = sql.SQL("""
    SELECT client_id, p_silent, p_cross, coalesce(p_alive, 'NaN'), year_cents FROM clients_clientscore
    WHERE organization_id = %(organization)s AND horizon = %(horizon)s AND made_for = %(as_of)s ORDER BY client_id
""")
_KINDS = {"client_id": "i8", "p_silent": "f8", "p_cross": "f8", "p_alive": "f8", "year_cents": "i8"}


def stored_scores(organization: Organization, *, as_of: date, horizon: int) -> dict[str, Array]:
    """Columns client_id (rising), p_silent, p_cross, p_alive (NaN unknown), year_cents, made for that very day; one statement.

    No rows where the latest scoring is of another day.
    """
    values = {"organization": organization.pk, "as_of": as_of, "horizon": horizon}
    return read_columns(_STORED, values, _KINDS, no_day=NO_DAY)


def scorings_on(as_of: date) -> dict[int, Scoring]:
    """The scorings made for that day, by horizon; one query."""
    return {scoring.horizon: scoring for scoring in Scoring.objects.filter(as_of=as_of)}


def latest_scoring(horizon: int) -> Scoring | None:
    """The scoring the stored scores of that horizon come from; one query."""
    return Scoring.objects.filter(horizon=horizon).order_by("-as_of").first()


def is_fresh(scoring: Scoring, organization: Organization) -> bool:
    """Whether no orders came since it was made."""
    return scoring.orders_received_at == organization.orders_received_at


@dataclass(frozen=True)
class ScoreTotal:
    """The scored clients of one state: how many, what a year of them is worth and how much of it is at stake, in cents."""

    state: str
    clients: int
    year_cents: int
    at_stake_cents: int


def score_totals(clients: QuerySet[Client], *, horizon: int) -> dict[str, ScoreTotal]:
    """Stored scores of ``clients`` added up by the state each was in on their day; one query."""
    rows = (
        ClientScore.objects.filter(horizon=horizon, client__in=clients)
        .values("state")
        .annotate(clients=Count("id"), year_cents=Sum("year_cents"), at_stake_cents=Sum("at_stake_cents"))
    )
    return {row["state"]: ScoreTotal(**row) for row in rows}

"""What a campaign brought: who bought again among the contacted and among those left alone, what it cost, what it left."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, F, Q, QuerySet, Sum
from psycopg2 import sql

from accounts.tenancy import active_organization_id
from rotation.engine.facts import NO_DAY
from rotation.engine.outcome import Drawn
from rotation.engine.uplift import Uplift, uplift
from rotation.models import Campaign, CampaignClient, CampaignContact
from rotation.selectors.columns import Array, read_columns

REMEMBERED_DAYS = 730  # an effect of more than two years ago is about other people and another market

# An order counts on the days (started_on, until]; a valid order day is one whose orders and returns add up above zero.
_BOUGHT = """
    WITH day AS (
      SELECT t.id, b.ordered_on, sum(b.net_cents) AS net
      FROM rotation_campaignclient t
      JOIN rotation_campaign c ON c.organization_id = t.organization_id AND c.id = t.campaign_id
      JOIN clients_order b ON b.organization_id = t.organization_id AND b.client_id = t.client_id
                          AND b.ordered_on > c.started_on AND b.ordered_on <= least(c.ends_on, %(as_of)s)
      WHERE {which}
      GROUP BY t.id, b.ordered_on),
    found AS (SELECT id, bool_or(net > 0) AS ordered, sum(net)::bigint AS net FROM day GROUP BY id)
    SELECT t.id, t.arm = 'treated', coalesce(f.ordered, false), coalesce(f.net, 0),
           dense_rank() OVER (ORDER BY t.stratum COLLATE "C")::int - 1, t.campaign_id
    FROM rotation_campaignclient t
    JOIN rotation_campaign c ON c.organization_id = t.organization_id AND c.id = t.campaign_id
    LEFT JOIN found f ON f.id = t.id
    WHERE {which} ORDER BY t.id
"""
_KINDS = {"id": "i8", "treated": "flag", "ordered": "flag", "net": "i8", "stratum": "i4", "campaign": "i8"}
_ONE = "t.organization_id = %(organization)s AND t.campaign_id = %(campaign)s"
_ENDED = """
    t.organization_id = %(organization)s AND c.state = 'ended' AND c.share > 0
    AND c.ends_on < %(as_of)s AND c.ends_on >= %(since)s
"""


@dataclass(frozen=True)
class CampaignResult:
    """What is known of a campaign by a day, over the clients its reader may see.

    ``found`` compares the arms (rotation.engine.uplift): None without a control group. Money is net revenue in cents.
    ``extra_*`` is what the campaign brought beyond what would have come anyway: the difference a client, times the treated.
    """

    n_treated: int
    n_control: int
    back_treated: int
    back_control: int
    net_treated: int
    net_control: int
    reached: int  # treated clients with at least one step done
    steps_done: int
    cost_cents: int
    found: Uplift | None

    @property
    def sayable(self) -> bool:
        """Whether both arms are large enough for the interval to mean something."""
        return self.found is not None and self.found.sayable

    @property
    def extra_cents(self) -> float:
        return self.found.money.value * self.n_treated if self.found else float("nan")

    @property
    def extra_low(self) -> float:
        return self.found.money_low * self.n_treated if self.found else float("-inf")

    @property
    def extra_high(self) -> float:
        return self.found.money_high * self.n_treated if self.found else float("inf")


def drawn_of(campaign: Campaign, *, as_of: date) -> tuple[Array, Drawn]:
    """Ids of the campaign's rows and what came of each by ``as_of``, in the order of the ids; one statement.

    By intention to treat: a client drawn to be contacted counts as treated, contacted or not.
    """
    rows = _read(_ONE, {"campaign": campaign.pk, "as_of": as_of})
    return rows["id"], _drawn(rows)


def result_of(campaign: Campaign, targets: QuerySet[CampaignClient], *, as_of: date, whole: bool) -> CampaignResult:
    """The campaign's result by ``as_of`` over ``targets``; four queries.

    Parameters
    ----------
    whole : the targets are all of the campaign's, which saves asking which they are; its fixed cost counts then only
    """
    ids, drawn = drawn_of(campaign, as_of=as_of)
    if not whole:
        seen = np.array(sorted(targets.filter(campaign_id=campaign.pk).values_list("pk", flat=True)), np.int64)
        drawn = drawn.only(np.isin(ids, seen))
    treated = drawn.treated.astype(bool)
    done = CampaignContact.objects.filter(target__in=targets.filter(campaign_id=campaign.pk), task__done_at__isnull=False)
    counted = done.aggregate(n=Count("pk"), clients=Count("target_id", distinct=True), cost=Sum("step__cost_cents"))
    return CampaignResult(
        n_treated=int(treated.sum()),
        n_control=int((~treated).sum()),
        back_treated=int(drawn.ordered[treated].sum()),
        back_control=int(drawn.ordered[~treated].sum()),
        net_treated=int(drawn.net_cents[treated].sum()),
        net_control=int(drawn.net_cents[~treated].sum()),
        reached=counted["clients"],
        steps_done=counted["n"],
        cost_cents=(counted["cost"] or 0) + (campaign.fixed_cost_cents if whole else 0),
        found=uplift(drawn) if (~treated).any() else None,
    )


def pooled(*, as_of: date) -> Uplift | None:
    """The effect of all campaigns of two years that ended before ``as_of`` and had a control group; None without any. One statement.

    Each campaign is a block of its own: its clients are compared with one another only.
    """
    rows = _read(_ENDED, {"as_of": as_of, "since": as_of - timedelta(days=REMEMBERED_DAYS)})
    return uplift(_drawn(rows)) if len(rows["id"]) else None


def _read(which: str, values: dict[str, Any]) -> dict[str, Array]:
    query = sql.SQL(_BOUGHT).format(which=sql.SQL(which))
    return read_columns(query, {"organization": active_organization_id(), **values}, _KINDS, no_day=NO_DAY)


def _drawn(rows: dict[str, Array]) -> Drawn:
    _campaigns, block = np.unique(rows["campaign"], return_inverse=True)
    return Drawn(rows["treated"].astype(bool), rows["ordered"].astype(bool), rows["net"], rows["stratum"], block.reshape(-1))


def strata_lines(targets: QuerySet[CampaignClient]) -> list[dict[str, Any]]:
    """How the population was drawn, third of value by third: clients of either arm; one query."""
    rows = targets.order_by().values("stratum").annotate(
        treated=Count("pk", filter=Q(arm="treated")), control=Count("pk", filter=Q(arm="control")), value=Sum(F("at_stake_cents"))
    )  # fmt: skip
    return sorted((dict(row) for row in rows), key=lambda row: row["stratum"], reverse=True)

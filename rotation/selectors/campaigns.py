"""Campaigns a member sees, whom a new one would reach, and the list of calls of one that runs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Sum

from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from clients.models.score import HORIZON_DAYS
from clients.selectors import ClientFilter, Lifecycle, Limits
from clients.selectors.client_filter import BASE
from clients.selectors.matching import matching
from clients.selectors.visibility import Reach, clients_within, reach_of
from portfolio.call_lists import CallList
from rotation.engine.uplift import ASSUMED_TAU, LEAST_TAU
from rotation.models import Campaign, CampaignClient, CampaignContact, CampaignStep, Holdout
from rotation.selectors.campaign_results import pooled
from rotation.selectors.columns import Array

State, Arm, Assigning = Campaign.State, CampaignClient.Arm, Campaign.Assigning
MOST_CLIENTS = 5_000
OPEN = (State.RUNNING, State.PAUSED)
HOLD_OUT_FROM = 100  # clients from which a control group is proposed: a third of fewer says nothing (engine/uplift.py, LEAST_TO_SAY)
USUAL_SHARE = 0.3
DEFAULT_FILTER = {"state": str(Lifecycle.INACTIVE)}


def campaigns_visible_to(member: Membership) -> QuerySet[Campaign]:
    """Administration and audit see all; a manager their own and those that hold clients they reach; a representative those
    that ask something of them, once started.
    """
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Campaign.objects.all()
    within = Exists(targets_within(reach_of(member), member).filter(campaign=OuterRef("pk")))
    started = Campaign.objects.exclude(state=State.DRAFT)
    if member.role == Role.MANAGER:
        return Campaign.objects.filter(Q(made_by_id=member.pk) | (~Q(state=State.DRAFT) & Q(within)))
    return started.filter(within)


def targets_within(reach: Reach, member: Membership) -> QuerySet[CampaignClient]:
    """The clients of campaigns that the member may see. The control group is nobody's list: a representative never sees it."""
    if reach.representatives is None:
        return CampaignClient.objects.all()
    near = Q(client__representative_id__in=reach.representatives) | Q(representative__membership_id=member.pk)
    if reach.beside:
        near |= Q(client_id__in=reach.beside)
    found = CampaignClient.objects.filter(near)
    return found.filter(arm=Arm.TREATED) if member.role == Role.REPRESENTATIVE else found


def may_change(campaign: Campaign, member: Membership) -> bool:
    """Administration any campaign, a manager their own."""
    return member.role == Role.ADMIN or (member.role == Role.MANAGER and campaign.made_by_id == member.pk)


@dataclass(frozen=True)
class Lift:
    """By how much contacting raises the chance of an order: measured by this organization's own campaigns, or assumed."""

    tau: float
    measured: bool
    n: int  # clients measured


def contact_lift(*, as_of: date) -> Lift:
    """What a campaign may expect of contacting somebody; one query.

    All ended campaigns that had a control group are taken together, each a block of its own, and their effect is shrunk to
    the assumed one (ENGINE.md section 7) once it weighs as much; before that the assumption stands and is called so.
    """
    found = pooled(as_of=as_of)
    if found is None or not found.measured:
        return Lift(ASSUMED_TAU, False, found.n_treated + found.n_control if found else 0)
    return Lift(max(found.tau, LEAST_TAU), True, found.n_treated + found.n_control)


@dataclass(frozen=True, eq=False)
class Population:
    """Whom a campaign reaches, by client id. Arrays (n,): ``at_stake`` cents, -1 where the client was never scored; ``value``
    cents, what contact is expected to bring less what its steps cost, 0 where nothing is known; ``owner`` ids, 0 none.

    ``left_out``: reason -> clients of the filter that do not enter. ``found`` clients in all; more than MOST_CLIENTS are not read.
    """

    client_id: Array
    owner: Array
    at_stake: Array
    net_total: Array
    value: Array
    latitude: Array
    longitude: Array
    left_out: Mapping[str, int]
    found: int
    lift: Lift
    people: dict[int, Representative] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.client_id)

    @property
    def known(self) -> int:
        """Clients whose value of contact is known."""
        return int((self.at_stake >= 0).sum())

    @property
    def unworthy(self) -> int:
        """Clients whom contacting is expected to cost more than it brings."""
        return int(((self.at_stake >= 0) & (self.value <= 0)).sum())


def step_cost(steps: list[CampaignStep]) -> int:
    """Cents of going through all steps with one client."""
    return sum(step.cost_cents for step in steps)


def filter_of(campaign: Campaign) -> ClientFilter:
    return ClientFilter.parse(campaign.definition or DEFAULT_FILTER)


def population_of(campaign: Campaign, steps: list[CampaignStep], *, by: Membership, as_of: date) -> Population:
    """The clients the campaign would begin with on ``as_of``, within the reach of ``by``; five queries, however many clients.

    Left out, each counted under one reason: "discarded" and "blocked" clients cannot buy; "experiment" are left alone by a
    rule's control group, whose measure a call would spoil; "campaign" are in another that has not ended; "nobody" have no
    representative with a sign-in (where each client's own works); "not_worth", where the campaign asks for it, would cost
    more to contact than they are expected to bring.
    """
    organization, wanted = by.organization, filter_of(campaign)
    people = {each.pk: each for each in workers(campaign, by=by, as_of=as_of)}
    base = _base(wanted, by)
    clients = matching(clients_within(reach_of(by)), wanted, as_of=as_of, limits=Limits.of(organization), base=base)
    held = Exists(Holdout.objects.filter(client=OuterRef("pk"), until_on__gt=as_of))
    busy = Exists(CampaignClient.objects.filter(client=OuterRef("pk"), campaign__state__in=OPEN).exclude(campaign_id=campaign.pk))
    rows = list(
        clients.annotate(score=FilteredRelation("scores", condition=Q(scores__horizon=HORIZON_DAYS)), held=held, busy=busy)
        .order_by("pk")
        .values_list(
            "pk", "representative_id", "score__at_stake_cents", "activity__net_total_cents", "latitude", "longitude",
            "discarded_on", "blocked", "held", "busy",
        )[: MOST_CLIENTS + 1]
    )  # fmt: skip
    lift, cost = contact_lift(as_of=as_of), step_cost(steps)
    left: Counter[str] = Counter()
    kept = []
    for row in rows:
        pk, owner, at_stake, net, latitude, longitude, discarded_on, blocked, is_held, is_busy = row
        value = round(at_stake * lift.tau) - cost if at_stake is not None else 0
        reason = (
            "discarded" if discarded_on and discarded_on <= as_of
            else "blocked" if blocked
            else "experiment" if is_held
            else "campaign" if is_busy
            else "nobody" if campaign.assigning == Assigning.OWNER and owner not in people
            else "not_worth" if campaign.worth_only and at_stake is not None and value <= 0
            else ""
        )  # fmt: skip
        if reason:
            left[reason] += 1
            continue
        place = (latitude if latitude is not None else np.nan, longitude if longitude is not None else np.nan)
        kept.append((pk, owner or 0, -1 if at_stake is None else at_stake, net or 0, value, *place))
    table = np.array(kept, np.float64).reshape(-1, 7)
    ids, owners, stakes, nets, values = (table[:, i].astype(np.int64) for i in range(5))
    return Population(ids, owners, stakes, nets, values, table[:, 5], table[:, 6], dict(left), len(rows), lift, people)


def found_count(definition: Mapping[str, Any], *, by: Membership, as_of: date, most: int) -> int:
    """How many clients within reach the filter finds, counted up to ``most``; one query."""
    wanted = ClientFilter.parse(definition)
    clients = matching(clients_within(reach_of(by)), wanted, as_of=as_of, limits=Limits.of(by.organization), base=_base(wanted, by))
    return clients.order_by()[:most].count()


def workers(campaign: Campaign, *, by: Membership, as_of: date) -> QuerySet[Representative]:
    """Who can be asked to work in the campaign on ``as_of``: with a sign-in, in service, within reach, and chosen if any are."""
    able = representatives_visible_to(by).filter(membership__is_active=True).filter(Q(valid_to=None) | Q(valid_to__gt=as_of))
    if campaign.assigning != Assigning.OWNER:
        able = able.filter(pk__in=campaign.people.values("representative_id")) if campaign.pk else able.none()
    return able.order_by("code", "pk")


def _base(wanted: ClientFilter, by: Membership) -> tuple[float, float] | None:
    if wanted.near != BASE or not wanted.representative:
        return None
    found = representatives_visible_to(by).filter(pk=wanted.representative, latitude__isnull=False, longitude__isnull=False)
    for latitude, longitude in found.values_list("latitude", "longitude"):
        return (latitude or 0.0, longitude or 0.0)
    return None


@dataclass(frozen=True)
class CampaignLine:
    """A campaign as the list shows it, counted over the clients its reader may see."""

    campaign: Campaign
    treated: int
    control: int
    bought: int
    waiting: int  # clients of the treated whose step waits to be done


def waiting_lists(member: Membership) -> list[CallList]:
    """The campaigns that ask something of the member now, with how many clients wait; one query."""
    waiting = Q(task__owner_id=member.pk, task__done_at=None, task__cancelled_at=None, target__campaign__state=State.RUNNING)
    rows = (
        CampaignContact.objects.filter(waiting).order_by().values("target__campaign_id", "target__campaign__name").annotate(n=Count("pk"))
    )
    return [
        CallList(row["target__campaign__name"], f"campaigns/{row['target__campaign_id']}/?tab=calls", row["n"])
        for row in sorted(rows, key=lambda row: row["target__campaign_id"])
    ]


def campaign_lines(member: Membership, *, most: int = 100) -> list[CampaignLine]:
    """The campaigns the member sees, those that run first, then drafts, then ended ones, the latest first; three queries."""
    found = list(campaigns_visible_to(member).select_related("made_by").order_by("-made_at", "-pk")[:most])
    seen = targets_within(reach_of(member), member).filter(campaign_id__in=[each.pk for each in found])
    treated = Q(arm=Arm.TREATED)
    counts = {
        row["campaign_id"]: row
        for row in seen.order_by()
        .values("campaign_id")
        .annotate(
            treated=Count("pk", filter=treated, distinct=True),
            control=Count("pk", filter=Q(arm=Arm.CONTROL), distinct=True),
            bought=Count("pk", filter=treated & Q(bought_on__isnull=False), distinct=True),
            waiting=Count("pk", filter=treated & Q(contacts__task__done_at=None, contacts__task__cancelled_at=None, contacts__isnull=False),
                          distinct=True),
        )
    }  # fmt: skip
    rank = {State.RUNNING: 0, State.PAUSED: 0, State.DRAFT: 1, State.ENDED: 2}
    none = {"treated": 0, "control": 0, "bought": 0, "waiting": 0}
    lines = []
    for campaign in sorted(found, key=lambda each: rank[State(each.state)]):
        row = counts.get(campaign.pk, none)
        lines.append(CampaignLine(campaign, row["treated"], row["control"], row["bought"], row["waiting"]))
    return lines


VIEWS = ("todo", "done", "bought", "all")


def called(targets: QuerySet[CampaignClient], view: str) -> QuerySet[CampaignClient]:
    """The treated of a campaign narrowed to a tab: with a step waiting, with none left to do, those who bought, or all."""
    found = targets.filter(arm=Arm.TREATED)
    open_step = Q(contacts__task__done_at=None, contacts__task__cancelled_at=None, contacts__isnull=False)
    waiting = CampaignClient.objects.filter(open_step, pk=OuterRef("pk"))
    if view == "todo":
        return found.filter(Exists(waiting))
    if view == "done":
        return found.filter(~Exists(waiting), bought_on=None)
    return found.filter(bought_on__isnull=False) if view == "bought" else found


def call_list(targets: QuerySet[CampaignClient], view: str, *, first: int, size: int) -> list[CampaignClient]:
    """One page of ``called``, with client, activity, who works it and its steps so far; those due first and worth most lead."""
    rows = called(targets, view).select_related("client", "client__representative", "representative")
    ordered = rows.order_by("first_on", F("value_cents").desc(nulls_last=True), "pk")[first : first + size]
    return list(ordered.prefetch_related("contacts__task", "contacts__step", "client__activity"))


@dataclass(frozen=True)
class PersonLine:
    """One representative's part in a campaign."""

    representative: Representative
    clients: int
    bought: int
    waiting: int
    late: int
    value_cents: int


def person_lines(targets: QuerySet[CampaignClient], *, as_of: date) -> list[PersonLine]:
    """What each person works on, who has most to do first; three queries."""
    mine = targets.filter(arm=Arm.TREATED, representative__isnull=False).order_by()
    counted = {
        row["representative_id"]: row
        for row in mine.values("representative_id").annotate(
            clients=Count("pk"), bought=Count("pk", filter=Q(bought_on__isnull=False)), value=Sum("value_cents")
        )
    }
    open_step = Q(contacts__task__done_at=None, contacts__task__cancelled_at=None, contacts__isnull=False)
    steps: dict[int, dict[str, int]] = {
        row["representative_id"]: {"waiting": row["waiting"], "late": row["late"]}
        for row in mine.filter(open_step)
        .values("representative_id")
        .annotate(waiting=Count("pk"), late=Count("pk", filter=Q(contacts__task__due_on__lt=as_of)))
    }
    people = Representative.objects.filter(pk__in=counted)
    lines = [
        PersonLine(
            each,
            counted[each.pk]["clients"],
            counted[each.pk]["bought"],
            steps.get(each.pk, {}).get("waiting", 0),
            steps.get(each.pk, {}).get("late", 0),
            counted[each.pk]["value"] or 0,
        )
        for each in people
    ]
    return sorted(lines, key=lambda line: (-line.waiting, -line.clients, line.representative.code))


def last_day(started_on: date, days: int) -> date:
    """The last day of a span that counts from the day after the start."""
    return started_on + timedelta(days=days)

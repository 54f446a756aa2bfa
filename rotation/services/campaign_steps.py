"""A campaign that runs, moved on: who bought needs no more steps, what was recorded elsewhere is done, the next step is asked for."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from accounts.tenancy import active_organization_id, tenant_atomic
from clients.models import Colleague
from portfolio.services.many_tasks import Wanted, cancel_tasks, finish_tasks, give_tasks
from portfolio.workdays import is_workday, next_workday
from rotation.models import Campaign, CampaignClient, CampaignContact, CampaignStep

State, Arm = Campaign.State, CampaignClient.Arm
MOVER = Actor(label="task rotation.run_campaigns")

# The first valid order day of each treated client since the start; a valid day is one whose orders and returns add up above zero.
_BOUGHT = """
    WITH day AS (
      SELECT t.id, b.ordered_on FROM rotation_campaignclient t
      JOIN clients_order b ON b.organization_id = t.organization_id AND b.client_id = t.client_id
                          AND b.ordered_on > %(started_on)s AND b.ordered_on <= %(ends_on)s
      WHERE t.organization_id = %(organization)s AND t.campaign_id = %(campaign)s AND t.arm = 'treated'
      GROUP BY t.id, b.ordered_on HAVING sum(b.net_cents) > 0)
    UPDATE rotation_campaignclient t SET bought_on = f.first_on
      FROM (SELECT id, min(ordered_on) AS first_on FROM day GROUP BY id) f
     WHERE t.organization_id = %(organization)s AND t.id = f.id AND t.bought_on IS DISTINCT FROM f.first_on
"""
# A client's own representative works it: who that is may change while the campaign runs.
_FOLLOW = """
    UPDATE rotation_campaignclient t SET representative_id = c.representative_id
      FROM clients_client c
     WHERE t.organization_id = %(organization)s AND t.campaign_id = %(campaign)s AND t.arm = 'treated'
       AND c.organization_id = t.organization_id AND c.id = t.client_id
       AND c.representative_id IS NOT NULL AND c.representative_id IS DISTINCT FROM t.representative_id
"""
# Steps somebody did and wrote down as what they are: a visit reported, a call or a message recorded, since the task was given.
_DONE_ELSEWHERE = """
    SELECT k.id FROM rotation_campaigncontact q
      JOIN rotation_campaignclient t ON t.organization_id = q.organization_id AND t.id = q.target_id
      JOIN rotation_campaignstep s ON s.organization_id = q.organization_id AND s.id = q.step_id
      JOIN portfolio_task k ON k.organization_id = q.organization_id AND k.id = q.task_id
     WHERE q.organization_id = %(organization)s AND t.campaign_id = %(campaign)s AND k.done_at IS NULL AND k.cancelled_at IS NULL
       AND CASE s.kind
             WHEN 'visit' THEN EXISTS (SELECT FROM portfolio_visit v WHERE v.organization_id = k.organization_id
                                          AND v.client_id = k.client_id AND v.visited_at >= k.created_at)
             WHEN 'call' THEN EXISTS (SELECT FROM portfolio_interaction i WHERE i.organization_id = k.organization_id
                                         AND i.client_id = k.client_id AND i.kind = 'call' AND i.happened_at >= k.created_at)
             WHEN 'message' THEN EXISTS (SELECT FROM portfolio_interaction i WHERE i.organization_id = k.organization_id
                                            AND i.client_id = k.client_id AND i.kind IN ('message', 'email')
                                            AND i.happened_at >= k.created_at)
             ELSE false END
"""


def run_campaigns(organization_id: int, *, at: datetime) -> int:
    """Move every campaign of the organization that runs on by what happened since; returns how many steps were asked for.

    Campaigns whose days are over end. One transaction a campaign; doing it again changes nothing.
    """
    with tenant_atomic(organization_id, durable=True):
        organization = Organization.objects.get(pk=organization_id)
        on = local_day(organization, at=at)
        open_ones = list(Campaign.objects.filter(state__in=(State.RUNNING, State.PAUSED)).order_by("pk").values_list("pk", flat=True))
    asked = 0
    for pk in open_ones:
        with tenant_atomic(organization_id, durable=True), translation.override(organization.language):
            found = Campaign.objects.select_for_update(of=("self",)).filter(pk=pk, state__in=(State.RUNNING, State.PAUSED))
            campaign = found.select_related("made_by__organization", "started_by").first()
            if campaign is None:
                continue
            refresh(campaign, at=at)
            if campaign.ends_on is not None and campaign.ends_on < on:
                campaign.state = State.ENDED
                campaign.save(update_fields=["state"])
                close(campaign, by=MOVER, at=at, on=on)
            elif campaign.state == State.RUNNING:
                asked += next_steps(campaign, list(campaign.steps.order_by("position")), on=on)
    return asked


def refresh(campaign: Campaign, *, at: datetime) -> None:
    """See who bought and what was done, in the caller's transaction: their steps wait no longer. The campaign is locked."""
    values: dict[str, Any] = {"organization": active_organization_id(), "campaign": campaign.pk}
    with connection.cursor() as cursor:
        cursor.execute(_BOUGHT, values | {"started_on": campaign.started_on, "ends_on": campaign.ends_on})
        if campaign.assigning == Campaign.Assigning.OWNER:
            cursor.execute(_FOLLOW, values)
        cursor.execute(_DONE_ELSEWHERE, values)
        done = [row[0] for row in cursor.fetchall()]
    finish_tasks(done, by=MOVER, at=at)
    waiting = CampaignContact.objects.filter(
        target__campaign_id=campaign.pk, target__bought_on__isnull=False, task__done_at=None, task__cancelled_at=None
    )
    cancel_tasks(waiting.values_list("task_id", flat=True), by=MOVER, at=at, reason=_("o cliente voltou a comprar"))


def next_steps(campaign: Campaign, steps: Sequence[CampaignStep], *, on: date) -> int:
    """Ask for the next step of every client that bought nothing and whose steps so far are done or skipped; how many.

    Its day is the client's first day plus the step's, moved to a workday, and never before ``on``. Whoever has no sign-in any
    more is asked for nothing until somebody else works the client. Six statements, however many clients.
    """
    unfinished = Q(contacts__task__done_at=None, contacts__task__cancelled_at=None, contacts__isnull=False)
    free = campaign.clients.filter(arm=Arm.TREATED, bought_on=None, client__discarded_on=None).annotate(
        made=Count("contacts"), waiting=Count("contacts", filter=unfinished)
    )
    free = free.filter(waiting=0, made__lt=len(steps), representative__membership__is_active=True)
    rows = list(free.order_by("first_on", F("value_cents").desc(nulls_last=True), "pk").select_related("representative"))
    if not rows:
        return 0
    country = campaign.made_by.organization.country
    wanted, places = [], []
    for row in rows:
        owner = row.representative.membership_id if row.representative else None
        assert owner is not None and row.first_on is not None, "a treated client is begun by somebody on a day"
        step = steps[row.made]
        due = max(row.first_on + timedelta(days=step.day_offset), on)
        due = due if is_workday(due, country) else next_workday(due, country)
        title = _("%(act)s · %(campaign)s") % {"act": step.get_kind_display(), "campaign": campaign.name}
        wanted.append(Wanted(owner, row.client_id, title, due, step.words))
        places.append((row, step))
    tasks = give_tasks(wanted, by=Actor(campaign.started_by) if campaign.started_by else MOVER, given_by=campaign.started_by)
    CampaignContact.objects.bulk_create(
        CampaignContact(organization_id=campaign.organization_id, target=row, step=step, task=task)
        for (row, step), task in zip(places, tasks, strict=True)
    )
    return len(tasks)


def close(campaign: Campaign, *, by: Actor, at: datetime, on: date) -> None:
    """What an end does, by a person or by the day, in the caller's transaction: tasks, sight of clients, the last day."""
    if campaign.ends_on is not None and on < campaign.ends_on:
        campaign.ends_on = max(on, campaign.started_on or on)
    campaign.ended_at = at
    campaign.save(update_fields=["ends_on", "ended_at"])
    taken = take_back(campaign, by=by, at=at, reason=_("campanha encerrada"))
    made = campaign.clients.filter(made_colleague=True).values_list("client_id", "representative__membership_id")
    pairs = set(made)
    beside = Colleague.objects.filter(client_id__in=[client for client, _member in pairs], part=Colleague.Part.INSIDE_SALES)
    gone = [row.pk for row in beside if (row.client_id, row.membership_id) in pairs]
    Colleague.objects.filter(pk__in=gone).delete()
    record_event(f"campaign:{campaign.pk}", "campaign.ended", by=by, after={"tasks": taken, "until": campaign.ends_on})


def take_back(campaign: Campaign, *, by: Actor, at: datetime, reason: str) -> int:
    """Cancel the tasks of steps that wait, and forget that these steps were asked for; how many."""
    waiting = CampaignContact.objects.filter(target__campaign_id=campaign.pk, task__done_at=None, task__cancelled_at=None)
    rows = list(waiting.values_list("pk", "task_id"))
    taken = cancel_tasks([task for _pk, task in rows], by=by, at=at, reason=reason)
    CampaignContact.objects.filter(pk__in=[pk for pk, _task in rows]).delete()
    return taken

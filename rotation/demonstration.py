"""A rule with a control group that ran months ago, in the demonstration: applied then, its window over, what came of it measured."""

from datetime import date, datetime, time, timedelta

from accounts.models import Membership, Organization, Role
from accounts.services import Actor
from accounts.services.notices import mark_read
from accounts.tenancy import tenant_atomic
from rotation.engine.presets import PRESETS
from rotation.models import Proposal, Rule, Run
from rotation.services.apply import request_apply
from rotation.services.decisions import decide, refusal_reasons
from rotation.services.moving import apply_run
from rotation.services.outcomes import measure_chunk
from rotation.services.rules import create_rule, pause, publish
from rotation.services.runs import compute_run, start_run

# Classes only, for strata by risk would have the past scored for a group of a dozen.
PROVED = {
    **PRESETS["general"],
    "name": "Parando há 45 dias, com grupo de controle",
    "trigger": {"all": [{"field": "days_since_last", "op": "between", "value": [45, 359]}]},
    "experiment": {"share": 0.3, "stratify_by": ["abc"]},
}
WEEKS_AGO = 14  # its window of 90 days is over


def ran_on(last_day: date) -> date:
    """The Monday of that run, for a story that ends on ``last_day``."""
    day = last_day - timedelta(weeks=WEEKS_AGO)
    return day - timedelta(days=day.weekday())


def prove_a_rule(organization: Organization, *, last_day: date, by: Actor, at: datetime) -> Run | None:
    """Publish the rule, run it for that Monday, approve, apply and measure; paused since. None where it is not wanted any more.

    Every step is the one people take. The run is a replay of that Monday, which sees nothing that came later, and its moves
    hold from that day; the trail and the ledger say when they were recorded, which is now. Each step is taken once, so that
    calling again, also after an interruption, changes nothing that stands.
    """
    on = ran_on(last_day)
    then = datetime.combine(on, time(6), organization.zone)
    with tenant_atomic(organization.pk):
        run = Run.objects.filter(as_of=on, trigger="command").order_by("pk").first()
        if run is None:
            if Run.objects.exists():
                return None  # people have gone on from here: nothing is slipped in behind them
            rule = _published_rule()
            run = start_run([rule], as_of=on, trigger="command", by=by)
            pause(rule, by=_first(Role.ADMIN))
    if run.state in (Run.State.SCHEDULED, Run.State.COMPUTING):
        run = compute_run(run.pk, organization.pk, at=at)
    if run.state == Run.State.AWAITING:
        run = _decided(run, organization, then=then, at=at)
    if run.state == Run.State.APPLYING:
        apply_run(run.pk, organization.pk)
        with tenant_atomic(organization.pk):
            measure_chunk(at)
            for member in Membership.objects.filter(is_active=True):
                mark_read(member, at=at)  # months later nobody has that day's news before them
            run.refresh_from_db()
    return run


def _published_rule() -> Rule:
    admin = _first(Role.ADMIN)
    rule = create_rule(PROVED, by=admin)
    publish(rule.versions.get(state="draft"), by=admin)
    return rule


def _decided(run: Run, organization: Organization, *, then: datetime, at: datetime) -> Run:
    """What carries no caveat approved and asked to be applied by whoever leads everyone; the rest refused, for a review ends."""
    with tenant_atomic(organization.pk):
        manager = _first(Role.MANAGER)
        open_ones = run.proposals.filter(state=Proposal.State.PROPOSED)
        if open_ones.exists():
            decide(open_ones, "approve", by=manager, at=at, bulk=True)
            decide(open_ones, "reject", by=manager, at=at, reason=refusal_reasons()[0].label)
        return request_apply(run, by=manager, at=then)


def _first(role: Role) -> Membership:
    return Membership.objects.filter(role=role, is_active=True).select_related("organization").order_by("id")[0]

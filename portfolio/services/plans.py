"""Writing a portfolio's plan, and the steps that carry it out: each is a task of its owner."""

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Representative
from accounts.selectors import representatives_visible_to
from accounts.services import Actor, record_event
from portfolio.models import Plan, PlanStep
from portfolio.selectors.plans import Period, may_plan
from portfolio.services.tasks import cancel_task, give_task

GREATEST = 10**13
WORDS = ("objective", "strategy", "capacity_clients", "capacity_visits", "budget_cents", "visit_cost_cents")


class PlanRefused(DomainError):
    """What was asked of a plan cannot be; ``field`` is where."""

    code = "plan_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def write_plan(representative: Representative, period: Period, *, by: Membership, version: int = 0, **words: Any) -> Plan:
    """Write the plan of a portfolio and period, or change it.

    Parameters
    ----------
    version : of the plan that was read; 0 where there was none yet
    words : any of ``WORDS``

    Raises
    ------
    NotAllowed
        ``by`` neither administers nor leads the representative.
    ChangedMeanwhile
        Somebody wrote it since it was read.
    PlanRefused
        No objective, or a number that cannot be.
    """
    _require(representative, by)
    if not str(words.get("objective", "")).strip():
        raise PlanRefused(_("Diga o objetivo: o que a carteira deve ser ao fim do período."), field="objective")
    for name in ("budget_cents", "visit_cost_cents", "capacity_clients", "capacity_visits"):
        if words.get(name) is not None and not 0 <= words[name] <= GREATEST:
            raise PlanRefused(_("Use um número de zero para cima."), field=name)
    held = Plan.objects.select_for_update().filter(representative=representative, **vars(period)).first()
    if (held.version if held else 0) != version:
        raise ChangedMeanwhile(_("Alguém escreveu este plano depois que você o abriu. Confira e salve de novo."))
    before = {name: getattr(held, name) for name in WORDS} if held else {}
    plan = held or Plan(organization_id=by.organization_id, representative=representative, version=0, **vars(period))
    for name in WORDS:
        if name in words:
            setattr(plan, name, words[name].strip() if isinstance(words[name], str) else words[name])
    plan.version, plan.written_by = plan.version + 1, by
    try:
        with transaction.atomic():
            plan.save()
    except IntegrityError:  # two people began it at the same moment
        raise ChangedMeanwhile(_("Alguém escreveu este plano depois que você o abriu. Confira e salve de novo.")) from None
    after = {name: getattr(plan, name) for name in WORDS} | {"from": period.starts_on, "to": period.ends_on}
    record_event(f"plan:{plan.pk}", "plan.written", by=Actor(by), before=before, after=after)
    return plan


@transaction.atomic
def add_step(plan: Plan, *, title: str, owner: Membership, due_on: date, by: Membership, at: datetime, planned_cents: int = 0) -> PlanStep:
    """A step of the plan: a task for ``owner``, who is told.

    Raises
    ------
    NotAllowed
        ``by`` may not write the plan.
    PlanRefused, TaskRefused
        It costs less than nothing; as ``give_task`` refuses.
    """
    _require(plan.representative, by)
    if not 0 <= planned_cents <= GREATEST:
        raise PlanRefused(_("Use um número de zero para cima."), field="cost")
    task = give_task(title=title, due_on=due_on, owner=owner, by=by, at=at).task
    step = PlanStep.objects.create(organization_id=plan.organization_id, plan=plan, task=task, planned_cents=planned_cents)
    record_event(f"plan:{plan.pk}", "plan.step_added", by=Actor(by), after={"task": task.pk, "owner": owner.pk, "due_on": due_on})
    return step


@transaction.atomic
def record_spending(step: PlanStep, cents: int, *, by: Membership) -> None:
    """What a step has cost so far; the number replaces the one before.

    Raises
    ------
    NotAllowed
        ``by`` neither writes the plan nor has the step.
    PlanRefused
        Less than nothing, or absurdly much.
    """
    if by.pk != step.task.owner_id:
        _require(step.plan.representative, by)
    if not 0 <= cents <= GREATEST:
        raise PlanRefused(_("Use um número de zero para cima."), field="spent")
    locked = PlanStep.objects.select_for_update().get(pk=step.pk)
    before, locked.spent_cents = locked.spent_cents, cents
    if before == cents:
        return
    locked.save(update_fields=["spent_cents"])
    facts = {"task": step.task_id, "spent_cents": cents}
    record_event(f"plan:{step.plan_id}", "plan.spent", by=Actor(by), before={"spent_cents": before}, after=facts)


@transaction.atomic
def drop_step(step: PlanStep, *, by: Membership, at: datetime) -> None:
    """Give the step up: its task is cancelled. What was done stays.

    Raises
    ------
    NotAllowed, TaskRefused
        ``by`` may not write the plan; the task is done, or was given by somebody else.
    """
    _require(step.plan.representative, by)
    cancel_task(step.task, by=by, at=at)
    record_event(f"plan:{step.plan_id}", "plan.step_dropped", by=Actor(by), after={"task": step.task_id})


def _require(representative: Representative, by: Membership) -> None:
    if not may_plan(by) or not by.is_active or not representatives_visible_to(by).filter(pk=representative.pk).exists():
        raise NotAllowed(_("Só a administração e quem lidera o vendedor escrevem o plano da carteira dele."))

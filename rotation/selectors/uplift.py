"""A rule's measured effect for its page: what may be said today, what each week would have said, and when more can be."""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db.models import Count, Q

from rotation.engine.rules import parse_rule
from rotation.engine.uplift import LEAST_TO_SAY, USUAL_BASE, Effects, Plan, Uplift, day_seen, looks, plan, smaller_share, uplift
from rotation.models import Outcome, RuleVersion
from rotation.selectors.facts import day_number, day_of
from rotation.selectors.outcomes import Array, Measured, measured, measured_effects, windows_of

MOST_LOOKS = 26


@dataclass(frozen=True)
class RuleUplift:
    """What the control group of a rule says. Only windows of the present version's horizon are compared."""

    version: RuleVersion
    share: float
    horizon: int
    margin_rate: float
    found: Uplift
    looks: list[tuple[date, Uplift]]  # weekly, the oldest first, only those that may speak
    drawn_treated: int
    drawn_control: int
    moved: int  # of the treated that were measured: who really changed hands
    late: int  # windows that closed without their orders having come in
    sayable_on: date | None
    plan: Plan
    planned_on: date | None
    smaller_share: float | None
    effects: Effects | None

    @property
    def ever_drawn(self) -> int:
        return self.drawn_treated + self.drawn_control


def rule_uplift(version: RuleVersion, *, as_of: date) -> RuleUplift:
    """The effect of the rule of ``version``, as known on ``as_of``; a constant number of queries."""
    rule = parse_rule(version.definition, accepted=True)
    horizon, today = rule.value.horizon_days, day_number(as_of)
    known = measured(as_of=as_of, rule=version.rule, horizon=horizon)
    found = uplift(known.drawn, margin_rate=rule.value.margin_rate)
    drawn_on, until_on = windows_of(version.rule, as_of=as_of, horizon=horizon)
    counted = (
        Outcome.objects.filter(rule=version.rule, drawn_on__lte=as_of)
        .exclude(arm=Outcome.Arm.OUTSIDE)
        .aggregate(
            treated=Count("id", filter=Q(arm=Outcome.Arm.TREATMENT)),
            control=Count("id", filter=Q(arm=Outcome.Arm.CONTROL)),
            moved=Count("id", filter=Q(arm=Outcome.Arm.TREATMENT, measured_at__isnull=False, moved_to__isnull=False)),
            late=Count("id", filter=Q(measured_at=None, until_on__lt=as_of)),
        )
    )
    share = rule.experiment.share or 0.3  # what a rule without a control group would begin with
    base = found.reactivation.control if found.sayable else USUAL_BASE
    planned = plan(until_on, drawn_on, today, base=base, share=share, horizon=horizon)
    least = math.ceil(LEAST_TO_SAY / min(share, 1 - share))
    sayable = day_seen(until_on, drawn_on, today, needed=least, horizon=horizon)
    return RuleUplift(
        version=version,
        share=rule.experiment.share,
        horizon=horizon,
        margin_rate=rule.value.margin_rate,
        found=found,
        looks=_weekly(known, today, rule.value.margin_rate),
        drawn_treated=counted["treated"],
        drawn_control=counted["control"],
        moved=counted["moved"],
        late=counted["late"],
        sayable_on=_later(sayable, today),
        plan=planned,
        planned_on=_later(planned.on, today),
        smaller_share=smaller_share(found, rule.experiment.share),
        effects=measured_effects(as_of=as_of),
    )


def _later(day: int | None, today: int) -> date | None:
    """A day that is still to come; one that has passed without an answer is tomorrow's."""
    return None if day is None else day_of(max(day, today + 1))


def _weekly(known: Measured, today: int, margin_rate: float) -> list[tuple[date, Uplift]]:
    if not len(known.until_on):
        return []
    days: Array = np.arange(today, int(known.until_on.min()), -7)[:MOST_LOOKS][::-1]
    said = zip(days.tolist(), looks(known.drawn, known.until_on, days, margin_rate=margin_rate), strict=True)
    return [(made, each) for day, each in said if each.sayable and (made := day_of(day)) is not None]

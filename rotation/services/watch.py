"""The automatic stop: a rule whose guard figure breaks is paused, told of with the numbers, and waits for a person."""

from dataclasses import dataclass
from datetime import datetime

from accounts.management.organizations import organization_ids
from accounts.models import Membership, Notice, Role
from accounts.services import Actor, notify, record_event
from accounts.tenancy import tenant_atomic
from rotation.models import Rule, RuleVersion
from rotation.selectors.guard_figures import GuardFigure, guard_figures

WATCHER = Actor(label="task rotation.watch_rules")


@dataclass(frozen=True)
class Halted:
    """A rule stopped just now, and by what."""

    organization_id: int
    rule_id: int
    number: int
    figure: GuardFigure


def watch_rules(at: datetime) -> list[Halted]:
    """Look at the guard figures of every version in force or on trial, and stop the rules one of them speaks against."""
    stopped = []
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            stopped += [Halted(organization_id, *each) for each in halt_broken_rules(at)]
    return stopped


def halt_broken_rules(at: datetime) -> list[tuple[int, int, GuardFigure]]:
    """The same in the active organization, in the caller's transaction: (rule, number of the version, figure) of each stop."""
    versions = list(
        RuleVersion.objects.filter(
            state__in=[RuleVersion.State.PUBLISHED, RuleVersion.State.CANARY], rule__is_active=True, rule__archived_at=None
        )
        .select_related("rule")
        .order_by("rule_id", "number")
    )
    if not versions:
        return []
    figures = guard_figures(versions)
    stopped = []
    for version in versions:
        broken = [figure for figure in figures[version.pk] if figure.broken]
        if broken and _halt(version, broken, at):
            stopped.append((version.rule_id, version.number, broken[0]))
    return stopped


def _halt(version: RuleVersion, broken: list[GuardFigure], at: datetime) -> bool:
    """Pause the rule; False where somebody, or its other version, was faster."""
    halt = {"number": version.number, "figures": [figure.as_json() for figure in broken]}
    if not Rule.objects.filter(pk=version.rule_id, is_active=True).update(is_active=False, halted_at=at, halt=halt):
        return False
    record_event(f"rule:{version.rule_id}", "rule.halted", by=WATCHER, before={"active": True}, after={"active": False, **halt})
    # Who runs the rule has to know why nothing new comes, and only who administers may lift it.
    told = Membership.objects.filter(role__in=[Role.ADMIN, Role.MANAGER], is_active=True).values_list("pk", flat=True)
    facts = {"rule": version.rule_id, "name": version.rule.name, **halt}
    notify(told, Notice.Kind.RULE_HALTED, key=f"rule:{version.rule_id}:halted:{at.isoformat()}", facts=facts)
    return True

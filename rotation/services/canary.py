"""One team first: a version is tried by one team, then released to all or withdrawn by a person."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event
from rotation.models import Rule, RuleVersion

State = RuleVersion.State


@transaction.atomic
def release(version: RuleVersion, *, by: Membership) -> RuleVersion:
    """Put a version tried by one team in force for everyone; the one before it is retired.

    Raises
    ------
    NotAllowed, ChangedMeanwhile
    """
    rule = _locked(version, by)
    now = timezone.now()
    previous = rule.versions.filter(state=State.PUBLISHED).first()
    if previous:
        RuleVersion.objects.filter(pk=previous.pk, state=State.PUBLISHED).update(state=State.RETIRED)
    _moved(version, state=State.PUBLISHED, released_by=by, released_at=now)
    Rule.objects.filter(pk=rule.pk).update(name=version.definition["name"])
    record_event(
        f"rule:{rule.pk}",
        "rule.released",
        by=Actor(by),
        before={"number": previous.number} if previous else {},
        after={"number": version.number, "team": version.canary_team_id},
    )
    version.refresh_from_db()
    return version


@transaction.atomic
def withdraw(version: RuleVersion, *, by: Membership) -> RuleVersion:
    """End a trial: the team goes back to the version in force, or the rule pauses where there is none.

    Raises
    ------
    NotAllowed, ChangedMeanwhile
    """
    rule = _locked(version, by)
    _moved(version, state=State.RETIRED)
    left = rule.versions.filter(state=State.PUBLISHED).exists()
    if not left:
        Rule.objects.filter(pk=rule.pk).update(is_active=False)
    record_event(
        f"rule:{rule.pk}", "rule.trial_ended", by=Actor(by), before={"number": version.number, "team": version.canary_team_id},
        after={"active": rule.is_active and left},
    )  # fmt: skip
    version.refresh_from_db()
    return version


def _locked(version: RuleVersion, by: Membership) -> Rule:
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração libera ou encerra o teste de uma versão."))
    return Rule.objects.select_for_update().get(pk=version.rule_id)


def _moved(version: RuleVersion, **changes) -> None:
    if not RuleVersion.objects.filter(pk=version.pk, state=State.CANARY).update(**changes):
        raise ChangedMeanwhile(_("Esta versão não está mais em teste. Abra a regra de novo."))

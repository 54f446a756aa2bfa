"""Versions that come into force on a day: planned by who may publish them, taken back by anyone who may, published by the schedule."""

import logging
from collections.abc import Mapping
from datetime import date, datetime, time

from django.db import transaction
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Notice, Organization, Role, Team
from accounts.selectors import local_day
from accounts.services import Actor, notify, record_event
from accounts.tenancy import active_organization_id
from rotation.errors import BadDay, NeedsSecondPublisher
from rotation.models import Rule, RuleVersion
from rotation.services.rules import check_definition, needs_second_publisher, publish

PUBLISHER = Actor(label="task rotation.start_due_runs")
DRAFT = RuleVersion.State.DRAFT

log = logging.getLogger(__name__)


@transaction.atomic
def plan_publication(
    version: RuleVersion,
    *,
    on: date,
    by: Membership,
    at: datetime,
    team: Team | None = None,
    guard_limits: Mapping[str, float] | None = None,
) -> RuleVersion:
    """Have a draft come into force when the local day ``on`` begins; a change of the draft takes it back.

    Parameters
    ----------
    on : a day of the organization's zone, after today
    team, guard_limits : as in ``publish``

    Raises
    ------
    NotAllowed, NeedsSecondPublisher, RuleRefused
        As publishing it now would.
    BadDay
        The day is today, past, or more than a year away.
    ChangedMeanwhile
        The draft was replaced or published since it was read.
    """
    _allow(by)
    check_definition(version.definition)
    if needs_second_publisher(version, by):
        raise NeedsSecondPublisher(
            _("Publicar exige duas pessoas: quem escreveu esta versão não a publica. Peça a outra pessoa da administração.")
        )
    today = local_day(Organization.objects.get(pk=active_organization_id()), at=at)
    if not 0 < (on - today).days <= 366:
        words = {"today": date_format(today, "SHORT_DATE_FORMAT")}
        raise BadDay(_("Escolha um dia depois de hoje (%(today)s), até um ano. Para valer já, publique sem data.") % words)
    Rule.objects.select_for_update().get(pk=version.rule_id)
    moved = RuleVersion.objects.filter(pk=version.pk, state=DRAFT, definition_hash=version.definition_hash).update(
        publish_on=on, scheduled_by=by, scheduled_at=at, canary_team=team, guard_limits=dict(guard_limits or {})
    )
    if not moved:
        raise ChangedMeanwhile(_("Este rascunho mudou ou já foi publicado. Abra a regra de novo."))
    after = {"number": version.number, "hash": version.definition_hash, "on": on.isoformat(), **({"team": team.pk} if team else {})}
    record_event(f"rule:{version.rule_id}", "rule.publication_planned", by=Actor(by), after=after)
    version.refresh_from_db()
    return version


@transaction.atomic
def cancel_publication(version: RuleVersion, *, by: Membership) -> None:
    """Take the planned day back; the draft stays.

    Raises
    ------
    NotAllowed
    ChangedMeanwhile
        Nothing is planned any more: it was published, changed, or taken back by somebody else.
    """
    _allow(by)
    planned = RuleVersion.objects.filter(pk=version.pk, state=DRAFT).exclude(publish_on=None).first()
    if planned is None or planned.publish_on is None or not _unplan(planned):
        raise ChangedMeanwhile(_("Esta versão não está mais marcada. Abra a regra de novo."))
    before = {"number": planned.number, "on": planned.publish_on.isoformat()}
    record_event(f"rule:{planned.rule_id}", "rule.publication_cancelled", by=Actor(by), before=before)


def publish_planned(organization: Organization, at: datetime) -> list[RuleVersion]:
    """Publish what is planned up to the organization's today, in the caller's transaction and as the person who planned it.

    What may not be published any more (that person left, another rule has the name) stays a draft, and the
    administration is told why. May be called again at any time.
    """
    today = local_day(organization, at=at)
    due = RuleVersion.objects.filter(state=DRAFT, publish_on__lte=today, rule__archived_at=None)
    published = []
    for version in due.select_related("rule", "scheduled_by", "canary_team").order_by("publish_on", "pk"):
        assert version.publish_on is not None and version.scheduled_by is not None
        begins = datetime.combine(version.publish_on, time(0), tzinfo=organization.zone)
        try:
            with transaction.atomic():
                publish(
                    version,
                    by=version.scheduled_by,
                    team=version.canary_team,
                    guard_limits=version.guard_limits,
                    # a run of that day's first minutes already follows it
                    since=max(begins, version.scheduled_at) if version.scheduled_at else begins,
                )
                published.append(version)
        except DomainError as refusal:
            log.warning("rule %s: v%s was not published: %s", version.rule_id, version.number, refusal)
            _refuse(organization, version, refusal)
    return published


def _refuse(organization: Organization, version: RuleVersion, refusal: DomainError) -> None:
    _unplan(version)
    with translation.override(organization.language):
        facts = {"rule": version.rule_id, "name": version.definition["name"], "number": version.number, "why": str(refusal)}
    day = version.publish_on.isoformat() if version.publish_on else ""
    record_event(f"rule:{version.rule_id}", "rule.publication_failed", by=PUBLISHER, after={"number": version.number, "code": refusal.code})
    admins = Membership.objects.filter(role=Role.ADMIN, is_active=True).values_list("pk", flat=True)
    notify(admins, Notice.Kind.RULE_NOT_PUBLISHED, key=f"rule:{version.rule_id}:planned:{version.pk}:{day}", facts=facts)


def _unplan(version: RuleVersion) -> int:
    waiting = RuleVersion.objects.filter(pk=version.pk, state=DRAFT).exclude(publish_on=None)
    return waiting.update(publish_on=None, scheduled_by=None, scheduled_at=None, canary_team=None, guard_limits={})


def _allow(by: Membership) -> None:
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração publica regras; a gerência propõe um rascunho."))

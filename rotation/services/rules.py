"""Rules of rotation: drafted, published as immutable versions, paused, ordered, archived."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Notice, Organization, Role, Team
from accounts.services import Actor, notify, record_event
from accounts.tenancy import active_organization_id
from rotation.engine.errors import EngineError
from rotation.engine.rules import Rule as EngineRule
from rotation.engine.rules import parse_rule
from rotation.errors import NeedsSecondPublisher, RuleRefused, UnknownReason, WrongState
from rotation.models import RefusalReason, RotationSettings, Rule, RuleVersion
from rotation.refusals import refused

MAY_PROPOSE = (Role.ADMIN, Role.MANAGER)


def check_definition(definition: Mapping[str, Any]) -> EngineRule:
    """Read a definition as the engine will.

    Raises
    ------
    RuleRefused
        The first thing wrong, with its path and a sentence: unknown words, contradictions, or a condition on
        something the product does not record yet.
    """
    try:
        rule = parse_rule(definition)
    except EngineError as error:
        raise refused(error) from error
    return rule


def rotation_settings(*, lock: bool = False) -> RotationSettings:
    """The organization's row of settings, made on first use with the list of refusal reasons.

    ``lock`` takes the row for the rest of the transaction: it is the organization's mutex for runs.
    """
    organization_id = active_organization_id()
    rows = RotationSettings.objects.all()
    if not rows.exists():
        # ignore_conflicts: two first visitors at once make one row.
        RotationSettings.objects.bulk_create([RotationSettings(organization_id=organization_id)], ignore_conflicts=True)
        _seed_refusal_reasons()
    return (rows.select_for_update() if lock else rows).get()


def _seed_refusal_reasons() -> None:
    organization = Organization.objects.get(pk=active_organization_id())
    with translation.override(organization.language):
        labels = [
            _("Negociação em andamento"),
            _("Compra sazonal, vai voltar sozinho"),
            _("Cliente pediu para ficar com o vendedor"),
            _("Destino não atende bem este cliente"),
            _("Dados do cliente estão errados"),
            _("Outro motivo"),
        ]
    RefusalReason.objects.bulk_create(
        [RefusalReason(organization_id=organization.pk, label=label, position=i) for i, label in enumerate(labels, 1)],
        ignore_conflicts=True,
    )


@transaction.atomic
def create_rule(definition: Mapping[str, Any], *, by: Membership) -> Rule:
    """A new rule with its first draft; nothing runs until a version is published.

    Raises
    ------
    RuleRefused, NotAllowed
    """
    _allow(by, MAY_PROPOSE, _("Só administração e gerência escrevem regras."))
    checked = check_definition(definition)
    rotation_settings()
    last = Rule.objects.filter(archived_at=None).aggregate(last=Max("position"))["last"] or 0
    rule = _named(Rule(organization_id=active_organization_id(), name=checked.name, position=last + 1))
    draft = _draft(rule, checked, by)
    record_event(f"rule:{rule.pk}", "rule.created", by=Actor(by), after={"name": rule.name, "draft": draft.number, "hash": checked.hash})
    return rule


@transaction.atomic
def save_draft(rule: Rule, definition: Mapping[str, Any], *, by: Membership, expected: str = "", quiet: bool = False) -> RuleVersion:
    """Write the rule's draft: the present one is replaced, else one numbered after the last version begins.

    A draft that says the same already stays as it is. A change takes back what was asked or planned for the draft: a
    publication on a date is of what was read then.

    Parameters
    ----------
    expected : hash of what the writer saw; "" writes over whatever there is
    quiet : kept while somebody types: only the first change of a person is recorded, not every letter

    Raises
    ------
    RuleRefused, NotAllowed, WrongState
    ChangedMeanwhile
        Somebody else changed the draft since.
    """
    _allow(by, MAY_PROPOSE, _("Só administração e gerência escrevem regras."))
    checked = check_definition(definition)
    rule = _locked(rule)
    if Rule.objects.filter(name=checked.name, archived_at=None).exclude(pk=rule.pk).exists():
        raise _name_taken(checked.name)
    draft = rule.versions.filter(state=RuleVersion.State.DRAFT).select_related("created_by").first()
    if draft and draft.definition_hash == checked.hash:
        return draft
    before = {"hash": draft.definition_hash} if draft else {}
    same_person = draft is not None and draft.created_by_id == by.pk
    if draft:
        if expected and expected != draft.definition_hash and not same_person:
            words = {"name": draft.created_by.name if draft.created_by else ""}
            raise ChangedMeanwhile(
                _("%(name)s mudou este rascunho enquanto você editava. Nada foi gravado por cima; recarregue a página.") % words
            )
        draft.definition, draft.definition_hash, draft.created_by = dict(checked.definition), checked.hash, by
        draft.publish_on = draft.scheduled_by = draft.scheduled_at = draft.submitted_by = draft.submitted_at = draft.canary_team = None
        draft.guard_limits = {}
        draft.save()
    else:
        draft = _draft(rule, checked, by)
    if not (quiet and same_person):
        record_event(f"rule:{rule.pk}", "rule.drafted", by=Actor(by), before=before, after={"number": draft.number, "hash": checked.hash})
    return draft


@transaction.atomic
def discard_draft(rule: Rule, *, by: Membership) -> bool:
    """Throw the rule's draft away; a rule that has nothing else goes with it (is archived). Whether the rule is still there.

    Raises
    ------
    NotAllowed, WrongState
    """
    _allow(by, MAY_PROPOSE, _("Só administração e gerência escrevem regras."))
    rule = _locked(rule)
    draft = rule.versions.filter(state=RuleVersion.State.DRAFT).first()
    if draft is None:
        raise WrongState(_("Não há rascunho para descartar."))
    if not rule.versions.exclude(pk=draft.pk).exists():
        archive_rule(rule, by=by)
        return False
    draft.delete()
    record_event(f"rule:{rule.pk}", "rule.draft_discarded", by=Actor(by), before={"number": draft.number, "hash": draft.definition_hash})
    return True


@transaction.atomic
def publish(
    version: RuleVersion,
    *,
    by: Membership,
    team: Team | None = None,
    guard_limits: Mapping[str, float] | None = None,
    since: datetime | None = None,
) -> RuleVersion:
    """Put a draft in force; the version before it is retired. From here on its definition never changes.

    Parameters
    ----------
    team : try it in this team, and those below it, first; the version in force goes on for everyone else
    guard_limits : guard figure -> share above which the rule stops by itself; what is not named keeps its default
    since : the instant from which it is in force; now, unless it was planned for a day that began before

    Raises
    ------
    NotAllowed
        Only the administration publishes; a manager proposes a draft.
    NeedsSecondPublisher
        Two people are asked for, and ``by`` wrote the draft.
    ChangedMeanwhile
        The draft was replaced or published since it was read.
    RuleRefused
        The draft no longer passes the checks, or another rule took its name.
    """
    _allow(by, (Role.ADMIN,), _("Só a administração publica regras; a gerência propõe um rascunho."))
    rule = _locked(version.rule)
    checked = check_definition(version.definition)
    if needs_second_publisher(version, by):
        raise NeedsSecondPublisher(
            _("Publicar exige duas pessoas: quem escreveu esta versão não a publica. Peça a outra pessoa da administração.")
        )
    State = RuleVersion.State
    previous = rule.versions.filter(state=State.PUBLISHED).first()
    # A new version ends the trial of the one before; the one in force goes on beside a new trial.
    ended = [State.CANARY] if team else [State.CANARY, State.PUBLISHED]
    rule.versions.filter(state__in=ended).update(state=State.RETIRED)
    now = timezone.now()
    moved = RuleVersion.objects.filter(pk=version.pk, state=State.DRAFT, definition_hash=version.definition_hash).update(
        state=State.CANARY if team else State.PUBLISHED,
        published_by=by,
        published_at=since or now,
        publish_on=None,
        scheduled_by=None,
        scheduled_at=None,
        canary_team=team,
        guard_limits=dict(guard_limits or {}),
        watched_since=now,
    )
    if not moved:
        raise ChangedMeanwhile(_("Este rascunho mudou ou já foi publicado. Abra a regra de novo."))
    first = previous is None
    if first or not team:
        rule.name = checked.name
    rule.is_active = rule.is_active or first
    _named(rule)
    record_event(
        f"rule:{rule.pk}",
        "rule.published",
        by=Actor(by),
        before={"number": previous.number, "hash": previous.definition_hash} if previous else {},
        after={"number": version.number, "hash": version.definition_hash, "name": rule.name, **({"team": team.pk} if team else {})},
    )
    version.refresh_from_db()
    return version


def needs_second_publisher(version: RuleVersion, by: Membership) -> bool:
    """Whether the organization asks for two people and ``by`` wrote the version."""
    return version.created_by_id == by.pk and RotationSettings.objects.filter(publish_needs_two=True).exists()


@transaction.atomic
def ask_to_publish(version: RuleVersion, *, by: Membership) -> None:
    """Tell the rest of the administration that a draft waits for one of them to publish it."""
    _allow(by, MAY_PROPOSE, _("Só administração e gerência escrevem regras."))
    others = Membership.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=by.pk).values_list("pk", flat=True)
    facts = {"rule": version.rule_id, "name": version.definition["name"], "number": version.number, "by": by.name}
    key = f"rule:{version.rule_id}:submitted:{version.pk}:{version.definition_hash[:16]}"
    notify(others, Notice.Kind.RULE_SUBMITTED, key=key, facts=facts)
    RuleVersion.objects.filter(pk=version.pk, state=RuleVersion.State.DRAFT).update(submitted_by=by, submitted_at=timezone.now())
    record_event(f"rule:{version.rule_id}", "rule.submitted", by=Actor(by), after={"number": version.number})


@transaction.atomic
def ask_two_people(required: bool, *, by: Membership) -> None:
    """Say whether publishing takes two people in this organization.

    Raises
    ------
    NotAllowed
    NeedsSecondPublisher
        There is no second administrator: nobody could publish what this one writes.
    """
    _allow(by, (Role.ADMIN,), _("Só a administração decide quem publica regras."))
    if required and not Membership.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=by.pk).exists():
        raise NeedsSecondPublisher(_("Convide antes uma segunda pessoa da administração: sozinho, ninguém publicaria o que você escreve."))
    settings = rotation_settings(lock=True)
    if settings.publish_needs_two != required:
        RotationSettings.objects.filter(pk=settings.pk).update(publish_needs_two=required)
        record_event("rotation", "rotation.two_publishers", by=Actor(by), before={"required": not required}, after={"required": required})


def pause(rule: Rule, *, by: Membership) -> Rule:
    """The schedule passes the rule by until it is resumed."""
    return _switch(rule, False, by)


def resume(rule: Rule, *, by: Membership, reason: str = "") -> Rule:
    """The schedule runs the rule again. One that stopped by itself asks for the reason why it may.

    Raises
    ------
    WrongState
        It has no published version.
    UnknownReason
        A guard figure stopped it, and no reason is given.
    """
    return _switch(rule, True, by, " ".join(reason.split())[:300])


@transaction.atomic
def _switch(rule: Rule, active: bool, by: Membership, reason: str = "") -> Rule:
    _allow(by, (Role.ADMIN,), _("Só a administração pausa e retoma regras."))
    rule = _locked(rule)
    current = rule.versions.filter(state__in=[RuleVersion.State.PUBLISHED, RuleVersion.State.CANARY])
    if active and not current.exists():
        raise WrongState(_("Publique uma versão de “%(rule)s” antes de ativá-la.") % {"rule": rule.name})
    if active and rule.halted_at and not reason:
        raise UnknownReason(_("“%(rule)s” parou sozinha. Diga por que pode voltar a rodar.") % {"rule": rule.name})
    if rule.is_active != active:
        before = {"halted_at": rule.halted_at.isoformat(), **rule.halt} if rule.halted_at else {}
        halted: dict[str, Any] = {"halted_at": None, "halt": {}} if active else {}
        Rule.objects.filter(pk=rule.pk).update(is_active=active, **halted)
        if active:
            # Who resumes a rule has seen what stopped it: from here the figures are counted anew.
            current.update(watched_since=timezone.now())
        rule.refresh_from_db()
        record_event(
            f"rule:{rule.pk}",
            "rule.resumed" if active else "rule.paused",
            by=Actor(by),
            before=before,
            after={"active": active},
            reason=reason,
        )
    return rule


@transaction.atomic
def move_rule(rule: Rule, direction: Literal["up", "down"], *, by: Membership) -> None:
    """Change the rule's place in the order: a client belongs to the first rule that flags it. At the end, nothing happens."""
    _allow(by, (Role.ADMIN,), _("Só a administração ordena regras."))
    rotation_settings(lock=True)
    ordered = list(Rule.objects.filter(archived_at=None).order_by("position", "pk"))
    places = [each.pk for each in ordered]
    if rule.pk not in places:
        raise WrongState(_("“%(rule)s” está arquivada.") % {"rule": rule.name})
    here = places.index(rule.pk)
    there = here - 1 if direction == "up" else here + 1
    if not 0 <= there < len(places):
        return
    places[here], places[there] = places[there], places[here]
    for position, pk in enumerate(places, 1):
        Rule.objects.filter(pk=pk).exclude(position=position).update(position=position)
    record_event(f"rule:{rule.pk}", "rule.moved", by=Actor(by), before={"position": here + 1}, after={"position": there + 1})


@transaction.atomic
def archive_rule(rule: Rule, *, by: Membership) -> Rule:
    """Take the rule out of lists and schedules; its versions and runs stay readable."""
    _allow(by, (Role.ADMIN,), _("Só a administração arquiva regras."))
    rule = _locked(rule)
    rule.versions.filter(state=RuleVersion.State.DRAFT).delete()
    now = timezone.now()
    Rule.objects.filter(pk=rule.pk).update(is_active=False, archived_at=now)
    Rule.objects.filter(archived_at=None, position__gt=rule.position).update(position=F("position") - 1)
    rule.is_active, rule.archived_at = False, now
    record_event(f"rule:{rule.pk}", "rule.archived", by=Actor(by), before={"name": rule.name})
    return rule


def _draft(rule: Rule, checked: EngineRule, by: Membership) -> RuleVersion:
    last = rule.versions.aggregate(last=Max("number"))["last"] or 0
    return RuleVersion.objects.create(
        organization_id=rule.organization_id,
        rule=rule,
        number=last + 1,
        definition=dict(checked.definition),
        definition_hash=checked.hash,
        created_by=by,
    )


def _locked(rule: Rule) -> Rule:
    locked = Rule.objects.select_for_update().get(pk=rule.pk)
    if locked.archived_at is not None:
        raise WrongState(_("“%(rule)s” está arquivada.") % {"rule": locked.name})
    return locked


def _named(rule: Rule) -> Rule:
    """Save the rule; another one of its name is a refusal, not a crash."""
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError as error:
        if "rule_name" not in str(error):
            raise
        raise _name_taken(rule.name) from error
    return rule


def _name_taken(name: str) -> RuleRefused:
    text = _("Já existe uma regra chamada “%(name)s”. Dê outro nome.") % {"name": name}
    return RuleRefused(text, path="name", engine_code="name_taken", params={"name": name})


def _allow(by: Membership, roles: tuple[str, ...], refusal: str) -> None:
    if by.role not in roles or not by.is_active:
        raise NotAllowed(refusal)

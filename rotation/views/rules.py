"""Rules: the list, the form of one, what it says in words, what it would propose, its versions."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Role
from clients.models import Segment
from rotation.differing import differences
from rotation.errors import RuleRefused, UnknownReason
from rotation.explaining import asked_leaves, leaf_text
from rotation.forms import PRESET_NAMES, preset_definition
from rotation.models import RotationSettings, Rule, RuleVersion
from rotation.segments import within_segment
from rotation.selectors.runs import rule_lines, version_results, versions_of
from rotation.services.rules import archive_rule, create_rule, move_rule, pause, resume, save_draft
from rotation.views.common import ADMINS, LEADERS, only, paged, partial
from rotation.views.effect import uplift_context, watch_context
from rotation.wording import guard_text, rule_sentence, schedule_text


@require_GET
@only(LEADERS)
@paged
def rules(request: HttpRequest) -> HttpResponse:
    """Every rule in its order, with the version in force and what it last proposed."""
    lines = rule_lines()
    for line in lines:
        version = line.in_force or line.trial or line.draft
        line.schedule = schedule_text(version.definition) if version else ""  # type: ignore[attr-defined]
    context = {
        "lines": lines,
        "presets": preset_cards(),
        "writes": writes(request),
        "needs_two": RotationSettings.objects.filter(publish_needs_two=True).exists(),
    }
    return render(request, "rotation/_rules.html" if partial(request) else "rotation/rules.html", context)


def writes(request: HttpRequest) -> bool:
    return request.membership.role == Role.ADMIN  # type: ignore[attr-defined]


def preset_cards() -> list[tuple[str, Any, Any]]:
    return [(key, name, text) for key, (name, text) in PRESET_NAMES.items()]


def currency(request: HttpRequest) -> str:
    return request.organization.currency  # type: ignore[attr-defined]


def rule_or_404(rule: int) -> Rule:
    found = Rule.objects.filter(pk=rule, archived_at=None).first()
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "POST"])
@only(ADMINS)
@paged
def new_rule(request: HttpRequest) -> HttpResponse:
    """Choose a preset; POST makes the rule with it as the first draft, and its editor opens.

    A segment whose conditions cannot stand with the preset's is not in the draft: the editor shows them, and says at which field why.
    """
    base, segment = preset_definition(request.POST.get("preset", "")), segment_asked(request.POST or request.GET)
    if request.method == "GET" or base is None:
        shared = Segment.objects.filter(owner=None).order_by("name")
        context = {"presets": preset_cards(), "segments": shared, "segment": segment}
        return render(request, "rotation/rule_new.html", context, status=200 if request.method == "GET" else 422)
    slug, by, name = request.organization.slug, request.membership, free_name(base["name"])  # type: ignore[attr-defined]
    definition = base
    if segment:
        definition, unsaid = within_segment(base, segment)
        if unsaid:
            words = {"what": ", ".join(unsaid), "name": segment.name}
            messages.warning(request, _("Do segmento “%(name)s” ficou de fora o que regras não sabem dizer: %(what)s.") % words)
    try:
        try:
            made = create_rule(definition | {"name": name}, by=by)
        except RuleRefused:
            if not segment:
                raise
            made = create_rule(base | {"name": name}, by=by)
            text = _(
                "As condições do segmento “%(name)s” não combinam com este começo. Mude ou tire a que está marcada: até lá elas não valem."
            )
            messages.warning(request, text % {"name": segment.name})
            return redirect(f"{reverse('rotation:rule', args=[slug, made.pk])}?segment={segment.pk}")
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect("rotation:rule-new", slug)
    return redirect("rotation:rule", slug, made.pk)


def free_name(name: str) -> str:
    """The name, or with the first number that no other rule of that name has: “Geral, 90 dias (2)”."""
    taken = set(Rule.objects.filter(archived_at=None, name__startswith=name[:100]).values_list("name", flat=True))
    numbered = (f"{name[:110]} ({n})" for n in range(2, len(taken) + 3))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def effect_of(request: HttpRequest, found: Rule, version: RuleVersion | None, on_trial: RuleVersion | None) -> dict[str, Any]:
    """What the rule's own page says of its effect: nothing before a version runs."""
    if version is None:
        return {}
    version.rule = found
    return uplift_context(request, version) | watch_context(found, []) | {"on_trial": on_trial}


def current_versions(found: Rule) -> tuple[RuleVersion | None, RuleVersion | None, RuleVersion | None]:
    """The version in force, the draft, and the one on trial; one query."""
    current = found.versions.exclude(state=RuleVersion.State.RETIRED).select_related("published_by", "created_by", "canary_team")
    by_state = {each.state: each for each in current}
    return by_state.get(RuleVersion.State.PUBLISHED), by_state.get(RuleVersion.State.DRAFT), by_state.get(RuleVersion.State.CANARY)


def segment_asked(query: QueryDict) -> Segment | None:
    """The segment of everyone's that an address or a form names: rules are the company's, private filters are not."""
    number = query.get("segment", "")
    return (
        Segment.objects.filter(pk=int(number), owner=None).first() if number.isascii() and number.isdigit() and len(number) < 16 else None
    )


def read_context(request: HttpRequest, found: Rule, version: RuleVersion) -> dict[str, Any]:
    definition = version.definition
    return {
        "rule": found,
        "version": version,
        "sentence": rule_sentence(definition, currency(request)),
        "schedule": schedule_text(definition),
        "conditions": [
            leaf_text(leaf, asked, currency(request))
            for section in ("trigger", "population")
            for leaf, asked in asked_leaves(definition.get(section, {}))
        ],
        "guards": list(dict.fromkeys(guard_text(guard) for guard in definition.get("guards", []))),
    }


@require_GET
@only(LEADERS)
@paged
def versions(request: HttpRequest, rule: int) -> HttpResponse:
    """Every version: who wrote it, who published it, when, what it says, and what it changed of the one before."""
    found = rule_or_404(rule)
    rows = list(versions_of(found)[:100])
    results = version_results(rows)
    lines = [
        (
            each,
            results[each.pk],
            rule_sentence(each.definition, currency(request)),
            differences(earlier.definition, each.definition, currency(request)) if earlier else [],
        )
        for each, earlier in zip(rows, [*rows[1:], None], strict=True)
    ]
    context = {
        "rule": found,
        "lines": lines,
        "writes": writes(request),
        "draft": next((each for each in rows if each.state == "draft"), None),
    }
    return render(request, "rotation/rule_versions.html", context)


@require_POST
@only(ADMINS)
def restore(request: HttpRequest, rule: int, number: int) -> HttpResponse:
    """What a version says becomes the draft; the version itself stays where it is."""
    found = rule_or_404(rule)
    version = found.versions.filter(number=number).exclude(state=RuleVersion.State.DRAFT).first()
    if version is None:
        raise Http404
    slug = request.organization.slug  # type: ignore[attr-defined]
    try:
        draft = save_draft(found, version.definition, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect("rotation:rule-versions", slug, found.pk)
    messages.success(request, _("A v%(n)s é agora o rascunho v%(draft)s. Nada muda até publicar.") % {"n": number, "draft": draft.number})
    return redirect("rotation:rule", slug, found.pk)


@require_POST
@only(ADMINS)
def rule_action(request: HttpRequest, rule: int) -> HttpResponse:
    """Pause, resume, move up or down, archive."""
    found = rule_or_404(rule)
    by = request.membership  # type: ignore[attr-defined]
    action = request.POST.get("action", "")
    done = ""
    try:
        if action == "pause":
            pause(found, by=by)
            done = _("“%(rule)s” pausada: a agenda passa por ela sem rodar.")
        elif action == "resume":
            resume(found, by=by, reason=request.POST.get("reason", ""))
            done = _("“%(rule)s” ativa de novo.")
        elif action in ("up", "down"):
            move_rule(found, action, by=by)  # type: ignore[arg-type]
        elif action == "archive":
            archive_rule(found, by=by)
            done = _("“%(rule)s” arquivada.")
        else:
            raise Http404
    except UnknownReason as refusal:
        messages.warning(request, str(refusal))
        return redirect("rotation:rule-outcome", request.organization.slug, found.pk)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    if done:
        messages.success(request, done % {"rule": found.name})
    return redirect("rotation:rules", request.organization.slug)  # type: ignore[attr-defined]

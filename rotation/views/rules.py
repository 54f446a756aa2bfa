"""Rules: the list, the form of one, what it says in words, what it would propose, its versions."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Role
from accounts.selectors import local_day
from accounts.templatetags.formats import symbol
from clients.models import Segment
from rotation.errors import RuleRefused
from rotation.explaining import leaves
from rotation.forms import PRESET_NAMES, RuleForm, preset_definition
from rotation.models import RotationSettings, Rule, RuleVersion
from rotation.segments import within_segment
from rotation.selectors.runs import rule_lines, versions_of
from rotation.services.rules import archive_rule, check_definition, create_rule, move_rule, pause, resume, save_draft
from rotation.services.runs import preview
from rotation.views.common import ADMINS, LEADERS, only, paged, partial
from rotation.views.effect import uplift_context, watch_context
from rotation.views.previewing import preview_context
from rotation.wording import condition_text, guard_text, rule_sentence, schedule_text


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
    """Choose a preset, then its form; POST makes the rule with its first draft."""
    key = request.POST.get("preset") or request.GET.get("preset", "")
    base, segment = preset_definition(key), segment_asked(request.POST or request.GET)
    if base is None:
        shared = Segment.objects.filter(owner=None).order_by("name")
        return render(request, "rotation/rule_new.html", {"presets": preset_cards(), "segments": shared, "segment": segment})
    if segment:
        base, unsaid = within_segment(base, segment)
        if unsaid and request.method == "GET":
            words = {"what": ", ".join(unsaid), "name": segment.name}
            messages.warning(request, _("Do segmento “%(name)s” ficou de fora o que regras não sabem dizer: %(what)s.") % words)
    form = RuleForm(request.POST or None, base=base)
    context = form_context(request, form, base, None, None) | {"preset": key, "segment": segment}
    if request.method == "POST":
        return _submitted(request, form, context, None)
    return render(request, "rotation/rule.html", context)


@require_http_methods(["GET", "POST"])
@only(LEADERS)
@paged
def rule(request: HttpRequest, rule: int) -> HttpResponse:
    """The rule's draft, or the version in force to begin a draft from; read-only to those who do not write rules."""
    found = rule_or_404(rule)
    in_force, draft, on_trial = current_versions(found)
    version = draft or in_force or on_trial
    if version is None:
        raise Http404
    effect = _effect_of(request, found, in_force or on_trial, on_trial)
    if not writes(request):
        if request.method == "POST":
            raise Http404
        return render(request, "rotation/rule_read.html", read_context(request, found, in_force or version) | effect)
    form = RuleForm(request.POST or None, base=version.definition)
    context = form_context(request, form, version.definition, found, version) | effect | {"in_force": in_force, "draft": draft}
    if request.method == "POST":
        return _submitted(request, form, context, found)
    return render(request, "rotation/rule.html", context)


def _effect_of(request: HttpRequest, found: Rule, version: RuleVersion | None, on_trial: RuleVersion | None) -> dict[str, Any]:
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


def form_context(
    request: HttpRequest, form: RuleForm, definition: Mapping[str, Any], found: Rule | None, version: RuleVersion | None
) -> dict[str, Any]:
    kept = [] if form.by_days else [condition_text(leaf, currency(request)) for leaf in leaves(definition.get("trigger", {}))]
    return {
        "form": form,
        "rule": found,
        "version": version,
        "sentence": rule_sentence(definition, currency(request)),
        "kept_conditions": kept,
        "kept_guards": [guard_text(guard) for guard in form.other_guards],
        "sign": symbol(currency(request)),
        "n_rules": Rule.objects.filter(archived_at=None).count(),
        "schedule": schedule_text(definition),
    }


def read_context(request: HttpRequest, found: Rule, version: RuleVersion) -> dict[str, Any]:
    definition = version.definition
    return {
        "rule": found,
        "version": version,
        "sentence": rule_sentence(definition, currency(request)),
        "schedule": schedule_text(definition),
        "conditions": [
            condition_text(leaf, currency(request)) for section in ("trigger", "population") for leaf in leaves(definition.get(section, {}))
        ],
        "guards": list(dict.fromkeys(guard_text(guard) for guard in definition.get("guards", []))),
    }


def _submitted(request: HttpRequest, form: RuleForm, context: dict[str, Any], found: Rule | None) -> HttpResponse:
    """Save the draft, and go on to publishing when that was asked; what is wrong comes back at its field with 422."""
    slug = request.organization.slug  # type: ignore[attr-defined]
    if form.is_valid():
        try:
            if found is None:
                found = create_rule(form.definition(), by=request.membership)  # type: ignore[attr-defined]
            else:
                save_draft(found, form.definition(), by=request.membership)  # type: ignore[attr-defined]
        except RuleRefused as refusal:
            form.refuse(refusal.path, str(refusal))
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            if request.POST.get("then") == "publish":
                return redirect("rotation:rule-publish", slug, found.pk)
            messages.success(request, _("Rascunho salvo. Nada muda até publicar."))
            return redirect("rotation:rule", slug, found.pk)
    if not form.errors.get("__all__") and form.errors:
        context["n_errors"] = len(form.errors)
    return render(request, "rotation/rule.html", context, status=422)


@require_POST
@only(ADMINS)
def sentence(request: HttpRequest) -> HttpResponse:
    """The rule as it stands in the form, in words; while something is missing the last sentence stays."""
    form = posted_form(request.POST)
    if form is None:
        raise Http404
    if not form.is_valid():
        return HttpResponse(status=204)
    context = {"sentence": rule_sentence(form.definition(), currency(request))}
    return render(request, "rotation/_sentence.html", context)


def posted_form(post: QueryDict) -> RuleForm | None:
    """The posted form over the rule or the preset it names."""
    base: Mapping[str, Any] | None = preset_definition(post.get("preset", ""))
    segment = segment_asked(post)
    if base and segment:
        base, _unsaid = within_segment(base, segment)
    number = post.get("rule", "")
    if number.isascii() and number.isdigit():
        in_force, draft, on_trial = current_versions(rule_or_404(int(number)))
        version = draft or in_force or on_trial
        base = version.definition if version else None
    return RuleForm(post, base=base) if base is not None else None


@require_POST
@only(ADMINS)
@paged
def simulate(request: HttpRequest) -> HttpResponse:
    """What the rule in the form would propose today; nothing is written."""
    form = posted_form(request.POST)
    if form is None:
        raise Http404
    context: dict[str, Any] = {"error": "", "sentence": ""}
    if form.is_valid():
        definition = form.definition()
        context["sentence"] = rule_sentence(definition, currency(request))
        try:
            check_definition(definition)
            as_of = local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]
            context |= preview_context(preview([definition], as_of=as_of), request)
        except DomainError as refusal:
            context["error"] = str(refusal)
    else:
        first = next(iter(form.errors.items()))
        label = form.fields[first[0]].label if first[0] in form.fields else _("Regra")
        context["error"] = f"{label}: {' '.join(first[1])}"
    if partial(request):
        return render(request, "rotation/_preview.html", context)
    return render(request, "rotation/simulation.html", context)


@require_GET
@only(LEADERS)
@paged
def versions(request: HttpRequest, rule: int) -> HttpResponse:
    """Every version: who wrote it, who published it, when, and what it says."""
    found = rule_or_404(rule)
    lines = [(each, rule_sentence(each.definition, currency(request))) for each in versions_of(found)[:100]]
    return render(request, "rotation/rule_versions.html", {"rule": found, "lines": lines, "writes": writes(request)})


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
            resume(found, by=by)
            done = _("“%(rule)s” ativa de novo.")
        elif action in ("up", "down"):
            move_rule(found, action, by=by)  # type: ignore[arg-type]
        elif action == "archive":
            archive_rule(found, by=by)
            done = _("“%(rule)s” arquivada.")
        else:
            raise Http404
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    if done:
        messages.success(request, done % {"rule": found.name})
    return redirect("rotation:rules", request.organization.slug)  # type: ignore[attr-defined]

"""The rule editor: one form of the whole rule, saved as a draft while one edits, its sentence and its test beside it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.selectors import local_day
from accounts.templatetags.formats import symbol
from rotation.editor.acts import act
from rotation.editor.building import Built, build
from rotation.editor.controls import Drawing
from rotation.editor.state import RuleState, state_from, state_of
from rotation.models import Backtest, RotationSettings, Rule, RuleVersion
from rotation.segments import within_segment
from rotation.selectors.words import people_in_use, words_in_use
from rotation.services.backtest import kept_backtest, request_backtest
from rotation.services.rules import check_definition, discard_draft, needs_second_publisher, save_draft
from rotation.services.runs import preview
from rotation.views.backtesting import proof_context, version_label
from rotation.views.common import ADMINS, LEADERS, only, paged, partial
from rotation.views.previewing import preview_context
from rotation.views.rules import currency, current_versions, effect_of, read_context, rule_or_404, segment_asked, writes
from rotation.wording import rule_sentence, schedule_text

SPANS = (6, 12, 24)
STRUCTURE = ("add", "group", "remove", "up", "down", "add-guard")


@require_http_methods(["GET", "POST"])
@only(LEADERS)
@paged
def rule(request: HttpRequest, rule: int) -> HttpResponse:
    """The rule as a form: its draft, or the version in force to begin a draft from; read-only to those who do not write rules.

    With ``segment``, a shared segment's conditions stand in the form too, kept once they can stand with the rest.

    POST with ``do``: add, group, remove, up, down (each with its place) and add-guard change the form; save, publish, test and
    discard do what they say; without it the form is drawn again. Whatever is a whole rule by then is kept as the draft.
    """
    found = rule_or_404(rule)
    in_force, draft, on_trial = current_versions(found)
    version = draft or in_force or on_trial
    if version is None:
        raise Http404
    if not writes(request):
        if request.method == "POST":
            raise Http404
        effect = effect_of(request, found, in_force or on_trial, on_trial)
        return render(request, "rotation/rule_read.html", read_context(request, found, in_force or version) | effect)
    if request.method == "GET":
        definition = check_definition(version.definition).definition
        if segment := segment_asked(request.GET):
            state = state_of(within_segment(definition, segment)[0])
            built = build(state, currency(request))
            return _page(request, found, state, built, asked=bool(built.faults))
        state = state_of(definition)
        return _page(request, found, state, Built(version.definition, version.definition_hash))
    word, _colon, key = request.POST.get("do", "redraw").partition(":")
    if word == "discard":
        return _discarded(request, found)
    state, focus = state_from(request.POST), ""
    if word in STRUCTURE:
        try:
            focus = act(state, word, key or request.POST.get("guard.add", ""))
        except (KeyError, ValueError) as error:
            raise Http404 from error
    built = build(state, currency(request))
    refusal = _kept(request, found, built)
    if word in ("save", "publish") and not built.faults and not refusal:
        slug = request.organization.slug  # type: ignore[attr-defined]
        if word == "publish":
            return redirect("rotation:rule-publish", slug, found.pk)
        messages.success(request, _("Rascunho salvo. Nada muda até publicar."))
        return redirect("rotation:rule", slug, found.pk)
    wrong = word in ("save", "publish") and (built.faults or refusal)
    return _page(
        request, found, state, built, focus=focus, refusal=refusal, tests=word == "test", status=422 if wrong else 200, asked=bool(wrong)
    )


def _discarded(request: HttpRequest, found: Rule) -> HttpResponse:
    slug = request.organization.slug  # type: ignore[attr-defined]
    try:
        left = discard_draft(found, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
        return redirect("rotation:rule", slug, found.pk)
    messages.success(request, _("Rascunho descartado."))
    return redirect("rotation:rule", slug, found.pk) if left else redirect("rotation:rules", slug)


def _kept(request: HttpRequest, found: Rule, built: Built) -> str:
    """Keep what is a whole rule as the draft; the sentence of a refusal, or "". A form equal to what is in force begins no draft."""
    if built.definition is None:
        return ""
    in_force, draft, _on_trial = current_versions(found)
    if draft is None and in_force is not None and in_force.definition_hash == built.hash:
        return ""
    try:
        save_draft(found, built.definition, by=request.membership, expected=request.POST.get("base", ""), quiet=True)  # type: ignore[attr-defined]
    except DomainError as refusal:
        if getattr(refusal, "path", "") == "name":
            built.faults["name"] = str(refusal)
            return ""
        return str(refusal)
    return ""


@require_POST
@only(ADMINS)
@paged
def live(request: HttpRequest, rule: int) -> HttpResponse:
    """What is typed, kept as the draft and said back: the sentence, when it was saved, and what cannot be, at its control."""
    found = rule_or_404(rule)
    built = build(state_from(request.POST), currency(request))
    refusal = _kept(request, found, built)
    response = render(request, "rotation/editor/_live.html", _said(request, found, built, refusal) | {"oob": True})
    if not built.faults and not refusal:
        response["HX-Trigger"] = "rule-saved"
    return response


@require_POST
@only(ADMINS)
@paged
def proof(request: HttpRequest, rule: int) -> HttpResponse:
    """The draft, or the version in force where there is none, on the organization's own past, or as a run of today would go."""
    found = rule_or_404(rule)
    context = _tested(request, found, request.POST.get("months", ""))
    return render(request, "rotation/editor/_proof.html", context)


def _tested(request: HttpRequest, found: Rule, months: str) -> dict[str, Any]:
    """Computed now where that takes about a second, sent to be computed where it takes longer."""
    version, against = _compared(found)
    context: dict[str, Any] = {"rule": found, "months": _span(months), "spans": SPANS, "tested": True}
    by, at = request.membership, timezone.now()  # type: ignore[attr-defined]
    try:
        if not context["months"]:
            as_of = local_day(request.organization, at=at)  # type: ignore[attr-defined]
            return context | preview_context(preview([version.definition], as_of=as_of), request)
        row = request_backtest(
            version.definition,
            by=by,
            at=at,
            months=context["months"],
            rule=found,
            label=version_label(version),
            against=against.definition if against else None,
            against_label=version_label(against) if against else "",
            replaces=True,
        )
        return context | proof_context(request, row, card=True)
    except DomainError as refusal:
        return context | {"error": str(refusal)}


def _compared(found: Rule) -> tuple[RuleVersion, RuleVersion | None]:
    """What is tested, and the version in force beside it where that says something else."""
    in_force, draft, on_trial = current_versions(found)
    version = draft or on_trial or in_force
    if version is None:
        raise Http404
    differs = in_force is not None and in_force.definition_hash != version.definition_hash
    return version, in_force if differs else None


def _span(months: str) -> int:
    return int(months) if months in ("0", *map(str, SPANS)) else 6


def _said(request: HttpRequest, found: Rule, built: Built, refusal: str) -> dict[str, Any]:
    """What changes on the page with every change of the form."""
    in_force, draft, _on_trial = current_versions(found)
    definition = built.definition or (draft or in_force).definition  # type: ignore[union-attr]
    people = people_in_use(_fields(definition))
    return {
        "rule": found,
        "draft": draft,
        "in_force": in_force,
        "refusal": refusal,
        "faults": [("id_" + name.replace(".", "_"), said) for name, said in built.faults.items()],
        "base": draft.definition_hash if draft else in_force.definition_hash if in_force else "",
        "sentence": rule_sentence(definition, currency(request), {name: dict(rows) for name, rows in people.items()}),
        "schedule": _schedule(definition, in_force),
        "saved_at": timezone.now(),
    }


def _schedule(definition: dict[str, Any], in_force: RuleVersion | None) -> str:
    """When the version in force runs; where what is being edited would run at another time, that too, apart."""
    here, now = schedule_text(definition), schedule_text(in_force.definition) if in_force else ""
    if not now or here == now:
        return here
    return _("%(now)s; como está aqui, %(here)s") % {"now": now, "here": here}


def _fields(condition: Any) -> set[str]:
    """Every field a definition names, however deep."""
    if isinstance(condition, dict):
        own = {condition["field"]} if "field" in condition else set()
        return own.union(*(_fields(each) for each in condition.values()))
    return set().union(*(_fields(each) for each in condition)) if isinstance(condition, list) else set()


def _page(
    request: HttpRequest,
    found: Rule,
    state: RuleState,
    built: Built,
    *,
    focus: str = "",
    refusal: str = "",
    tests: bool = False,
    status: int = 200,
    asked: bool = False,
) -> HttpResponse:
    """The whole page, or for htmx the form with what changed beside it."""
    context = _said(request, found, built, refusal)
    used = {leaf.field for leaf in state.leaves()}
    context |= {
        "form": Drawing(
            state,
            faults=built.faults,
            words=words_in_use(used | {"segment"}),
            people=people_in_use(used),
            sign=symbol(currency(request)),
            focus=focus,
        ),
        "n_errors": len(built.faults) if asked else 0,
        "structural": bool(focus),
    }
    if partial(request):
        response = render(request, "rotation/editor/_form.html", context | {"oob": True}, status=status)
        if not built.faults and not refusal:
            response["HX-Trigger-After-Settle"] = "rule-saved"
        return response
    in_force, draft, on_trial = current_versions(found)
    version = draft or in_force or on_trial
    context |= effect_of(request, found, in_force or on_trial, on_trial)
    context |= {
        "version": version,
        "n_rules": Rule.objects.filter(archived_at=None).count(),
        "needs_two": RotationSettings.objects.filter(publish_needs_two=True).exists(),
        "second": draft is not None and needs_second_publisher(draft, request.membership),  # type: ignore[attr-defined]
        "months": _span(request.POST.get("months", "")),
        "spans": SPANS,
    }
    context |= _tested(request, found, request.POST.get("months", "")) if tests else _kept_proof(request, found)
    return render(request, "rotation/editor/page.html", context, status=status)


def _kept_proof(request: HttpRequest, found: Rule) -> dict[str, Any]:
    """The last test of exactly what the page shows, if it was made today: nothing is computed for looking at a page."""
    version, against = _compared(found)
    since = timezone.now().astimezone(request.organization.zone).replace(hour=0, minute=0, second=0)  # type: ignore[attr-defined]
    row = kept_backtest(version.definition_hash, against.definition_hash if against else "", rule=found, since=since)
    if row is None or row.state != Backtest.State.DONE:
        return {}
    days = (row.to_on - row.from_on).days - row.result.get("horizon_days", 0)
    return proof_context(request, row, card=True) | {"tested": True, "months": min(SPANS, key=lambda each: abs(each * 30.4 - days))}

"""Giros: the list of runs, and starting one after having seen what it would propose."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.errors import DomainError
from accounts.models import Role
from accounts.selectors import local_day
from rotation.engine.rules import parse_rule
from rotation.models import RuleVersion, Run
from rotation.selectors.reach import reach_of
from rotation.selectors.runs import line_of_day, run_lines, run_rules_for, runs_visible_to, versions_in_force
from rotation.services.runs import preview, rule_set_of, start_run
from rotation.services.schedule import next_occurrence
from rotation.views.common import DECIDERS, LEADERS, only, paged
from rotation.views.previewing import preview_context
from rotation.wording import schedule_text


@require_GET
@only(LEADERS)
@paged
def runs(request: HttpRequest) -> HttpResponse:
    """Runs, the newest first; what needs this person stands above."""
    reach = reach_of(request.membership)  # type: ignore[attr-defined]
    lines = run_lines(runs_visible_to(request.membership), reach)  # type: ignore[attr-defined]
    waiting = [line for line in lines if line.run.state == Run.State.AWAITING and line.run.kind == Run.Kind.ROTATION]
    rules = versions_in_force()
    context = {
        "lines": lines,
        "waiting": waiting if reach.decides else [],
        "failed": [line for line in lines if line.run.state == Run.State.FAILED],
        "moving": any(line.run.state in (Run.State.SCHEDULED, Run.State.COMPUTING, Run.State.APPLYING) for line in lines),
        "scheduled": scheduled(rules, request.organization.zone),  # type: ignore[attr-defined]
        "n_rules": len(rules),
        "may_start": may_start(request),
    }
    return render(request, "rotation/runs.html", context)


def scheduled(versions: list[RuleVersion], zone: ZoneInfo) -> list[tuple[RuleVersion, str, datetime | None]]:
    """The active rules, the next to run first: when in words, and the instant, None for a rule that waits for an event."""
    now = timezone.now()
    found = [
        (version, schedule_text(version.definition), next_occurrence(parse_rule(version.definition, accepted=True).schedule, zone, now))
        for version in versions
        if version.rule.is_active
    ]
    return sorted(found, key=lambda each: (each[2] is None, each[2] or now))


def may_start(request: HttpRequest) -> bool:
    return request.membership.role == Role.ADMIN  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@only(DECIDERS)
@paged
def start(request: HttpRequest) -> HttpResponse:
    """What the rules in force would propose today; POST makes the run."""
    versions = versions_in_force(active=True)
    slug = request.organization.slug  # type: ignore[attr-defined]
    as_of = local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]
    if request.method == "POST":
        if not may_start(request):
            messages.warning(request, _("Só a administração começa um giro; a gerência simula."))
            return redirect("rotation:runs", slug)
        try:
            run = start_run([version.rule for version in versions], as_of=as_of, trigger="person", by=request.membership)  # type: ignore[attr-defined]
        except DomainError as refusal:
            messages.warning(request, str(refusal))
            return redirect("rotation:start", slug)
        if run.state != Run.State.SCHEDULED:
            messages.info(request, _("O giro de hoje com estas regras já existe: é este."))
            return redirect("rotation:review", slug, run.pk)
        return redirect("rotation:job", slug, run.pk)
    context: dict[str, Any] = {"versions": versions, "as_of": as_of, "may_start": may_start(request), "error": ""}
    if versions:
        rules = run_rules_for([version.rule for version in versions])
        already = line_of_day(rule_set_of([version.rule for version in versions]), as_of, reach_of(request.membership))  # type: ignore[attr-defined]
        if already:
            same = {each.rule_version_id for each in already.rules} == {each.rule_version_id for each in rules}
            may_cancel = may_start(request) and already.run.state == Run.State.AWAITING and not already.applied
            context |= {"already": already, "same_versions": same, "may_cancel": may_cancel}
        try:
            found = preview(rules, as_of=as_of)
            context |= preview_context(found, request)
        except DomainError as refusal:
            context["error"] = str(refusal)
    return render(request, "rotation/start.html", context)

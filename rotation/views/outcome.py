"""What a rule did: its control group in words and weeks, the load beside it, its guard figures, and its trial."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.errors import DomainError
from accounts.selectors import representatives_visible_to
from rotation import uplift_words as words
from rotation.differing import differences
from rotation.selectors.outcomes import receiver_lines
from rotation.selectors.runs import version_results
from rotation.services.canary import release, withdraw
from rotation.services.rules import ask_two_people
from rotation.views.common import ADMINS, LEADERS, only, paged
from rotation.views.effect import uplift_context, watch_context
from rotation.views.rules import currency, current_versions, rule_or_404, writes


@require_GET
@only(LEADERS)
@paged
def outcome(request: HttpRequest, rule: int) -> HttpResponse:
    """Whether the rule helps, as far as its control group can tell."""
    found = rule_or_404(rule)
    in_force, draft, on_trial = current_versions(found)
    version = in_force or on_trial or draft
    if version is None:
        raise Http404
    version.rule = found
    context = {
        "rule": found,
        "version": version,
        "in_force": in_force,
        "trial": on_trial,
        "writes": writes(request),
        "receivers": receiver_lines(found, of=representatives_visible_to(request.membership)),  # type: ignore[attr-defined]
        **uplift_context(request, version),
        **watch_context(found, [each for each in (on_trial, in_force) if each]),
    }
    if on_trial:
        context["trial_result"] = version_results([on_trial])[on_trial.pk]
        context["trial_changes"] = differences(in_force.definition, on_trial.definition, currency(request)) if in_force else []
    context["chart"] = words.chart(context["uplift"])
    return render(request, "rotation/rule_outcome.html", context)


@require_POST
@only(ADMINS)
def trial(request: HttpRequest, rule: int) -> HttpResponse:
    """Release the version on trial to all teams, or end its trial."""
    found = rule_or_404(rule)
    slug = request.organization.slug  # type: ignore[attr-defined]
    number, action = request.POST.get("version", ""), request.POST.get("action", "")
    if action not in ("release", "end") or not number.isascii() or not number.isdigit():
        raise Http404
    version = found.versions.filter(number=int(number[:9])).first()
    if version is None:
        raise Http404
    try:
        if action == "release":
            release(version, by=request.membership)  # type: ignore[attr-defined]
            messages.success(request, _("A v%(n)s vale agora para todas as equipes.") % {"n": version.number})
        else:
            withdraw(version, by=request.membership)  # type: ignore[attr-defined]
            messages.success(request, _("O teste da v%(n)s terminou.") % {"n": version.number})
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    return redirect("rotation:rule-outcome", slug, found.pk)


@require_POST
@only(ADMINS)
def two_people(request: HttpRequest) -> HttpResponse:
    """Whether publishing a rule takes two people in this organization."""
    required = request.POST.get("required") == "on"
    try:
        ask_two_people(required, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Publicar agora exige duas pessoas.") if required else _("Uma pessoa basta para publicar."))
    return redirect("rotation:rules", request.organization.slug)  # type: ignore[attr-defined]

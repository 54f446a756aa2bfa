"""Publishing a version: for everyone or one team first, by one person or two."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError
from accounts.models import Team
from accounts.templatetags.formats import day
from rotation.differing import differences
from rotation.errors import BadDay, RuleRefused
from rotation.forms import percent_of, share_of
from rotation.models import Rule, RuleVersion
from rotation.selectors.guard_figures import LIMITS
from rotation.services.planned import cancel_publication, plan_publication
from rotation.services.rules import ask_to_publish, needs_second_publisher, publish
from rotation.uplift_words import FIGURE_NAMES
from rotation.views.common import ADMINS, only, paged
from rotation.views.rules import currency, current_versions, rule_or_404
from rotation.wording import rule_sentence, schedule_text


class PublishForm(forms.Form):
    """Where a version begins, and at what it stops by itself."""

    team = forms.ModelChoiceField(
        label=gettext_lazy("Onde vale primeiro"),
        queryset=None,  # the class is made before any organization is known
        required=False,
        empty_label=gettext_lazy("Em todas as equipes"),
    )

    publish_on = forms.DateField(
        label=gettext_lazy("Entra em vigor em"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        help_text=gettext_lazy("sem data, vale a partir do próximo giro"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]
        for name, (limit, _least) in LIMITS.items():
            label, of = FIGURE_NAMES[name]
            self.fields[f"limit_{name}"] = forms.DecimalField(
                label=label, help_text=of, min_value=1, max_value=100, decimal_places=1, initial=percent_of(limit), required=False
            )

    @property
    def limits(self) -> list[forms.BoundField]:
        return [self[f"limit_{name}"] for name in LIMITS]

    def guard_limits(self) -> dict[str, float]:
        """Shares that differ from the usual ones."""
        given = {name: share_of(self.cleaned_data.get(f"limit_{name}")) for name in LIMITS}
        return {name: share for name, share in given.items() if share is not None and share != LIMITS[name][0]}


@require_http_methods(["GET", "POST"])
@only(ADMINS)
@paged
def publish_rule(request: HttpRequest, rule: int) -> HttpResponse:
    """What the new version changes, in words; POST puts it in force, or asks somebody else to."""
    found = rule_or_404(rule)
    in_force, draft, _on_trial = current_versions(found)
    slug = request.organization.slug  # type: ignore[attr-defined]
    by = request.membership  # type: ignore[attr-defined]
    if draft is None:
        messages.info(request, _("Não há rascunho para publicar."))
        return redirect("rotation:rule", slug, found.pk)
    form = PublishForm(request.POST or None, initial=_as_it_is(draft, in_force))
    second = needs_second_publisher(draft, by)
    if request.method == "POST" and form.is_valid():
        try:
            if "cancel" in request.POST:
                cancel_publication(draft, by=by)
                messages.success(request, _("Desmarcada. O rascunho continua."))
                return redirect("rotation:rule-publish", slug, found.pk)
            if request.POST.get("hash") != draft.definition_hash:
                raise RuleRefused(_("O rascunho mudou enquanto você lia. Confira o que está escrito agora e publique de novo."))
            if second:
                ask_to_publish(draft, by=by)
                messages.success(request, _("Enviada. A administração foi avisada; outra pessoa publica."))
                return redirect("rotation:rule", slug, found.pk)
            team, on = form.cleaned_data["team"], form.cleaned_data["publish_on"]
            if on:
                plan_publication(draft, on=on, by=by, at=timezone.now(), team=team, guard_limits=form.guard_limits())
                text = _("A v%(n)s entra em vigor em %(day)s. Até lá pode ser desmarcada.")
                messages.success(request, text % {"n": draft.number, "day": day(on)})
                return redirect("rotation:rule", slug, found.pk)
            publish(draft, by=by, team=team, guard_limits=form.guard_limits())
        except BadDay as refusal:
            form.add_error("publish_on", str(refusal))
            return render(request, "rotation/rule_publish.html", _context(request, found, form), status=422)
        except DomainError as refusal:
            messages.warning(request, str(refusal))
            return redirect("rotation:rule-publish", slug, found.pk)
        if team:
            text = _("Versão %(n)s em teste na equipe %(team)s, a partir do próximo giro.")
            messages.success(request, text % {"n": draft.number, "team": team.name})
            return redirect("rotation:rule-outcome", slug, found.pk)
        messages.success(request, _("Versão %(n)s publicada. Vale a partir do próximo giro.") % {"n": draft.number})
        return redirect("rotation:rules", slug)
    return render(request, "rotation/rule_publish.html", _context(request, found, form), status=422 if form.errors else 200)


def _as_it_is(draft: RuleVersion, in_force: RuleVersion | None) -> dict[str, Any]:
    """What was chosen when the draft was planned; of one not planned, the limits given to the version in force go on."""
    limits = draft.guard_limits if draft.publish_on else in_force.guard_limits if in_force else {}
    chosen: dict[str, Any] = {f"limit_{name}": percent_of(share) for name, share in limits.items()}
    return chosen | ({"publish_on": draft.publish_on, "team": draft.canary_team_id} if draft.publish_on else {})


def _context(request: HttpRequest, found: Rule, form: PublishForm) -> dict[str, Any]:
    in_force, draft, on_trial = current_versions(found)
    assert draft is not None
    return {
        "rule": found,
        "draft": draft,
        "in_force": in_force,
        "on_trial": on_trial,
        "form": form,
        "second": needs_second_publisher(draft, request.membership),  # type: ignore[attr-defined]
        "sentence": rule_sentence(draft.definition, currency(request)),
        "before": rule_sentence(in_force.definition, currency(request)) if in_force else "",
        "changes": differences(in_force.definition, draft.definition, currency(request)) if in_force else [],
        "schedule": schedule_text(draft.definition),
        "own_limits": any(name.startswith("limit_") for name in form.initial),
    }

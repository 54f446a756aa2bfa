"""Planning the coming weeks, shown before it is kept; and the settings of field work."""

from datetime import date
from itertools import groupby
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.services.settings import change_field_settings
from portfolio.reasons import NO_SALE
from portfolio.selectors.agenda import may_plan
from portfolio.services.due import DAYS_AHEAD, keep_suggested, suggested_visits
from portfolio.views.agenda import day_in, desk_of

MOST_REASONS = 30


@require_http_methods(["GET", "POST"])
def plan(request: HttpRequest) -> HttpResponse:
    """What the next two weeks would hold for one representative; the person keeps what they want of it."""
    member, organization, at = request.membership, request.organization, timezone.now()  # type: ignore[attr-defined]
    desk = desk_of(request, request.POST if request.method == "POST" else None)
    if not may_plan(member) or desk.representative is None:
        raise Http404
    if request.method == "POST":
        kept = keep_suggested(desk.representative, organization, _chosen(request.POST.getlist("keep")), by=member, at=at)
        text = ngettext("%(n)d visita planejada.", "%(n)d visitas planejadas.", kept.planned) % {"n": kept.planned}
        if kept.left:
            text += " " + ngettext(
                "%(n)d ficou de fora: o cliente ou o dia mudou enquanto isso.",
                "%(n)d ficaram de fora: o cliente ou o dia mudou enquanto isso.",
                kept.left,
            ) % {"n": kept.left}
        (messages.success if kept.planned else messages.info)(request, text)
        return redirect(desk.url())
    suggested = sorted(suggested_visits(desk.representative, organization, at=at), key=lambda each: each.on)
    days = [(on, list(group)) for on, group in groupby(suggested, key=lambda each: each.on)]
    context = {"desk": desk, "days": days, "n": len(suggested), "days_ahead": DAYS_AHEAD, "person": desk.representative}
    return render(request, "portfolio/agenda_plan.html", context)


def _chosen(words: list[str]) -> list[tuple[int, date]]:
    """``client:day`` of each box left ticked; anything else is no box of ours."""
    found = []
    for word in words[:500]:
        number, _colon, text = word.partition(":")
        on = day_in(text)
        if number.isascii() and number.isdigit() and len(number) < 16 and on is not None:
            found.append((int(number), on))
    return found


class FieldSettingsForm(forms.Form):
    cadence_a_days = forms.IntegerField(label=gettext_lazy("Curva A"), min_value=1, max_value=365)
    cadence_b_days = forms.IntegerField(label=gettext_lazy("Curva B"), min_value=1, max_value=365)
    cadence_c_days = forms.IntegerField(label=gettext_lazy("Curva C e sem compra"), min_value=1, max_value=365)
    visits_per_day = forms.IntegerField(
        label=gettext_lazy("Visitas por dia"),
        min_value=1,
        max_value=30,
        help_text=gettext_lazy("De quem não tem um número próprio."),
    )
    plans_visits = forms.BooleanField(label=gettext_lazy("Planejar toda noite as visitas que vencem em duas semanas"), required=False)
    check_in_radius_m = forms.IntegerField(
        label=gettext_lazy("Raio do check-in"),
        min_value=50,
        max_value=1000,
        help_text=gettext_lazy("Mais longe que isso, a visita é aceita com um motivo."),
    )
    prospect_protection_days = forms.IntegerField(
        label=gettext_lazy("Proteção de um prospect"),
        min_value=0,
        max_value=730,
        help_text=gettext_lazy("Por quanto tempo quem cadastrou o prospect tem a preferência."),
    )
    no_sale_reasons = forms.CharField(
        label=gettext_lazy("Motivos de não venda"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=gettext_lazy("Um por linha, até 30. Em branco, valem os do produto."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["no_sale_reasons"].widget.attrs["placeholder"] = "\n".join(_(each) for each in NO_SALE)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        a, b, c = (cleaned.get(f"cadence_{each}_days") for each in "abc")
        if a and b and c and not a <= b <= c:
            self.add_error("cadence_a_days", _("A curva A se visita pelo menos tanto quanto a B, e a B tanto quanto a C."))
        return cleaned

    def clean_no_sale_reasons(self) -> list[str]:
        lines = [" ".join(line.split()) for line in self.cleaned_data["no_sale_reasons"].splitlines()]
        reasons = list(dict.fromkeys(line for line in lines if line))
        if len(reasons) > MOST_REASONS:
            raise forms.ValidationError(_("São %(n)d motivos; deixe até 30.") % {"n": len(reasons)})
        long = next((reason for reason in reasons if len(reason) > 120), None)
        if long:
            raise forms.ValidationError(_("“%(start)s…” tem mais de 120 letras. Encurte.") % {"start": long[:40]})
        return reasons


@require_http_methods(["GET", "POST"])
def field_settings(request: HttpRequest) -> HttpResponse:
    """How often clients are visited, how many a day, how near one must be, and what the lists of reasons offer."""
    member, organization = request.membership, request.organization  # type: ignore[attr-defined]
    if member.role not in (Role.ADMIN, Role.AUDITOR):
        raise Http404
    if request.method == "POST" and member.role != Role.ADMIN:
        raise Http404
    initial = {name: getattr(organization, name) for name in FieldSettingsForm.base_fields}
    initial["no_sale_reasons"] = "\n".join(organization.no_sale_reasons)
    form = FieldSettingsForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        changed = change_field_settings(organization, by=member, **form.cleaned_data)
        messages.success(request, _("Configurações salvas.") if changed else _("Nada mudou."))
        return redirect("portfolio:agenda_settings", organization.slug)
    context = {"form": form, "read_only": member.role != Role.ADMIN}
    return render(request, "portfolio/agenda_settings.html", context, status=422 if form.is_bound else 200)

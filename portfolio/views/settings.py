"""Settings that need to know clients and visits: limits with what they would do, what a report asks, custom fields."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Role
from accounts.services.settings import change_settings
from accounts.views.common import ADMINS, OFFICE, is_partial, member_of, only
from accounts.views.settings import Section, section_page
from clients.models import CustomField
from clients.selectors.custom import every_field, said_of
from clients.selectors.lifecycle import Limits
from clients.selectors.limits import classes_effect, limits_effect
from clients.services.custom import move_field, save_field, set_values, switch_field
from portfolio.models import Visit
from portfolio.settings_forms import PRESETS, CustomFieldForm, CustomValuesForm, LimitsForm, VisitAsksForm, asks_initial
from portfolio.views.common import today_of
from portfolio.views.reached import client_url, writable_or_404

_DAYS, _PERCENT = gettext_lazy("dias"), "%"
LIMITS = Section(
    "organization.limits",
    gettext_lazy("Prazos e curva ABC"),
    gettext_lazy("Quantos dias sem pedido até um cliente mudar de situação, e quanto do faturamento faz a curva A."),
    LimitsForm,
    template="settings/limits.html",
    rows=(("warn_days", "inactive_days", "lost_days"), ("abc_a_percent", "abc_b_percent")),
    suffixes={
        "warn_days": _DAYS, "inactive_days": _DAYS, "lost_days": _DAYS, "abc_a_percent": _PERCENT, "abc_b_percent": _PERCENT,
    },
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def limits(request: HttpRequest) -> HttpResponse:
    """Days and cuts, with how many clients would change before anything is saved."""
    if request.method == "POST" and is_partial(request):
        form = LimitsForm(request.POST)
        return render(request, "settings/_effect.html", _effect(request, form), status=200 if form.is_valid() else 422)
    preset = PRESETS.get(request.GET.get("preset", ""))
    suggested = dict(zip(("warn_days", "inactive_days", "lost_days"), preset[1:], strict=True)) if preset else {}
    presets = [(key, *each) for key, each in PRESETS.items()]
    return section_page(request, LIMITS, lambda form: _effect(request, form) | {"presets": presets}, suggested=suggested)


def _effect(request: HttpRequest, form: forms.Form) -> dict[str, Any]:
    """What the values in the form would do; what stands does nothing."""
    organization = request.organization  # type: ignore[attr-defined]
    if form.is_bound and not form.is_valid():
        return {"states": None}
    value = (lambda name: form.cleaned_data[name]) if form.is_bound else (lambda name: form.initial.get(name, getattr(organization, name)))
    now, later = Limits.of(organization), Limits(value("warn_days"), value("inactive_days"), value("lost_days"))
    return {
        "states": limits_effect(now, later, as_of=today_of(request)),
        "classes": classes_effect(value("abc_a_percent"), value("abc_b_percent")),
    }


def _save_asks(request: HttpRequest, cleaned: dict[str, Any], seen: int | None) -> dict[str, Any]:
    form = VisitAsksForm(request.POST if "restore" not in request.POST else None)
    form.cleaned_data = cleaned
    return change_settings(request.organization, "organization.visit_asks", by=member_of(request), seen=seen, visit_asks=form.asks)  # type: ignore[attr-defined]


def _asks_initial(organization: Any, values: dict[str, Any]) -> dict[str, Any]:
    return asks_initial(values["visit_asks"]) if "visit_asks" in values else {}


VISITS = Section(
    "organization.visit_asks",
    gettext_lazy("O que se pede nas visitas"),
    gettext_lazy("Além do que todo relato precisa: o valor de quem vendeu, o motivo de quem não vendeu."),
    VisitAsksForm,
    template="settings/visits.html",
    initial=_asks_initial,
    save=_save_asks,
)


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def visits(request: HttpRequest) -> HttpResponse:
    """Which fields a report must fill in, outcome by outcome."""
    return section_page(request, VISITS, lambda form: {"outcomes": [form[outcome] for outcome in Visit.Outcome.values]})


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def fields(request: HttpRequest) -> HttpResponse:
    """The company's own fields of clients and contacts, and a new one."""
    form, status = CustomFieldForm(request.POST if request.method == "POST" else None, initial={"retention_days": 730}), 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _kept(request, form, None):
            return redirect(request.path)
    context = {"form": form, "fields": list(every_field()), "writes": member_of(request).role == Role.ADMIN}
    return render(request, "settings/fields.html", context, status=status)


@require_http_methods(["GET", "POST"])
@only(ADMINS)
def field(request: HttpRequest, field_id: int) -> HttpResponse:
    """Change a field's name, purpose, options or time."""
    found = get_object_or_404(CustomField, pk=field_id)
    back = reverse("portfolio:settings_fields", args=[request.organization.slug])  # type: ignore[attr-defined]
    initial = {name: getattr(found, name) for name in CustomFieldForm.base_fields}
    form, status = CustomFieldForm(request.POST if request.method == "POST" else None, field=found, initial=initial), 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and _kept(request, form, found):
            return redirect(back)
    return render(request, "settings/field.html", {"form": form, "found": found, "back": back}, status=status)


def _kept(request: HttpRequest, form: forms.Form, found: CustomField | None) -> bool:
    try:
        saved = save_field(form.cleaned_data, by=member_of(request), at=timezone.now(), field=found)
    except DomainError as refusal:
        name = getattr(refusal, "field", "")
        form.add_error(name if name in form.fields else None, str(refusal))
        return False
    messages.success(request, _("Campo %(name)s salvo.") % {"name": saved.name})
    return True


@require_POST
@only(ADMINS)
def field_act(request: HttpRequest, field_id: int) -> HttpResponse:
    """Switch a field on or off, or move it up or down."""
    found, by, act = get_object_or_404(CustomField, pk=field_id), member_of(request), request.POST.get("act", "")
    if act in ("on", "off"):
        switch_field(found, act == "on", by=by, at=timezone.now())
        text = _("%(name)s ativado.") if act == "on" else _("%(name)s desativado: some das telas, e o que já foi escrito fica até o prazo.")
        messages.success(request, text % {"name": found.name})
    elif act in ("up", "down"):
        move_field(found, -1 if act == "up" else 1, by=by)
    return redirect("portfolio:settings_fields", request.organization.slug)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
def client_fields(request: HttpRequest, client_id: int) -> HttpResponse:
    """What the company's own fields say of a client, to be changed by whoever works with it."""
    client, now, status = writable_or_404(request, client_id), timezone.now(), 200
    said, back = said_of(client, at=now), client_url(request, client.pk)
    if not said:
        return redirect(back)
    form = CustomValuesForm(request.POST if request.method == "POST" else None, said=said)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                changed = set_values(client, form.values, by=member_of(request), at=now)
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                (messages.success if changed else messages.info)(request, _("Campos salvos.") if changed else _("Nada mudou."))
                return redirect(back)
    return render(request, "portfolio/client_fields.html", {"client": client, "form": form, "back": back}, status=status)

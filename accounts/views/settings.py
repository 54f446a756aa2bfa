"""The settings: an index of sections, and how each is shown, saved with what it was before, and put back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from accounts.errors import ChangedMeanwhile, DomainError
from accounts.models import Organization, Role
from accounts.selectors import local_day
from accounts.selectors.people import PeopleFilter, people
from accounts.selectors.trail import last_change
from accounts.services.settings import SECTIONS, change_settings, require_second_factor, settings_stream
from accounts.settings_forms import ZONES, IdentityForm, ReasonsForm, RetentionForm, SecurityForm
from accounts.settings_pages import sections
from accounts.shell import served
from accounts.trail import told
from accounts.views.common import OFFICE, member_of, only, question

Saver = Callable[[HttpRequest, dict[str, Any], int | None], dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """One page of settings: its words, its form, the kind of event it writes, and how its cleaned form becomes a change."""

    action: str
    title: Any
    lead: Any
    form: type[forms.Form]
    template: str = "settings/section.html"
    rows: tuple[tuple[str, ...], ...] = ()  # fields side by side
    proves: bool = False  # asks first who sits there
    suffixes: Mapping[str, Any] = field(default_factory=dict)
    initial: Callable[[Organization, dict[str, Any]], dict[str, Any]] | None = None
    save: Saver | None = None
    stream: Callable[[Organization], str] = settings_stream


@require_GET
@only(OFFICE)
def index(request: HttpRequest) -> HttpResponse:
    """Every section, with what it says now."""
    urlconf = getattr(request, "urlconf", None)
    slug = request.organization.slug  # type: ignore[attr-defined]
    links = [(each, f"/o/{slug}/{each.path}", each.said(request) if each.said else "") for each in sections() if served(each.path, urlconf)]
    return render(request, "settings/index.html", {"links": links})


def section_page(
    request: HttpRequest,
    section: Section,
    extra: Callable[[forms.Form], dict[str, Any]] | None = None,
    *,
    suggested: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Show the section, save it, or put back what it was before the last change. What was typed stays on any refusal.

    ``extra`` gives the template more, from the form as it stands; ``suggested`` values are shown in place of those in force.
    """
    organization, member = request.organization, member_of(request)  # type: ignore[attr-defined]
    writes, status = member.role == Role.ADMIN, 200
    if section.proves and writes:
        asked = question(request)
        if asked is not None:
            return asked
    now = _current(organization, section)
    last = last_change(section.stream(organization), section.action)
    shown = now | dict(suggested or {})
    form = section.form(request.POST if request.method == "POST" and "restore" not in request.POST else None, initial=shown)
    if request.method == "POST":
        status = 422
        if "restore" in request.POST:
            form = section.form(_posted(section, now | (_initial(section, organization, last.before) if last else {})), initial=now)
        if form.is_valid() and "preview" not in request.POST:
            try:
                changed = _save(request, section, form.cleaned_data)
            except ChangedMeanwhile as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except DomainError as refusal:
                name = getattr(refusal, "field", "")
                form.add_error(name if name in form.fields else None, str(refusal))
            else:
                restored = "restore" in request.POST and changed
                text = _("Valores anteriores de volta.") if restored else _("Configurações salvas.") if changed else _("Nada mudou.")
                (messages.success if changed else messages.info)(request, text)
                return redirect(request.path)
        if "preview" in request.POST:
            status = 200 if form.is_valid() else 422
    context = {
        "section": section,
        "form": form,
        "rows": [[(form[name], section.suffixes.get(name, "")) for name in row] for row in section.rows],
        "writes": writes,
        "seen": last.seq if last else 0,
        "current": now if status == 409 else None,
        "last": told([last])[0] if last else None,
        "restorable": bool(last and last.before and writes and not form.is_bound),
    }
    return render(request, section.template, context | (extra(form) if extra else {}), status=status)


def _current(organization: Organization, section: Section) -> dict[str, Any]:
    names = SECTIONS.get(section.action, ())
    return _initial(section, organization, {name: getattr(organization, name) for name in names})


def _initial(section: Section, organization: Organization, values: dict[str, Any]) -> dict[str, Any]:
    return section.initial(organization, values) if section.initial else values


def _posted(section: Section, values: dict[str, Any]) -> dict[str, Any]:
    """Values as a browser would post them in the section's form."""
    posted = {}
    for name, each in section.form.base_fields.items():
        value = each.prepare_value(values.get(name))
        if value is not None and value is not False:
            posted[name] = "on" if value is True else value
    return posted


def _save(request: HttpRequest, section: Section, cleaned: dict[str, Any]) -> dict[str, Any]:
    seen = request.POST.get("seen", "")
    number = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else None
    if section.save:
        return section.save(request, cleaned, number)
    return change_settings(request.organization, section.action, by=member_of(request), seen=number, **cleaned)  # type: ignore[attr-defined]


IDENTITY = Section(
    "organization.identity",
    gettext_lazy("Identidade da empresa"),
    gettext_lazy("Nome, idioma, moeda, país e fuso. Valem para todas as páginas e e-mails."),
    IdentityForm,
    template="settings/identity.html",
    rows=(("name",), ("language", "country"), ("currency", "time_zone")),
)
REASONS = Section(
    "organization.reasons",
    gettext_lazy("Motivos"),
    gettext_lazy("O que se escolhe ao dizer por que um cliente parou de comprar, se descarta, ou uma oportunidade se perde."),
    ReasonsForm,
    template="settings/reasons.html",
    rows=(("stop_reasons", "discard_reasons", "loss_reasons"),),
)
RETENTION = Section(
    "organization.retention",
    gettext_lazy("Guarda de dados"),
    gettext_lazy("Por quanto tempo fica o que nomeia pessoas. A noite apaga o que passou do prazo."),
    RetentionForm,
    template="settings/retention.html",
    rows=(("notices_kept_days", "photos_kept_days"),),
    suffixes={"notices_kept_days": gettext_lazy("dias"), "photos_kept_days": gettext_lazy("dias")},
)


def _security_initial(organization: Organization, values: dict[str, Any]) -> dict[str, Any]:
    since = values.get("second_factor_from")
    since = date.fromisoformat(since) if isinstance(since, str) else since
    left = (since - local_day(organization, at=timezone.now())).days if since else 0
    known = {"grace_days": max(0, left)} if "second_factor_from" in values else {}
    return known | ({"require_second_factor": values["require_second_factor"]} if "require_second_factor" in values else {})


def _save_security(request: HttpRequest, cleaned: dict[str, Any], seen: int | None) -> dict[str, Any]:
    organization = request.organization  # type: ignore[attr-defined]
    return require_second_factor(
        organization,
        cleaned["require_second_factor"],
        grace_days=cleaned["grace_days"] or 0,
        by=member_of(request),
        today=local_day(organization, at=timezone.now()),
        seen=seen,
    )


SECURITY = Section(
    "organization.security",
    gettext_lazy("Entrada e segundo fator"),
    gettext_lazy("O que a empresa pede a quem entra, além da senha."),
    SecurityForm,
    template="settings/security.html",
    rows=(("grace_days",),),
    suffixes={"grace_days": gettext_lazy("dias")},
    proves=True,
    initial=_security_initial,
    save=_save_security,
)


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def identity(request: HttpRequest) -> HttpResponse:
    """Name, language, currency, country and zone; the address of the pages is shown and stays."""
    return section_page(request, IDENTITY, lambda _form: {"zones": ZONES})


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def reasons(request: HttpRequest) -> HttpResponse:
    """The lists of reasons for which clients stop, are discarded, and opportunities are lost."""
    return section_page(request, REASONS)


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def security(request: HttpRequest) -> HttpResponse:
    """The second factor of everybody, with days to set one up, and how many have none."""
    return section_page(request, SECURITY, lambda _form: {"without": people(PeopleFilter(), size=1).without_factor})


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def retention(request: HttpRequest) -> HttpResponse:
    """How long notices and photos are kept; what is kept for good, and why."""
    return section_page(request, RETENTION)

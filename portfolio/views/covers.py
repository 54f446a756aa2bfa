"""Coberturas: who is away, who covers, until when; made, changed and ended by whoever leads both."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Absence, Membership, Representative, Role
from accounts.selectors import absences_among, representatives_visible_to
from accounts.services.absences import CoverRefused, absence_figures, change_cover, end_cover, resume_cover, set_cover
from portfolio.selectors import open_client_counts
from portfolio.views.agenda_acts import UNDO_SECONDS
from portfolio.views.common import today_of

LEADERS, DECIDERS = (Role.ADMIN, Role.MANAGER, Role.AUDITOR), (Role.ADMIN, Role.MANAGER)
TABS = {"now": gettext_lazy("Agora"), "coming": gettext_lazy("Por vir"), "past": gettext_lazy("Passadas")}
MOST_PAST = 100


class CoverForm(forms.Form):
    """Days as people say them: the last one included. What a cover may be is the service's to say."""

    representative = forms.TypedChoiceField(label=gettext_lazy("Quem se ausenta"), coerce=int)
    cover = forms.TypedChoiceField(label=gettext_lazy("Quem cobre"), coerce=int, required=False, empty_value=None)
    starts_on = forms.DateField(label=gettext_lazy("Primeiro dia"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    last_on = forms.DateField(
        label=gettext_lazy("Último dia"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("No dia seguinte tudo volta sozinho."),
    )
    reason = forms.CharField(label=gettext_lazy("Motivo"), max_length=80, required=False)

    def __init__(self, *args: Any, people: list[Representative], absence: Absence | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(each.pk, f"{each.code} {each.name}") for each in people]
        self.people = {each.pk: each for each in people}
        self.fields["cover"].choices = [("", _("Ninguém: só marcar a ausência")), *names]  # type: ignore[attr-defined]
        if absence is not None:
            del self.fields["representative"]
        else:
            self.fields["representative"].choices = [("", _("Escolha")), *names]  # type: ignore[attr-defined]

    def wanted(self, absence: Absence | None = None) -> dict[str, Any]:
        """What the services take."""
        found = self.cleaned_data
        cover = self.people.get(found["cover"]) if found.get("cover") else None
        return {"cover": cover, "starts_on": found["starts_on"], "last_on": found["last_on"], "reason": found["reason"]}


def _member(request: HttpRequest, roles: tuple[str, ...]) -> Membership:
    member: Membership = request.membership  # type: ignore[attr-defined]
    if member.role not in roles:
        raise Http404
    return member


def _people(member: Membership, today: date) -> list[Representative]:
    serving = representatives_visible_to(member).exclude(valid_to__lte=today).exclude(membership__is_active=False)
    return list(serving.order_by("code"))


def absences_by_tab(member: Membership, today: date) -> dict[str, QuerySet[Absence]]:
    """Absences within reach: those that hold today, those to come, those past."""
    found = absences_among(representatives_visible_to(member))
    return {
        "now": found.filter(starts_on__lte=today, ends_on__gt=today).order_by("ends_on", "pk"),
        "coming": found.filter(starts_on__gt=today),
        "past": found.filter(ends_on__lte=today).order_by("-ends_on", "-pk"),
    }


@require_GET
def covers(request: HttpRequest) -> HttpResponse:
    """Now, coming or past, by tab."""
    member, today = _member(request, LEADERS), today_of(request)
    kinds = absences_by_tab(member, today)
    counts = {name: rows.count() for name, rows in kinds.items()}
    tab = request.GET.get("tab", "")
    if tab not in TABS:
        tab = "now" if counts["now"] or not counts["coming"] else "coming"
    rows = list(kinds[tab][:MOST_PAST])
    held = open_client_counts(each.representative_id for each in rows)
    context = {
        "tabs": [(name, words, counts[name], name == tab) for name, words in TABS.items()],
        "tab": tab,
        "rows": [(each, each.ends_on - timedelta(days=1), held.get(each.representative_id, 0)) for each in rows],
        "may_change": member.role in DECIDERS,
        "today": today,
    }
    return render(request, "portfolio/covers.html", context)


@require_http_methods(["GET", "POST"])
def cover(request: HttpRequest, absence: int | None = None) -> HttpResponse:
    """A new cover, or one to change."""
    member, today = _member(request, DECIDERS), today_of(request)
    found = None
    if absence is not None:
        mine = Absence.objects.filter(representative__in=representatives_visible_to(member), ends_on__gt=today)
        found = get_object_or_404(mine.select_related("representative", "cover"), pk=absence)
    people = _people(member, today)
    if found and found.cover and found.cover not in people:
        people.append(found.cover)
    initial: dict[str, Any] = {"starts_on": today, "representative": request.GET.get("representative", "")}
    if found:
        initial = {
            "cover": found.cover_id,
            "starts_on": found.starts_on,
            "last_on": found.ends_on - timedelta(days=1),
            "reason": found.reason,
        }
    form = CoverForm(request.POST or None, people=people, absence=found, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                if found:
                    change_cover(found, **form.wanted(), by=member, today=today)
                else:
                    set_cover(form.people[form.cleaned_data["representative"]], **form.wanted(), by=member, today=today)
            except CoverRefused as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            except DomainError as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("Cobertura salva. As duas pessoas foram avisadas."))
                return redirect("portfolio:covers", request.organization.slug)  # type: ignore[attr-defined]
    began = bool(found and found.starts_on <= today)
    return render(request, "portfolio/cover.html", {"form": form, "absence": found, "began": began}, status=status)


@require_POST
def end(request: HttpRequest, absence: int) -> HttpResponse:
    """End it now, or take back one that has not begun."""
    member, today = _member(request, DECIDERS), today_of(request)
    mine = Absence.objects.filter(representative__in=representatives_visible_to(member))
    found = get_object_or_404(mine.select_related("representative", "cover"), pk=absence)
    was = absence_figures(found)
    try:
        end_cover(found, by=member, today=today)
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        text = _("Encerrada: %(name)s volta a ser quem vê a própria carteira.") % {"name": found.representative.name}
        token = signing.dumps(was, salt=_salt(member), compress=True)
        messages.success(request, text, extra_tags=reverse("portfolio:resume_cover", args=[request.organization.slug, token]))  # type: ignore[attr-defined]
    return redirect("portfolio:covers", request.organization.slug)  # type: ignore[attr-defined]


def _salt(member: Membership) -> str:
    return f"cover-undo:{member.organization_id}:{member.pk}"


@require_POST
def resume(request: HttpRequest, token: str) -> HttpResponse:
    """Take back an ending, named by what the server itself signed for this member a little while ago."""
    member, today = _member(request, DECIDERS), today_of(request)
    try:
        absence = resume_cover(signing.loads(token, salt=_salt(member), max_age=UNDO_SECONDS), by=member, today=today)
    except signing.BadSignature:
        messages.warning(request, _("Já não dá para desfazer isso."))
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Desfeito: a cobertura de %(name)s vale de novo.") % {"name": absence.representative.name})
    address = reverse("portfolio:covers", args=[request.organization.slug])  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)

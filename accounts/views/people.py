"""The people of the organization: members and invitations, roles, teams; letting in and ending access."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import services
from accounts.errors import DomainError
from accounts.models import Invitation, Membership, Role, Team
from accounts.people_forms import ROLE_HELP, InviteForm, RoleForm, TeamForm
from accounts.selectors.people import (
    PAGE,
    PeopleFilter,
    open_invitations,
    people,
    person,
    requires_factor_on,
    team_choices,
    team_tree,
)
from accounts.services import invitations, members, teams
from accounts.services.members import change_membership, holdings_of
from accounts.shell import served
from accounts.views.common import ADMINS, OFFICE, answered, member_of, only, proved, question


@require_GET
@only(OFFICE)
def people_list(request: HttpRequest) -> HttpResponse:
    """Who is in the organization, and who was invited."""
    organization, wanted = request.organization, PeopleFilter.parse(request.GET)  # type: ignore[attr-defined]
    here, found = reverse("accounts:people", args=[organization.slug]), people(wanted)
    last = (wanted.page - 1) * PAGE + len(found.rows)
    context: dict[str, Any] = {
        "found": found,
        "wanted": wanted,
        "here": here,
        "writes": member_of(request).role == Role.ADMIN,
        "previous_url": _page(here, wanted, wanted.page - 1) if wanted.page > 1 else "",
        "next_url": _page(here, wanted, wanted.page + 1) if last < found.total else "",
        "first": (wanted.page - 1) * PAGE + 1,
        "last": last,
        "requires_factor": requires_factor_on(organization),
        "tab": "people",
    }
    if not request.htmx:  # type: ignore[attr-defined]
        now = timezone.now()
        context |= {
            "invitations": [(each, each.expires_at <= now) for each in open_invitations()[:100]],
            "roles": Role.choices,
            "teams": team_choices(),
            "factor_from": organization.second_factor_from,
        }
    return answered(request, "people/people.html", "people/_people.html", context)


def _page(here: str, wanted: PeopleFilter, page: int) -> str:
    query = wanted.query | ({"page": str(page)} if page > 1 else {})
    return f"{here}?{urlencode(query)}" if query else here


@require_http_methods(["GET", "POST"])
@only(ADMINS)
@proved
def invite(request: HttpRequest) -> HttpResponse:
    """Invite one person by e-mail. The answer is the same whether or not the address signs in somewhere else."""
    form, status = InviteForm(request.POST if request.method == "POST" else None, initial={"role": Role.REPRESENTATIVE}), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = invitations.invite(**form.cleaned_data, by=member_of(request), at=timezone.now())
            except DomainError as refusal:
                _add(form, refusal)
            else:
                messages.success(request, _("Convite enviado a %(email)s.") % {"email": made.email})
                return redirect("accounts:people", request.organization.slug)  # type: ignore[attr-defined]
    context = {"form": form, "role_help": [(role.label, ROLE_HELP[role]) for role in Role], "days": invitations.LASTS.days}
    return render(request, "people/invite.html", context, status=status)


@require_POST
@only(ADMINS)
@proved
def invitation_act(request: HttpRequest, invitation_id: int, act: str) -> HttpResponse:
    """Send an invitation anew, or revoke it."""
    found = get_object_or_404(Invitation, pk=invitation_id)
    acts = {"resend": (invitations.send_again, _("Convite enviado de novo.")), "revoke": (invitations.revoke, _("Convite revogado."))}
    if act not in acts:
        raise Http404
    service, done = acts[act]
    try:
        service(found, by=member_of(request), at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("accounts:people", request.organization.slug)  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def member(request: HttpRequest, membership_id: int) -> HttpResponse:
    """One member: role and team, how they sign in, what they did lately."""
    shown = person(membership_id)
    if shown is None:
        raise Http404
    found, by = get_object_or_404(Membership.objects.select_related("team"), pk=membership_id), member_of(request)
    writes = by.role == Role.ADMIN
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": found.role, "team": found.team_id})
    status = 200
    if request.method == "POST":
        asked = question(request)
        if asked is not None:
            return asked
        status = 422
        if form.is_valid():
            try:
                change_membership(found, **form.cleaned_data, by=by)
            except DomainError as refusal:
                _add(form, refusal)
            else:
                messages.success(request, _("Papel e equipe de %(name)s salvos.") % {"name": found.name})
                return redirect(request.path)
    context = {"person": shown, "form": form, "writes": writes and found.is_active, "own": found.pk == by.pk, "administers": writes}
    return render(request, "people/member.html", context, status=status)


@require_http_methods(["GET", "POST"])
@only(ADMINS)
@proved
def end_access(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Say what ending somebody's access does, then end it; who still answers for clients leads to dividing them first."""
    found, by = get_object_or_404(Membership, pk=membership_id), member_of(request)
    status = 200
    if request.method == "POST":
        try:
            services.deactivate_membership(found, by)
        except DomainError as refusal:
            messages.warning(request, str(refusal))
            status = 409
        else:
            messages.success(request, _("O acesso de %(name)s foi encerrado, e as sessões também.") % {"name": found.name})
            return redirect("accounts:people", request.organization.slug)  # type: ignore[attr-defined]
    slug = request.organization.slug  # type: ignore[attr-defined]
    held = [
        (each, f"/o/{slug}/people/{each.representative.pk}/leave/" if served("people/1/leave/", getattr(request, "urlconf", None)) else "")
        for each in holdings_of(found)
    ]
    context = {"person": found, "held": held, "own": found.pk == by.pk}
    return render(request, "people/end_access.html", context, status=status)


@require_POST
@only(ADMINS)
@proved
def restore_access(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Let a deactivated member in again."""
    found = get_object_or_404(Membership, pk=membership_id)
    members.restore_access(found, by=member_of(request))
    messages.success(request, _("%(name)s pode entrar de novo.") % {"name": found.name})
    return redirect("accounts:member", request.organization.slug, found.pk)  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
@only(OFFICE)
def team_list(request: HttpRequest) -> HttpResponse:
    """The tree of teams, and a new one."""
    form, status = TeamForm(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = teams.save_team(form.cleaned_data["name"], parent=form.cleaned_data["parent"], by=member_of(request))
            except DomainError as refusal:
                _add(form, refusal)
            else:
                messages.success(request, _("Equipe %(name)s criada.") % {"name": made.name})
                return redirect(request.path)
    context = {"tree": team_tree(), "form": form, "writes": member_of(request).role == Role.ADMIN, "tab": "teams"}
    return render(request, "people/teams.html", context, status=status)


@require_http_methods(["GET", "POST"])
@only(ADMINS)
def team(request: HttpRequest, team_id: int) -> HttpResponse:
    """Rename a team, put it under another, or remove it once it is empty."""
    found, by, status = get_object_or_404(Team, pk=team_id), member_of(request), 200
    back = reverse("accounts:teams", args=[request.organization.slug])  # type: ignore[attr-defined]
    form = TeamForm(request.POST if request.method == "POST" else None, team=found, initial={"name": found.name, "parent": found.parent_id})
    if request.method == "POST" and "remove" in request.POST:
        try:
            teams.remove_team(found, by=by)
        except DomainError as refusal:
            messages.warning(request, str(refusal))
            return redirect(request.path)
        messages.success(request, _("Equipe %(name)s apagada.") % {"name": found.name})
        return redirect(back)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                teams.save_team(form.cleaned_data["name"], parent=form.cleaned_data["parent"], by=by, team=found)
            except DomainError as refusal:
                _add(form, refusal)
            else:
                messages.success(request, _("Equipe salva."))
                return redirect(back)
    return render(request, "people/team.html", {"team": found, "form": form, "back": back}, status=status)


def _add(form: Form, refusal: DomainError) -> None:
    """Put the refusal at its field."""
    name = getattr(refusal, "field", "")
    form.add_error(name if name in form.fields else None, str(refusal))

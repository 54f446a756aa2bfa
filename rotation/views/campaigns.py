"""Campanhas: the list, making one, one campaign with its calls and its result, and what is done with it."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError, NotAllowed
from accounts.exporting import hand_out
from accounts.models import Membership, Role
from accounts.services.audit import Event
from accounts.templatetags.formats import symbol
from clients.selectors import ClientFilter
from clients.selectors.visibility import clients_within, reach_of
from portfolio.cents_field import CentsField
from portfolio.filter_words import summary
from portfolio.services.tasks import complete_task, reopen_task
from portfolio.views.common import today_of
from rotation import campaign_words as words
from rotation.campaign_form import CampaignForm
from rotation.models import Campaign, CampaignClient, CampaignContact
from rotation.selectors.campaign_results import result_of, strata_lines
from rotation.selectors.campaigns import (
    DEFAULT_FILTER,
    HOLD_OUT_FROM,
    USUAL_SHARE,
    VIEWS,
    call_list,
    called,
    campaign_lines,
    campaigns_visible_to,
    found_count,
    may_change,
    person_lines,
    population_of,
    step_cost,
    targets_within,
)
from rotation.services.campaigns import (
    copy_campaign,
    drop_campaign,
    end_campaign,
    pause_campaign,
    require_startable,
    resume_campaign,
    save_campaign,
    start_campaign,
)
from rotation.views.common import DECIDERS, only

PER_PAGE = 50
TAB_NAMES = {
    "todo": gettext_lazy("A fazer"),
    "done": gettext_lazy("Sem passo à espera"),
    "bought": gettext_lazy("Voltaram a comprar"),
    "all": gettext_lazy("Todos"),
}
ACTS = {
    "start": (start_campaign, gettext_lazy("Campanha começou. Os vendedores foram avisados.")),
    "pause": (pause_campaign, gettext_lazy("Campanha pausada. Os passos à espera foram recolhidos.")),
    "resume": (resume_campaign, gettext_lazy("Campanha retomada.")),
    "end": (end_campaign, gettext_lazy("Campanha encerrada.")),
}


def _member(request: HttpRequest) -> Membership:
    return request.membership  # type: ignore[attr-defined]


def _campaign_or_404(request: HttpRequest, number: int) -> Campaign:
    found = campaigns_visible_to(_member(request)).select_related("made_by", "started_by")
    return get_object_or_404(found, pk=number)


@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    """Those one sees: what runs first. To a representative, those that ask something of them."""
    member = _member(request)
    leads = member.role != Role.REPRESENTATIVE
    context = {"lines": campaign_lines(member), "today": today_of(request), "makes": member.role in DECIDERS, "leads": leads}
    return render(request, "rotation/campaigns.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@only(DECIDERS)
def new_campaign(request: HttpRequest) -> HttpResponse:
    """A draft: from the filter of the address (a list of clients leads here), a saved segment, or simply the inactive."""
    return _form_page(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@only(DECIDERS)
def edit_campaign(request: HttpRequest, number: int) -> HttpResponse:
    """A draft's form again."""
    found = _campaign_or_404(request, number)
    if found.state != Campaign.State.DRAFT or not may_change(found, _member(request)):
        raise Http404
    return _form_page(request, found)


def _form_page(request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
    member, status = _member(request), 200
    given = ClientFilter.parse(request.GET).definition()
    definition = given or (campaign.definition if campaign else DEFAULT_FILTER)
    current = ("filter", summary(definition, currency=member.organization.currency) or _("Todos os clientes"))
    n = found_count(definition, by=member, as_of=today_of(request), most=HOLD_OUT_FROM) if campaign is None else 0
    proposed = USUAL_SHARE if n >= HOLD_OUT_FROM else 0.0
    form = CampaignForm(request.POST or None, member=member, current=current, initial=_initial(campaign, proposed))
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = _save(campaign, form, definition, member)
            except DomainError as refusal:
                field = getattr(refusal, "field", "")
                form.add_error(field if field in form.fields else None, str(refusal))
                status = 403 if isinstance(refusal, NotAllowed) else 422
            else:
                return redirect("rotation:campaign", request.organization.slug, made.pk)  # type: ignore[attr-defined]
    context = {"form": form, "campaign": campaign, "hold_out_from": HOLD_OUT_FROM, "unit": symbol(member.organization.currency)}
    return render(request, "rotation/campaign_form.html", context, status=status)


def _save(campaign: Campaign | None, form: CampaignForm, definition: dict[str, Any], member: Membership) -> Campaign:
    said = form.cleaned_data
    segment = form.segments.get(said["source"])
    return save_campaign(
        campaign,
        by=member,
        steps=form.steps(),
        people=[int(pk) for pk in said["people"]],
        name=said["name"],
        definition=segment.definition if segment else definition,
        segment_name=segment.name if segment else (campaign.segment_name if campaign and campaign.definition == definition else ""),
        days=said["days"],
        share=float(said["share"]),
        assigning=said["assigning"],
        per_day=said["per_day"],
        fixed_cost_cents=said["fixed_cost"],
        worth_only=said["worth_only"],
    )


def _initial(campaign: Campaign | None, proposed: float) -> dict[str, Any]:
    if campaign is None:
        first = {"kind_1": "call", "offset_1": 0, "kind_2": "visit", "offset_2": 7, "kind_3": "offer", "offset_3": 21}
        return {"source": "filter", "days": 60, "assigning": "owner", "per_day": 5, "share": f"{proposed:g}"} | first
    values = {name: getattr(campaign, name) for name in ("name", "days", "assigning", "per_day", "worth_only")}
    values |= {"source": "filter", "share": f"{campaign.share:g}", "fixed_cost": CentsField.written(campaign.fixed_cost_cents)}
    values["people"] = [str(pk) for pk in campaign.people.values_list("representative_id", flat=True)]
    for n, step in enumerate(campaign.steps.order_by("position"), 1):
        values |= {
            f"kind_{n}": step.kind,
            f"offset_{n}": step.day_offset,
            f"cost_{n}": CentsField.written(step.cost_cents),
            f"words_{n}": step.words,
        }
    return values


@require_GET
def campaign(request: HttpRequest, number: int) -> HttpResponse:
    """A draft: what would happen. One that started: its list of calls, and to who leads, what it brought."""
    found, member = _campaign_or_404(request, number), _member(request)
    steps = list(found.steps.order_by("position"))
    context: dict[str, Any] = {
        "campaign": found,
        "steps": steps,
        "writes": may_change(found, member),
        "makes": member.role in DECIDERS,
        "leads": member.role != Role.REPRESENTATIVE,
        "who": found.segment_name or summary(found.definition, currency=member.organization.currency) or _("Todos os clientes"),
        "step_cost": step_cost(steps),
        "share_words": words.share_words(found.share),
        "today": today_of(request),
    }
    if found.state == Campaign.State.DRAFT:
        context |= _plan(request, found, steps)
        return render(request, "rotation/campaign_draft.html", context)
    context |= _work(request, found)
    if context["leads"] and request.GET.get("tab") != "calls":
        context |= _outcome(request, found)
        return render(request, "rotation/campaign_result.html", context)
    return render(request, "rotation/campaign_calls.html", context)


def _plan(request: HttpRequest, found: Campaign, steps: list) -> dict[str, Any]:
    member = _member(request)
    population = population_of(found, steps, by=member, as_of=today_of(request))
    n, held = len(population), round(len(population) * found.share)
    refusal = ""
    try:
        require_startable(population)
    except DomainError as problem:
        refusal = str(problem)
    return {
        "n": n,
        "held": held,
        "treated": n - held,
        "left_out": words.left_out_lines(population.left_out),
        "n_left_out": sum(population.left_out.values()),
        "value_cents": int(population.value.sum() * (1 - found.share)),
        "at_stake_cents": int(population.at_stake[population.at_stake > 0].sum()),
        "unknown": n - population.known,
        "unworthy": population.unworthy,
        "lift_sentence": words.lift_sentence(population.lift),
        "advice": words.share_advice(n, found.share) if n else "",
        "cost_cents": found.fixed_cost_cents + step_cost(steps) * (n - held),
        "refusal": refusal,
        "workers": _shares(found, population),
        "usual_share": USUAL_SHARE,
    }


def _shares(found: Campaign, population: Any) -> list[tuple[Any, int]]:
    """Who would work how many, before the draw: each one's own clients, or an even part."""
    people = population.people
    if found.assigning != Campaign.Assigning.OWNER:
        m = max(len(people), 1)
        return [(each, len(population) // m + (i < len(population) % m)) for i, each in enumerate(people.values())]
    counts = {pk: int((population.owner == pk).sum()) for pk in people}
    return sorted(((people[pk], n) for pk, n in counts.items() if n), key=lambda pair: -pair[1])


def _work(request: HttpRequest, found: Campaign) -> dict[str, Any]:
    member = _member(request)
    reach = reach_of(member)
    targets = targets_within(reach, member).filter(campaign_id=found.pk)
    view = request.GET.get("view", "todo" if found.state != Campaign.State.ENDED else "all")
    if view not in VIEWS:
        raise Http404
    here = reverse("rotation:campaign", args=[member.organization.slug, found.pk])
    counts = {name: called(targets, name).count() for name in VIEWS}
    page = Paginator(range(counts[view]), PER_PAGE).get_page(request.GET.get("page"))
    rows = call_list(targets, view, first=page.start_index() - 1 if counts[view] else 0, size=PER_PAGE)
    seen = set(clients_within(reach).filter(pk__in=[row.client_id for row in rows]).values_list("pk", flat=True))
    link = f"{here}?tab=calls&view="
    return {
        "targets": targets,
        "view": view,
        "view_tabs": [(f"{link}{name}", TAB_NAMES[name], counts[name], name == view) for name in VIEWS],
        "rows": [_row(row, seen, member) for row in rows],
        "page": page,
        "previous": f"{link}{view}&page={page.previous_page_number()}" if page.has_previous() else "",
        "next": f"{link}{view}&page={page.next_page_number()}" if page.has_next() else "",
        "here": here,
        "n_treated": counts["all"],
    }


def _row(row: CampaignClient, seen: set[int], member: Membership) -> dict[str, Any]:
    contacts = sorted(row.contacts.all(), key=lambda each: each.step.position)
    waiting = next((each for each in contacts if not each.task.done_at and not each.task.cancelled_at), None)
    activity = next(iter(row.client.activity.all()), None)  # type: ignore[attr-defined]
    return {
        "target": row,
        "client": row.client,
        "reached": row.client_id in seen,
        "contacts": contacts,
        "waiting": waiting,
        "last_on": activity.last_on if activity else None,
        "acts": waiting is not None and member.role != Role.AUDITOR and (row.client_id in seen or waiting.task.owner_id == member.pk),
    }


def _outcome(request: HttpRequest, found: Campaign) -> dict[str, Any]:
    member, today = _member(request), today_of(request)
    currency = member.organization.currency
    targets = targets_within(reach_of(member), member).filter(campaign_id=found.pk)
    whole = targets.count() == found.clients.count()
    result = result_of(found, targets, as_of=today, whole=whole)
    over = found.state == Campaign.State.ENDED
    return {
        "result": result,
        "whole": whole,
        "said": words.result_sentences(result, currency, over=over),
        "strata": [{**line, "name": words.STRATA.get(line["stratum"], line["stratum"])} for line in strata_lines(targets)],
        "people": person_lines(targets, as_of=today),
        "left_out": words.left_out_lines(found.left_out),
        "tau_words": words.in_hundred(found.tau or 0.0),
        "net_per_treated": result.net_treated / result.n_treated if result.n_treated else 0,
        "net_per_control": result.net_control / result.n_control if result.n_control else None,
        "back_share": result.back_treated / result.n_treated if result.n_treated else None,
        "alone_share": result.back_control / result.n_control if result.n_control else None,
        "over": over,
    }


@require_POST
@only(DECIDERS)
def act(request: HttpRequest, number: int) -> HttpResponse:
    """Start, pause, take up again, end, copy, throw away."""
    found, member = _campaign_or_404(request, number), _member(request)
    slug, wanted = request.organization.slug, request.POST.get("act", "")  # type: ignore[attr-defined]
    try:
        if wanted == "copy":
            made = copy_campaign(found, by=member)
            messages.success(request, _("Cópia feita. Ajuste e comece quando quiser."))
            return redirect("rotation:edit_campaign", slug, made.pk)
        if wanted == "drop":
            drop_campaign(found, by=member)
            messages.success(request, _("Rascunho apagado."))
            return redirect("rotation:campaigns", slug)
        if wanted not in ACTS:
            raise Http404
        service, said = ACTS[wanted]
        service(found, by=member, at=timezone.now())
        messages.success(request, str(said))
    except NotAllowed:
        raise Http404 from None
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    return redirect("rotation:campaign", slug, found.pk)


@require_POST
def contact(request: HttpRequest, number: int, contact: int) -> HttpResponse:
    """A step is done, or was not after all; its task says so too."""
    found, member = _campaign_or_404(request, number), _member(request)
    targets = targets_within(reach_of(member), member).filter(campaign_id=found.pk)
    row = get_object_or_404(CampaignContact.objects.select_related("task"), pk=contact, target__in=targets)
    back = reverse("rotation:campaign", args=[member.organization.slug, found.pk])
    try:
        if request.POST.get("undo"):
            reopen_task(row.task, by=member)
        else:
            complete_task(row.task, by=member, at=timezone.now())
            messages.success(request, _("Feito: %(title)s") % {"title": row.task.title})
    except NotAllowed:
        raise Http404 from None
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    return redirect(f"{back}?tab=calls&view=todo")


@require_GET
def export(request: HttpRequest, number: int, form: str) -> HttpResponse:
    """The campaign's clients as a file; who leads has the control group too, named as what it is."""
    found, member = _campaign_or_404(request, number), _member(request)
    if member.role == Role.REPRESENTATIVE or found.state == Campaign.State.DRAFT:
        raise Http404  # no representative takes a list of clients away (C29)
    rows = targets_within(reach_of(member), member).filter(campaign_id=found.pk)
    if found.state != Campaign.State.ENDED:
        rows = rows.filter(arm=CampaignClient.Arm.TREATED)  # a control group that is named is soon called too
    back = reverse("rotation:campaign", args=[member.organization.slug, found.pk])
    header = [
        _("Código"), _("Cliente"), _("Grupo"), _("Terço de valor"), _("Quem faz"), _("Em jogo"), _("Valor esperado do contato"),
        _("Primeiro contato"), _("Passos feitos"), _("Voltou a comprar em"),
    ]  # fmt: skip
    listed = rows.select_related("client", "representative").prefetch_related("contacts__task").order_by("arm", "client__name_key", "pk")

    def lines() -> Iterable[list[Any]]:
        for row in listed.iterator(chunk_size=2_000):
            at_stake = row.at_stake_cents / 100 if row.at_stake_cents is not None else None
            value = row.value_cents / 100 if row.value_cents is not None else None
            done = sum(1 for each in row.contacts.all() if each.task.done_at)
            whose = str(row.representative) if row.representative else ""
            told = [row.client.code, str(row.client), row.get_arm_display(), row.stratum, whose]
            yield [*told, at_stake, value, row.first_on, done, row.bought_on]

    name, recorded = _("campanha-%(n)s") % {"n": found.pk}, Event(f"campaign:{found.pk}", "campaign.exported")
    return hand_out(request, form, name=name, header=header, rows=lines, count=lambda most: rows[:most].count(), back=back, event=recorded)

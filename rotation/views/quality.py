"""The quality of what came: counts that open rows, each with what mends it; merging two registrations, and taking that back."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Membership, Representative, Role
from accounts.selectors import local_day
from accounts.services import Actor
from accounts.services.personal import record_reading
from accounts.shell import served
from accounts.templatetags.formats import number
from clients.import_words import kind_label
from clients.models import Client, ClientMerge, Order
from clients.selectors.choices import list_choices
from clients.services import mending
from portfolio.errors import SENTENCES
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_clients
from rotation.quality_words import fields_to_choose, own_to_choose, people_to_choose, rest_said, rows_said
from rotation.selectors import quality as found
from rotation.services.merging import UNDO_DAYS, merge_clients, undo_merge
from rotation.views.common import ADMINS, only, paged, partial, row_id

OFFICE = frozenset({Role.ADMIN, Role.AUDITOR})
PAGE, GROUPS = 50, 20
# name of the list: title, what it is about, icon, whether a number above zero is a fault
ISSUES: dict[str, tuple[Promise, Promise, str, bool]] = {
    "tax_id": (gettext_lazy("Mesmo CNPJ"), gettext_lazy("a mesma empresa cadastrada duas vezes"), "copy", True),
    "name": (gettext_lazy("Mesmo nome e cidade"), gettext_lazy("talvez a mesma empresa; um deles sem CNPJ"), "copy", True),
    "branches": (gettext_lazy("Mesma raiz de CNPJ"), gettext_lazy("filiais de um grupo: não são repetidas"), "building-2", False),
    "owner": (gettext_lazy("Sem vendedor"), gettext_lazy("ninguém atende"), "user-x", True),
    "place": (gettext_lazy("Sem lugar no mapa"), gettext_lazy("ficam fora de rotas e de distância"), "map-pin", True),
    "segment": (gettext_lazy("Sem segmento"), gettext_lazy("regras por segmento não os veem"), "tag", True),
    "number": (gettext_lazy("CNPJ faltando ou incompleto"), gettext_lazy("não se sabe se estão repetidos"), "file-text", True),
    "base": (gettext_lazy("Vendedores sem base"), gettext_lazy("não recebem clientes por distância"), "users", True),
    "future": (gettext_lazy("Pedidos com data futura"), gettext_lazy("não contam até o dia chegar"), "calendar", True),
    "zero": (gettext_lazy("Pedidos de valor zero"), gettext_lazy("válidos, nos últimos 30 dias"), "shopping-cart", True),
}
DUPLICATES = ("tax_id", "name", "branches")
CLIENT_LISTS = ("owner", "place", "segment", "number")


@require_GET
@only(OFFICE)
def quality(request: HttpRequest) -> HttpResponse:
    """Freshness of what comes in, and how many of each fault there are."""
    organization, at = request.organization, timezone.now()  # type: ignore[attr-defined]
    feeds = found.feeds(organization, at=at)
    counts = asdict(found.counts(organization, on=local_day(organization, at=at)))
    if organization.country != "BR":
        counts = {name: n for name, n in counts.items() if name not in ("tax_id", "branches", "number")}
    context = {
        "feeds": [(kind_label(feed.kind), feed) for feed in feeds],
        "orders_late": any(feed.stale and feed.kind == "orders" for feed in feeds),
        "late": [kind_label(feed.kind) for feed in feeds if feed.stale],
        "findings": [(name, n, *ISSUES[name]) for name, n in counts.items()],
        "zone": organization.time_zone,
        "writes": _writes(request),
        "merges": found.merges(limit=1),
    }
    return render(request, "rotation/quality.html", context)


@require_http_methods(["GET", "POST"])
@only(OFFICE)
@paged
def issue(request: HttpRequest, issue: str) -> HttpResponse:
    """The rows behind one number; POST mends some of them."""
    if issue not in ISSUES:
        raise Http404
    error = ""
    if request.method == "POST":
        if not _writes(request):
            raise Http404
        try:
            said = _mend(request, issue)
        except DomainError as refusal:
            error = str(refusal)
        else:
            messages.success(request, said)
            return redirect(request.get_full_path())
    title, about, icon, fault = ISSUES[issue]
    context = {"issue": issue, "title": title, "about": about, "icon": icon, "fault": fault, "error": error, "writes": _writes(request)}
    context |= _rows(request, issue)
    part = partial(request) and not error
    return render(request, f"rotation/{'_' if part else ''}quality_list.html", context, status=422 if error else 200)


def _rows(request: HttpRequest, issue: str) -> dict[str, Any]:
    organization = request.organization  # type: ignore[attr-defined]
    today, after = local_day(organization, at=timezone.now()), request.GET.get("after", "")[:300]
    here, last = request.path, ""
    if issue in DUPLICATES:
        groups = found.twins(issue, after=after, limit=GROUPS + 1)
        last = groups[GROUPS - 1].key if len(groups) > GROUPS else ""
        context: dict[str, Any] = {"groups": groups[:GROUPS], "shape": "groups"}
    elif issue in CLIENT_LISTS:
        rows = list(found.unmended(issue, organization).filter(pk__gt=row_id(after) or 0)[: PAGE + 1])
        last = str(rows[PAGE - 1].pk) if len(rows) > PAGE else ""
        context = {"rows": rows[:PAGE], "shape": "clients"}
        if issue == "owner":
            people = Representative.objects.filter(membership__is_active=True) | Representative.objects.filter(membership=None)
            context["people"] = [each for each in people.order_by("name") if each.valid_to is None or each.valid_to > today]
            named = "&".join(f"c={row.pk}" for row in rows[:PAGE])
            context["move_url"] = f"/o/{organization.slug}/clients/move/?{named}" if served("clients/move/", None) else ""
        if issue == "segment":
            context["segments"] = list_choices(None)[1]
    elif issue == "base":
        context = {"people": list(found.bases_missing(on=today)[:PAGE]), "shape": "people"}
        context["people_url"] = f"/o/{organization.slug}/people/" if served("people/", None) else ""
    else:
        context = {"orders": _orders(issue, today), "shape": "orders"}
    query = f"{here}?after={last}" if last else ""
    return context | {"next_url": query, "first_url": here if after else "", "zone": organization.time_zone}


def _orders(issue: str, today: date) -> list[Order]:
    rows = Order.objects.select_related("client")
    if issue == "future":
        return list(rows.filter(ordered_on__gt=today).order_by("-ordered_on")[:PAGE])
    since = today - timedelta(days=found.LOOKED_AT_DAYS)
    return list(rows.filter(ordered_on__range=(since, today), status="valid", amount_cents=0).order_by("-ordered_on")[:PAGE])


def _mend(request: HttpRequest, issue: str) -> str:
    """Do what the form asks; what it says when it is done."""
    by: Membership = request.membership  # type: ignore[attr-defined]
    chosen = [pk for pk in (row_id(text) for text in request.POST.getlist("c")[:1_000]) if pk]
    if issue in ("tax_id", "name") and "distinct" in request.POST:
        mending.say_distinct(issue, request.POST.get("key", ""), chosen, by=by)
        return _("Anotado: não são a mesma empresa.")
    if issue == "place":
        return _("%(name)s está no mapa.") % {"name": mending.set_place(_one(chosen), request.POST.get("place", ""), by=by)}
    if issue == "number":
        return _("CNPJ de %(name)s salvo.") % {"name": mending.set_tax_id(_one(chosen), request.POST.get("tax_id", ""), by=by)}
    if not chosen:
        raise mending.MendRefused(_("Marque ao menos um cliente."))
    if issue == "segment":
        n = mending.set_segment(chosen, request.POST.get("segment", ""), by=by)
        return ngettext("%(n)s cliente ganhou segmento.", "%(n)s clientes ganharam segmento.", n) % {"n": number(n)}
    if issue == "owner":
        return _assign(request, chosen, by=by)
    raise Http404


def _one(chosen: list[int]) -> int:
    return chosen[0] if chosen else 0


def _assign(request: HttpRequest, chosen: list[int], *, by: Membership) -> str:
    to_id = row_id(request.POST.get("representative"))
    if not to_id:
        raise mending.MendRefused(_("Escolha quem passa a atender."))
    reason = request.POST.get("reason", "").strip() or _("Cliente sem vendedor")
    batch = [Transfer(pk, to_id, expected_from_id=None, reason=reason[:300]) for pk in chosen]
    at: datetime = timezone.now()
    on = local_day(by.organization, at=at)
    result = transfer_clients(batch, by=Actor(by), source=Ownership.Source.MANUAL, on=on, at=at, check_absence=True)
    if not result.applied:
        raise mending.MendRefused(str(SENTENCES.get(result.refused[0][1], _("Nenhum cliente mudou de mãos."))))
    n = len(result.applied)
    said = ngettext("%(n)s cliente tem quem o atenda.", "%(n)s clientes têm quem os atenda.", n) % {"n": number(n)}
    if result.refused:
        left = len(result.refused)
        said += " " + ngettext("%(n)s ficou de fora: mudou antes.", "%(n)s ficaram de fora: mudaram antes.", left) % {"n": number(left)}
    return said


@require_http_methods(["GET", "POST"])
@only(ADMINS)
def merge(request: HttpRequest) -> HttpResponse:
    """Two registrations side by side: which stays, and which values win; POST merges them."""
    asked = request.POST if request.method == "POST" else request.GET
    ids = [row_id(asked.get("a")), row_id(asked.get("b"))]
    both = Client.objects.filter(pk__in=[pk for pk in ids if pk], merged_into=None)
    rows = both.select_related("representative").prefetch_related("activity")
    by_id = {row.pk: row for row in rows}
    first, second = by_id.get(ids[0] or 0), by_id.get(ids[1] or 0)
    if first is None or second is None or first is second:
        raise Http404
    error = ""
    keep = asked.get("keep", "a")
    survivor, absorbed = (second, first) if keep == "b" else (first, second)
    if request.method == "POST":
        theirs = "a" if keep == "b" else "b"
        chosen = {name[2:]: request.POST[name] for name in request.POST if name.startswith("f-")}
        take = {name: "absorbed" if whose == theirs else "survivor" for name, whose in chosen.items()}
        by = request.membership  # type: ignore[attr-defined]
        try:
            done = merge_clients(survivor_id=survivor.pk, absorbed_id=absorbed.pk, take=take, by=by, at=timezone.now())
        except DomainError as refusal:
            error = str(refusal)
        else:
            said = _("%(absorbed)s agora é %(survivor)s. Você pode desfazer por %(n)d dias.")
            messages.success(request, said % {"absorbed": absorbed.code, "survivor": survivor, "n": UNDO_DAYS})
            return redirect(reverse("rotation:merges", args=[request.organization.slug]) + f"#m{done.pk}")  # type: ignore[attr-defined]
    stays, now = "b" if keep == "b" else "a", timezone.now()
    people = people_to_choose(first, second, keep=stays, at=now)
    if people:  # their telephones and addresses are on the page
        for each in (first, second):
            record_reading(f"client:{each.pk}", by=request.membership, at=now)  # type: ignore[attr-defined]
    context = {
        "a": first,
        "b": second,
        "pair": (first, second),
        "keep": stays,
        "fields": fields_to_choose(first, second, keep=keep),
        "groups": [
            (_("Campos próprios"), own_to_choose(first, second, keep=stays, at=now)),
            (_("Pessoas que os dois conhecem"), people),
        ],
        "branches": bool(first.tax_id_root) and first.tax_id_root == second.tax_id_root and first.tax_id != second.tax_id,
        "error": error,
        "undo_days": UNDO_DAYS,
    }
    return render(request, "rotation/merge.html", context, status=409 if error else 200)


@require_GET
@only(OFFICE)
def merges(request: HttpRequest) -> HttpResponse:
    """What was merged, by whom, and what can still be taken back."""
    now = timezone.now()
    rows = [
        (row, rows_said(row.counts), [rest_said(each) for each in row.rest], (now - row.merged_at).days < UNDO_DAYS)
        for row in found.merges()
    ]
    zone = request.organization.time_zone  # type: ignore[attr-defined]
    context = {"rows": rows, "writes": _writes(request), "zone": zone, "undo_days": UNDO_DAYS}
    return render(request, "rotation/merges.html", context)


@require_POST
@only(ADMINS)
def undo(request: HttpRequest, merge: int) -> HttpResponse:
    """Take a merge back; what somebody touched since is listed on the page."""
    if not ClientMerge.objects.filter(pk=merge).exists():
        raise Http404
    try:
        done = undo_merge(merge, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.warning(request, str(refusal))
    else:
        left = sum(each["n"] for each in done.rest)
        said = _("Os dois cadastros estão separados de novo.")
        if left:
            said += " " + ngettext("%(n)s registro mexido depois ficou.", "%(n)s registros mexidos depois ficaram.", left) % {
                "n": number(left)
            }
        messages.success(request, said)
    return redirect("rotation:merges", request.organization.slug)  # type: ignore[attr-defined]


def _writes(request: HttpRequest) -> bool:
    return request.membership.role == Role.ADMIN  # type: ignore[attr-defined]

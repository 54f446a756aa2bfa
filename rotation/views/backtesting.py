"""Proving a rule on the past: of a saved version, of a draft still in the editor, its progress, its numbers as a file."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import DomainError
from accounts.models import Role
from accounts.selectors import representatives_visible_to
from accounts.services import Actor, record_event
from accounts.spreadsheets import spreadsheet
from accounts.templatetags.formats import month
from clients.selectors import clients_visible_to
from rotation.backtest_words import CAVEAT, as_today_words, comparison, lead_words, limits_words, not_replayed_words, sentences
from rotation.models import Backtest, Rule, RuleVersion
from rotation.services.backtest import cancel_backtest, request_backtest
from rotation.views.common import DECIDERS, LEADERS, only, paged, partial
from rotation.views.rules import current_versions, rule_or_404

SPANS = (6, 12, 24)
SAYS_ENOUGH_SECONDS = 3.0  # before what is left is guessed
SHOWN_LOADS, CARD_LOADS, SHOWN_CLIENTS = 12, 6, 8
METHODS = {
    "day_rule": gettext_lazy("proporção dos dias sem compra (poucos clientes para um modelo)"),
    "mixture": gettext_lazy("modelo do ciclo de cada cliente"),
    "mixture_clock": gettext_lazy("modelo do ciclo de cada cliente, com a estação do ano"),
}


@require_http_methods(["GET", "POST"])
@only(LEADERS)
@paged
def rule_backtest(request: HttpRequest, rule: int) -> HttpResponse:
    """The rule's latest proof and the form for another; POST asks for it."""
    found = rule_or_404(rule)
    in_force, draft, on_trial = current_versions(found)
    draft = draft or on_trial  # either is what comes after the version in force
    version = draft if request.POST.get("version") == "draft" and draft else in_force or draft
    if version is None:
        raise Http404
    context: dict[str, Any] = {"rule": found, "in_force": in_force, "draft": draft, "spans": SPANS, "months": 12, "version": version}
    context["runs"] = request.membership.role in DECIDERS  # type: ignore[attr-defined]
    if request.method == "GET":
        latest = Backtest.objects.filter(rule=found).order_by("-created_at").first()
        context |= proof_context(request, latest) if latest else {}
        return render(request, "rotation/_backtest.html" if partial(request) else "rotation/backtest.html", context)
    if not context["runs"]:
        raise Http404
    months = request.POST.get("months", "")
    context["months"] = int(months) if months in map(str, SPANS) else 12
    against = in_force if draft and in_force and version is draft and "compare" in request.POST else None
    try:
        row = _asked(request, version.definition, found, version_label(version), context["months"], against)
    except DomainError as refusal:
        context["error"] = str(refusal)
        return render(request, "rotation/_backtest.html" if partial(request) else "rotation/backtest.html", context, status=422)
    if partial(request):
        return render(request, "rotation/_backtest.html", context | proof_context(request, row))
    return redirect("rotation:backtest", request.organization.slug, row.pk)  # type: ignore[attr-defined]


@require_GET
@only(LEADERS)
@paged
def backtest(request: HttpRequest, backtest: int) -> HttpResponse:
    """One proof: while it is computed, how far it is and the numbers so far."""
    row = _row_or_404(backtest)
    context = proof_context(request, row, card="card" in request.GET) | {"rule": row.rule}
    return render(request, "rotation/_backtest.html" if partial(request) else "rotation/backtest.html", context)


@require_POST
@only(DECIDERS)
@paged
def cancel(request: HttpRequest, backtest: int) -> HttpResponse:
    """Give up a proof that is still being computed."""
    row = _row_or_404(backtest)
    try:
        cancel_backtest(row, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        messages.info(request, str(refusal))
        row.refresh_from_db()
    if not partial(request):
        return redirect("rotation:backtest", request.organization.slug, row.pk)  # type: ignore[attr-defined]
    context = proof_context(request, row, card="card" in request.POST) | {"rule": row.rule}
    return render(request, "rotation/_backtest.html", context)


@require_GET
@only(LEADERS)
def export_backtest(request: HttpRequest, backtest: int, form: str) -> HttpResponse:
    """The numbers of each cut-off as a file; who took them away is recorded."""
    row = _row_or_404(backtest)
    if form not in ("csv", "xlsx") or row.state != Backtest.State.DONE:
        raise Http404
    header = [
        _("Versão"),
        _("Data"),
        _("Sinalizados"),
        _("Alarme falso"),
        _("Silêncio de fato"),
        _("Pararam"),
        _("Não vistos"),
        _("Antecedência (dias)"),
    ]
    parts = [(row.label, row.result)] + ([(row.against_label, row.result["against"])] if row.result.get("against") else [])
    names = ("flagged", "false_alarms", "silent", "stopped", "missed", "lead_days")
    lines = [
        [label, date.fromisoformat(each["cutoff"]), *(each[name] for name in names)] for label, part in parts for each in part["per_cutoff"]
    ]
    record_event(
        f"backtest:{row.pk}",
        "backtest.exported",
        by=Actor(request.membership),  # type: ignore[attr-defined]
        after={"form": form, "rows": len(lines)},
    )
    return spreadsheet(form, _("teste-%(from)s-%(to)s") % {"from": row.from_on, "to": row.to_on}, header, lines)


def version_label(version: RuleVersion) -> str:
    return f"v{version.number}"


def _asked(
    request: HttpRequest, definition: Mapping[str, Any], rule: Rule | None, label: str, months: int, against: RuleVersion | None
) -> Backtest:
    return request_backtest(
        definition,
        by=request.membership,  # type: ignore[attr-defined]
        at=timezone.now(),
        months=months,
        rule=rule,
        label=label,
        against=against.definition if against else None,
        against_label=version_label(against) if against else "",
    )


def _row_or_404(pk: int) -> Backtest:
    row = Backtest.objects.select_related("rule").filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def proof_context(request: HttpRequest, row: Backtest, *, card: bool = False) -> dict[str, Any]:
    """What ``_backtest.html`` shows of one proof; two queries for names, none while there are no numbers, one for whether all are kept.

    Totals are the organization's. Representatives and clients are named only as far as the member sees them.
    """
    moving = row.state in (Backtest.State.WAITING, Backtest.State.COMPUTING)
    context: dict[str, Any] = {
        "proof": row,
        "moving": moving,
        "card": card,
        "error": row.error if row.state == Backtest.State.FAILED else "",
        "runs": request.membership.role in DECIDERS,  # type: ignore[attr-defined]
        "given_up": row.state == Backtest.State.FAILED and row.computed_at is not None,
        "listed": row.state == Backtest.State.DONE and Backtest.objects.filter(pk=row.pk, flags__isnull=False).exists(),
        **_pace(row, timezone.now()),
    }
    result = row.result or {}
    if not result.get("cutoffs"):
        return context
    currency = request.organization.currency  # type: ignore[attr-defined]
    against = result.get("against")
    new, old = row.label or _("esta versão"), row.against_label
    member = request.membership  # type: ignore[attr-defined]
    context |= {
        "numbers": result,
        "against": against,
        "new": new,
        "old": old,
        "said": sentences(result, currency),
        "compared": comparison(result, old) if against else "",
        "lead": lead_words(result),
        "lead_before": lead_words(against) if against else "",
        "only_new": _("só na %(version)s") % {"version": new},
        "only_old": _("só na %(version)s") % {"version": old},
        "chart": _chart(result, against, new, old),
        "months_table": _months(result, against),
        "not_replayed": not_replayed_words(result),
        "as_today": as_today_words(result),
        "limits_kept": limits_words(result, "kept"),
        "limits_left": limits_words(result, "left"),
        "methods": [METHODS.get(name, name) for name in result["score_methods"]] if "day_rule" not in result["score_methods"] else [],
        "caveat": CAVEAT,
        "delta": result["flagged"] - against["flagged"] if against else None,
    }
    people = representatives_visible_to(member).in_bulk([each["representative"] for each in result["load"] if each["representative"]])
    shown = [
        {**each, "person": people.get(each["representative"])}
        for each in result["load"]
        if each["representative"] in people or (each["representative"] is None and member.role != Role.MANAGER)
    ]
    if "limits" in result:
        shown = sorted(shown, key=lambda each: (-each["proposed"], -each["flagged"]))
    most = CARD_LOADS if card else SHOWN_LOADS
    context |= {"loads": shown[:most], "more_loads": max(len(shown) - most, 0)}
    context["most_load"] = max((each.get("proposed", each["flagged"]) for each in shown), default=0)
    return context | _sample(member, result)


def _pace(row: Backtest, at: datetime) -> dict[str, float | None]:
    """Seconds since it was asked for and those it should still take, while it is waited for; how long it took, once it is done.

    The days of a proof cost about the same each, and what was spent before the first is spread over them.
    """
    if row.state == Backtest.State.DONE:
        return {"took": (row.computed_at - row.created_at).total_seconds() if row.computed_at else None}
    elapsed = max((at - row.created_at).total_seconds(), 0.0)
    # The first days wait for the reading and, where chances are asked for, for the first fit: they say little of the others.
    known = row.done and row.done * 10 >= row.total and elapsed >= SAYS_ENOUGH_SECONDS
    return {"elapsed": elapsed, "left": elapsed * (row.total - row.done) / row.done if known else None}


def _sample(member: Any, result: Mapping[str, Any]) -> dict[str, Any]:
    """A few clients: those only the new version saw first, then those only the old one did, each with what came of it."""
    compared = result.get("compared") or {}
    only = {side: compared.get(f"only_{side}", {}).get("sample", []) for side in ("new", "old")}
    known = {(each["client"], each["cutoff"]) for each in only["new"]}
    rows = [{**each, "alone": "new"} for each in only["new"][: SHOWN_CLIENTS // 2]]
    rows += [{**each, "alone": "old"} for each in only["old"][: SHOWN_CLIENTS // 4]]
    rows += [{**each, "alone": ""} for each in result["sample"] if (each["client"], each["cutoff"]) not in known]
    clients = clients_visible_to(member).in_bulk([each["client"] for each in rows])
    shown = [
        {**each, "client": clients[each["client"]], "cutoff": date.fromisoformat(each["cutoff"])}
        for each in rows
        if each["client"] in clients
    ]
    return {"sample": shown[:SHOWN_CLIENTS]}


def _chart(result: Mapping[str, Any], against: Mapping[str, Any] | None, new: str, old: str) -> dict[str, Any]:
    """Flags per month: of two versions beside each other, or of one, split by what came of them."""
    rows = result["per_month"]
    labels = [month(date.fromisoformat(f"{row['month']}-01")) for row in rows]
    if against:
        before = {row["month"]: row["flagged"] for row in against["per_month"]}
        values = [(before.get(row["month"], 0), row["flagged"]) for row in rows]
        return {"rows": list(zip(labels, values, strict=True)), "names": [old, new], "tones": ["was", "z1"], "stacked": False}
    values = [(row["silent"], row["false_alarms"]) for row in rows]
    return {
        "rows": list(zip(labels, values, strict=True)),
        "names": [_("silenciaram"), _("compraram sozinhos")],
        "tones": ["z1", "warn"],
        "stacked": True,
    }


def _months(result: Mapping[str, Any], against: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The months of the table, newest first, with the other version's flags beside."""
    before = {row["month"]: row["flagged"] for row in against["per_month"]} if against else {}
    return [
        {**row, "on": date.fromisoformat(f"{row['month']}-01"), "before": before.get(row["month"])} for row in reversed(result["per_month"])
    ]

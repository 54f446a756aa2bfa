"""Notices: what the member should know, by day, newest first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.models import Notice
from accounts.notices import Sentence, sentence
from accounts.selectors import local_day, notices_of, unread_count
from accounts.services.notices import mark_read
from accounts.shell import served

PAGE = 50
BIGGEST = 2**63 - 1
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class Row:
    """One notice as the page draws it; ``url`` is "" where nothing is to be opened."""

    id: int
    at: datetime
    unread: bool
    says: Sentence
    url: str


@require_GET
@vary_on_headers("HX-Request")
def notice_list(request: HttpRequest) -> HttpResponse:
    return _list(request)


@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark every notice as read."""
    mark_read(request.membership, at=timezone.now())  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        return _list(request, changed=True)
    messages.success(request, _("Todos os avisos foram marcados como lidos."))
    return redirect("accounts:notices", request.organization.slug)  # type: ignore[attr-defined]


@require_POST
def read(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Mark one notice as read and stay here."""
    _own(request, notice_id)
    mark_read(request.membership, at=timezone.now(), notice_id=notice_id)  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        return _list(request, changed=True)
    return redirect("accounts:notices", request.organization.slug)  # type: ignore[attr-defined]


@require_POST
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Mark one notice as read and go to what it is about."""
    notice = _own(request, notice_id)
    mark_read(request.membership, at=timezone.now(), notice_id=notice_id)  # type: ignore[attr-defined]
    url = _row(request, notice).url
    return redirect(url) if url else redirect("accounts:notices", request.organization.slug)  # type: ignore[attr-defined]


def _own(request: HttpRequest, notice_id: int) -> Notice:
    return get_object_or_404(notices_of(request.membership), pk=min(notice_id, BIGGEST))  # type: ignore[attr-defined]


def _list(request: HttpRequest, *, changed: bool = False) -> HttpResponse:
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    before = _before(request)
    found = list(_older(notices_of(member), before)[: PAGE + 1])
    rows = [_row(request, notice) for notice in found[:PAGE]]
    context = {
        "days": _by_day(rows, organization),
        "today": local_day(organization, at=timezone.now()),
        "unread": unread_count(member),
        "next_url": f"?before={_mark(found[PAGE - 1])}" if len(found) > PAGE else "",
        "first_url": request.path if before else "",
        "changed": changed,
    }
    partial = changed or (request.htmx and not request.htmx.boosted)  # type: ignore[attr-defined]
    return render(request, "accounts/_notices.html" if partial else "accounts/notices.html", context)


def _row(request: HttpRequest, notice: Notice) -> Row:
    organization = request.organization  # type: ignore[attr-defined]
    says = sentence(notice.kind, notice.facts, currency=organization.currency)
    # Whether a place is served does not depend on the id in it: one answer for all.
    reachable = says.path and served(re.sub(r"\d+", "1", says.path), getattr(request, "urlconf", None))
    return Row(notice.pk, notice.created_at, notice.read_at is None, says, f"/o/{organization.slug}/{says.path}" if reachable else "")


def _by_day(rows: Iterable[Row], organization) -> list[tuple[date, list[Row]]]:
    return [(day, list(group)) for day, group in groupby(rows, key=lambda row: local_day(organization, at=row.at))]


def _mark(notice: Notice) -> str:
    return f"{(notice.created_at - EPOCH) // MICROSECOND}-{notice.pk}"


def _before(request: HttpRequest) -> tuple[datetime, int] | None:
    found = re.fullmatch(r"([0-9]{1,17})-([0-9]{1,18})", request.GET.get("before", ""))
    if not found:
        return None
    return EPOCH + int(found[1]) * MICROSECOND, int(found[2])


def _older(notices: QuerySet[Notice], before: tuple[datetime, int] | None) -> QuerySet[Notice]:
    if before is None:
        return notices
    at, number = before
    return notices.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=number))

"""Reports by e-mail: what is scheduled, to whom, when next, how the last ones went; made, changed, paused, sent now, ended."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from accounts.templatetags.formats import instant
from portfolio.models import ReportSchedule
from portfolio.reporting import KINDS, asked_of
from portfolio.reporting.filters import PERIODS
from portfolio.selectors.deliveries import Delivery, deliveries_of
from portfolio.services.report_schedules import (
    READERS,
    Every,
    ScheduleRefused,
    Wanted,
    end_schedule,
    pause_schedule,
    resume_schedule,
    save_schedule,
    schedules_for,
    send_now,
)
from portfolio.views.common import leaders_only, today_of

WRITERS = (Role.ADMIN, Role.MANAGER)
FILTERS = ("period", "team", "rep", "segment")


@require_GET
@leaders_only
def schedules(request: HttpRequest) -> HttpResponse:
    """Every schedule the member finds, the next to go first."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    held = list(schedules_for(member).prefetch_related("recipients__membership"))
    told = deliveries_of([each.pk for each in held], most=200)
    for each in held:
        each.title = _title(each)
    context = {
        "rows": [(each, _described(each), _names(each), _went([one for one in told if one.schedule_id == each.pk])) for each in held],
        "writes": member.role in WRITERS,
    }
    return render(request, "portfolio/report_schedules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@leaders_only
def new_schedule(request: HttpRequest) -> HttpResponse:
    """The form, filled with the report it was opened from."""
    _require_writer(request)
    if request.method == "POST":
        return _save(request, None)
    member: Membership = request.membership  # type: ignore[attr-defined]
    given = request.GET
    period = given.get("period", "")
    said = {
        "kind": given.get("kind", "movement"),
        **{name: given.get(name, "") for name in FILTERS},
        "period": period if period in PERIODS else "last",
        "every": Every.MONTH,
        "weekday": "0",
        "month_day": "1",
        "hour": "7",
        "recipients": {str(member.pk)},
    }
    return _form(request, said, None)


@require_http_methods(["GET", "HEAD", "POST"])
@leaders_only
def schedule(request: HttpRequest, number: int) -> HttpResponse:
    """One schedule: its form, and how its e-mails went; an auditor only reads."""
    held = _held(request, number)
    member: Membership = request.membership  # type: ignore[attr-defined]
    if request.method == "POST":
        _require_writer(request)
        return _save(request, held)
    said = {
        "kind": held.kind,
        **{name: str(held.filters.get(name, "")) for name in FILTERS},
        "every": held.every,
        "weekday": str(held.weekday if held.weekday is not None else 0),
        "month_day": str(held.month_day or 1),
        "hour": str(held.hour),
        "recipients": {str(each) for each in held.recipients.values_list("membership_id", flat=True)},
    }
    if member.role not in WRITERS:
        context = {"schedule": held, "words": _described(held), "names": _names(held), "deliveries": deliveries_of([held.pk])}
        return render(request, "portfolio/report_schedule.html", context)
    return _form(request, said, held)


@require_POST
@leaders_only
def act(request: HttpRequest, number: int) -> HttpResponse:
    """Pause, resume, send now or end, as the pressed button says."""
    _require_writer(request)
    held, now = _held(request, number), timezone.now()
    by: Membership = request.membership  # type: ignore[attr-defined]
    slug = request.organization.slug  # type: ignore[attr-defined]
    try:
        match request.POST.get("act"):
            case "pause":
                pause_schedule(held, by=by, at=now)
                messages.success(request, _("Pausado. Nada é enviado até você retomar."))
            case "resume":
                resume_schedule(held, by=by, at=now)
                messages.success(request, _("Retomado."))
            case "now":
                n = send_now(held, by=by, at=now)
                words = ngettext("%(n)s e-mail a caminho.", "%(n)s e-mails a caminho.", n) % {"n": n}
                messages.success(request, words if n else _("Já foi enviado neste minuto, ou ninguém da lista pode receber."))
            case "end":
                end_schedule(held, by=by, at=now)
                messages.success(request, _("Encerrado. O que já foi enviado continua no histórico."))
                return redirect("portfolio:report_schedules", slug)
            case _:
                raise Http404
    except NotAllowed:
        raise Http404 from None
    return redirect("portfolio:report_schedule", slug, held.pk)


def _save(request: HttpRequest, held: ReportSchedule | None) -> HttpResponse:
    post: QueryDict = request.POST
    every = post.get("every", "")
    wanted = Wanted(
        kind=post.get("kind", ""),
        filters={name: post.get(name, "") for name in FILTERS},
        every=every,
        day=_whole(post.get("weekday" if every == Every.WEEK else "month_day", "")),
        hour=_whole(post.get("hour", "")),
        recipients=[each for each in map(_whole, post.getlist("recipients")) if each > 0],
    )
    try:
        saved = save_schedule(wanted, by=request.membership, at=timezone.now(), schedule=held)  # type: ignore[attr-defined]
    except NotAllowed:
        raise Http404 from None
    except ScheduleRefused as refusal:
        said: dict[str, Any] = {name: post.get(name, "") for name in ("kind", *FILTERS, "every", "weekday", "month_day", "hour")}
        said["recipients"] = set(post.getlist("recipients"))
        return _form(request, said, held, error={refusal.field: str(refusal)}, status=422)
    when = instant(saved.next_at)
    messages.success(request, _("Salvo, em pausa.") if saved.paused_at else _("Agendado: o próximo sai em %(when)s.") % {"when": when})
    return redirect("portfolio:report_schedule", request.organization.slug, saved.pk)  # type: ignore[attr-defined]


def _form(
    request: HttpRequest, said: dict[str, Any], held: ReportSchedule | None, *, error: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    member: Membership = request.membership  # type: ignore[attr-defined]
    asked = asked_of({name: said[name] for name in FILTERS}, member, today=today_of(request))
    readers = Membership.objects.filter(is_active=True, role__in=READERS).order_by("name", "pk")
    context = {
        "said": said,
        "error": error or {},
        "schedule": held,
        "kinds": [(slug, kind.title) for slug, kind in KINDS.items()],
        "periods": list(PERIODS.items()),
        "choices": asked.choices,
        "wanted": asked.wanted,
        "everies": Every.choices,
        "weekdays": [(str(day), name) for day, name in WEEKDAYS.items()],
        "month_days": [str(day) for day in range(1, 32)],
        "hours": [(str(hour), f"{hour:02d}:00") for hour in range(24)],
        "readers": [(str(each.pk), each.name, each.get_role_display()) for each in readers],
        "deliveries": deliveries_of([held.pk]) if held else [],
        "writes": True,
    }
    return render(request, "portfolio/report_schedule.html", context, status=status)


def _held(request: HttpRequest, number: int) -> ReportSchedule:
    held = get_object_or_404(schedules_for(request.membership), pk=number)  # type: ignore[attr-defined]
    held.title = _title(held)
    return held


def _title(held: ReportSchedule) -> str:
    """What the report is called; one that a later version no longer makes keeps its own word."""
    return str(KINDS[held.kind].title) if held.kind in KINDS else held.kind


def _require_writer(request: HttpRequest) -> None:
    if request.membership.role not in WRITERS:  # type: ignore[attr-defined]
        raise Http404


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


def _described(held: ReportSchedule) -> str:
    """Toda semana, segunda-feira às 07:00."""
    hour = f"{held.hour:02d}:00"
    if held.every == Every.WEEK:
        return _("Toda semana, %(day)s às %(hour)s") % {"day": str(WEEKDAYS[held.weekday or 0]).lower(), "hour": hour}
    return _("Todo mês, dia %(day)s às %(hour)s") % {"day": held.month_day, "hour": hour}


def _names(held: ReportSchedule) -> str:
    return ", ".join(sorted(each.membership.name for each in held.recipients.all()))


def _went(deliveries: Iterable[Delivery]) -> tuple[str, str] | None:
    """The last moment in words and the tone of them; None before the first."""
    told = list(deliveries)
    last = [each for each in told if each.due_at == told[0].due_at] if told else []
    if not last:
        return None
    sent = sum(each.state == "sent" for each in last)
    when = instant(last[0].due_at)
    words = _("%(when)s: %(n)s de %(of)s enviados") % {"when": when, "n": sent, "of": len(last)}
    failing = [each for each in last if each.state == "failing"]
    refused = [f"{each.name} ({each.why})" for each in last if each.state == "refused"]
    if failing:
        words += " · " + _("o servidor de e-mail não aceitou %(n)s; tentamos de novo") % {"n": len(failing)}
    if refused:
        words += " · " + _("não foi para %(names)s") % {"names": ", ".join(refused)}
    return words, "bad" if failing else "warn" if refused else ""

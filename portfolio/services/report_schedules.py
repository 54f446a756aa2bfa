"""Reports by e-mail on a schedule: made, changed, paused, ended, and sent exactly once for each moment they are due.

The mail holds a link and no figure: whoever opens it signs in, and sees what their role reaches at that moment. An
attachment would lie in mailboxes beyond the walls, keep showing clients to who left the company or the team, and be
one more copy to erase.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Organization, Role, User
from accounts.selectors import local_day
from accounts.services import Actor, record_event, send_to_outbox
from accounts.templatetags.formats import day_year
from accounts.tenancy import identity_atomic
from clients.models import Segment
from portfolio.models import ReportDelivery, ReportRecipient, ReportSchedule
from portfolio.reporting import KINDS
from portfolio.reporting.filters import DEFAULT, ReportFilter

Every = ReportSchedule.Every
READERS = (Role.ADMIN, Role.MANAGER, Role.AUDITOR)
MOST_RECIPIENTS = 100
BATCH = 50


class ScheduleRefused(DomainError):
    """A schedule cannot be as asked; ``field`` is where."""

    code = "schedule_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Wanted:
    """What a person asks for: which report of what, when, to whom. ``day`` is a weekday (Monday 0) or a day of the month."""

    kind: str
    filters: dict[str, Any]
    every: str
    day: int
    hour: int
    recipients: Sequence[int]


def next_moment(every: str, day: int, hour: int, zone: ZoneInfo, *, after: datetime) -> datetime:
    """The first moment after ``after`` that is ``hour`` o'clock in ``zone`` on the weekday or the day of the month.

    A month without that day takes its last one. An hour the clocks leave out is taken as they would have shown it.
    """
    today = after.astimezone(zone).date()
    if every == Every.WEEK:
        candidates = [today + timedelta(days=(day - today.weekday()) % 7 + 7 * n) for n in (0, 1)]
    else:
        candidates = [_in_month(today.year, today.month + n, day) for n in (0, 1)]
    moments = [datetime.combine(on, time(hour), zone).astimezone(UTC) for on in candidates]
    return next(moment for moment in moments if moment > after)


def _in_month(year: int, month: int, day: int) -> date:
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    after = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day - 1), after - timedelta(days=1))


def schedules_for(member: Membership) -> Any:
    """The schedules a member finds: administration and audit all, a manager their own; those ended left out."""
    held = ReportSchedule.objects.filter(ended_at=None).select_related("made_by").order_by("next_at", "pk")
    return held if member.role in (Role.ADMIN, Role.AUDITOR) else held.filter(made_by_id=member.pk)


@transaction.atomic
def save_schedule(wanted: Wanted, *, by: Membership, at: datetime, schedule: ReportSchedule | None = None) -> ReportSchedule:
    """Make a schedule, or change one; a pause stays a pause.

    Raises
    ------
    NotAllowed
        A representative or auditor, or another manager's schedule.
    ScheduleRefused
        No such report or moment, nobody to send to, somebody who is no member that reads reports, or a segment only one finds.
    """
    _require_writer(by, schedule)
    told = _checked(wanted, by)
    zone = by.organization.zone
    fields = {
        "kind": wanted.kind,
        "filters": told,
        "every": wanted.every,
        "weekday": wanted.day if wanted.every == Every.WEEK else None,
        "month_day": wanted.day if wanted.every == Every.MONTH else None,
        "hour": wanted.hour,
        "next_at": next_moment(wanted.every, wanted.day, wanted.hour, zone, after=at),
    }
    if schedule is None:
        held = ReportSchedule.objects.create(organization_id=by.organization_id, made_by=by, **fields)
    else:
        held = ReportSchedule.objects.select_for_update(no_key=True).get(pk=schedule.pk)
        for name, value in fields.items():
            setattr(held, name, value)
        held.save(update_fields=list(fields))
    ids = sorted(set(wanted.recipients))
    held.recipients.exclude(membership_id__in=ids).delete()
    missing = set(ids) - set(held.recipients.values_list("membership_id", flat=True))
    ReportRecipient.objects.bulk_create(
        ReportRecipient(organization_id=by.organization_id, schedule=held, membership_id=each) for each in sorted(missing)
    )
    after = fields | {"recipients": ids}
    record_event(f"report:{held.pk}", "report.changed" if schedule else "report.scheduled", by=Actor(by), after=after)
    return held


@transaction.atomic
def pause_schedule(schedule: ReportSchedule, *, by: Membership, at: datetime) -> None:
    """Stop sending until it is resumed; paused already: nothing changes."""
    _mark(schedule, by, "report.paused", paused_at=at)


@transaction.atomic
def resume_schedule(schedule: ReportSchedule, *, by: Membership, at: datetime) -> None:
    """Send again from the next moment on: those that passed meanwhile are not made up for."""
    held = _mark(schedule, by, "report.resumed", paused_at=None)
    held.next_at = _next(held, by.organization, after=at)
    held.save(update_fields=["next_at"])


@transaction.atomic
def end_schedule(schedule: ReportSchedule, *, by: Membership, at: datetime) -> None:
    """Never send it again; what was sent stays on record."""
    _mark(schedule, by, "report.ended", ended_at=at)


@transaction.atomic
def send_now(schedule: ReportSchedule, *, by: Membership, at: datetime) -> int:
    """Send it at once besides its own moments; twice within a minute is once. How many e-mails were queued."""
    _require_writer(by, schedule)
    held = ReportSchedule.objects.select_for_update(no_key=True).get(pk=schedule.pk)
    record_event(f"report:{held.pk}", "report.sent_now", by=Actor(by))
    return _send(held, by.organization, due_at=at.replace(second=0, microsecond=0), at=at)


def send_due_reports(organization: Organization, *, at: datetime) -> int:
    """Queue the e-mails of every schedule whose moment has come; call inside the organization's transaction.

    Rows another worker holds are skipped, and the moment moves on in the same transaction as the mails: a worker that dies
    has sent nothing, two that meet send once. Of several moments missed while nothing ran, only the latest goes out.
    Returns how many schedules were due.
    """
    due = ReportSchedule.objects.filter(next_at__lte=at, paused_at=None, ended_at=None).order_by("next_at", "pk")
    schedules = list(due.select_for_update(skip_locked=True, no_key=True)[:BATCH])
    for each in schedules:
        due_at = each.next_at
        upcoming = _next(each, organization, after=due_at)
        while upcoming <= at:
            due_at, upcoming = upcoming, _next(each, organization, after=upcoming)
        each.next_at = upcoming
        each.save(update_fields=["next_at"])
        _send(each, organization, due_at=due_at, at=at)
    return len(schedules)


def _send(schedule: ReportSchedule, organization: Organization, *, due_at: datetime, at: datetime) -> int:
    told = set(schedule.deliveries.filter(due_at=due_at).values_list("membership_id", flat=True))
    waiting = schedule.recipients.exclude(membership_id__in=told).select_related("membership").order_by("pk")
    sent = 0
    for each in waiting:
        member = each.membership
        refused = "" if member.is_active and member.role in READERS else "gone" if not member.is_active else "role"
        event = None
        if not refused:
            event = send_to_outbox("mail", _mail(schedule, organization, member, on=local_day(organization, at=at)))
            sent += 1
        ReportDelivery.objects.create(
            organization_id=schedule.organization_id,
            schedule=schedule,
            membership=member,
            due_at=due_at,
            event_id=event.event_id if event else None,
            refused=refused,
        )
    schedule.last_at = at
    schedule.save(update_fields=["last_at"])
    return sent


def _mail(schedule: ReportSchedule, organization: Organization, member: Membership, *, on: date) -> dict[str, Any]:
    with identity_atomic(user_id=member.user_id):
        user = User.objects.get(pk=member.user_id)
    wanted = ReportFilter.parse(schedule.filters)
    first, last = wanted.days(on)
    path = reverse("portfolio:report", args=[organization.slug, schedule.kind])
    with override(user.language or organization.language):
        title = str(KINDS[schedule.kind].title) if schedule.kind in KINDS else schedule.kind
        words = {
            "name": member.name,
            "report": title,
            "first": day_year(first),
            "last": day_year(last),
            "url": f"{settings.PUBLIC_URL.rstrip('/')}{path}?{wanted.fixed(on).query()}",
            "by": schedule.made_by.name,
        }
        lines = [
            _("Olá, %(name)s.") % words,
            _("O relatório “%(report)s”, de %(first)s a %(last)s, está pronto:") % words,
            words["url"],
            _("É preciso entrar para ver, e cada pessoa vê o que o seu papel alcança. Por isso não há números neste e-mail."),
            _("Agendado por %(by)s.") % words,
        ]
        subject = _("%(report)s, %(first)s a %(last)s") % words
    return {"to": [user.email], "subject": f"{organization.name}: {subject}", "body": "\n\n".join(lines)}


def _next(schedule: ReportSchedule, organization: Organization, *, after: datetime) -> datetime:
    day = schedule.weekday if schedule.every == Every.WEEK else schedule.month_day
    return next_moment(schedule.every, int(day or 0), schedule.hour, organization.zone, after=after)


def _mark(schedule: ReportSchedule, by: Membership, action: str, **fields: datetime | None) -> ReportSchedule:
    _require_writer(by, schedule)
    held = ReportSchedule.objects.select_for_update(no_key=True).get(pk=schedule.pk)
    changed = {name: value for name, value in fields.items() if (getattr(held, name) is None) != (value is None)}
    if changed:
        for name, value in changed.items():
            setattr(held, name, value)
        held.save(update_fields=list(changed))
        record_event(f"report:{held.pk}", action, by=Actor(by))
    return held


def _require_writer(by: Membership, schedule: ReportSchedule | None) -> None:
    if by.role not in (Role.ADMIN, Role.MANAGER):
        raise NotAllowed(_("Quem agenda relatórios é a gerência ou a administração."))
    if schedule is not None and by.role != Role.ADMIN and schedule.made_by_id != by.pk:
        raise NotAllowed(_("Este agendamento é de outra pessoa."))


def _checked(wanted: Wanted, by: Membership) -> dict[str, Any]:
    """The filters as they are kept; everything else is only looked at."""
    if wanted.kind not in KINDS:
        raise ScheduleRefused(_("Escolha o relatório."), field="kind")
    if wanted.every not in Every.values:
        raise ScheduleRefused(_("Escolha a frequência."), field="every")
    if wanted.every == Every.WEEK and not 0 <= wanted.day <= 6:
        raise ScheduleRefused(_("Escolha o dia da semana."), field="weekday")
    if wanted.every == Every.MONTH and not 1 <= wanted.day <= 31:
        raise ScheduleRefused(_("Escolha um dia do mês, de 1 a 31."), field="month_day")
    if not 0 <= wanted.hour <= 23:
        raise ScheduleRefused(_("Escolha uma hora, de 0 a 23."), field="hour")
    ids = set(wanted.recipients)
    if not ids:
        raise ScheduleRefused(_("Escolha quem recebe."), field="recipients")
    if len(ids) > MOST_RECIPIENTS:
        raise ScheduleRefused(_("São no máximo %(n)s pessoas por agendamento.") % {"n": MOST_RECIPIENTS}, field="recipients")
    if Membership.objects.filter(pk__in=ids, is_active=True, role__in=READERS).count() != len(ids):
        raise ScheduleRefused(_("Só recebe quem é da empresa e pode ver relatórios. Confira a lista."), field="recipients")
    told = ReportFilter.parse(wanted.filters)
    if not told.period:
        raise ScheduleRefused(_("Escolha um período que acompanhe o dia do envio."), field="period")
    if told.segment.startswith("s:"):
        number = told.segment[2:]
        shared = number.isascii() and number.isdigit() and Segment.objects.filter(pk=int(number[:15]), owner=None).exists()
        if not shared:
            raise ScheduleRefused(_("Este segmento é só seu. Salve um para todos antes de agendar."), field="segment")
    return told.told() | {"period": told.period or DEFAULT}

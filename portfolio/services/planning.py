"""Planning visits by hand: mark, move, cancel, put in order, and take each back. What is planned by itself is in due.py."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.arrays import array
from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Membership, Organization, Representative, Role
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from accounts.tenancy import active_organization_id
from clients.models import Client
from portfolio.errors import DayRefused, DayTaken, VisitNotWaiting
from portfolio.models import Visit

FARTHEST = timedelta(days=366)
# Stored as the source writes them, so that they count alike in every language; shown translated.
SKIPPED = gettext_noop("Pulada desta vez")
CANCEL_REASONS = (
    gettext_noop("Cliente pediu para não ir"),
    gettext_noop("Resolvido por telefone"),
    gettext_noop("Sem tempo nesse dia"),
    gettext_noop("Cliente fechou ou mudou"),
    SKIPPED,
)


@dataclass(frozen=True)
class Before:
    """How a visit stood before an act, and the version the act left: what taking it back needs. Days and instants in ISO 8601."""

    visit: int
    version: int
    created: bool = False
    planned_on: str = ""
    planned_at: str = ""
    position: int | None = None
    origin: str = ""
    cancelled: bool = False

    @classmethod
    def of(cls, visit: Visit) -> "Before":
        return cls(
            visit.pk,
            visit.version + 1,
            False,
            visit.planned_on.isoformat() if visit.planned_on else "",
            visit.planned_at.isoformat() if visit.planned_at else "",
            visit.position,
            visit.origin,
            visit.cancelled,
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def waiting_visits(*, from_day: date | None = None) -> QuerySet[Visit]:
    """Visits neither done nor cancelled, planned for ``from_day`` or later where one is given."""
    found = Visit.objects.filter(visited_at=None, cancelled_at=None, planned_on__isnull=False)
    return found.filter(planned_on__gte=from_day) if from_day else found


def checked_day(on: date, *, today: date) -> date:
    """``on``, if a visit may be planned for it.

    Raises
    ------
    DayRefused
        It is past or more than a year ahead.
    """
    if on < today:
        raise DayRefused(_("Esse dia já passou. Escolha hoje ou um dia à frente."))
    if on > today + FARTHEST:
        raise DayRefused(_("Escolha um dia dentro de um ano."))
    return on


def hour_on(on: date, at: datetime | None, organization: Organization) -> datetime | None:
    """``at``, if it falls on ``on`` in the organization's zone.

    Raises
    ------
    DayRefused
        It falls on another day.
    """
    if at is not None and local_day(organization, at=at) != on:
        raise DayRefused(_("O horário não é do dia escolhido."))
    return at


def plan_visit(
    client: Client,
    representative: Representative,
    on: date,
    at: datetime | None = None,
    *,
    by: Membership,
    origin: str = Visit.Origin.MANUAL,
) -> Visit:
    """The one visit that waits for the client, on that day: the one there is, moved there, or a new one.

    Who may plan whose visits is the caller's question. A past ``on`` is taken as it is: reports that come late carry such.

    Parameters
    ----------
    at : an hour agreed on that day; None keeps the hour of a visit already planned for that day

    Raises
    ------
    NotAllowed
        ``by`` only reads.
    """
    return plan_visit_saying(client, representative, on, at, by=by, origin=origin)[0]


@transaction.atomic
def plan_visit_saying(
    client: Client,
    representative: Representative,
    on: date,
    at: datetime | None = None,
    *,
    by: Membership,
    origin: str = Visit.Origin.MANUAL,
) -> tuple[Visit, Before | None]:
    """``plan_visit``, and what takes it back: None where nothing changed."""
    _may_write(by)
    # Two at once for one client: the lock makes the second see what the first wrote.
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    today = local_day(by.organization, at=timezone.now())
    of_client = waiting_visits().filter(client_id=client.pk)
    visit = of_client.filter(planned_on=on).first() or of_client.filter(planned_on__gte=today).order_by("planned_on", "pk").first()
    if visit is None:
        visit = Visit.objects.create(
            organization_id=client.organization_id,
            client=client,
            representative=representative,
            planned_on=on,
            planned_at=at,
            origin=origin,
            made_by=by,
        )
        record_event(f"visit:{visit.pk}", "visit.planned", by=Actor(by), after=_figures(visit) | {"origin": origin})
        return visit, Before(visit.pk, visit.version, created=True)
    if visit.planned_on == on and visit.representative_id == representative.pk and (at is None or at == visit.planned_at):
        return visit, None
    before, figures = Before.of(visit), _figures(visit)
    if visit.planned_on != on:
        visit.position, visit.planned_at = None, None
    visit.planned_on, visit.planned_at, visit.origin = on, at or visit.planned_at, origin
    visit.representative, visit.version = representative, visit.version + 1
    visit.save(update_fields=["planned_on", "planned_at", "position", "origin", "representative", "version"])
    record_event(f"visit:{visit.pk}", "visit.moved", by=Actor(by), before=figures, after=_figures(visit) | {"origin": origin})
    return visit, before


@transaction.atomic
def move_visit(visit: Visit, on: date, at: datetime | None = None, *, by: Membership) -> Before:
    """Plan a waiting visit (late and missed ones too) for another day or hour; ``at`` None means no hour.

    Raises
    ------
    NotAllowed
        ``by`` only reads.
    VisitNotWaiting
        It was done or cancelled meanwhile.
    DayRefused
        The day is past, too far ahead, or not that of the hour.
    DayTaken
        Another visit waits for the client on that day.
    """
    _may_write(by)
    on = checked_day(on, today=local_day(by.organization, at=timezone.now()))
    visit = _locked(visit.pk)
    hour_on(on, at, by.organization)
    _refuse_taken(visit, on)
    before, figures = Before.of(visit), _figures(visit)
    if visit.planned_on != on:
        visit.position = None  # its place was one in the other day's route
    visit.planned_on, visit.planned_at, visit.version = on, at, visit.version + 1
    visit.save(update_fields=["planned_on", "planned_at", "position", "version"])
    record_event(f"visit:{visit.pk}", "visit.moved", by=Actor(by), before=figures, after=_figures(visit))
    return before


@transaction.atomic
def cancel_visit(visit: Visit, reason: str, *, by: Membership) -> Before:
    """End a waiting visit without going. It uses up the client's turn: by its frequency the next falls one interval later.

    Raises
    ------
    NotAllowed
        ``by`` only reads.
    VisitNotWaiting
        It was done or cancelled meanwhile.
    DayRefused
        Nothing says why.
    """
    _may_write(by)
    reason = reason.strip()[:120]
    if not reason:
        raise DayRefused(_("Escolha o motivo do cancelamento."))
    visit = _locked(visit.pk)
    before = Before.of(visit)
    visit.cancelled_at, visit.cancel_reason, visit.version = timezone.now(), reason, visit.version + 1
    visit.save(update_fields=["cancelled_at", "cancel_reason", "version"])
    record_event(f"visit:{visit.pk}", "visit.cancelled", by=Actor(by), before=_figures(visit), reason=reason)
    return before


def skip_visit(visit: Visit, *, by: Membership) -> Before:
    """Let this turn pass: cancelled with that as its reason, and due again one interval later."""
    return cancel_visit(visit, SKIPPED, by=by)


@transaction.atomic
def take_back(before: Before, *, by: Membership) -> Visit | None:
    """Put a visit back as it stood; one that was only just planned goes. Returns the visit, or None where it went.

    Raises
    ------
    NotAllowed
        ``by`` only reads.
    ChangedMeanwhile
        Somebody changed the visit after the act to be taken back.
    DayTaken
        Another visit waits for the client on its former day.
    """
    _may_write(by)
    visit = _lock(before.visit)
    if visit is None or visit.version != before.version or visit.done:
        raise ChangedMeanwhile(_("A visita já mudou depois disso; nada foi desfeito."))
    if before.created:
        record_event(f"visit:{visit.pk}", "visit.plan_taken_back", by=Actor(by), before=_figures(visit))
        visit.delete()
        return None
    on = date.fromisoformat(before.planned_on) if before.planned_on else None
    if on is not None and not before.cancelled:
        _refuse_taken(visit, on)
    figures = _figures(visit)
    visit.planned_on, visit.position, visit.origin = on, before.position, before.origin
    visit.planned_at = datetime.fromisoformat(before.planned_at) if before.planned_at else None
    if not before.cancelled:
        visit.cancelled_at, visit.cancel_reason = None, ""
    visit.version += 1
    visit.save(update_fields=["planned_on", "planned_at", "position", "origin", "cancelled_at", "cancel_reason", "version"])
    record_event(f"visit:{visit.pk}", "visit.taken_back", by=Actor(by), before=figures, after=_figures(visit))
    return visit


_PLACE = """
UPDATE portfolio_visit v SET position = w.position FROM unnest(%(ids)s::bigint[], %(positions)s::int[]) AS w(id, position)
 WHERE v.organization_id = %(organization)s AND v.id = w.id AND v.representative_id = %(who)s AND v.planned_on = %(on)s
   AND v.position IS DISTINCT FROM w.position
"""


@transaction.atomic
def order_day(representative: Representative, on: date, positions: Sequence[tuple[int, int | None]], *, by: Membership) -> int:
    """Give visits of that day their places in the route: ``(visit id, position)``, None for no place. Returns how many changed.

    Visits that are not that representative's, or were moved off the day meanwhile, are left alone.

    Raises
    ------
    NotAllowed
        ``by`` only reads.
    """
    _may_write(by)
    with connection.cursor() as cursor:
        cursor.execute(
            _PLACE,
            {
                "organization": active_organization_id(),
                "ids": array(visit for visit, _position in positions),
                "positions": array(position for _visit, position in positions),
                "who": representative.pk,
                "on": on,
            },
        )
        changed = cursor.rowcount
    if changed:
        after = {"on": on.isoformat(), "visits": [visit for visit, _position in positions]}
        record_event(f"representative:{representative.pk}", "agenda.ordered", by=Actor(by), after=after)
    return changed


def _may_write(by: Membership) -> None:
    if by.role == Role.AUDITOR:
        raise NotAllowed(_("Você está em modo de leitura."))


def _locked(visit_id: int) -> Visit:
    visit = _lock(visit_id)
    if visit is None or visit.visited_at or visit.cancelled_at:
        raise VisitNotWaiting(_("Esta visita já foi feita ou cancelada."))
    return visit


def _lock(visit_id: int) -> Visit | None:
    """The visit under lock, its client locked first: the order in which everybody who writes visits takes them."""
    Client.objects.select_for_update(no_key=True, of=("self",)).filter(visits=visit_id).first()
    return Visit.objects.select_for_update(no_key=True, of=("self",)).select_related("client").filter(pk=visit_id).first()


def _refuse_taken(visit: Visit, on: date) -> None:
    if waiting_visits().filter(client_id=visit.client_id, planned_on=on).exclude(pk=visit.pk).exists():
        raise DayTaken(_("Já há uma visita marcada com %(client)s nesse dia.") % {"client": visit.client})


def _figures(visit: Visit) -> dict[str, Any]:
    return {
        "client": visit.client_id,
        "representative": visit.representative_id,
        "planned_on": visit.planned_on.isoformat() if visit.planned_on else None,
        "planned_at": visit.planned_at.isoformat() if visit.planned_at else None,
    }

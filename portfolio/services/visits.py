"""Reports of visits: stored once however often they arrive, changed without losing the words before."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Absence, Membership, Notice, Representative, Role
from accounts.selectors import local_day, representatives_visible_to
from accounts.services import Actor, notify, record_event
from clients.models import Client
from clients.selectors.visibility import clients_visible_to
from portfolio import photos
from portfolio.checkin import Fix, check_in, distance_of
from portfolio.errors import NeverReached, VisitRefused
from portfolio.models import Ownership, Visit, VisitEdit, VisitPhoto
from portfolio.projections import refresh_contact_days
from portfolio.services.planning import plan_visit
from portfolio.visit_asks import asked, sentence

OLDEST = timedelta(days=366)  # how far back a report may reach; older visits come by import


@dataclass(frozen=True)
class Photo:
    """A photo as it came: the device's own id for it, and its bytes."""

    id_made: uuid.UUID
    content: bytes


@dataclass(frozen=True)
class Report:
    """What a person reports of a visit. Money in cents; instants aware; ``visited_at`` and ``made_at`` None mean now."""

    outcome: str
    order_value_cents: int | None = None
    no_sale_reason: str = ""
    satisfaction: int | None = None  # 1 to 5
    note: str = ""
    next_contact_on: date | None = None
    visited_at: datetime | None = None
    made_at: datetime | None = None
    fix: Fix | None = None
    outside_reason: str = ""
    photos: Sequence[Photo] = field(default=())


class Recorded(NamedTuple):
    """The visit, and whether this call stored it (False: it was there already)."""

    visit: Visit
    stored: bool


# What a report says, as VisitEdit keeps it.
WORDS = (
    "outcome", "order_value_cents", "no_sale_reason", "satisfaction", "note", "next_contact_on", "visited_at", "visited_on",
    "latitude", "longitude", "accuracy_m", "fix_age_s", "distance_m", "outside_reason",
)  # fmt: skip


def record_visit(
    report: Report, *, id_made: uuid.UUID, client_id: int, by: Membership, at: datetime, plan: uuid.UUID | None = None
) -> Recorded:
    """Store the report of a visit, completing the plan it answers to; the same ``id_made`` again changes nothing.

    Parameters
    ----------
    plan : ``id_made`` of the planned visit this one carries out; without it, one planned for the client on that day is
    at : when it came; a visit is never later than that, whatever the device's clock says

    Raises
    ------
    NotAllowed
        The member only reads, or sells nothing and the client has no representative to report for.
    NeverReached
        The client was never within the member's reach. One that was, and changed hands since, is stored: a visit is a fact,
        and both representatives are told. One merged into another meanwhile means the one that took it in.
    VisitRefused
        What the report says cannot be stored; nothing was written.
    """
    if by.role == Role.AUDITOR:
        raise NotAllowed(_("Quem audita não registra visitas."))
    try:
        with transaction.atomic():
            return _record(report, id_made=id_made, client_id=client_id, by=by, at=at, plan=plan)
    except IntegrityError:
        # The same id for another client at the same moment: only the unique key stands between the two.
        twin = Visit.objects.filter(id_made=id_made).exclude(visited_at=None).first()
        if twin is None:
            raise
        return Recorded(twin, False)


def _record(report: Report, *, id_made: uuid.UUID, client_id: int, by: Membership, at: datetime, plan: uuid.UUID | None) -> Recorded:
    # Reports of one client come one after the other: the second of twenty equal ones finds the first.
    client = _locked(client_id)
    known = Visit.objects.filter(id_made=id_made).exclude(visited_at=None).first()
    if known is not None:
        return Recorded(known, False)
    own = Representative.objects.filter(membership_id=by.pk).first()
    within = client is not None and clients_visible_to(by).filter(pk=client.pk).exists()
    if client is None or not (within or _once_reached({client_id, client.pk}, by, own, on=local_day(by.organization, at=at))):
        raise NeverReached(_("Este cliente não está, nem esteve, ao seu alcance."))
    representative = own or (client.representative if by.role in (Role.ADMIN, Role.MANAGER) else None)
    if representative is None:
        raise NotAllowed(_("O seu acesso não está vinculado a um vendedor. Peça à administração para vincular."))
    said = _checked(report, client=client, by=by, at=at)
    visit = _plan_answered({client_id, client.pk}, representative, plan, said["visited_on"]) or Visit(
        organization_id=client.organization_id, version=0
    )
    visit.client, planned_on = client, visit.planned_on
    for name, value in said.items():
        setattr(visit, name, value)
    visit.id_made, visit.representative, visit.version = id_made, representative, visit.version + 1
    visit.made_by, visit.made_at, visit.received_at = by, report.made_at or at, at
    visit.save()
    _plan_next(visit, client, by=by)
    refresh_contact_days([client.pk])
    changed_hands = not within
    record_event(
        f"visit:{visit.pk}",
        "visit.recorded",
        by=Actor(by),
        after=_figures(visit)
        | {"client": client.pk, "representative": representative.pk, "planned_on": planned_on, "elsewhere": changed_hands},
    )
    if changed_hands:
        _tell_both(visit, client, by=by)
    _keep_photos(visit, report.photos, by=by)  # last: files do not roll back
    return Recorded(visit, True)


@transaction.atomic
def edit_visit(report: Report, *, id_made: uuid.UUID, by: Membership, at: datetime) -> Recorded:
    """Change the report of a visit: the last one received wins, the words before go to VisitEdit.

    A report that says what is there already (the answer to the first try was lost) changes nothing. Place and photos are
    only ever added: a report without them leaves those there are.

    Raises
    ------
    NotAllowed
        The member only reads.
    NeverReached
        No such visit, or one of somebody the member does not answer for.
    VisitRefused
        What the report says cannot be stored; nothing was written.
    """
    if by.role == Role.AUDITOR:
        raise NotAllowed(_("Quem audita não altera visitas."))
    visit = Visit.objects.select_for_update(no_key=True, of=("self",)).filter(id_made=id_made).exclude(visited_at=None).first()
    if visit is None or not may_edit(visit, by):
        raise NeverReached(_("Esta visita não existe ou não é sua."))
    said = _checked(report, client=visit.client, by=by, at=at, until=visit)
    fresh_photos = _unknown(report.photos)
    before = {name: getattr(visit, name) for name in WORDS}
    if {name: said[name] for name in WORDS} == before and not fresh_photos:
        return Recorded(visit, False)
    VisitEdit.objects.create(organization_id=visit.organization_id, visit=visit, version=visit.version, before=_plain(before), by=by)
    figures = _figures(visit)
    for name, value in said.items():
        setattr(visit, name, value)
    visit.version += 1
    visit.save()
    if visit.next_contact_on != before["next_contact_on"]:
        _unplan(visit.client, before["next_contact_on"], at=at)
        _plan_next(visit, visit.client, by=by)
    refresh_contact_days([visit.client_id])
    record_event(f"visit:{visit.pk}", "visit.edited", by=Actor(by), before=figures, after=_figures(visit))
    _keep_photos(visit, fresh_photos, by=by)
    return Recorded(visit, True)


def may_edit(visit: Visit, member: Membership) -> bool:
    """One's own reports, those of one's own representative, and for who leads, those of the team."""
    if member.role == Role.AUDITOR:
        return False
    return visit.made_by_id == member.pk or representatives_visible_to(member).filter(pk=visit.representative_id).exists()


def _checked(report: Report, *, client: Client, by: Membership, at: datetime, until: Visit | None = None) -> dict[str, Any]:
    """The visit's fields as the report gives them; ``until`` is the visit they change."""
    errors: dict[str, list[str]] = {}
    organization = by.organization
    outcome = report.outcome
    if outcome not in Visit.Outcome.values:
        errors["outcome"] = [_("Escolha o resultado da visita.")]
    if outcome == Visit.Outcome.SALE and not report.order_value_cents:
        errors["order_value"] = [_("Diga o valor do pedido.")]
    if outcome == Visit.Outcome.NO_SALE and not report.no_sale_reason:
        errors["no_sale_reason"] = [_("Escolha o motivo de não ter vendido.")]
    if report.satisfaction is not None and not 1 <= report.satisfaction <= 5:
        errors["satisfaction"] = [_("A satisfação vai de 1 a 5.")]
    # A clock that runs ahead must not put a visit in the future, nor make it be refused.
    visited_at = min(report.visited_at or (until.visited_at if until and until.visited_at else at), at)
    if visited_at < at - OLDEST and not (until and until.visited_at == visited_at):
        errors["visited_at"] = [_("A visita é de mais de um ano atrás. Visitas antigas entram por importação.")]
    visited_on = local_day(organization, at=visited_at)
    if report.next_contact_on is not None and report.next_contact_on <= visited_on:
        errors["next_contact_on"] = [_("O próximo contato tem de ser depois do dia da visita.")]
    wanted = asked(organization.visit_asks, outcome)
    for name in wanted:
        if not _has(report, name, until):
            errors.setdefault(name, []).append(sentence(name))
    place = _place(report, client, organization.check_in_radius_m, until, errors)
    if "location" in wanted and place["latitude"] is None:
        place["outside_reason"] = report.outside_reason or place["outside_reason"]
    if errors:
        raise VisitRefused(errors)
    return {
        "outcome": outcome,
        "order_value_cents": report.order_value_cents if outcome == Visit.Outcome.SALE else None,
        "no_sale_reason": report.no_sale_reason if outcome == Visit.Outcome.NO_SALE else "",
        "satisfaction": report.satisfaction,
        "note": report.note,
        "next_contact_on": report.next_contact_on,
        "visited_at": visited_at,
        "visited_on": visited_on,
        **place,
    }


def _has(report: Report, name: str, until: Visit | None) -> bool:
    """Whether the report fills in a field the company asks for; place and photos of the visit it corrects still count."""
    if name == "location":
        # A device may not know where it is, and a visit is a fact: why it goes without the place is an answer too.
        return report.fix is not None or bool(report.outside_reason) or (until is not None and until.latitude is not None)
    if name == "photo":
        return bool(report.photos) or (until is not None and until.photos.exists())
    return bool(getattr(report, name))


def _place(report: Report, client: Client, radius_m: int, until: Visit | None, errors: dict[str, list[str]]) -> dict[str, Any]:
    fix = report.fix
    if fix is None and until is not None:
        return {name: getattr(until, name) for name in ("latitude", "longitude", "accuracy_m", "fix_age_s", "distance_m")} | {
            "outside_reason": report.outside_reason or until.outside_reason
        }
    distance = distance_of(fix, client.latitude, client.longitude)
    outside = check_in(fix, distance, radius_m=radius_m) == "outside"
    if outside and not report.outside_reason:
        told = {"distance": distance, "radius": radius_m}
        errors["outside_reason"] = [_("Você está a %(distance)s m do cliente, fora do raio de %(radius)s m. Diga o motivo.") % told]
    return {
        "latitude": fix.latitude if fix else None,
        "longitude": fix.longitude if fix else None,
        "accuracy_m": fix.accuracy_m if fix else None,
        "fix_age_s": fix.age_s if fix else None,
        "distance_m": distance,
        "outside_reason": report.outside_reason if outside else "",
    }


def _locked(client_id: int) -> Client | None:
    """The client with its row locked; of one merged into another, also while this waited for the row, the one that took it in."""
    found = Client.objects.select_for_update(no_key=True).filter(pk=client_id).first()
    return _locked(found.merged_into_id) if found is not None and found.merged_into_id else found


def _once_reached(clients: set[int], member: Membership, own: Representative | None, *, on: date) -> bool:
    """Whether the member, or somebody they covered for, answered for one of the clients until ``on``; or a visit there was theirs."""
    if own is None:
        return False
    overlap = Coalesce(OuterRef("ended_on"), Value(date.max))
    covered = Absence.objects.filter(
        cover=own, starts_on__lte=on, starts_on__lt=overlap, representative=OuterRef("representative"), ends_on__gt=OuterRef("started_on")
    )
    answered = Ownership.objects.filter(Q(representative=own) | Exists(covered), client__in=clients, started_on__lte=on)
    return answered.exists() or Visit.objects.filter(Q(representative=own) | Q(made_by=member), client__in=clients).exists()


def _plan_answered(clients: set[int], representative: Representative, plan: uuid.UUID | None, visited_on: date) -> Visit | None:
    """The planned visit this report carries out: the one named, even if it was cancelled meanwhile; else one of that day.

    Of two waiting on one day, a merge leaves one with the client it absorbed: ``clients`` are both.
    """
    open_visits = Visit.objects.filter(client__in=clients, visited_at=None, planned_on__isnull=False)
    if plan is not None:
        named = open_visits.filter(id_made=plan).first()
        if named is not None:
            return named
    own_first = Case(When(representative=representative, then=0), default=1)
    return open_visits.filter(planned_on=visited_on, cancelled_at=None).order_by(own_first, "planned_at", "pk").first()


def _unknown(given: Sequence[Photo]) -> list[Photo]:
    """The photos not kept yet, each once."""
    wanted = {photo.id_made: photo for photo in given}
    kept = set(VisitPhoto.objects.filter(id_made__in=wanted).values_list("id_made", flat=True)) if wanted else set()
    return [photo for made, photo in wanted.items() if made not in kept]


def _keep_photos(visit: Visit, given: Sequence[Photo], *, by: Membership) -> None:
    fresh = _unknown(given)
    already = VisitPhoto.objects.filter(visit=visit).count() if fresh and visit.version > 1 else 0
    if already + len(fresh) > photos.MAX_PHOTOS:
        raise VisitRefused({"photo": [_("São no máximo %(n)s fotos por visita.") % {"n": photos.MAX_PHOTOS}]})
    if any(len(photo.content) > photos.MAX_BYTES for photo in fresh):
        raise VisitRefused({"photo": [_("Cada foto pode ter até 2 MB. Diminua a foto ou deixe-a de fora.")]})
    pictures = [photos.bare(photo.content) for photo in fresh]
    if None in pictures:
        raise VisitRefused({"photo": [_("Só fotos JPEG, PNG ou WebP são guardadas. Tire a foto de novo ou deixe-a de fora.")]})
    kept: list[VisitPhoto] = []
    try:
        for photo, (content, kind) in zip(fresh, filter(None, pictures), strict=True):
            stored_as = photos.keep(content, kind, organization_id=visit.organization_id)
            kept.append(
                VisitPhoto(
                    organization_id=visit.organization_id,
                    visit=visit,
                    id_made=photo.id_made,
                    stored_as=stored_as,
                    content_type=kind,
                    size_bytes=len(content),
                    by=by,
                )
            )
        VisitPhoto.objects.bulk_create(kept)
    except (OSError, DatabaseError):
        for each in kept:  # a file without its row would never be found again
            photos.forget(each.stored_as, organization_id=visit.organization_id)
        raise


def _plan_next(visit: Visit, client: Client, *, by: Membership) -> None:
    """The next contact waits with whoever answers for the client now, so that it is not lost with a change of hands."""
    if visit.next_contact_on is not None:
        whose = client.representative or visit.representative
        plan_visit(client, whose, visit.next_contact_on, by=by, origin=Visit.Origin.NEXT_CONTACT)


def _unplan(client: Client, on: date | None, *, at: datetime) -> None:
    if on is not None:
        waiting = Visit.objects.filter(client=client, planned_on=on, origin=Visit.Origin.NEXT_CONTACT, visited_at=None, cancelled_at=None)
        waiting.update(cancelled_at=at, cancel_reason=_("Próximo contato remarcado"), version=F("version") + 1)


def _tell_both(visit: Visit, client: Client, *, by: Membership) -> None:
    answers = client.representative.membership_id if client.representative else None
    facts = {
        "client": [client.pk, str(client)],
        "visit": visit.pk,
        "on": visit.visited_on.isoformat() if visit.visited_on else None,
        "by": visit.representative.name,
        "representative": client.representative.name if client.representative else "",
    }
    told = {by.pk} | ({answers} if answers else set())
    notify(told, Notice.Kind.VISIT_ELSEWHERE, key=f"visit:{visit.pk}:elsewhere", facts=facts)


def _figures(visit: Visit) -> dict[str, Any]:
    """What the audit keeps of a report: figures and choices, never the words of a note or where somebody was."""
    return _plain(
        {name: getattr(visit, name) for name in ("outcome", "order_value_cents", "no_sale_reason", "next_contact_on", "visited_at")}
    ) | {
        "version": visit.version,
        "distance_m": visit.distance_m,
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}

"""Days on which a representative is away, and who sees their clients meanwhile. It ends by itself: a day is compared, nothing is moved."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Absence, Membership, Notice, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.services.audit import Actor, record_event
from accounts.services.messaging import notify
from accounts.templatetags.formats import day_year

LONGEST = timedelta(days=366)


class CoverRefused(DomainError):
    """The absence cannot be as given; ``field`` names what to mend."""

    code = "cover_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def set_cover(
    representative: Representative,
    cover: Representative | None,
    *,
    starts_on: date,
    last_on: date,
    reason: str,
    by: Membership,
    today: date,
) -> Absence:
    """``representative`` is away from ``starts_on`` to ``last_on``, both included; ``cover`` sees their clients on those days.

    Ownership and commission stay as they are. Both are told.

    Raises
    ------
    NotAllowed
        ``by`` neither administers nor manages both.
    CoverRefused
        Days in the past, in the wrong order or too many; away already; covered by oneself, by somebody who does not serve or is away
        then; or covering somebody else on those days.
    """
    people = _locked(by, representative, cover)
    if starts_on < today:
        raise CoverRefused(_("O primeiro dia já passou. Comece hoje ou depois."), field="starts_on")
    _check(people, representative, cover, starts_on, last_on)
    absence = Absence.objects.create(
        organization_id=by.organization_id,
        representative=representative,
        cover=cover,
        starts_on=starts_on,
        ends_on=last_on + timedelta(days=1),
        reason=reason.strip()[:80],
    )
    record_event(f"representative:{representative.pk}", "absence.set", by=Actor(by), after=_figures(absence), reason=absence.reason)
    _tell(absence, "set", {representative, cover}, by)
    return absence


@transaction.atomic
def change_cover(
    absence: Absence, cover: Representative | None, *, starts_on: date, last_on: date, reason: str, by: Membership, today: date
) -> Absence:
    """Change who covers, the days or the reason of an absence that is not over. The first day of one that began stays.

    Raises
    ------
    ChangedMeanwhile
        It is over, or somebody took it away.
    NotAllowed, CoverRefused
        As ``set_cover``; and a last day before today: that is ending it.
    """
    absence = _open(absence, today)
    people = _locked(by, absence.representative, cover)
    began = absence.starts_on <= today
    if began and starts_on != absence.starts_on:
        raise CoverRefused(_("A ausência já começou; o primeiro dia não muda."), field="starts_on")
    if not began and starts_on < today:
        raise CoverRefused(_("O primeiro dia já passou. Comece hoje ou depois."), field="starts_on")
    if last_on < today:
        raise CoverRefused(_("O último dia já passou. Para que termine agora, encerre a cobertura."), field="last_on")
    _check(people, absence.representative, cover, starts_on, last_on, but=absence)
    before, former = _figures(absence), absence.cover
    absence.cover, absence.starts_on, absence.ends_on, absence.reason = cover, starts_on, last_on + timedelta(days=1), reason.strip()[:80]
    absence.save(update_fields=["cover", "starts_on", "ends_on", "reason"])
    stream = f"representative:{absence.representative_id}"
    record_event(stream, "absence.changed", by=Actor(by), before=before, after=_figures(absence), reason=absence.reason)
    _tell(absence, "changed", {absence.representative, cover}, by)
    if former and former != cover:
        _tell(absence, "ended", {former}, by)
    return absence


@transaction.atomic
def end_cover(absence: Absence, *, by: Membership, today: date) -> None:
    """End the absence now: the clients are seen by their own representative alone from this moment. One that did not begin goes.

    Raises
    ------
    ChangedMeanwhile
        It is over already.
    NotAllowed
        ``by`` neither administers nor manages both.
    """
    absence = _open(absence, today)
    _locked(by, absence.representative, absence.cover)
    close_absence(absence, by=Actor(by), today=today)
    _tell(absence, "ended", {absence.representative, absence.cover}, by)


@transaction.atomic
def resume_cover(was: Mapping[str, Any], *, by: Membership, today: date) -> Absence:
    """Take back an ending: the absence stands again as it ``was`` (``absence_figures``).

    Raises
    ------
    ChangedMeanwhile
        It would be over by now, or somebody planned otherwise since.
    NotAllowed
        ``by`` neither administers nor manages both.
    """
    people = Representative.objects.in_bulk([pk for pk in (was["representative"], was["cover"]) if pk])
    _locked(by, *people.values())
    absence = restore_absence(was, by=Actor(by), today=today)
    if absence is None:
        raise ChangedMeanwhile(_("Já não dá para desfazer: a ausência acabou, ou alguém já marcou outra coisa para estes dias."))
    _tell(absence, "set", {absence.representative, absence.cover}, by, key="resumed")
    return absence


def close_absence(absence: Absence, *, by: Actor, today: date) -> None:
    """Shorten the absence to end with yesterday, or take it away where it would hold no day; in the caller's transaction."""
    before, stream = _figures(absence), f"representative:{absence.representative_id}"
    if absence.starts_on < today:
        absence.ends_on = min(absence.ends_on, today)
        absence.save(update_fields=["ends_on"])
        record_event(stream, "absence.ended", by=by, before=before, after=_figures(absence))
    else:
        record_event(stream, "absence.taken_back", by=by, before=before)
        pk = absence.pk
        absence.delete()
        absence.pk = pk


def uncover(absence: Absence, *, by: Actor) -> None:
    """Nobody covers the rest of this absence any more: who did leaves. In the caller's transaction."""
    before = _figures(absence)
    absence.cover = None
    absence.save(update_fields=["cover"])
    record_event(f"representative:{absence.representative_id}", "absence.uncovered", by=by, before=before, after=_figures(absence))


def absence_figures(absence: Absence) -> dict[str, Any]:
    """How the absence stands, as JSON: what ``restore_absence`` puts back."""
    return _figures(absence) | {"representative": absence.representative_id, "reason": absence.reason}


def restore_absence(was: Mapping[str, Any], *, by: Actor, today: date) -> Absence | None:
    """Put an absence that ``close_absence`` or ``uncover`` changed back to what it ``was``; in the caller's transaction.

    None where it is over meanwhile, where somebody planned other days or another cover since, or where who covered is no longer free:
    what people decided later stands.
    """
    starts_on, ends_on = date.fromisoformat(was["starts_on"]), date.fromisoformat(was["ends_on"])
    if ends_on <= today:
        return None
    same = Absence.objects.filter(pk=was["absence"]).first()
    away = Absence.objects.filter(starts_on__lt=ends_on, ends_on__gt=max(starts_on, today)).exclude(pk=was["absence"])
    if away.filter(Q(representative=was["representative"]) | Q(cover=was["representative"])).exists():
        return None
    if was["cover"] and away.filter(representative=was["cover"]).exists():
        return None
    if same is None:
        same = Absence(
            representative_id=was["representative"], cover_id=was["cover"], starts_on=starts_on, ends_on=ends_on, reason=was["reason"]
        )
        before = None
    elif same.starts_on != starts_on or same.cover_id not in (None, was["cover"]) or same.ends_on > ends_on:
        return None
    else:
        before = _figures(same)
        same.cover_id, same.ends_on = was["cover"], ends_on
    same.save()
    record_event(f"representative:{same.representative_id}", "absence.restored", by=by, before=before, after=_figures(same))
    return same


def _locked(by: Membership, *people: Representative | None) -> dict[int, Representative]:
    """The people under lock, by id: two who plan for one person at once wait for each other."""
    ids = {person.pk for person in people if person}
    reach = representatives_visible_to(by) if by.role in (Role.ADMIN, Role.MANAGER) else Representative.objects.none()
    if reach.filter(pk__in=ids).count() != len(ids):
        raise NotAllowed(_("Você só marca coberturas entre vendedores da sua equipe."))
    locked = Representative.objects.select_for_update(no_key=True, of=("self",)).select_related("membership")
    return {person.pk: person for person in locked.filter(pk__in=ids).order_by("pk")}


def _open(absence: Absence, today: date) -> Absence:
    found = Absence.objects.select_related("representative", "cover").filter(pk=absence.pk, ends_on__gt=today).first()
    if found is None:
        raise ChangedMeanwhile(_("Esta cobertura já terminou ou foi encerrada por outra pessoa."))
    return found


def _check(
    people: dict[int, Representative],
    person: Representative,
    cover: Representative | None,
    starts_on: date,
    last_on: date,
    *,
    but: Absence | None = None,
) -> None:
    ends_on = last_on + timedelta(days=1)
    if last_on < starts_on:
        raise CoverRefused(_("O último dia vem antes do primeiro. Confira as datas."), field="last_on")
    if ends_on - starts_on > LONGEST:
        raise CoverRefused(_("Uma ausência dura no máximo um ano. Para quem não volta, use a saída do vendedor."), field="last_on")
    away = Absence.objects.filter(starts_on__lt=ends_on, ends_on__gt=starts_on).exclude(pk=but.pk if but else 0)
    own = away.filter(representative=person).order_by("starts_on").first()
    if own:
        raise CoverRefused(
            _("%(name)s já está ausente %(days)s. Mude aquela ausência ou escolha outros dias.") % _words(own, person), field="starts_on"
        )
    if not _serves(people[person.pk], starts_on, ends_on):
        raise CoverRefused(_("%(name)s não está em atividade em todos esses dias.") % {"name": person.name}, field="representative")
    covering = away.filter(cover=person).select_related("representative").order_by("starts_on").first()
    if covering:
        sentence = _("%(name)s cobre %(other)s %(days)s. Escolha antes outra pessoa para essa cobertura.")
        raise CoverRefused(sentence % {**_words(covering, person), "other": covering.representative.name}, field="representative")
    if cover is None:
        return
    if cover.pk == person.pk:
        raise CoverRefused(_("Ninguém cobre a si mesmo. Escolha outra pessoa."), field="cover")
    if not _serves(people[cover.pk], starts_on, ends_on):
        raise CoverRefused(_("%(name)s não está em atividade em todos esses dias.") % {"name": cover.name}, field="cover")
    absent = away.filter(representative=cover).order_by("starts_on").first()
    if absent:
        raise CoverRefused(_("%(name)s também está ausente %(days)s. Escolha outra pessoa.") % _words(absent, cover), field="cover")


def _serves(person: Representative, starts_on: date, ends_on: date) -> bool:
    begun = person.valid_from is None or person.valid_from <= starts_on
    stays = person.valid_to is None or person.valid_to >= ends_on
    return begun and stays and (person.membership is None or person.membership.is_active)


def _words(absence: Absence, person: Representative) -> dict[str, str]:
    first, last = day_year(absence.starts_on), day_year(absence.ends_on - timedelta(days=1))
    return {"name": person.name, "days": _("de %(first)s a %(last)s") % {"first": first, "last": last}}


def _figures(absence: Absence) -> dict[str, Any]:
    return {
        "absence": absence.pk,
        "cover": absence.cover_id,
        "starts_on": absence.starts_on.isoformat(),
        "ends_on": absence.ends_on.isoformat(),
    }


def _tell(absence: Absence, what: str, people: set[Representative | None], by: Membership, *, key: str = "") -> None:
    """One notice a person, about oneself or about whom they cover; who acted knows."""
    facts = {
        "what": what,
        "starts_on": absence.starts_on.isoformat(),
        "last_on": (absence.ends_on - timedelta(days=1)).isoformat(),
        "name": absence.representative.name,
        "cover": absence.cover.name if absence.cover else "",
        "by": by.name,
    }
    for person in people:
        if person is None or person.membership_id in (None, by.pk):
            continue
        own = person.pk == absence.representative_id
        once = f"absence:{absence.pk}:{key or what}:{absence.starts_on}:{absence.ends_on}:{absence.cover_id or 0}"
        notify([person.membership_id], Notice.Kind.COVER, key=once, facts=facts | {"own": own})

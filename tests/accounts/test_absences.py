"""Covers: what is refused and why, who sees whose clients on which day, and that it ends by itself."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import Absence, AuditEvent, Notice, Role
from accounts.selectors import local_day
from accounts.services.absences import CoverRefused, change_cover, end_cover, set_cover
from clients.models import Client
from clients.selectors import clients_visible_to
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(acting):
    """Ana and Bruno of one team, each with a sign-in and a client; their manager; the organization's day."""
    team = TeamFactory()
    people = []
    for name in ("Ana", "Bruno", "Caio"):
        member = make_member(acting, Role.REPRESENTATIVE, name=name, team=team)
        people.append(RepresentativeFactory(name=name, team=team, membership=member))
        ClientFactory(representative=people[-1])
    return {
        "people": people,
        "manager": make_member(acting, Role.MANAGER, team=team),
        "today": local_day(acting, at=timezone.now()),
        "organization": acting,
    }


def cover(scene, away=0, by=1, *, first=0, last=6, who="manager"):
    people, today = scene["people"], scene["today"]
    days = {"starts_on": today + timedelta(days=first), "last_on": today + timedelta(days=last)}
    return set_cover(people[away], people[by], **days, reason="Férias", by=scene[who], today=today)


def seen(scene, who):
    return set(clients_visible_to(scene["people"][who].membership).values_list("representative__name", flat=True))


def test_the_cover_sees_the_clients_while_it_lasts_and_nothing_else_changes(scene):
    cover(scene)

    assert seen(scene, 1) == {"Ana", "Bruno"} and seen(scene, 0) == {"Ana"}
    assert Client.objects.get(representative=scene["people"][0])
    assert {(each.membership.name, each.facts["own"]) for each in Notice.objects.filter(kind="cover")} == {("Ana", True), ("Bruno", False)}
    assert AuditEvent.objects.get(action="absence.set").reason == "Férias"


@pytest.mark.parametrize(("zone", "sees"), [("Pacific/Kiritimati", False), ("Pacific/Pago_Pago", True)])
def test_it_ends_by_itself_when_the_organizations_own_day_is_over(scene, zone, sees):
    """On one instant it is the day after the last one here, and the last one there: 25 hours lie between the two."""
    organization = scene["organization"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now = cursor.fetchone()[0]
    organization.time_zone = "Pacific/Kiritimati"
    kiritimati = local_day(organization, at=now)
    organization.time_zone = zone
    organization.save(update_fields=["time_zone"])
    for person in scene["people"]:
        person.membership.organization.refresh_from_db()
    last_on = kiritimati - timedelta(days=1)
    Absence.objects.create(
        representative=scene["people"][0],
        cover=scene["people"][1],
        starts_on=last_on - timedelta(days=3),
        ends_on=last_on + timedelta(days=1),
    )

    assert ("Ana" in seen(scene, 1)) is sees


@pytest.mark.parametrize(
    ("away", "by", "first", "last", "field", "words"),
    [
        (0, 0, 0, 3, "cover", "a si mesmo"),
        (0, 2, 3, 9, "starts_on", "já está ausente"),
        (2, 0, 5, 9, "cover", "também está ausente"),
        (1, 2, 5, 9, "representative", "cobre Ana"),
        (2, 1, -1, 3, "starts_on", "já passou"),
        (2, 1, 4, 3, "last_on", "vem antes"),
        (2, 1, 0, 400, "last_on", "no máximo um ano"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(scene, away, by, first, last, field, words):
    cover(scene)

    with pytest.raises(CoverRefused) as refused:
        if away == by:
            Absence.objects.all().delete()
        cover(scene, away, by, first=first, last=last)

    assert refused.value.field == field and words in str(refused.value)


def test_who_left_covers_nobody_and_strangers_arrange_nothing(scene, acting):
    bruno = scene["people"][1]
    bruno.membership.is_active = False
    bruno.membership.save()
    with pytest.raises(CoverRefused):
        cover(scene)
    scene["stranger"] = make_member(acting, Role.MANAGER, team=TeamFactory())
    scene["auditor"] = make_member(acting, Role.AUDITOR)
    for who in ("stranger", "auditor"):
        with pytest.raises(NotAllowed):
            cover(scene, 0, 2, who=who)


def test_a_change_moves_the_days_and_the_person(scene):
    absence, today = cover(scene, first=2, last=6), scene["today"]

    change_cover(
        absence, scene["people"][2], starts_on=today, last_on=today + timedelta(days=1), reason="", by=scene["manager"], today=today
    )

    assert seen(scene, 2) == {"Ana", "Caio"} and seen(scene, 1) == {"Bruno"}
    kinds = [(each.membership.name, each.facts["what"]) for each in Notice.objects.filter(kind="cover").order_by("pk")]
    assert set(kinds[2:]) == {("Ana", "changed"), ("Caio", "changed"), ("Bruno", "ended")}


def test_ending_it_early_ends_it_now_and_one_to_come_goes(scene):
    begun = cover(scene)
    Absence.objects.filter(pk=begun.pk).update(starts_on=scene["today"] - timedelta(days=2))
    coming = cover(scene, 2, 1, first=10, last=12)

    end_cover(begun, by=scene["manager"], today=scene["today"])
    end_cover(coming, by=scene["manager"], today=scene["today"])

    assert seen(scene, 1) == {"Bruno"}
    assert list(Absence.objects.values_list("pk", "ends_on")) == [(begun.pk, scene["today"])]
    with pytest.raises(ChangedMeanwhile):
        end_cover(begun, by=scene["manager"], today=scene["today"])


def test_an_ending_is_taken_back_from_its_message_once(scene, signed_in):
    begun = cover(scene)
    Absence.objects.filter(pk=begun.pk).update(starts_on=scene["today"] - timedelta(days=2))
    coming = cover(scene, 2, 1, first=10, last=12)
    was = list(Absence.objects.order_by("starts_on").values_list("representative", "cover", "starts_on", "ends_on", "reason"))
    web, base = signed_in(scene["manager"]), f"/o/{scene['manager'].organization.slug}/cover/"

    undos = []
    for absence in (begun, coming):
        page = web.post(f"{base}{absence.pk}/end/", follow=True).content.decode()
        undos.append(re.search(rf'{base}undo/[^"/]+/', page)[0])
    assert seen(scene, 1) == {"Bruno"} and Absence.objects.count() == 1

    stranger = signed_in(make_member(scene["manager"].organization, Role.ADMIN))
    assert "Já não dá para desfazer isso." in stranger.post(undos[0], follow=True).content.decode()
    for undo in undos:
        assert "vale de novo" in web.post(undo, follow=True).content.decode()
    assert list(Absence.objects.order_by("starts_on").values_list("representative", "cover", "starts_on", "ends_on", "reason")) == was
    assert seen(scene, 1) == {"Ana", "Bruno"}
    # the message's button asks as a fragment: the whole page comes anew, with the word on it
    fragment = web.post(undos[1], headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (204, base)
    assert "alguém já marcou outra coisa" in web.get(base).content.decode()
    # twice, or after somebody planned otherwise, it is refused in words
    assert "alguém já marcou outra coisa" in web.post(undos[1], follow=True).content.decode() and Absence.objects.count() == 2

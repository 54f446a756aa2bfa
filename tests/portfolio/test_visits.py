"""Reports of visits: stored once, whatever happened meanwhile; changed without losing the words before."""

import struct
import threading
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from accounts.errors import NotAllowed
from accounts.models import Absence, AuditEvent, Notice
from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.models import ClientActivity, Colleague
from portfolio.checkin import Fix, check_in, distance_of
from portfolio.errors import NeverReached, VisitRefused
from portfolio.models import Ownership, Visit, VisitEdit, VisitPhoto
from portfolio.photos import bare, kind_of, path_of
from portfolio.services import transfer_client
from portfolio.services.visits import Photo, Report, edit_visit, record_visit
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)  # 11:30 in São Paulo
TODAY = date(2026, 11, 23)
PLACE = {"latitude": -22.8219, "longitude": -47.2669}
SALE = Report("sale", order_value_cents=534_000, next_contact_on=date(2026, 12, 7))
JPEG = b"\xff\xd8\xff\xe0\x00\x04jj\xff\xda" + b"j" * 50
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\x00IEND\xaeB`\x82"
WEBP = b"RIFF\x3e\x00\x00\x00WEBPVP8 \x32\x00\x00\x00" + b"w" * 50


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def ana(acting):
    return RepresentativeFactory(code="V-01", name="Ana", membership=make_member(acting, "representative", name="Ana"))


@pytest.fixture
def bruno(acting):
    return RepresentativeFactory(code="V-02", name="Bruno", membership=make_member(acting, "representative", name="Bruno"))


@pytest.fixture
def client(ana):
    found = ClientFactory(name="Empório Serra Clara", representative=ana, **PLACE)
    OwnershipFactory(client=found, representative=ana, started_on=date(2026, 1, 1))
    return found


def report(client, member, said=SALE, *, made=None, plan=None, at=NOW):
    return record_visit(said, id_made=made or uuid.uuid4(), client_id=client.pk, by=member, at=at, plan=plan)


def test_a_report_is_stored_with_its_figures_and_the_next_contact_is_planned(client, ana):
    made = uuid.uuid4()
    visit, stored = report(client, ana.membership, replace(SALE, note="Quer 28 dias", satisfaction=4), made=made)

    assert stored
    visit.refresh_from_db()
    assert (visit.id_made, visit.representative, visit.made_by, visit.visited_on) == (made, ana, ana.membership, TODAY)
    assert (visit.outcome, visit.order_value_cents, visit.note, visit.satisfaction) == ("sale", 534_000, "Quer 28 dias", 4)
    assert visit.visited_at == visit.made_at == NOW
    planned = Visit.objects.get(visited_at=None)
    assert (planned.planned_on, planned.representative, planned.origin) == (date(2026, 12, 7), ana, "next_contact")
    activity = ClientActivity.objects.get(client=client)
    assert (activity.last_visit_on, activity.last_contact_on) == (TODAY, TODAY)
    event = AuditEvent.objects.get(action="visit.recorded")
    assert (event.actor_id, event.after["order_value_cents"], event.after["client"]) == (ana.membership.pk, 534_000, client.pk)
    assert "28 dias" not in str(event.after)


def test_the_same_id_again_changes_nothing_whatever_else_it_says(client, ana):
    made = uuid.uuid4()
    first = report(client, ana.membership, made=made).visit
    again = report(ClientFactory(representative=ana), ana.membership, Report("absent"), made=made)
    assert (again.visit.pk, again.stored, again.visit.outcome) == (first.pk, False, "sale")
    assert Visit.objects.exclude(visited_at=None).count() == AuditEvent.objects.filter(action="visit.recorded").count() == 1


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (Report("bought"), "outcome"),
        (Report("sale"), "order_value"),
        (Report("no_sale"), "no_sale_reason"),
        (Report("absent", satisfaction=6), "satisfaction"),
        (Report("absent", next_contact_on=TODAY), "next_contact_on"),
        (Report("absent", visited_at=NOW - timedelta(days=400)), "visited_at"),
        (Report("absent", photos=[Photo(uuid.uuid4(), b"<svg onload=alert(1)>")]), "photo"),
        (Report("absent", photos=[Photo(uuid.uuid4(), JPEG) for _each in range(6)]), "photo"),
        (Report("absent", photos=[Photo(uuid.uuid4(), JPEG + b"x" * 2_100_000)]), "photo"),
        (Report("absent", fix=Fix(-22.83, -47.2669, 20, 5)), "outside_reason"),
    ],
)
def test_what_cannot_be_stored_is_said_by_field_and_nothing_is_written(client, ana, files, said, field):
    with pytest.raises(VisitRefused) as refused:
        report(client, ana.membership, said)
    assert list(refused.value.errors) == [field]
    assert Visit.objects.count() == VisitPhoto.objects.count() == AuditEvent.objects.count() == 0
    assert list(files.rglob("*.jpg")) == []


def test_a_clock_that_runs_ahead_puts_no_visit_in_the_future(client, ana):
    ahead = NOW + timedelta(hours=3)
    visit = report(client, ana.membership, replace(SALE, visited_at=ahead, made_at=ahead)).visit
    assert (visit.visited_at, visit.made_at) == (NOW, ahead)


def test_an_outcome_keeps_only_what_it_needs(client, ana):
    visit = report(client, ana.membership, Report("absent", order_value_cents=500, no_sale_reason="Preço")).visit
    assert (visit.order_value_cents, visit.no_sale_reason) == (None, "")


def test_a_report_completes_the_plan_it_names_else_the_one_of_that_day(client, ana):
    named = VisitFactory(client=client, representative=ana, planned_on=TODAY - timedelta(days=3), cancelled_at=NOW)
    of_today = VisitFactory(client=client, representative=ana, planned_on=TODAY)
    tomorrow = VisitFactory(client=client, representative=ana, planned_on=TODAY + timedelta(days=1))

    assert report(client, ana.membership, Report("absent"), plan=named.id_made).visit.pk == named.pk
    assert report(client, ana.membership, Report("absent")).visit.pk == of_today.pk
    assert report(client, ana.membership, Report("absent")).visit.pk not in {named.pk, of_today.pk, tomorrow.pk}
    named.refresh_from_db()
    assert (named.done, named.cancelled) == (True, False)  # done wins: a visit is a fact
    tomorrow.refresh_from_db()
    assert not tomorrow.done


def test_one_visit_waits_for_a_client_and_day_however_often_it_is_agreed(client, ana):
    for _each in range(2):
        report(client, ana.membership)
    assert Visit.objects.filter(visited_at=None, planned_on=date(2026, 12, 7)).count() == 1


def test_a_client_that_changed_hands_meanwhile_is_stored_and_both_are_told(client, ana, bruno, acting):
    admin = make_member(acting, "admin")
    transfer_client(client=client, to=bruno, by=Actor(admin), on=TODAY, reason="giro")
    visit = report(client, ana.membership).visit
    assert visit.representative == ana
    told = Notice.objects.filter(kind="visit_elsewhere")
    assert set(told.values_list("membership_id", flat=True)) == {ana.membership_id, bruno.membership_id}
    assert told[0].facts["client"] == [client.pk, "Empório Serra Clara"]
    # What was agreed with the client waits with who answers for it now.
    assert Visit.objects.get(visited_at=None).representative == bruno


def test_a_client_never_within_reach_is_refused(client, bruno):
    with pytest.raises(NeverReached):
        report(client, bruno.membership)
    with pytest.raises(NeverReached):
        record_visit(SALE, id_made=uuid.uuid4(), client_id=10**9, by=bruno.membership, at=NOW)
    assert Visit.objects.count() == 0


def test_who_covered_for_the_representative_may_report_then_and_afterwards(client, ana, bruno, acting):
    absence = Absence.objects.create(
        organization=acting, representative=ana, cover=bruno, starts_on=TODAY - timedelta(days=20), ends_on=TODAY - timedelta(days=10)
    )
    assert report(client, bruno.membership).stored
    Visit.objects.all().delete()
    absence.starts_on, absence.ends_on = TODAY + timedelta(days=10), TODAY + timedelta(days=20)
    absence.save()
    with pytest.raises(NeverReached):
        report(client, bruno.membership)
    absence.starts_on, absence.ends_on = date(2025, 1, 1), date(2025, 12, 31)  # before Ana answered for the client
    absence.save()
    with pytest.raises(NeverReached):
        report(client, bruno.membership)


def test_a_colleague_beside_the_representative_may_report(client, bruno, acting):
    Colleague.objects.create(organization=acting, client=client, membership=bruno.membership, part="inside_sales", since=TODAY)
    assert report(client, bruno.membership).visit.representative == bruno


def test_a_manager_reports_for_the_clients_representative_within_the_team(client, ana, acting):
    team = TeamFactory()
    near, far = make_member(acting, "manager", team=team), make_member(acting, "manager", team=TeamFactory())
    ana.team = team
    ana.save()
    visit = report(client, near).visit
    assert (visit.representative, visit.made_by) == (ana, near)
    with pytest.raises(NeverReached):
        report(client, far)


def test_who_only_reads_records_nothing(client, acting):
    with pytest.raises(NotAllowed):
        report(client, make_member(acting, "auditor"))
    lone = make_member(acting, "representative", email="lone@vale-verde.example")
    Colleague.objects.create(organization=acting, client=client, membership=lone, part="billing", since=TODAY)
    with pytest.raises(NotAllowed):
        report(client, lone)


# Where the person was.


def test_the_distance_is_that_of_the_sphere():
    # One degree of a great circle of the mean radius; São Paulo to Rio de Janeiro.
    assert distance_of(Fix(0, 0), 0, 1) == 111_195
    assert distance_of(Fix(-23.5503, -46.6339), -22.9068, -43.1729) == pytest.approx(360_700, abs=1_000)
    assert distance_of(None, 0, 0) is None and distance_of(Fix(0, 0), None, 0) is None


@pytest.mark.parametrize(
    ("fix", "distance", "state"),
    [
        (None, None, "none"),
        (Fix(0, 0, 10, 0), None, "unplaced"),
        (Fix(0, 0, 10, 61), 40, "old"),
        (Fix(0, 0, 10, None), 40, "old"),
        (Fix(0, 0, 201, 60), 40, "vague"),
        (Fix(0, 0, None, 60), 40, "vague"),
        (Fix(0, 0, 200, 60), 200, "inside"),
        (Fix(0, 0, 200, 60), 201, "outside"),
        (Fix(0, 0, 500, 60), 5_000, "vague"),
    ],
)
def test_a_fix_proves_what_its_age_and_accuracy_allow(fix, distance, state):
    assert check_in(fix, distance, radius_m=200) == state


def test_outside_the_radius_is_stored_with_its_reason(client, ana):
    far = Fix(-22.8319, -47.2669, 20, 5)
    visit = report(client, ana.membership, replace(SALE, fix=far, outside_reason="Encontro no depósito")).visit
    assert (visit.distance_m, visit.accuracy_m, visit.fix_age_s) == (1_112, 20, 5)
    assert visit.outside_reason == "Encontro no depósito"
    near = report(client, ana.membership, replace(SALE, fix=Fix(-22.8222, -47.2669, 20, 5), outside_reason="Encontro no depósito")).visit
    assert (near.distance_m, near.outside_reason) == (33, "")


# Photos.


def test_photos_are_known_by_their_bytes_kept_once_and_below_the_organization(client, ana, files):
    ids = [uuid.uuid4() for _each in range(3)]
    given = [Photo(made, content) for made, content in zip(ids, (JPEG, PNG, WEBP), strict=True)]
    made = uuid.uuid4()
    visit = report(client, ana.membership, replace(SALE, photos=given), made=made).visit
    report(client, ana.membership, replace(SALE, photos=given), made=made)
    kept = list(visit.photos.order_by("pk"))
    assert [(photo.id_made, photo.content_type, photo.size_bytes) for photo in kept] == [
        (ids[0], "image/jpeg", len(JPEG)),
        (ids[1], "image/png", len(PNG)),
        (ids[2], "image/webp", len(WEBP)),
    ]
    paths = [path_of(photo.stored_as, organization_id=client.organization_id) for photo in kept]
    assert [path.read_bytes() for path in paths] == [JPEG, PNG, WEBP]
    assert {path.parent for path in paths} == {files / str(client.organization_id)}
    assert len(list(files.rglob("*.*"))) == 3


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def exif(turn: int, order: str = "<") -> bytes:
    """An EXIF segment of a phone held sideways, with its coordinates."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    entries = struct.pack(order + "HHHIHH", 2, 0x0112, 3, 1, turn, 0) + struct.pack(order + "HHII", 0x8825, 4, 1, 38)
    return b"Exif\0\0" + head + entries + struct.pack(order + "I", 0) + b"GPS 22.8219 S"


def test_what_a_camera_wrote_of_the_place_is_not_kept_but_which_way_is_up():
    body = b"\xff\xda" + b"j" * 50
    for order in "<>":
        taken = (
            b"\xff\xd8" + segment(0xE0, b"JFIF") + segment(0xE1, exif(6, order)) + segment(0xE1, b"xmp GPS") + segment(0xFE, b"GPS") + body
        )
        content, kind = bare(taken)
        assert (kind, b"GPS" in content, content[-52:]) == ("image/jpeg", False, body)
        assert content[2:4] == b"\xff\xe1" and content[4 + 8 : 4 + 10] == b"MM"
        assert bare(content)[0] == content  # bare already, and still turned
    assert bare(b"\xff\xd8" + segment(0xE0, b"JFIF") + body)[0] == b"\xff\xd8" + segment(0xE0, b"JFIF") + body
    chunk = struct.pack(">I4s", 3, b"eXIf") + b"GPS" + b"0000"
    assert bare(PNG[:8] + chunk + PNG[8:]) == (PNG, "image/png")
    placed = b"WEBP" + WEBP[12:] + b"EXIF" + struct.pack("<I", 3) + b"GPS\0"
    assert bare(b"RIFF" + struct.pack("<I", len(placed)) + placed) == (WEBP, "image/webp")
    assert bare(b"\xff\xd8\xff\xe0") is None and bare(b"\x89PNG\r\n\x1a\n123") is None


def test_a_name_that_leaves_the_folder_finds_nothing(acting, files):
    (files / "secret").write_text("x")
    assert path_of("../secret", organization_id=acting.pk) is None
    assert kind_of(b"GIF89a") is None and kind_of(b"") is None


# Editing.


def test_the_last_edit_wins_and_the_words_before_are_kept(client, ana):
    visit = report(client, ana.membership, replace(SALE, note="primeira")).visit
    edited = edit_visit(Report("no_sale", no_sale_reason="Preço", note="segunda"), id_made=visit.id_made, by=ana.membership, at=NOW)
    assert edited.stored
    visit.refresh_from_db()
    assert (visit.outcome, visit.order_value_cents, visit.no_sale_reason, visit.note, visit.version) == (
        "no_sale",
        None,
        "Preço",
        "segunda",
        2,
    )
    assert visit.visited_at == NOW
    kept = VisitEdit.objects.get()
    assert (kept.version, kept.before["outcome"], kept.before["order_value_cents"], kept.before["note"]) == (1, "sale", 534_000, "primeira")
    # The answer was lost and the device sends again: nothing happens.
    again = edit_visit(Report("no_sale", no_sale_reason="Preço", note="segunda"), id_made=visit.id_made, by=ana.membership, at=NOW)
    assert (again.stored, VisitEdit.objects.count()) == (False, 1)


def test_an_edit_moves_the_next_contact_and_keeps_place_and_photos(client, ana):
    visit = report(client, ana.membership, replace(SALE, fix=Fix(-22.8222, -47.2669, 20, 5), photos=[Photo(uuid.uuid4(), JPEG)])).visit
    edit_visit(replace(SALE, next_contact_on=date(2026, 12, 14)), id_made=visit.id_made, by=ana.membership, at=NOW)
    waiting = Visit.objects.filter(visited_at=None, cancelled_at=None)
    assert [each.planned_on for each in waiting] == [date(2026, 12, 14)]
    visit.refresh_from_db()
    assert (visit.distance_m, visit.photos.count()) == (33, 1)


def test_an_edit_is_for_who_made_it_or_leads(client, ana, bruno, acting):
    visit = report(client, ana.membership).visit
    with pytest.raises(NeverReached):
        edit_visit(Report("absent"), id_made=visit.id_made, by=bruno.membership, at=NOW)
    with pytest.raises(NotAllowed):
        edit_visit(Report("absent"), id_made=visit.id_made, by=make_member(acting, "auditor"), at=NOW)
    assert edit_visit(Report("absent"), id_made=visit.id_made, by=make_member(acting, "admin"), at=NOW).stored


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("clients", [1, 2])
def test_twenty_equal_posts_at_once_have_one_effect(organization, clients):
    """Also when a broken device sends one id for two clients: only the unique key stands between them then."""
    with acting_for(organization.pk):
        ana = RepresentativeFactory(membership=make_member(organization, "representative"))
        reached = ClientFactory.create_batch(clients, representative=ana)
        member = ana.membership
        member.organization  # noqa: B018 - read before the threads
    made, gate, answers = uuid.uuid4(), threading.Barrier(20), []

    def send(position):
        gate.wait()
        try:
            with acting_for(organization.pk):
                said = replace(SALE, photos=[Photo(uuid.UUID(int=7), JPEG)])
                answers.append(record_visit(said, id_made=made, client_id=reached[position % clients].pk, by=member, at=NOW).stored)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[position]) for position in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(answers) == {True: 1, False: 19}
    with acting_for(organization.pk):
        assert Visit.objects.filter(id_made=made).count() == 1
        assert Visit.objects.filter(visited_at=None).count() == 1
        assert VisitPhoto.objects.count() == AuditEvent.objects.filter(action="visit.recorded").count() == 1
        assert Ownership.objects.count() == 0

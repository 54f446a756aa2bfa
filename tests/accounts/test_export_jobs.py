"""A long list becomes a job: composed by a worker with the same reach, kept for who asked for it, told, recorded, erased."""

import csv
import tracemalloc
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts import tasks
from accounts.models import AuditEvent, ExportJob, Membership, Notice, Role, Team
from accounts.services import exports
from accounts.spreadsheets import write_rows
from accounts.tenancy import tenant_atomic
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/o/vale-verde/"
LIST = f"{BASE}clients/export.csv"


@pytest.fixture
def house(organization, web, monkeypatch, settings, tmp_path):
    """Four clients of one team and one of another's, where two rows are a long list and what a message asks for is done at once."""
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("accounts.exporting.AT_ONCE", 2)
    sent: list[int] = []
    monkeypatch.setattr(exports, "send_on_commit", lambda _name, job, **_organization: sent.append(job))
    with tenant_atomic(organization.pk):
        near, far = TeamFactory(name="Perto"), TeamFactory(name="Longe")
        manager = make_member(organization, Role.MANAGER, team=near)
        other = make_member(organization, Role.ADMIN)
        ana, bruno = RepresentativeFactory(code="V-1", team=near), RepresentativeFactory(code="V-2", team=far)
        for n in range(4):
            ClientFactory(code=f"D{n}", name=f"=Padaria {n}", representative=ana, segment="Padaria" if n else "Mercado")
        ClientFactory(code="Z9", name="Mercado Lua", representative=bruno)
    return {"manager": manager, "other": other, "far": far, "sent": sent, "organization": organization, "folder": tmp_path}


def ask(house, web, path=LIST) -> ExportJob:
    answer = web.get(path)
    assert answer.status_code == 302, answer
    with tenant_atomic(house["organization"].pk):
        job = ExportJob.objects.latest("pk")
    assert answer["Location"] == f"{BASE}files/{job.pk}/"
    return job


def work(house) -> None:
    while house["sent"]:
        tasks.compose_export(house["sent"].pop(0), organization_id=house["organization"].pk)


def read(response) -> list[list[str]]:
    return list(csv.reader(b"".join(response.streaming_content).decode("utf-8-sig").splitlines()))


def test_a_long_list_is_made_by_a_worker_told_taken_and_recorded(house, signed_in):
    web = signed_in(house["manager"])
    job = ask(house, web, f"{LIST}?segment=Padaria")
    assert ask(house, web, f"{LIST}?segment=Padaria").pk == job.pk  # asked twice, made once
    page = web.get(f"{BASE}files/{job.pk}/").content.decode()
    assert "Na fila" in page and 'hx-trigger="load delay:2s"' in page
    assert web.get(f"{BASE}files/{job.pk}/file").status_code == 404

    work(house)

    page = web.get(f"{BASE}files/{job.pk}/").content.decode()
    assert "O arquivo está pronto." in page and "hx-trigger" not in page.split('id="export"')[1].split(">")[0]
    assert f"{BASE}files/{job.pk}/" in web.get(f"{BASE}files/").content.decode()
    file = web.get(f"{BASE}files/{job.pk}/file")
    assert file["Cache-Control"] == "no-store"
    assert [row[:2] for row in read(file)[1:]] == [["D1", "'=Padaria 1"], ["D2", "'=Padaria 2"], ["D3", "'=Padaria 3"]]
    with tenant_atomic(house["organization"].pk):
        made = AuditEvent.objects.get(action="list.exported")
        assert (made.actor_id, made.after) == (house["manager"].pk, {"form": "csv", "rows": 3, "filter": "segment=Padaria"})
        taken = AuditEvent.objects.get(action="export.taken")
        assert (taken.stream, taken.after["rows"]) == (f"export:{job.pk}", 3)
        told = Notice.objects.get(membership=house["manager"], kind=Notice.Kind.FILE_READY)
        assert (told.facts["rows"], told.facts["export"]) == (3, job.pk)
    tasks.compose_export(job.pk, organization_id=house["organization"].pk)  # a message delivered twice
    with tenant_atomic(house["organization"].pk):
        assert AuditEvent.objects.filter(action="list.exported").count() == 1


def test_a_short_list_leaves_at_once(house, signed_in):
    assert signed_in(house["manager"]).get(f"{LIST}?segment=Mercado").status_code == 200
    assert house["sent"] == []


def test_the_file_is_for_who_asked_while_they_reach_what_it_holds(house, signed_in):
    web = signed_in(house["manager"])
    job = ask(house, web)
    work(house)
    path = f"{BASE}files/{job.pk}/file"
    others = signed_in(house["other"])
    assert others.get(path).status_code == others.get(f"{BASE}files/{job.pk}/").status_code == 404
    with tenant_atomic(house["organization"].pk):
        Membership.objects.filter(pk=house["manager"].pk).update(team=Team.objects.get(pk=house["far"].pk))
    assert web.get(path).status_code == 404  # it holds the other team's clients now


def test_who_changed_team_while_it_waited_gets_no_file(house, signed_in):
    web = signed_in(house["manager"])
    ask(house, web)
    with tenant_atomic(house["organization"].pk):
        Membership.objects.filter(pk=house["manager"].pk).update(team=Team.objects.get(pk=house["far"].pk))
    work(house)
    with tenant_atomic(house["organization"].pk):
        job = ExportJob.objects.get()
        assert (job.state, job.error) == ("failed", "Esta lista não está mais ao seu alcance.")
        assert not AuditEvent.objects.filter(action="list.exported").exists()
    assert not list((house["folder"] / str(house["organization"].pk) / "exports").iterdir())


def test_many_rows_ask_who_sits_there_for_the_asking_and_for_the_file(house, signed_in, monkeypatch):
    web = signed_in(house["manager"])
    job = ask(house, web)
    work(house)
    for module in ("accounts.exporting", "accounts.views.exports"):
        monkeypatch.setattr(f"{module}.MANY_ROWS", 3)
    for path in (LIST, f"{BASE}files/{job.pk}/file"):
        assert urlsplit(web.get(path)["Location"]).path == "/accounts/reauthenticate/"


def test_a_failure_is_said_and_raised_and_leaves_no_file(house, signed_in, monkeypatch):
    web = signed_in(house["manager"])
    job = ask(house, web)

    def broken(*_args, **_kwargs):
        raise OSError("no space left")

    monkeypatch.setattr("accounts.exporting.write_rows", broken)
    with pytest.raises(OSError, match="no space"):
        work(house)
    page = web.get(f"{BASE}files/{job.pk}/").content.decode()
    assert "O arquivo não pôde ser feito." in page and f'href="{LIST}"' in page
    with tenant_atomic(house["organization"].pk):
        assert Notice.objects.get(kind=Notice.Kind.FILE_READY).facts["state"] == "failed"
    assert not list((house["folder"] / str(house["organization"].pk) / "exports").iterdir())


def test_what_a_dead_worker_left_is_begun_again_and_after_three_times_said(house, signed_in):
    ask(house, signed_in(house["manager"]))
    house["sent"].clear()  # the message is lost
    with tenant_atomic(house["organization"].pk):
        job = ExportJob.objects.get()
        now = job.asked_at
        assert exports.exports_waiting(at=now) == []
        assert exports.exports_waiting(at=now + exports.LOST + timedelta(seconds=1)) == [job.pk]
        for attempt in range(1, exports.ATTEMPTS + 1):
            now += exports.DEAD
            ExportJob.objects.update(state="running", begun_at=now, attempts=attempt)
            assert exports.exports_waiting(at=now + exports.DEAD / 2) == []
            waiting = exports.exports_waiting(at=now + exports.DEAD + timedelta(seconds=1))
            assert waiting == ([job.pk] if attempt < exports.ATTEMPTS else [])
        assert ExportJob.objects.get().state == "failed"
        assert Notice.objects.filter(kind=Notice.Kind.FILE_READY).count() == 1


def test_the_file_is_erased_when_its_days_are_over(house, signed_in):
    web = signed_in(house["manager"])
    job = ask(house, web)
    work(house)
    with tenant_atomic(house["organization"].pk):
        job.refresh_from_db()
        stored = house["folder"] / str(house["organization"].pk) / job.stored_as
        assert stored.is_file()
        assert exports.erase_exports(job.organization_id, at=timezone.now()) == 0
        ExportJob.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert web.get(f"{BASE}files/{job.pk}/file").status_code == 404
    tasks.sweep_exports()
    assert not stored.parent.exists()
    assert "O arquivo foi apagado." in web.get(f"{BASE}files/{job.pk}/").content.decode()
    with tenant_atomic(house["organization"].pk):
        exports.erase_exports(job.organization_id, at=timezone.now() + timedelta(days=31))
        assert not ExportJob.objects.exists()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_eleven_times_the_rows_take_no_more_memory(form, tmp_path):
    day = datetime(2026, 3, 4, tzinfo=UTC).date()
    path, peaks = tmp_path / f"list.{form}", []
    for n_rows in (20, 20, 220):  # the first time, what is made once is made
        tracemalloc.start()
        with path.open("wb") as file:
            rows = ([n, f"Empório {n}", day, "x" * 3_000] for n in range(n_rows))
            write_rows(form, file, ["N", "Cliente", "Dia", "Nota"], rows, scratch=tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 100_000  # 600,000 letters more were written
    if form == "xlsx":
        read_back = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
        assert (len(read_back), read_back[220][:2]) == (221, [219, "Empório 219"])

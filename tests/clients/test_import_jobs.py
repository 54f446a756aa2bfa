"""Files through the browser: matched, checked without writing, confirmed, taken in by turns, mended, resumed and erased."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as conf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Notice, Role
from accounts.tenancy import acting_for
from clients.imports import ImportRefused, jobs
from clients.imports.errors import MissingColumns
from clients.imports.kinds.base import kind_named
from clients.imports.kinds.clients import Clients
from clients.imports.mapping import key_of
from clients.imports.places import MOST_BYTES
from clients.imports.spoken import guess_columns
from clients.models import Client, ImportJob
from tests.factories import make_member

pytestmark = pytest.mark.django_db
CLIENTS = """Código;Razão Social;CNPJ;Município;UF;Observações internas
C1;Açaí do Pará Ltda;11.222.333/0001-81;Belém;PA;x
C2;Bazar Dois;;Curitiba;PR;
"""


@pytest.fixture
def admin(organization, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    with acting_for(organization.pk):
        return make_member(organization, Role.ADMIN, name="Helena")


@pytest.fixture
def send(admin):
    """``send("clients", text)`` keeps the file as a page would and has its columns as suggested; the job comes back."""

    def keep(kind: str, text: str | bytes, *, match: bool = True, name: str = "arquivo.csv", **more) -> ImportJob:
        with acting_for(admin.organization_id):
            content = text if isinstance(text, bytes) else text.encode()
            job = jobs.receive_upload(kind, [content], file_name=name, by=admin, language="pt-br", **more)
            if match:
                chosen, decimal, _remembered = jobs.suggested_columns(job)
                jobs.choose_columns(job, chosen, decimal=decimal, by=admin)
        return job

    return keep


def worked(job: ImportJob) -> ImportJob:
    """What the worker makes of the queue, and the job after it."""
    while jobs.work(job.organization_id, at=timezone.now()):
        pass
    return again(job)


def again(job: ImportJob) -> ImportJob:
    with acting_for(job.organization_id):
        return ImportJob.objects.get(pk=job.pk)


def confirmed(job: ImportJob, admin) -> ImportJob:
    with acting_for(job.organization_id):
        jobs.confirm(job, by=admin)
    return worked(job)


@pytest.mark.parametrize(
    ("kind", "header", "expected"),
    [
        (
            "clients",
            "Código;Razão Social;Nome Fantasia;CNPJ/CPF;Município;UF;Vendedor",
            "client_code name trade_name tax_id city state representative_code",
        ),
        (
            "clients",
            "A1_COD;A1_NOME;A1_NREDUZ;A1_CGC;A1_MUN;A1_EST;A1_VEND",
            "client_code name trade_name tax_id city state representative_code",
        ),
        (
            "clients",
            "CODCLI;CLIENTE;FANTASIA;CGCENT;MUNICENT;ESTENT;CODUSUR",
            "client_code name trade_name tax_id city state representative_code",
        ),
        ("clients", "CardCode;CardName;SlpCode;Ciudad;Teléfono", "client_code name representative_code city phone"),
        ("clients", "Customer ID;Company Name;City;Email address", "client_code name city email"),
        ("orders", "Nº;Pedido;Cliente;Emissão;Valor Total;Situação", "- order_code client_code ordered_on amount status"),
        (
            "orders",
            "NUMPED;CODCLI;DTFAT;CODPROD;QT;PVENDA;CODUSUR",
            "order_code client_code ordered_on product_code quantity unit_price representative_code",
        ),
        ("orders", "Factura;Cliente;Fecha;Importe", "order_code client_code ordered_on amount"),
        ("products", "SKU;Descrição;Família;UM;Estoque", "product_code name category unit stock_quantity"),
        ("representatives", "RCA;Nome;Supervisor;E-mail", "representative_code name team email"),
    ],
)
def test_headers_of_erps_and_of_three_languages_are_recognized(kind, header, expected):
    keys = [key_of(cell) for cell in header.split(";")]

    found = {position: name for name, position in guess_columns(keys, kind_named(kind)).items()}

    assert [found.get(position, "-") for position in range(len(keys))] == expected.split()


def test_a_file_is_checked_confirmed_and_taken_in(send, admin, organization):
    job = worked(send("clients", CLIENTS))

    assert job.state == "checked"
    assert {name: job.found[name] for name in ("rows", "created", "updated", "unchanged", "refused")} == {
        "rows": 2, "created": 2, "updated": 0, "unchanged": 0, "refused": 0,
    }  # fmt: skip
    assert job.found["ignored_columns"] == ["Observações internas"]
    with acting_for(organization.pk):
        assert not Client.objects.exists()  # a check writes nothing

    job = confirmed(job, admin)

    assert (job.state, job.rows, job.created, job.updated, job.refused) == ("done", 2, 2, 0, 0)
    with acting_for(organization.pk):
        assert sorted(Client.objects.values_list("code", "name", "city", "state")) == [
            ("C1", "Açaí do Pará Ltda", "Belém", "PA"),
            ("C2", "Bazar Dois", "Curitiba", "PR"),
        ]
        told = Notice.objects.get(membership=admin, kind=Notice.Kind.IMPORT_ENDED)
        assert (told.facts["state"], told.facts["created"]) == ("done", 2)


def test_the_same_file_twice_changes_nothing_and_names_the_first(send, admin, organization):
    first = confirmed(worked(send("clients", CLIENTS)), admin)
    second = worked(send("clients", CLIENTS))

    assert (second.found["created"], second.found["updated"], second.found["unchanged"]) == (0, 0, 2)
    with acting_for(organization.pk):
        assert jobs.same_file_before(second) == first


def test_what_a_person_chose_is_remembered_for_the_same_headers_in_any_order(send, admin, organization):
    odd = "identificador do parceiro;texto livre;CNPJ\nC1;Açaí;\n"
    job = send("clients", odd, match=False)
    with acting_for(organization.pk):
        assert jobs.suggested_columns(job)[0] == {"tax_id": "CNPJ"}
        jobs.choose_columns(job, {"client_code": "identificador do parceiro", "name": "texto livre"}, decimal="", by=admin)
        other = send("clients", "CNPJ;Texto livre;Identificador do Parceiro\n;Bazar;C2\n", match=False)
        assert jobs.suggested_columns(other) == ({"client_code": "Identificador do Parceiro", "name": "Texto livre"}, "", True)


def test_a_missing_column_is_named_and_nothing_is_queued(send, admin, organization):
    job = send("orders", "Pedido;Cliente\nP1;C1\n", match=False)
    with acting_for(organization.pk), pytest.raises(MissingColumns):
        jobs.choose_columns(job, {"order_code": "Pedido", "client_code": "Cliente"}, decimal="", by=admin)
    assert again(job).state == "uploaded"


def test_refused_lines_mended_and_sent_again_complete_the_file(send, admin, organization):
    text = "Código;Nome;CNPJ\n" + "".join(f"C{n};Cliente {n};{'errado' if n % 3 == 0 else ''}\n" for n in range(9))
    job = worked(send("clients", text))
    assert (job.found["created"], job.found["refused"]) == (6, 3)
    assert [each["line"] for each in job.refusals] == [2, 5, 8]
    assert (job.refusals[0]["column"], job.refusals[0]["value"]) == ("CNPJ", "errado")
    assert job.reasons == [["CNPJ", job.refusals[0]["reason"], 3]]

    job = confirmed(job, admin)
    refused = jobs.refused_file_of(job)
    assert refused is not None
    assert Path(conf.MEDIA_ROOT) / str(organization.pk) in refused.parents
    mended = refused.read_text(encoding="utf-8-sig").replace("errado", "")
    second = send("clients", mended, match=False, mends=job)
    with acting_for(organization.pk):
        chosen, _decimal, remembered = jobs.suggested_columns(second)
        assert remembered
        jobs.choose_columns(second, chosen, decimal="", by=admin)
    second = confirmed(worked(second), admin)

    assert (second.state, second.created, second.refused) == ("done", 3, 0)
    with acting_for(organization.pk):
        assert Client.objects.count() == 9


def test_one_file_at_a_time_the_oldest_first(send, admin, organization):
    first, second = send("clients", CLIENTS), send("products", "SKU;Descrição\nA;Suco\n")
    with acting_for(organization.pk):
        assert (jobs.ahead_of(first), jobs.ahead_of(second)) == (0, 1)
        ImportJob.objects.filter(pk=first.pk).update(heartbeat_at=timezone.now())  # another worker is at it
    assert not jobs.work(organization.pk, at=timezone.now())
    assert again(second).state == "checking"

    with acting_for(organization.pk):
        ImportJob.objects.filter(pk=first.pk).update(heartbeat_at=None)
    assert jobs.work(organization.pk, at=timezone.now())
    assert (again(first).state, again(second).state) == ("checked", "checking")


def test_an_import_killed_in_the_middle_is_begun_again_and_every_row_counted_once(send, admin, organization, monkeypatch):
    text = "client_code,name\n" + "".join(f"C{n},Cliente {n}\n" for n in range(40))
    job = worked(send("clients", text))
    with acting_for(organization.pk):
        jobs.confirm(job, by=admin)
    monkeypatch.setattr(Clients, "chunk_rows", 10)
    load, chunks = Clients.load, iter(range(100))

    def dies(self, stage):
        if next(chunks) == 2:
            raise KeyboardInterrupt  # as a worker that is stopped: no refusal, and nothing of ours may call it an end
        return load(self, stage)

    monkeypatch.setattr(Clients, "load", dies)
    with pytest.raises(KeyboardInterrupt):
        jobs.work(organization.pk, at=timezone.now())
    half = again(job)
    with acting_for(organization.pk):
        written = Client.objects.count()
    assert (half.state, half.created) == ("running", written)
    assert 0 < written < 40
    later = timezone.now() + jobs.SILENT + timedelta(seconds=1)
    assert jobs.organizations_waiting([organization.pk], at=timezone.now()) == []  # not silent yet
    assert jobs.organizations_waiting([organization.pk], at=later) == [organization.pk]

    assert jobs.work(organization.pk, at=later)

    job = again(job)
    assert (job.state, job.rows, job.created, job.updated, job.unchanged) == ("done", 40, 40, 0, 0)


def test_what_fails_five_times_is_given_up_and_said(send, admin, organization):
    job = send("clients", CLIENTS)
    with acting_for(organization.pk):
        ImportJob.objects.filter(pk=job.pk).update(attempts=jobs.ATTEMPTS)
    assert not jobs.work(organization.pk, at=timezone.now())
    job = again(job)
    assert (job.state, bool(job.error)) == ("failed", True)
    with acting_for(organization.pk):
        assert Notice.objects.get(membership=admin).facts["state"] == "failed"


def test_a_cancelled_import_stops_between_chunks_and_keeps_what_it_wrote(send, admin, organization, monkeypatch):
    text = "client_code,name\n" + "".join(f"C{n},Cliente {n}\n" for n in range(40))
    job = worked(send("clients", text))
    with acting_for(organization.pk):
        jobs.confirm(job, by=admin)
    monkeypatch.setattr(Clients, "chunk_rows", 10)
    load = Clients.load

    def cancelled_meanwhile(self, stage):
        tally = load(self, stage)
        ImportJob.objects.filter(pk=job.pk).update(state="cancelled")
        return tally

    monkeypatch.setattr(Clients, "load", cancelled_meanwhile)
    monkeypatch.setattr(jobs.time, "monotonic", iter(range(10_000)).__next__)  # each look at the row is a second after the last
    assert jobs.work(organization.pk, at=timezone.now())
    job = again(job)
    with acting_for(organization.pk):
        assert (job.state, job.created) == ("cancelled", Client.objects.count())
        assert 0 < job.created < 40
        assert not Notice.objects.exists()


def test_files_and_samples_are_erased_after_the_stated_time_and_counts_stay(send, admin, organization):
    done = confirmed(worked(send("clients", CLIENTS + "C3;;;;;\n")), admin)
    left = worked(send("clients", CLIENTS))
    folder = Path(conf.MEDIA_ROOT) / str(organization.pk)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 3
    with acting_for(organization.pk):
        assert jobs.erase_old_files(organization, at=timezone.now() + timedelta(days=29)) == 0
        assert jobs.erase_old_files(organization, at=timezone.now() + timedelta(days=31)) == 2
    done, left = again(done), again(left)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert (done.state, done.created, done.refused, done.sample, done.refusals) == ("done", 2, 1, [], [])
    assert left.state == "cancelled"


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"%PDF-1.4 x", "PDF"), (b"", "vazio"), (b"a;a\n1;2\n", "duas vezes"), (b"x" * (MOST_BYTES + 1), "20 MB")],
)
def test_what_is_no_table_is_refused_and_not_kept(send, organization, content, says):
    with pytest.raises(ImportRefused, match=says):
        send("clients", content)
    folder = Path(conf.MEDIA_ROOT) / str(organization.pk)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    with acting_for(organization.pk):
        assert not ImportJob.objects.exists()


# -- the pages


def url(place: str) -> str:
    return f"/o/vale-verde/{place}"


def upload(text: str | bytes, name: str = "clientes.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())


def test_a_person_takes_a_file_from_upload_to_result_and_mends_it(admin, organization, signed_in):
    web = signed_in(admin)
    faulty = CLIENTS.replace("11.222.333/0001-81", "11.222.333/0001-82")
    asked = web.post(url("imports/"), {"kind": "clients", "file": upload(faulty)})
    with acting_for(organization.pk):
        job = ImportJob.objects.get()
    assert (asked.status_code, asked["Location"]) == (302, url(f"imports/{job.pk}/columns/"))
    page = web.get(asked["Location"])
    form = {f"h{n}": page.context["headers"][n][3] for n in range(6)}
    assert form == {"h0": "client_code", "h1": "name", "h2": "tax_id", "h3": "city", "h4": "state", "h5": ""}
    assert page.context["unmatched"] == ["Observações internas"]
    twice = web.post(asked["Location"], form | {"h5": "name"})
    assert (twice.status_code, "duas vezes" in twice.content.decode()) == (422, True)
    lacking = web.post(asked["Location"], form | {"h1": ""})
    assert lacking.status_code == 422
    assert "name" in lacking.content.decode()

    checking = web.post(asked["Location"], form, follow=True)
    assert "Na" in checking.content.decode()
    waiting = web.get(url(f"jobs/{job.pk}/"), headers={"HX-Request": "true"})
    assert (waiting.status_code, waiting["Cache-Control"]) == (200, "no-store")
    worked(job)
    card = web.get(url(f"jobs/{job.pk}/"), headers={"HX-Request": "true"})
    assert card.status_code == 286
    assert "11.222.333/0001-82" in card.content.decode()
    web.post(url(f"jobs/{job.pk}/confirm/"))
    worked(job)
    refused = b"".join(web.get(url(f"jobs/{job.pk}/refused.csv")).streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(refused)))
    assert [(row["Código"], row["line"], row["column"]) for row in rows] == [("C1", "2", "CNPJ")]
    again_sent = web.post(url(f"jobs/{job.pk}/mended/"), {"file": upload(refused.replace("0001-82", "0001-81"))})
    with acting_for(organization.pk):
        second = ImportJob.objects.get(mends=job)
    assert (again_sent.status_code, again_sent["Location"]) == (302, url(f"jobs/{second.pk}/"))
    worked(second)
    web.post(url(f"jobs/{second.pk}/confirm/"))
    second = worked(second)
    assert (second.state, second.created, second.refused) == ("done", 1, 0)


def test_a_refused_upload_says_why_at_its_field_and_keeps_nothing(admin, organization, signed_in):
    web = signed_in(admin)
    for form, field in (
        ({"kind": "clients"}, "file"),
        ({"file": upload("a\n")}, "kind"),
        ({"kind": "clients", "file": upload(b"%PDF")}, "file"),
    ):
        answer = web.post(url("imports/"), form)
        assert (answer.status_code, field in answer.context["faults"]) == (422, True)
    with acting_for(organization.pk):
        assert not ImportJob.objects.exists()


def test_ten_thousand_refused_lines_weigh_no_more_than_fifty(send, admin, organization, signed_in):
    text = "Código;Nome;CNPJ\n" + "".join(f"C{n};Cliente {n};errado{n % 7}\n" for n in range(10_000))
    job = worked(send("clients", text))
    assert (job.found["refused"], len(job.refusals), len(job.reasons)) == (10_000, 50, 1)
    web = signed_in(admin)
    page = web.get(url(f"jobs/{job.pk}/"))
    assert len(page.content) < 60_000
    assert "Nenhuma linha entrou" in page.content.decode() and "já está aqui" not in page.content.decode()
    small = worked(send("clients", text[: text.index("C2;")]))
    with CaptureQueriesContext(connection) as few:
        web.get(url(f"jobs/{small.pk}/"))
    with CaptureQueriesContext(connection) as many:
        web.get(url(f"jobs/{job.pk}/"))
    assert len(many) == len(few)
    web.post(url(f"jobs/{job.pk}/confirm/"))
    job = worked(job)
    page = web.get(url(f"jobs/{job.pk}/")).content.decode()
    assert job.state == "done" and "Nenhuma linha entrou" in page and "já estava aqui" not in page


def test_the_list_costs_the_same_with_one_file_and_with_thirty(send, admin, organization, signed_in):
    web = signed_in(admin)
    worked(send("clients", CLIENTS))
    web.get(url("imports/"))
    with CaptureQueriesContext(connection) as one:
        web.get(url("imports/"))
    with acting_for(organization.pk):
        ImportJob.objects.bulk_create(
            ImportJob(organization=organization, kind="orders", file_name=f"p{n}.csv", state="done", by=admin) for n in range(30)
        )
    with CaptureQueriesContext(connection) as many:
        page = web.get(url("imports/"))
    assert len(many) == len(one)
    assert page.context["next_url"]


def test_a_template_says_what_goes_where_and_its_sheet_is_taken_empty(admin, signed_in, tmp_path, organization):
    from clients.imports.reading import UPLOAD, open_table

    for kind in ("clients", "orders", "visits"):
        answer = signed_in(admin).get(url(f"imports/template/{kind}.xlsx"))
        path = tmp_path / "modelo.xlsx"
        path.write_bytes(answer.content)
        table = open_table(path, UPLOAD)
        assert table.header == [column.name for column in kind_named(kind).offers]
        assert list(table.rows()) == []
    assert signed_in(admin).get(url("imports/template/nonsense.xlsx")).status_code == 404


def test_an_auditor_reads_and_others_find_no_such_page(send, admin, organization, signed_in):
    job = worked(send("clients", CLIENTS))
    with acting_for(organization.pk):
        people = {role: make_member(organization, role) for role in (Role.AUDITOR, Role.MANAGER, Role.REPRESENTATIVE)}
    for role, found in ((Role.AUDITOR, 200), (Role.MANAGER, 404), (Role.REPRESENTATIVE, 404)):
        web = signed_in(people[role])
        assert web.get(url("imports/")).status_code == found
        assert web.get(url(f"jobs/{job.pk}/")).status_code == found
        assert web.post(url("imports/"), {"kind": "clients", "file": upload(CLIENTS)}).status_code == 404
        for act in ("confirm", "cancel", "mended"):
            assert web.post(url(f"jobs/{job.pk}/{act}/")).status_code == 404
    assert "<form" not in signed_in(people[Role.AUDITOR]).get(url(f"jobs/{job.pk}/")).content.decode().split("<main")[1].split("</main>")[0]
    assert again(job).state == "checked"


def test_a_file_at_work_says_how_long_it_has_been_and_how_much_longer_it_should_take(send, admin, organization, monkeypatch):
    text = "client_code,name\n" + "".join(f"C{n},Cliente {n}\n" for n in range(40))
    job = send("clients", text)
    at = timezone.now()
    assert jobs.pace_of(job, at=at) == jobs.Pace(None, None)  # nobody took it up yet
    job = worked(job)
    assert job.begun_at is not None
    assert jobs.pace_of(job, at=at) == jobs.Pace(None, None)  # checked: it waits for a person
    with acting_for(organization.pk):
        jobs.confirm(job, by=admin)
    assert again(job).begun_at is None  # the import is counted from its own beginning

    monkeypatch.setattr(Clients, "chunk_rows", 10)
    monkeypatch.setattr(jobs.time, "monotonic", iter(range(10_000)).__next__)  # each look at the row is a second after the last
    load, seen = Clients.load, []

    def watched(self, stage):
        seen.append(ImportJob.objects.get(pk=job.pk))
        return load(self, stage)

    monkeypatch.setattr(Clients, "load", watched)
    assert jobs.work(organization.pk, at=at)
    done = [row.done_rows for row in seen[1:] if row.phase == "write"]
    assert done == sorted(done) and done
    first, half = seen[0], next(row for row in seen[1:] if row.phase == "write")
    first.found = {"seconds": 50.0}  # before a pace of its own, the check's
    assert jobs.pace_of(first, at=first.begun_at + timedelta(seconds=20)) == jobs.Pace(20.0, 30.0)
    assert half.begun_at <= half.phase_at <= half.heartbeat_at
    half.heartbeat_at = half.phase_at + timedelta(seconds=8)
    for since in (0, 3, 1_000):  # nothing heard meanwhile: what is left shrinks all the same, and never below nothing
        later = half.heartbeat_at + timedelta(seconds=since)
        pace = jobs.pace_of(half, at=later)
        assert pace.left == pytest.approx(max(8 * (40 - half.done_rows) / half.done_rows - since, 0))
        assert pace.elapsed == pytest.approx((later - half.begun_at).total_seconds())

"""Lists as files: everything of the filter, for who leads or audits, never for a seller; a person is asked again for many rows."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts import exporting, step_up
from accounts.models import Absence, AuditEvent, ExportJob, Role
from accounts.tenancy import tenant_atomic
from clients.models import Opportunity
from portfolio.models import Goal, Task
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
LISTS = (
    "clients",
    "opportunities",
    "tasks",
    "agenda",
    "goals",
    "visits",
    "products",
    "reports/movement",
    "reports/movement/rows/gained",
    "cover",
    "plan",
    "rotation",
    "load",
    "requests",
    "campaigns",
)


@pytest.fixture
def house(organization, web):
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        near, far = TeamFactory(name="Perto"), TeamFactory(name="Longe")
        people = {
            "manager": make_member(organization, Role.MANAGER, team=near),
            "admin": make_member(organization, Role.ADMIN),
            "auditor": make_member(organization, Role.AUDITOR),
            "seller": make_member(organization, Role.REPRESENTATIVE),
        }
        ana, bruno = RepresentativeFactory(code="V-1", team=near, membership=people["seller"]), RepresentativeFactory(code="V-2", team=far)
        sol = ClientFactory(code="C1", name="=HYPERLINK(1)", representative=ana, activity={"net_12m_cents": 123_456, "last_on": today})
        for n in range(3):
            ClientFactory(code=f"D{n}", name=f"Padaria {n}", representative=ana, segment="Padaria")
        ClientFactory(code="Z9", name="Mercado Lua", representative=bruno)
        Opportunity.objects.create(organization=organization, client=sol, title="Gôndola", stage_since=today, value_cents=1_050)
        Task.objects.create(organization=organization, client=sol, title="Ligar", owner=people["manager"], due_on=today)
        Goal.objects.create(organization=organization, representative=ana, month=today.replace(day=1), measure="revenue", target=500_000)
        VisitFactory(client=sol, representative=ana, planned_on=today)
    return {"people": people, "ana": ana, "today": today}


def read(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_the_clients_of_the_filter_come_in_the_lists_own_order(organization, house, signed_in):
    web, today = signed_in(house["people"]["manager"]), house["today"]

    [header, *rows] = read(web.get("/o/vale-verde/clients/export.csv"))

    assert [row[0] for row in rows] == ["C1", "D0", "D1", "D2"]  # by name; the other team's is not there
    first = dict(zip(header, rows[0], strict=True))
    assert first["Cliente"] == "'=HYPERLINK(1)"
    assert first["Vendedor"].startswith("V-1 ")
    assert (first["Situação"], first["Último pedido"], first["Dias sem compra"]) == ("Ativo", today.isoformat(), "0")
    assert first["Faturamento 12 meses"] == "1234.56"
    assert [row[0] for row in read(web.get("/o/vale-verde/clients/export.csv?segment=Padaria&sort=value"))[1:]] == ["D0", "D1", "D2"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(web.get("/o/vale-verde/clients/export.xlsx").content))
    assert [row[0] for row in book.get_sheet_by_index(0).to_python()[1:]] == ["C1", "D0", "D1", "D2"]
    with tenant_atomic(organization.pk):
        told = AuditEvent.objects.filter(stream="list:clients").order_by("seq").values_list("after", flat=True)
        assert [(each["form"], each["rows"]) for each in told] == [("csv", 4), ("csv", 3), ("xlsx", 4)]


def test_pages_of_the_list_are_joined_without_gap_or_repetition(house, signed_in, monkeypatch):
    from portfolio.views import list_exports

    monkeypatch.setattr(list_exports, "CHUNK", 2)
    web = signed_in(house["people"]["admin"])

    for sort in ("name", "value", "silence"):
        assert sorted(row[0] for row in read(web.get(f"/o/vale-verde/clients/export.csv?sort={sort}"))[1:]) == [
            "C1",
            "D0",
            "D1",
            "D2",
            "Z9",
        ]


def test_the_other_lists_hold_what_their_pages_show(organization, house, signed_in):
    web, today = signed_in(house["people"]["manager"]), house["today"]
    base = "/o/vale-verde/"

    assert read(web.get(f"{base}opportunities/export.csv"))[1][3:7] == ["Gôndola", "Contato", today.isoformat(), "10.5"]
    assert read(web.get(f"{base}tasks/export.csv"))[1][:4] == ["Ligar", "C1", "'=HYPERLINK(1)", today.isoformat()]
    assert read(web.get(f"{base}agenda/export.csv?rep={house['ana'].pk}"))[1][0] == today.isoformat()
    [header, *rows] = read(web.get(f"{base}goals/export.csv"))
    revenue = next(dict(zip(header, row, strict=True)) for row in rows if row[2] == "Faturamento")
    with tenant_atomic(organization.pk):
        away = {"representative": house["ana"], "starts_on": today, "ends_on": today + timedelta(days=8), "reason": "Férias"}
        Absence.objects.create(organization=organization, **away)
    last = (today + timedelta(days=7)).isoformat()
    assert read(web.get(f"{base}cover/export.csv?tab=now"))[1] == [str(house["ana"]), "", today.isoformat(), last, "Férias"]
    assert [row[1:3] for row in read(web.get(f"{base}load/export.csv"))[1:]] == [["4", str(house["ana"].capacity_clients)]]
    assert {row[3] for row in read(web.get(f"{base}plan/export.csv"))[1:]} >= {"Faturamento", "Visitas", "Custo"}
    assert (revenue["Meta"], revenue["Realizado"], revenue["Atingimento (%)"]) == ("5000.0", "0.0", "0.0")


def test_a_seller_takes_no_list_away_and_an_auditor_may(house, signed_in, monkeypatch):
    monkeypatch.setattr(exporting, "EXPORTS_AN_HOUR", 2 * len(LISTS))
    seller, auditor = signed_in(house["people"]["seller"]), signed_in(house["people"]["auditor"])
    for name in LISTS:
        path = f"/o/vale-verde/{name}/export.csv"
        assert seller.get(path).status_code == 404, name
        expected = 404 if name in ("tasks", "agenda") else 200  # an auditor has no tasks, and chose no agenda
        assert auditor.get(path).status_code == expected, name
        assert auditor.get(f"/o/vale-verde/{name}/export.pdf").status_code == 404, name
    for name in ("rotation", "load", "campaigns", "plan", "cover"):  # each page with rows leads to its file
        page = auditor.get(f"/o/vale-verde/{name}/").content.decode()
        assert "empty" in page or f"{name}/export.xlsx" in page, name
    assert "export" not in seller.get("/o/vale-verde/clients/").content.decode()
    assert "clients/export.xlsx" in auditor.get("/o/vale-verde/clients/").content.decode()


def test_every_list_can_be_composed_by_a_worker(organization, house, signed_in, monkeypatch, tmp_path):
    """A worker has no user and no session: whatever a list asked of them would fail here."""
    monkeypatch.setattr(exporting, "AT_ONCE", -1)
    monkeypatch.setattr(exporting, "EXPORTS_AN_HOUR", 3 * len(LISTS))
    monkeypatch.setattr(exporting, "MANY_ROWS", 1_000)
    web, ana = signed_in(house["people"]["admin"]), house["ana"].pk
    for name in (*LISTS, "audit", "renewals", "fairness", f"fairness/{ana}", "dashboard/rows/active"):
        answer = web.get(f"/o/vale-verde/{name}/export.xlsx{f'?rep={ana}' if name == 'agenda' else ''}")
        assert (answer.status_code, "/files/" in answer["Location"]) == (302, True), name
        with tenant_atomic(organization.pk):
            job = ExportJob.objects.select_related("asked_by__organization").latest("pk")
            made = exporting.compose(job, tmp_path / "file", lambda _done, _total: None)
            assert made.event.after["rows"] == made.rows, name
            sheet = CalamineWorkbook.from_path(str(tmp_path / "file")).get_sheet_by_index(0)
            assert len(sheet.to_python()) == made.rows + 1, name


def test_many_rows_ask_for_proof_and_many_files_for_patience(house, signed_in, monkeypatch):
    web, path = signed_in(house["people"]["manager"]), "/o/vale-verde/clients/export.csv"
    monkeypatch.setattr(exporting, "MANY_ROWS", 3)
    asked = web.get(path)
    assert asked.status_code == 302
    assert "/reauthenticate/" in asked["Location"]
    assert web.get(f"{path}?segment=Padaria").status_code == 200  # three rows are not many

    monkeypatch.setattr(exporting, "tries", lambda *_key, **_window: step_up.EXPORTS_AN_HOUR + 1)
    patience = web.get(f"{path}?segment=Padaria")
    assert (patience.status_code, patience["Location"]) == (302, "/o/vale-verde/clients/?segment=Padaria")


def test_a_month_or_week_asked_for_is_the_one_in_the_file(house, signed_in):
    web, ana = signed_in(house["people"]["manager"]), house["ana"].pk
    far = house["today"] + timedelta(days=60)

    assert read(web.get(f"/o/vale-verde/goals/export.csv?month={far:%Y-%m}"))[1][1] == far.replace(day=1).isoformat()
    assert len(read(web.get(f"/o/vale-verde/agenda/export.csv?rep={ana}&on={far.isoformat()}"))) == 1

"""Files in, kind by kind: every row is written, merged or refused, and the same file twice changes nothing."""

import json
from datetime import date

import pytest

from accounts.models import AuditEvent, Organization, Representative, Team
from accounts.tenancy import acting_for
from clients.imports import ImportRefused
from clients.imports.errors import BadMapping, MissingColumns, UnknownKind
from clients.models import ChangedSince, Client, ClientActivity, Contact, ImportJob, Order, OrderItem, Product
from portfolio.models import Ownership
from tests.clients.conftest import NOW, counts, refused_rows
from tests.factories import stored_words

REPRESENTATIVES = "representative_code,name,team,contract_type,regions\nV1,Ana,Sul,CLT,SC|PR\nV2,Bruno,Sul,autônomo,\n"
CLIENTS = """client_code,name,tax_id,state,representative_code,tags
C1,Açaí do Pará Ltda,11.222.333/0001-81,SP,V1,vip;novo
C2,Bazar Dois,,PR,V2,
"""
ORDERS = 'order_code,client_code,ordered_on,amount\nP1,C1,2026-01-05,"1.234,56"\nP2,C1,2026-02-05,100\nP3,C2,05/02/2026,50.00\n'
LINES = """order_code,client_code,ordered_on,product_code,quantity,unit_price
P1,C1,2026-01-05,A,2,10.00
P2,C2,2026-01-06,A,1,10.00
P1,C1,2026-01-05,B,1,5.50
P1,C1,2026-01-05,A,2,10.00
"""


@pytest.fixture
def people(take):
    take("representatives", REPRESENTATIVES)


@pytest.fixture
def companies(take, people):
    take("clients", CLIENTS)


def test_representatives_come_with_their_team(take, organization):
    result = take("representatives", REPRESENTATIVES)

    assert counts(result) == (2, 0, 0, 0, 0)
    with acting_for(organization.pk):
        rows = Representative.objects.order_by("code").values_list(
            "code", "name", "team__name", "contract_type", "regions", "capacity_clients"
        )
        assert list(rows) == [("V1", "Ana", "Sul", "employee", ["SC", "PR"], 150), ("V2", "Bruno", "Sul", "autonomous", [], 150)]
        assert Team.objects.count() == 1


def test_ceilings_of_a_representative_come_and_an_empty_cell_takes_them_away(take, organization):
    heads = "representative_code,name,receive_ceiling,give_ceiling"
    take("representatives", f"{heads}\nV1,Ana,2,0\nV2,Bruno,,3\n")
    with acting_for(organization.pk):
        kept = Representative.objects.order_by("code").values_list("receive_ceiling", "give_ceiling")
        assert list(kept) == [(2, 0), (None, 3)]
    refused = take("representatives", f"{heads}\nV1,Ana,,1\nV2,Bruno,-4,3\n")
    assert counts(refused) == (0, 1, 0, 0, 1)
    with acting_for(organization.pk):
        assert list(kept.all()) == [(None, 1), (None, 3)]


def test_clients_come_with_owner_words_and_activity(take, organization, people):
    result = take("clients", CLIENTS)

    assert counts(result) == (2, 0, 0, 0, 0)
    with acting_for(organization.pk):
        client = Client.objects.get(code="C1")
        assert (client.name, client.tax_id, client.tax_id_root, client.state) == ("Açaí do Pará Ltda", "11222333000181", "11222333", "SP")
        assert client.tags == ["vip", "novo"]
        assert client.representative.code == "V1"
        assert stored_words(client) == {
            "acai", "do", "para", "ltda", "c1", "11222333000181",
        }  # fmt: skip
        assert list(ClientActivity.objects.values_list("repeat_days", "last_on", "windows_on")) == [(-1, None, date(2026, 3, 2))] * 2
        owned = Ownership.objects.values_list("client__code", "representative__code", "started_on", "ended_on", "source")
        assert sorted(owned) == [("C1", "V1", date(2026, 3, 2), None, "import"), ("C2", "V2", date(2026, 3, 2), None, "import")]


@pytest.mark.parametrize("kind", ["representatives", "clients", "orders", "lines"])
def test_the_same_file_twice_changes_nothing(take, organization, companies, kind):
    text = {"representatives": REPRESENTATIVES, "clients": CLIENTS, "orders": ORDERS, "lines": LINES}[kind]
    kind = "orders" if kind == "lines" else kind
    first = take(kind, text)
    before = _everything(organization)

    second = take(kind, text)

    assert counts(second) == (0, 0, first.rows - first.merged, first.merged, 0)
    assert _everything(organization) == before


def _everything(organization) -> dict:
    """Every row an import may write, without the record of imports itself; xmin tells a row written again from one left alone."""
    from django.db import connection

    tables = "accounts_representative accounts_team clients_client clients_clientword clients_clientactivity clients_clientmonth"
    tables += " clients_contact clients_product clients_order clients_orderitem portfolio_ownership portfolio_visit"
    with acting_for(organization.pk), connection.cursor() as cursor:
        found = {}
        for table in tables.split():
            cursor.execute(f"SELECT ctid::text, t.* FROM {table} t ORDER BY id")
            found[table] = cursor.fetchall()
        return found


def test_a_file_speaks_only_of_its_own_columns(take, organization, companies):
    result = take("clients", "client_code,name,city\nC1,Açaí do Pará Ltda,Belém\nC2,Bazar Dois S.A.,\n")

    assert counts(result) == (0, 2, 0, 0, 0)
    with acting_for(organization.pk):
        client = Client.objects.get(code="C1")
        assert (client.city, client.state, client.tags, client.representative.code) == ("Belém", "SP", ["vip", "novo"], "V1")
        assert "s" in stored_words(Client.objects.get(code="C2"))


def test_an_owner_named_again_moves_nothing_and_another_moves_the_client(take, organization, companies):
    take("clients", "client_code,name,representative_code\nC1,Açaí do Pará Ltda,V2\nC2,Bazar Dois,\n")

    with acting_for(organization.pk):
        assert dict(Client.objects.values_list("code", "representative__code")) == {"C1": "V2", "C2": "V2"}
        assert Ownership.objects.filter(client__code="C1").count() == 2
        assert Ownership.objects.filter(client__code="C2").count() == 1


def test_contacts_and_products(take, organization, companies):
    contacts = take("contacts", "client_code,name,email,role\nC1,João,joao@acai.example,Compras\nC9,Maria,,\n")
    products = take("products", 'product_code,name,stock_quantity,stock_since\nA,Arroz,"12,5",01/02/2026\nB,Feijão,,\n')

    assert counts(contacts) == (1, 0, 0, 0, 1)
    assert counts(products) == (2, 0, 0, 0, 0)
    with acting_for(organization.pk):
        assert list(Contact.objects.values_list("client__code", "name", "email", "role")) == [
            ("C1", "João", "joao@acai.example", "Compras")
        ]
        assert list(Product.objects.order_by("code").values_list("code", "name", "stock_quantity", "stock_since")) == [
            ("A", "Arroz", 12.5, date(2026, 2, 1)),
            ("B", "Feijão", None, None),
        ]


def test_orders_bring_their_projections_and_the_feeds_freshness(take, organization, companies):
    result = take("orders", ORDERS)

    assert counts(result) == (3, 0, 0, 0, 0)
    assert result.more == {"orders": 3, "amount_cents": 138456}
    with acting_for(organization.pk):
        activity = ClientActivity.objects.get(client__code="C1")
        assert (activity.repeat_days, activity.first_on, activity.last_on, activity.median_gap) == (
            1,
            date(2026, 1, 5),
            date(2026, 2, 5),
            31,
        )
        assert (activity.net_12m_cents, activity.n30, activity.n90, activity.abc) == (133456, 1, 2, "A")
        assert Organization.objects.get().orders_received_at == NOW


def test_an_order_sent_again_with_other_values_is_changed(take, organization, companies):
    take("orders", ORDERS)

    result = take("orders", ORDERS.replace("P2,C1,2026-02-05,100", "P2,C2,2026-02-07,90"))

    assert counts(result) == (0, 1, 2, 0, 0)
    with acting_for(organization.pk):
        assert ClientActivity.objects.get(client__code="C1").repeat_days == 0
        assert ClientActivity.objects.get(client__code="C2").last_on == date(2026, 2, 7)


def test_an_order_is_credited_to_whoever_owned_the_client_that_day(take, organization, companies):
    with acting_for(organization.pk):
        assert Ownership.objects.count() == 2
    take("orders", "order_code,client_code,ordered_on,amount\nP1,C1,2026-03-01,10\nP2,C1,2026-03-02,10\n")

    with acting_for(organization.pk):
        assert dict(Order.objects.values_list("code", "representative__code")) == {"P1": None, "P2": "V1"}


def test_lines_make_orders_however_far_apart_and_repeated_lines_add_up(take, organization, companies):
    result = take("orders", LINES)

    assert counts(result) == (3, 0, 0, 1, 0)
    with acting_for(organization.pk):
        assert dict(Order.objects.values_list("code", "amount_cents")) == {"P1": 4550, "P2": 1000}
        items = OrderItem.objects.filter(order__code="P1").values_list(
            "line", "product__code", "quantity", "unit_price_cents", "amount_cents"
        )
        assert sorted(items) == [(1, "A", 4, 1000, 4000), (2, "B", 1, 550, 550)]
        assert list(Product.objects.order_by("code").values_list("code", "name")) == [("A", "A"), ("B", "B")]


def test_lines_sent_again_replace_the_lines_of_their_order(take, organization, companies):
    take("orders", LINES)

    result = take("orders", "\n".join([LINES.splitlines()[0], "P1,C1,2026-01-05,B,3,5.50"]))

    assert counts(result) == (0, 1, 0, 0, 0)
    with acting_for(organization.pk):
        assert Order.objects.get(code="P1").amount_cents == 1650
        assert OrderItem.objects.filter(order__code="P1").count() == 1
        assert OrderItem.objects.filter(order__code="P2").count() == 1


def test_figures_of_the_months_that_a_file_changed_hold_no_longer(take, organization, companies):
    """Also where the month's sums stay as they are: an order of another day, a line of another product."""
    take("orders", LINES)
    for mended in (LINES.replace("P2,C2,2026-01-06", "P2,C2,2026-01-20"), LINES.replace("P2,C2,2026-01-06,A", "P2,C2,2026-01-06,B")):
        with acting_for(organization.pk):
            ChangedSince.objects.all().delete()
        take("orders", mended)
        with acting_for(organization.pk):
            assert set(ChangedSince.objects.values_list("day", flat=True)) == {date(2026, 1, 1)}
            ChangedSince.objects.all().delete()
        take("orders", mended)
        with acting_for(organization.pk):
            assert not ChangedSince.objects.exists()  # nothing changed


def test_an_order_enters_whole_or_not_at_all(take, organization, companies):
    text = LINES + "P2,C2,2026-01-06,C,zero,1.00\nP3,C2,2026-01-07,A,1,1.00\nP3,C2,2026-01-08,B,1,1.00\nP4,C2\n"

    result = take("orders", text)

    assert counts(result) == (2, 0, 0, 1, 5)
    assert {(row["line"], row["column"]) for row in refused_rows(result)} == {
        ("3", "order_code"), ("6", "quantity"), ("7", "order_code"), ("8", "ordered_on"), ("9", ""),
    }  # fmt: skip
    with acting_for(organization.pk):
        assert list(Order.objects.values_list("code", flat=True)) == ["P1"]


def test_returns_and_cancellations_by_prefix(take, organization, companies):
    mapping = {
        "order_code": "invoice",
        "status": {"column": "invoice", "starts_with": {"C": "returned", "X": "cancelled"}, "default": "valid"},
    }

    take(
        "orders", "invoice,client_code,ordered_on,amount\n1,C1,2026-01-05,100\nC2,C1,2026-01-05,-40\nX3,C1,2026-01-06,70\n", mapping=mapping
    )

    with acting_for(organization.pk):
        assert dict(Order.objects.values_list("code", "net_cents")) == {"1": 10000, "C2": -4000, "X3": 0}
        activity = ClientActivity.objects.get(client__code="C1")
        assert (activity.repeat_days, activity.net_total_cents) == (0, 6000)


def test_the_file_of_refused_rows_can_be_mended_and_sent_again(take, organization, companies, tmp_path):
    text = (
        "pedido;client_code;ordered_on;amount;obs\n"
        "P1;C1;2026-01-05;100,00;=1+1\n"
        "P2;C9;2026-01-05;100,00;-5\n"
        "P3;C1;31/02/2026;100,00;=cmd|x\n"
        "P4;C1;2026-01-05;abc;ok\n"
        ";C1;2026-01-05;1,00;ok\n"
        "P6;C1;2026-01-05\n"
    )

    result = take("orders", text, mapping={"order_code": "pedido"})

    assert counts(result) == (1, 0, 0, 0, 5)
    assert result.refused_file.is_relative_to(tmp_path / "files" / str(organization.pk))
    rows = refused_rows(result)
    assert [(row["line"], row["column"], row["value"]) for row in rows] == [
        ("3", "client_code", "C9"),
        ("4", "ordered_on", "31/02/2026"),
        ("5", "amount", "abc"),
        ("6", "pedido", ""),
        ("7", "", ""),
    ]
    assert rows[1]["obs"] == "'=cmd|x"  # guarded: a spreadsheet would run it
    assert rows[0]["obs"] == "-5"  # a number stays one
    assert all(row["reason"] for row in rows)

    mended = result.refused_file.read_text(encoding="utf-8-sig")
    mended = mended.replace('"C9"', '"C2"').replace("31/02/2026", "28/02/2026").replace('"abc"', '"10,00"')
    again = take("orders", mended, mapping={"order_code": "pedido"})

    assert counts(again) == (3, 0, 0, 0, 2)
    assert list(rows[0]) == list(refused_rows(again)[0])  # the four columns are there once


def test_every_cell_of_a_row_that_cannot_be_read_is_told_at_once(take, organization, companies):
    """Mended one by one, a row with three faults would be sent three times."""
    text = "order_code,client_code,ordered_on,amount\n,C1,31/02/2026,abc\nP2,C9,2026-01-05,x\n"

    result = take("orders", text)

    assert counts(result) == (0, 0, 0, 0, 2)
    told = [(each["line"], each["column"], each["value"]) for each in result.refusals.listed()]
    assert told == [(2, "order_code", ""), (2, "ordered_on", "31/02/2026"), (2, "amount", "abc"), (3, "amount", "x")]
    assert {(column, n) for column, _reason, n in result.refusals.reasons(9)} == {("order_code", 1), ("ordered_on", 1), ("amount", 2)}
    first, second = refused_rows(result)
    assert (first["column"], first["value"]) == ("order_code · ordered_on · amount", " · 31/02/2026 · abc")
    assert first["reason"].count(" · ") == 2 and first["reason"].endswith(second["reason"])
    assert (second["column"], second["value"]) == ("amount", "x")


def test_repeated_keys_are_merged_when_equal_and_refused_when_not(take, organization, people):
    result = take("clients", "client_code,name\nC1,Um\nC1,Um\nC2,Dois\nC2,Outro\n")

    assert counts(result) == (2, 0, 0, 1, 1)
    assert refused_rows(result)[0]["reason"] == "repete a linha 4 com outros valores; deixe só uma"


def test_one_order_under_two_clients_is_refused(take, organization, companies):
    result = take("orders", "order_code,client_code,ordered_on,amount\nP1,C1,2026-01-05,1\nP1,C2,2026-01-05,1\n")

    assert counts(result) == (1, 0, 0, 0, 1)


def test_a_mapping_joins_defaults_translates_and_fixes(take, organization, companies):
    mapping = {
        "order_code": ["numero", "filial"],
        "client_code": {"column": "cliente", "default": "C2"},
        "ordered_on": "data",
        "amount": "valor",
        "status": {"column": "situacao", "values": {"F": "valid", "X": "cancelled"}},
        "representative_code": {"value": "V1"},
        "decimal": ",",
    }

    take("orders", "Número;Filial;Cliente;Data;Valor;Situação\n1;7;C1;2026-01-05;1.000;F\n2;7;;2026-01-06;2;X\n", mapping=mapping)

    with acting_for(organization.pk):
        rows = Order.objects.order_by("code").values_list("code", "client__code", "amount_cents", "status", "sold_by__code")
        assert list(rows) == [("1-7", "C1", 100000, "valid", "V1"), ("2-7", "C2", 200, "cancelled", "V1")]


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"codigo": "x"}, "“codigo” não é uma coluna de orders"),
        ({"amount": "preço"}, "não tem a coluna “preço”"),
        ({"amount": 3}, "escreva o cabeçalho"),
        ({"amount": {"coluna": "x"}}, "não se conhece “coluna”"),
        ({"amount": {"default": "x"}}, "“column” ou “value”"),
        ({"decimal": ";"}, "decimal"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_its_place(take, companies, mapping, told):
    with pytest.raises(BadMapping, match=told):
        take("orders", ORDERS, mapping=mapping)


def test_missing_columns_are_listed_with_the_nearest_header(take, companies):
    with pytest.raises(MissingColumns) as refusal:
        take("orders", "Pedido;Cod Cliente;order_on;valor_total\n1;C1;2026-01-05;1\n")

    assert (
        "order_code (seria “Pedido”?), client_code (seria “Cod Cliente”?), ordered_on (seria “order_on”?), amount (seria “valor_total”?)"
        in str(refusal.value)
    )


def test_a_kind_that_does_not_exist_is_told_which_do(take):
    with pytest.raises(UnknownKind, match="representatives, contacts, products, clients, orders, contracts, credit, ownership, visits"):
        take("planets", "a\n1\n")


def test_nothing_is_written_by_a_file_refused_at_its_last_line(take, organization, companies):
    with pytest.raises(ImportRefused):
        take("orders", ORDERS + 'P9,C1,2026-01-05,"' + "9" * 40_000 + "\n")

    with acting_for(organization.pk):
        assert not Order.objects.exists()
        job = ImportJob.objects.latest("id")
        assert (job.state, "linha 5" in job.error) == ("failed", True)


def test_a_dry_run_counts_and_writes_nothing(take, organization, companies):
    before, jobs = _everything(organization), _jobs(organization)

    result = take("orders", ORDERS + "P9,C9,2026-01-05,1\n", dry_run=True)

    assert counts(result) == (3, 0, 0, 0, 1)
    assert result.refused_file is None
    assert (_everything(organization), _jobs(organization)) == (before, jobs)


def _jobs(organization) -> int:
    with acting_for(organization.pk):
        return ImportJob.objects.count()


def test_an_import_leaves_a_record_and_one_event(take, organization, companies):
    result = take("orders", ORDERS)

    with acting_for(organization.pk):
        job = ImportJob.objects.get(pk=result.job_id)
        assert (job.state, job.kind, job.rows, job.created, len(job.digest)) == ("done", "orders", 3, 3, 64)
        event = AuditEvent.objects.get(stream=f"import:{job.pk}")
        assert (event.action, event.actor_label, event.after["created"]) == ("import.finished", "test", 3)


def test_another_organization_sees_and_is_touched_by_nothing(take, organization, other, companies):
    before = _everything(other)
    take("orders", ORDERS)

    result = take("orders", ORDERS, organization=other)

    assert counts(result) == (0, 0, 0, 0, 3)  # the clients are not that organization's
    assert _everything(other) == before


def test_chunks_give_what_one_transaction_gives(take, organization, companies, monkeypatch):
    from clients.imports.kinds.orders import Orders

    take("clients", "client_code,name\n" + "".join(f"K{n},Cliente {n}\n" for n in range(40)))
    text = (
        LINES.splitlines()[0]
        + "\n"
        + "".join(f"Q{n % 90},K{n % 30},2026-01-{n % 30 % 27 + 1:02d},A,{n % 7 + 1},1.25\n" for n in range(400))
    )
    whole = take("orders", text, dry_run=True)
    monkeypatch.setattr(Orders, "chunk_rows", 25)

    result = take("orders", text)

    assert counts(result) == counts(whole)
    assert result.more == whole.more
    assert take("orders", text).unchanged == result.created


def test_the_command_prints_one_document_and_tells_refusals_by_exit_code(organization, companies, tmp_path, capsys, settings):
    from django.core.management import CommandError, call_command

    settings.MEDIA_ROOT = tmp_path
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)

    call_command("import_data", "orders", str(path), organization=organization.slug, json=True)

    document = json.loads(capsys.readouterr().out)
    assert {name: document[name] for name in ("rows", "created", "updated", "unchanged", "refused", "refused_file")} == {
        "rows": 3, "created": 3, "updated": 0, "unchanged": 0, "refused": 0, "refused_file": None,
    }  # fmt: skip
    with pytest.raises(CommandError, match=r"Nenhuma organização ativa .*“nobody”"):
        call_command("import_data", "orders", str(path), organization="nobody")
    with pytest.raises(CommandError, match="Não foi possível abrir"):
        call_command("import_data", "orders", str(tmp_path / "absent.csv"), organization=organization.slug)


def test_refusals_of_a_command_are_in_the_organizations_language(organization, companies, tmp_path, capsys):
    from django.core.management import CommandError, call_command

    with acting_for(organization.pk):
        Organization.objects.filter(pk=organization.pk).update(language="en")
    path, refused = tmp_path / "orders.csv", tmp_path / "refused.csv"
    path.write_text("order_code,client_code,ordered_on,amount\nP-1,nobody,2026-03-01,10.00\n")

    call_command("import_data", "orders", str(path), organization=organization.slug, refused=refused)
    call_command("rebuild_projections", organization=organization.slug, check=True)

    said = capsys.readouterr().out
    assert "1 lines: 0 created" in said and "1 refused" in said and "unlike the facts" in said and "recusadas" not in said
    assert "nobody" in refused.read_text() and "não" not in refused.read_text()
    with pytest.raises(CommandError, match="Could not open"):
        call_command("import_data", "orders", str(tmp_path / "absent.csv"), organization=organization.slug)

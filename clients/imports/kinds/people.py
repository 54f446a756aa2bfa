"""Representatives, contacts and products: one row of the file, one row of a table."""

from django.utils.translation import gettext as _
from psycopg2 import sql

from clients.imports import values
from clients.imports.kinds.base import Column, Kind, Tally, register
from clients.imports.kinds.own_fields import also_updated, write_own_fields
from clients.imports.stage import Stage

S = sql.SQL
CONTRACTS = {
    "employee": "employee",
    "clt": "employee",
    "funcionario": "employee",
    "funcionário": "employee",
    "empleado": "employee",
    "autonomous": "autonomous",
    "autonomo": "autonomous",
    "autônomo": "autonomous",
    "autónomo": "autonomous",
    "representante": "autonomous",
}


def tally_of(stage: Stage, written: list[tuple[int, bool]], merged: int) -> Tally:
    """The counts of a kind whose rows each become one row of a table."""
    staged = stage.run("SELECT count(*) FROM staged")[0][0]
    created = sum(created for _id, created in written)
    return Tally(created=created, updated=len(written) - created, unchanged=staged - len(written), merged=merged)


def sent(kind: Kind, columns: tuple[str, ...]) -> dict[str, sql.Composable]:
    """Those columns of the file that are stored under their own name."""
    return {name: sql.Identifier("s", name) for name in columns if name in kind.present}


@register
class Representatives(Kind):
    """People who look after clients. A team that does not exist yet is created under its name."""

    name = "representatives"
    spread_by = "representative_code"
    offers = (
        Column("representative_code", values.text(40), must=True, filled=True),
        Column("name", values.text(120), must=True, filled=True),
        Column("email", values.email),
        Column("contract_type", values.choice(CONTRACTS, "employee")),
        Column("team", values.text(80)),
        Column("base_city", values.text(80)),
        Column("base_state", values.state),
        Column("latitude", values.coordinate(90), "float8"),
        Column("longitude", values.coordinate(180), "float8"),
        Column("capacity_clients", values.whole(1_000_000, default="150"), "integer"),
        Column("capacity_minutes_week", values.whole(10_080), "integer"),
        Column("receive_ceiling", values.whole(100_000), "integer"),
        Column("give_ceiling", values.whole(100_000), "integer"),
        Column("regions", values.several(40), "varchar[]"),
        Column("segments", values.several(60), "varchar[]"),
        Column("valid_from", values.day(null=True), "date"),
        Column("valid_to", values.day(null=True), "date"),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["representative_code"])
        stored = sent(self, tuple(column.name for column in self.offers[1:] if column.name != "team"))
        if {"valid_from", "valid_to"} <= self.present:
            gone = stage.run("DELETE FROM staged WHERE valid_to < valid_from RETURNING line, valid_to::text")
            stage.refuse(gone, "valid_to", _("é anterior a valid_from"))
        if "team" in self.present:
            stage.run(
                "INSERT INTO accounts_team (organization_id, name) SELECT DISTINCT %(organization)s::bigint, team FROM staged"
                " WHERE team <> '' ORDER BY 2 ON CONFLICT (organization_id, name) DO NOTHING"
            )
            stored["team_id"] = S("(SELECT t.id FROM accounts_team t WHERE t.organization_id = %(organization)s AND t.name = s.team)")
        # Transfers at this moment hold their receivers by the weakest lock, which only this one waits for.
        stage.run(
            "SELECT FROM accounts_representative WHERE organization_id = %(organization)s"
            " AND code IN (SELECT representative_code FROM staged) ORDER BY id FOR UPDATE"
        )
        empty = S("''")
        written = stage.upsert(
            "accounts_representative",
            key=["code"],
            key_values=[sql.Identifier("s", "representative_code")],
            values=stored,
            defaults={
                "email": empty,
                "contract_type": S("'employee'"),
                "base_city": empty,
                "base_state": empty,
                "regions": S("'{}'::varchar[]"),
                "segments": S("'{}'::varchar[]"),
                "capacity_clients": S("150"),
                "commission_rate": S("0"),
            },
        )
        return tally_of(stage, written, merged)


@register
class Contacts(Kind):
    """People at clients; known by the client and the name."""

    name = "contacts"
    spread_by = "client_code"
    fields_of = "contact"
    offers = (
        Column("client_code", values.text(60), must=True, filled=True),
        Column("name", values.text(120), must=True, filled=True),
        Column("role", values.text(80)),
        Column("decision_role", values.text(40)),
        Column("email", values.email),
        Column("phone", values.text(30)),
        Column("preferred_channel", values.text(30)),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["client_code", "name"])
        stage.refuse_unknown_clients()
        written = stage.upsert(
            "clients_contact",
            key=["client_id", "name"],
            key_values=[sql.Identifier("c", "id"), sql.Identifier("s", "name")],
            source=S("staged s JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"),
            values=sent(self, ("role", "decision_role", "email", "phone", "preferred_channel")),
            defaults={name: S("''") for name in ("role", "decision_role", "email", "phone", "preferred_channel")},
        )
        return also_updated(tally_of(stage, written, merged), written, write_own_fields(self, stage))


@register
class Products(Kind):
    """What the company sells."""

    name = "products"
    spread_by = "product_code"
    offers = (
        Column("product_code", values.text(60), must=True, filled=True),
        Column("name", values.text(200), must=True, filled=True),
        Column("category", values.text(80)),
        Column("unit", values.text(10)),
        Column("stock_quantity", values.decimal(3, null=True), "numeric(14,3)"),
        Column("stock_since", values.day(null=True), "date"),
        Column("season", values.text(40)),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["product_code"])
        written = stage.upsert(
            "clients_product",
            key=["code"],
            key_values=[sql.Identifier("s", "product_code")],
            values=sent(self, ("name", "category", "unit", "stock_quantity", "stock_since", "season")),
            defaults={name: S("''") for name in ("category", "unit", "season")},
        )
        return tally_of(stage, written, merged)

"""Contracts and credit: what a client signed and how it pays."""

from django.utils.translation import gettext as _
from psycopg2 import sql

from clients.imports import values
from clients.imports.kinds.base import Column, Kind, Tally, register
from clients.imports.kinds.people import sent, tally_of
from clients.imports.stage import Stage

S = sql.SQL
PERIODS = {
    "monthly": "monthly",
    "mensal": "monthly",
    "mensual": "monthly",
    "half_yearly": "half_yearly",
    "semestral": "half_yearly",
    "yearly": "yearly",
    "anual": "yearly",
}
# The latest row of a client and day tells its figures, every row its event.
_FIGURES = {"score": "score", "overdue_amount": "overdue_cents", "restrictions": "restrictions"}


@register
class Contracts(Kind):
    """What clients agreed to; known by the contract's code."""

    name = "contracts"
    spread_by = "contract_code"
    offers = (
        Column("contract_code", values.text(60), must=True, filled=True),
        Column("client_code", values.text(60), must=True, filled=True),
        Column("starts_on", values.day(), "date", must=True, filled=True),
        Column("ends_on", values.day(), "date", must=True, filled=True),
        Column("amount", values.optional_cents, "bigint"),
        Column("period", values.choice(PERIODS, "")),
        Column("orders_expected", values.flag_or("t"), "boolean"),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["contract_code"])
        stage.refuse_unknown_clients()
        gone = stage.run("DELETE FROM staged WHERE ends_on < starts_on RETURNING line, ends_on::text")
        stage.refuse(gone, "ends_on", _("é anterior a starts_on"))
        stored = sent(self, ("starts_on", "ends_on", "period", "orders_expected"))
        stored["client_id"] = sql.Identifier("c", "id")
        if "amount" in self.present:
            stored["amount_cents"] = sql.Identifier("s", "amount")
        written = stage.upsert(
            "clients_contract",
            key=["code"],
            key_values=[sql.Identifier("s", "contract_code")],
            source=S("staged s JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"),
            values=stored,
            defaults={"period": S("''"), "orders_expected": S("true")},
        )
        return tally_of(stage, written, merged)


@register
class Credit(Kind):
    """Credit as it was seen on a day: figures, one row a client and day, and events, each kept once."""

    name = "credit"
    spread_by = "client_code"
    offers = (
        Column("client_code", values.text(60), must=True, filled=True),
        Column("observed_on", values.day(), "date", must=True, filled=True),
        Column("score", values.whole(1_000_000), "integer"),
        Column("overdue_amount", values.optional_cents, "bigint"),
        Column("restrictions", values.whole(1_000_000), "integer"),
        Column("event", values.text(120)),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["client_code", "observed_on", *(["event"] if "event" in self.present else [])])
        stage.refuse_unknown_clients()
        gone = stage.run("DELETE FROM staged WHERE observed_on > %(as_of)s RETURNING line, observed_on::text", as_of=self.context.as_of)
        stage.refuse(gone, "observed_on", _("ainda não chegou; informe o dia em que o crédito foi consultado"))
        if "overdue_amount" in self.present:
            gone = stage.run("DELETE FROM staged WHERE overdue_amount < 0 RETURNING line, overdue_amount::text")
            stage.refuse(gone, "overdue_amount", _("é negativo; informe quanto está em atraso, ou zero"))
        figures = {stored: sql.Identifier("s", given) for given, stored in _FIGURES.items() if given in self.present}
        if figures:
            self._refuse_disagreeing(stage)
        staged = stage.run("SELECT count(*) FROM staged")[0][0]
        days: list[tuple[int, bool]] = []
        if figures:
            stated = S(" OR ").join(S("s.{} IS NOT NULL").format(sql.Identifier(name)) for name in self._stated())
            days = stage.upsert(
                "clients_creditsnapshot",
                key=["client_id", "observed_on"],
                key_values=[sql.Identifier("s", "client_id"), sql.Identifier("s", "observed_on")],
                source=S(
                    "(SELECT DISTINCT ON (c.id, s.observed_on) c.id AS client_id, s.* FROM staged s"
                    " JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
                    " WHERE {stated} ORDER BY c.id, s.observed_on, s.line) s"
                ).format(stated=stated),
                values=figures,
                defaults={},
            )
        events: list[tuple[int, bool]] = []
        if "event" in self.present:
            events = stage.upsert(
                "clients_creditevent",
                key=["client_id", "observed_on", "event"],
                key_values=[sql.Identifier("c", "id"), sql.Identifier("s", "observed_on"), sql.Identifier("s", "event")],
                source=S(
                    "(SELECT * FROM staged WHERE event <> '') s"
                    " JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
                ),
                values={},
                defaults={},
            )
        created = min(staged, sum(new for _id, new in days) + len(events))
        updated = min(staged - created, sum(not new for _id, new in days))
        more = {"snapshots": len(days), "events": len(events)}
        return Tally(created, updated, staged - created - updated, merged, more)

    def _stated(self) -> list[str]:
        return [given for given in _FIGURES if given in self.present]

    def _refuse_disagreeing(self, stage: Stage) -> None:
        """Two rows of a client and day, each with its own event, must not tell two stories of the figures."""
        figures = S(", ").join(sql.Identifier("s", name) for name in self._stated())
        first = S(", ").join(sql.Identifier("f", name) for name in self._stated())
        gone = stage.run(
            S(
                "WITH f AS (SELECT DISTINCT ON (client_code, observed_on) * FROM staged ORDER BY client_code, observed_on, line)"
                " DELETE FROM staged s USING f WHERE s.client_code = f.client_code AND s.observed_on = f.observed_on"
                " AND s.line > f.line AND ({figures}) IS DISTINCT FROM ({first}) RETURNING s.line, s.client_code, f.line"
            ).format(figures=figures, first=first)
        )
        for line, code, first_line in gone:
            reason = _("conta outro score, atraso ou restrições que a linha %(line)d do mesmo dia; deixe iguais")
            stage.refuse([(line, code)], "client_code", reason % {"line": first_line})

"""Orders: one row an order (with its amount), or one row a line (product, quantity, price).

Rows meet in chunks by client, so that a client's projections are computed once. An order is taken whole or not at
all: where one of its lines is refused the others are refused with it, and the mended file replaces nothing by a part.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _
from psycopg2 import sql

from accounts.models import Organization
from clients.imports import values
from clients.imports.kinds import lines_sql
from clients.imports.kinds.base import Column, Kind, Tally, register
from clients.imports.stage import Stage
from clients.services import refresh_abc, refresh_clients
from clients.services.changes import orders_written
from clients.signals import orders_changed

S = sql.SQL
STATUSES = {
    "valid": "valid",
    "valido": "valid",
    "válido": "valid",
    "faturado": "valid",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "cancelado": "cancelled",
    "returned": "returned",
    "devolvido": "returned",
    "devuelto": "returned",
}
LINE_COLUMNS = ("product_code", "quantity", "unit_price")


@register
class Orders(Kind):
    name = "orders"
    spread_by = "client_code"
    chunk_rows = 25_000
    offers = (
        Column("order_code", values.text(80), must=True, filled=True),
        Column("client_code", values.text(60), must=True, filled=True),
        Column("ordered_on", values.day(), "date", must=True, filled=True),
        Column("status", values.choice(STATUSES, "valid")),
        Column("representative_code", values.text(40)),
        Column("amount", values.cents, "bigint", filled=True),
        Column("product_code", values.text(60), filled=True),
        Column("quantity", values.decimal(3), "numeric(14,3)", filled=True),
        Column("unit_price", values.decimal(6, digits=13), "numeric", filled=True),
    )

    def __init__(self, context, present: Iterable[str]) -> None:
        names = set(present)
        self.by_line = set(LINE_COLUMNS) <= names
        # A file of lines may carry a total beside them, and one of orders a product: each form reads its own columns.
        super().__init__(context, names - ({"amount"} if self.by_line else set(LINE_COLUMNS)))
        self._client_of: dict[str, str] = {}
        self._broken: set[str] = set()

    @classmethod
    def missing(cls, present: Iterable[str]) -> list[str]:
        names = set(present)
        lacking = super().missing(names)
        if "amount" not in names and not set(LINE_COLUMNS) <= names:
            lines = [name for name in LINE_COLUMNS if name not in names]
            lacking += lines if len(lines) < len(LINE_COLUMNS) else ["amount"]
        return lacking

    def check_block(self, lines, block, refuse) -> None:
        """One order belongs to one client: a code under two of them is refused from its second client on."""
        client_of = self._client_of
        for position, (code, client) in enumerate(zip(block["order_code"], block["client_code"], strict=True)):
            if type(code) is str and type(client) is str and client_of.setdefault(code, client) != client:
                refuse(position, "client_code", _("o pedido já apareceu neste arquivo com o cliente %(code)s") % {"code": client_of[code]})

    def note_refused(self, block, positions) -> None:
        if self.by_line:
            self._broken.update(code for code in (block["order_code"][each] for each in positions) if type(code) is str and code)

    def load(self, stage: Stage) -> Tally:
        return self._load_lines(stage) if self.by_line else self._load_orders(stage)

    def finish(self, *, dry_run: bool) -> None:
        if not dry_run:
            refresh_abc()
            Organization.objects.filter(pk=self.context.organization.pk).update(orders_received_at=self.context.at)

    def _load_orders(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["order_code"])
        self._refuse_strangers(stage)
        stage.run("ALTER TABLE staged RENAME TO sent")
        written = self._upsert(stage)
        rows, amount = stage.run("SELECT count(*), coalesce(sum(amount), 0) FROM sent")[0]
        stage.run("ALTER TABLE sent RENAME TO staged")
        created = sum(written.values())
        return Tally(created, len(written) - created, rows - len(written), merged, more={"orders": rows, "amount_cents": int(amount)})

    def _load_lines(self, stage: Stage) -> Tally:
        stage.run("CREATE TEMP TABLE whole ON COMMIT DROP AS SELECT order_code, count(*) AS lines FROM staged GROUP BY order_code")
        self._refuse_strangers(stage)
        self._refuse_contradictions(stage)
        gone = stage.run("DELETE FROM staged WHERE abs(quantity * unit_price) >= 1e12 RETURNING line, quantity::text")
        stage.refuse(gone, "quantity", _("vezes o preço é grande demais; confira a quantidade e o preço"))
        self._refuse_siblings(stage)
        stage.run(lines_sql.ITEMS.format(columns=", ".join(column.name for column in self.columns)))
        stage.run("ANALYZE items")
        kept = "".join(f"min({name}) AS {name}, " for name in ("status", "representative_code") if name in self.present)
        stage.run(lines_sql.ORDERS_OF_ITEMS.format(kept=kept))
        stage.run("ANALYZE sent")
        # A product nobody described yet is taken under its code; a file of products names it later.
        stage.run(lines_sql.NEW_PRODUCTS)
        written = self._upsert(stage, lines=True)
        tally = Tally()
        orders, amount = stage.run("SELECT count(*), coalesce(sum(amount), 0) FROM sent")[0]
        tally.more = {"orders": orders, "amount_cents": int(amount)}
        for order, lines, merged in stage.run(lines_sql.LINES_OF_ORDERS):
            tally.merged += merged
            if order not in written:
                tally.unchanged += lines
            elif written[order]:
                tally.created += lines
            else:
                tally.updated += lines
        stage.run("DROP TABLE whole, items, sent, wanted")
        return tally

    def _refuse_strangers(self, stage: Stage) -> None:
        stage.refuse_unknown_clients()
        if "representative_code" in self.present:
            stage.refuse_unknown_representatives()

    def _refuse_contradictions(self, stage: Stage) -> None:
        """A line whose day, status or representative is not that of its order's first line."""
        for name in ("ordered_on", "status", "representative_code"):
            if name in self.present:
                for line, value, first in stage.run(S(lines_sql.CONTRADICTIONS).format(sql.Identifier(name))):
                    stage.refuse([(line, value)], name, _("outra linha do mesmo pedido traz “%(first)s”") % {"first": first})

    def _refuse_siblings(self, stage: Stage) -> None:
        """The other lines of every order that lost one, here or while the file was read."""
        gone = stage.run(lines_sql.SIBLINGS, broken=sorted(self._broken))
        stage.refuse(gone, "order_code", _("outra linha deste pedido foi recusada; o pedido entra inteiro ou não entra"))

    def _upsert(self, stage: Stage, *, lines: bool = False) -> dict[int, bool]:
        """Write the orders in ``sent`` (and the lines in ``items``), then what follows from them; ids and whether each is new."""
        # Whoever else writes these clients' orders waits here, or one of the two projections would miss the other's orders.
        stage.run(lines_sql.LOCK_CLIENTS)
        touched = {row[0] for row in stage.run(lines_sql.CLIENTS_LOSING_AN_ORDER)}
        stored: dict[str, sql.Composable] = {
            "client_id": sql.Identifier("c", "id"),
            "ordered_on": sql.Identifier("s", "ordered_on"),
            "amount_cents": sql.Identifier("s", "amount"),
        }
        source = lines_sql.SENT_WITH_CLIENT
        if "status" in self.present:
            stored["status"] = sql.Identifier("s", "status")
        if "representative_code" in self.present:
            stored["sold_by_id"] = sql.Identifier("r", "id")
            source += lines_sql.AND_REPRESENTATIVE
        rows = stage.upsert(
            "clients_order",
            key=["code"],
            key_values=[sql.Identifier("s", "order_code")],
            values=stored,
            defaults={"status": S("'valid'")},
            source=S(source),
        )
        written = dict(rows)
        if lines:
            for order in self._write_items(stage, written):
                written.setdefault(order, False)
        touched |= {row[0] for row in stage.run(lines_sql.CLIENTS_OF_ORDERS, orders=list(written))}
        if stage.aliases:
            stage.run(lines_sql.LEFT_THE_ALIAS, orders=list(written))
        if touched:
            client_ids = sorted(touched)
            orders_changed.send(sender=type(self), client_ids=client_ids)
            orders_written(list(written))
            refresh_clients(client_ids, as_of=self.context.as_of)
        return written

    def _write_items(self, stage: Stage, written: dict[int, bool]) -> list[int]:
        """Give each order the lines the file has for it; returns the orders whose lines changed."""
        stage.run(lines_sql.WANTED_ITEMS)
        stage.run("ANALYZE wanted")
        changed = [row[0] for row in stage.run(lines_sql.ORDERS_WITH_OTHER_ITEMS)]
        stage.run(lines_sql.DELETE_ITEMS, orders=[order for order in changed if not written.get(order)])
        stage.run(lines_sql.INSERT_ITEMS, orders=changed)
        return changed

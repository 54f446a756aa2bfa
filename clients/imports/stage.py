"""One chunk of an import inside the database: rows copied to a temporary table, then written set by set.

COPY straight into a table under a policy is refused by the server, and a temporary table lets references, repeats and
changes be settled by a handful of statements, however many rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from django.db import connection
from django.utils.translation import gettext as _
from psycopg2 import sql

from clients.imports.kinds.base import Column, Context
from clients.imports.refusals import Refusals
from clients.services.aliases import lock_merging

I = sql.Identifier  # noqa: E741


def refers(alias: str, name: str) -> sql.Composed:
    """``alias.name``, both quoted."""
    return sql.SQL("{}.{}").format(I(alias), I(name))


class Stage:
    """The staged rows of the chunk at hand, in temporary table ``staged`` (line, then the columns of the kind)."""

    def __init__(self, context: Context, columns: Sequence[Column], refusals: Refusals, headers: dict[str, tuple[str, ...]]) -> None:
        self.context, self.columns, self.refusals, self.headers = context, columns, refusals, headers
        self.organization_id: int = context.organization.pk
        self.refused_here: set[int] = set()
        self.aliases = False  # whether any client of the organization was merged into another

    def run(self, statement: str | sql.Composable, **params: Any) -> list[tuple]:
        """Rows of one statement; ``%(organization)s`` is always there, for every table it names."""
        with connection.cursor() as cursor:
            if not isinstance(statement, str):
                statement = statement.as_string(cursor.cursor)
            cursor.execute(statement, {"organization": self.organization_id, **params})
            return cursor.fetchall() if cursor.description else []

    def count(self, statement: str | sql.Composable, **params: Any) -> int:
        """How many rows a statement without RETURNING wrote."""
        with connection.cursor() as cursor:
            if not isinstance(statement, str):
                statement = statement.as_string(cursor.cursor)
            cursor.execute(statement, {"organization": self.organization_id, **params})
            return cursor.rowcount

    def copy(self, rows: IO[str]) -> None:
        """Create ``staged`` and fill it from CSV."""
        columns = sql.SQL(", ").join(sql.SQL("{} {}").format(I(each.name), sql.SQL(each.sql)) for each in self.columns)
        self.run("DROP TABLE IF EXISTS pg_temp.staged")
        self.run(sql.SQL("CREATE TEMP TABLE staged (line bigint NOT NULL, {}) ON COMMIT DROP").format(columns))
        with connection.cursor() as cursor:
            # The driver's own cursor: Django's has no COPY.
            cursor.cursor.copy_expert("COPY staged FROM STDIN (FORMAT csv, NULL '\\N')", rows)
            cursor.execute("ANALYZE staged")

    def settle_aliases(self, *, follow: bool) -> int:
        """Rows that name a client merged into another: sent on to that one, or left out; returns how many were left out.

        A merge waits until the chunk is committed, and the chunk until a merge is: neither sees half of the other.
        """
        if "client_code" not in {column.name for column in self.columns}:
            return 0
        lock_merging(self.organization_id, shared=True)
        if not self.run("SELECT 1 FROM clients_client WHERE organization_id = %(organization)s AND merged_into_id IS NOT NULL LIMIT 1"):
            return 0
        self.aliases = True
        if follow:
            self.run(
                "UPDATE staged s SET client_code = c.code FROM clients_client a"
                " JOIN clients_client c ON c.organization_id = a.organization_id AND c.id = a.merged_into_id"
                " WHERE a.organization_id = %(organization)s AND a.code = s.client_code AND a.merged_into_id IS NOT NULL"
            )
            return 0
        return self.count(
            "DELETE FROM staged s USING clients_client a"
            " WHERE a.organization_id = %(organization)s AND a.code = s.client_code AND a.merged_into_id IS NOT NULL"
        )

    def header_of(self, column: str) -> str:
        """What the person's file calls the column."""
        return " + ".join(self.headers.get(column, ())) or column

    def refuse(self, rows: Iterable[tuple[int, str]], column: str, reason: str) -> None:
        """Record (line, value) pairs as refused; the caller has deleted them from ``staged``."""
        header = self.header_of(column)
        for line, value in rows:
            self.refusals.add(line, (header, value or "", reason))
            self.refused_here.add(line)

    def refuse_unknown(self, column: str, table: str, reason: str) -> None:
        """Refuse rows whose ``column`` is filled and names no row of ``table`` by its code."""
        gone = self.run(
            sql.SQL(
                "DELETE FROM staged s WHERE s.{column} <> '' AND NOT EXISTS "
                "(SELECT FROM {table} t WHERE t.organization_id = %(organization)s AND t.code = s.{column}) RETURNING s.line, s.{column}"
            ).format(column=I(column), table=I(table))
        )
        self.refuse(gone, column, reason)

    def refuse_unknown_clients(self) -> None:
        self.refuse_unknown("client_code", "clients_client", _("não há cliente com este código; importe os clientes antes"))

    def refuse_unknown_representatives(self) -> None:
        self.refuse_unknown(
            "representative_code", "accounts_representative", _("não há vendedor com este código; importe os vendedores antes")
        )

    def merge_repeats(self, key: Sequence[str]) -> int:
        """Keep the first row of each key. Rows equal to it in every column are merged (their number is returned);
        rows that differ are refused, because which of them is right only a person can tell.
        """
        keys = sql.SQL(", ").join(map(I, key))
        same_key = sql.SQL(" AND ").join(sql.SQL("s.{0} IS NOT DISTINCT FROM f.{0}").format(I(name)) for name in key)
        names = [column.name for column in self.columns]
        same = sql.SQL("({}) IS NOT DISTINCT FROM ({})").format(
            sql.SQL(", ").join(refers("s", name) for name in names), sql.SQL(", ").join(refers("f", name) for name in names)
        )
        gone = self.run(
            sql.SQL(
                "WITH f AS (SELECT DISTINCT ON ({keys}) * FROM staged WHERE ({keys}) IN"
                " (SELECT {keys} FROM staged GROUP BY {keys} HAVING count(*) > 1) ORDER BY {keys}, line)"
                " DELETE FROM staged s USING f WHERE {same_key} AND s.line > f.line RETURNING s.line, f.line, {same}, s.{first}::text"
            ).format(keys=keys, same_key=same_key, same=same, first=I(key[0]))
        )
        for line, first, equal, value in gone:
            if not equal:
                self.refuse([(line, value)], key[0], _("repete a linha %(line)d com outros valores; deixe só uma") % {"line": first})
        return sum(equal for _line, _first, equal, _value in gone)

    def upsert(
        self,
        table: str,
        *,
        key: Sequence[str],
        key_values: Sequence[sql.Composable],
        values: dict[str, sql.Composable],
        defaults: dict[str, sql.Composable],
        source: sql.Composable | None = None,
        beside: sql.Composable | None = None,
        beside_reads: Sequence[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> list[tuple[int, bool]]:
        """Insert or change rows of ``table``; rows that are the same already are not touched.

        Parameters
        ----------
        key, key_values : the business key's columns beside organization_id, and what they hold, in terms of ``s``
        values : the columns the file speaks of, in terms of ``s``
        defaults : further columns of a row that is new
        source : FROM clause that names ``s``; by default the staged rows
        beside : further parts of the same statement, which read ``written``: ``id``, ``created`` and ``beside_reads``; ``facts`` are theirs

        Returns
        -------
        list of (id, created) of the rows written
        """
        comma, target = sql.SQL(", "), I(table)
        new = {name: value for name, value in defaults.items() if name not in values}
        insert_columns = [I("organization_id"), *map(I, key), *map(I, values), *map(I, new)]
        matches = sql.SQL(" AND ").join(sql.SQL("o.{} = {}").format(I(name), value) for name, value in zip(key, key_values, strict=True))
        source = source or sql.SQL("staged s")
        if values:
            old = comma.join(refers("o", name) for name in values)
            changed = sql.SQL("o.id IS NULL OR ({}) IS DISTINCT FROM ({})").format(old, comma.join(values.values()))
            action = sql.SQL("DO UPDATE SET {sets} WHERE ({mine}) IS DISTINCT FROM ({sent})").format(
                sets=comma.join(sql.SQL("{0} = EXCLUDED.{0}").format(I(name)) for name in values),
                mine=comma.join(refers("t", name) for name in values),
                sent=comma.join(refers("excluded", name) for name in values),
            )
        else:
            changed, action = sql.SQL("o.id IS NULL"), sql.SQL("DO NOTHING")
        written = sql.SQL("{} RETURNING t.id, t.xmax = 0")
        if beside is not None:
            written = sql.SQL(
                "WITH written AS ({} RETURNING t.id, t.xmax = 0 AS created, {more}), {beside} SELECT id, created FROM written"
            )
        insert = (
            sql.SQL(
                "INSERT INTO {target} AS t ({columns}) SELECT %(organization)s, {cells} FROM {source}"
                " LEFT JOIN {target} o ON o.organization_id = %(organization)s AND {matches}"
                " WHERE {changed} ORDER BY {order}"
                " ON CONFLICT (organization_id, {key}) {action}"
            )
        ).format(
            target=target,
            columns=comma.join(insert_columns),
            cells=comma.join([*key_values, *values.values(), *new.values()]),
            source=source,
            matches=matches,
            changed=changed,
            order=comma.join(key_values),
            key=comma.join(map(I, key)),
            action=action,
        )
        more = comma.join(refers("t", name) for name in beside_reads)
        rows = self.run(written.format(insert, beside=beside, more=more), **(facts or {}))
        return [(row[0], row[1]) for row in rows]

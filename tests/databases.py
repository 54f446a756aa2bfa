"""Test databases made by the owner and used by the application's role, as in production.

A test that ran as the owner would see through every policy. So the owner migrates one template database, each
worker gets a copy of it, and ``default`` connects to the copy as the application's role.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from psycopg2.sql import SQL, Composed, Identifier, Literal

REPOSITORY = Path(__file__).resolve().parent.parent
# Two test sessions, or two xdist workers, must not build the template at once.
TEMPLATE_LOCK = 0x63617274
FILLED_BY_MIGRATE = ["django_migrations", "django_content_type", "auth_permission"]
MANY = 1_000  # rows of one table from which emptying all tables is cheaper than deleting


def prepare(worker: str | None) -> None:
    """Point both aliases at a fresh database of this worker (None: the only one)."""
    base = "test_" + settings.DATABASES["default"]["NAME"]
    template, mine = f"{base}_template", f"{base}_{worker}" if worker else base
    with _as_owner() as cursor:
        # The owner's connections give up on a lock after five seconds; another worker may migrate the template for longer.
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        wanted = _fingerprint()
        if _comment_of(cursor, template) != wanted:
            _create(cursor, template)
            _migrate(template)
            cursor.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(template), Literal(wanted)))
        _create(cursor, mine, template=template)
    _connect_to(mine)


_TABLES = """
SELECT c.relname, EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype & 40 <> 0),
       CASE WHEN a.attname IS NOT NULL THEN pg_get_serial_sequence(quote_ident(c.relname), 'id') END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id' AND NOT a.attisdropped
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL(%s)
"""


def empty_tables() -> None:
    """Empty every table a test has written, as the owner: the application's role may not delete history.

    What migrations put there (content types, permissions) stays. A test writes a few rows of a few tables: deleting those
    is far cheaper than truncating all, which makes every file of every index anew; of a whole company it is the other way round.
    Append-only tables refuse both by trigger, so the triggers of the tables at hand are off for this one transaction.
    """
    try:
        _empty(_janitor())
    except (psycopg2.OperationalError, psycopg2.InterfaceError):  # a test sent everybody away, or restarted the server
        _janitor().close()
        _empty(_janitor())


def renew_connections() -> None:
    """Take from the connections all that a test may have left in them: settings, roles, locks, cursors, temporary tables.

    A pooler does the same between two users. What PostgreSQL has learnt of the tables stays, which is what a new one costs.
    """
    for connection in connections.all(initialized_only=True):
        if connection.connection is None:
            continue
        if connection.in_atomic_block or not connection.get_autocommit() or connection.errors_occurred:
            connection.close()
            continue
        try:
            with connection.connection.cursor() as cursor:
                cursor.execute("DISCARD ALL")
            connection.init_connection_state()
        except (psycopg2.Error, DatabaseError):  # sent away by the test, or its transaction was left open
            connection.close()


def _janitor():
    """The owner's connection for emptying, kept: connecting and learning fifty tables anew costs more than emptying them."""
    name = connections["default"].settings_dict["NAME"]
    if name not in _JANITORS or _JANITORS[name].closed:
        _JANITORS[name] = psycopg2.connect(**_owner_parameters(name))
    return _JANITORS[name]


_JANITORS: dict[str, Any] = {}


def _empty(connection) -> None:
    with connection, connection.cursor() as cursor:
        cursor.execute(_TABLES, [FILLED_BY_MIGRATE])
        tables = {name: (Identifier(name), guarded, sequence) for name, guarded, sequence in cursor.fetchall()}
        if _COUNTED.get(connection) != tables.keys():
            cursor.execute(_counting(cursor, tables))
    _COUNTED[connection] = set(tables)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT name, n FROM pg_temp.rows_of_all()")
        rows = dict(cursor.fetchall())
        if max(rows.values(), default=0) == MANY:
            rows = dict.fromkeys(tables, 0)
        written = [tables[name] for name in rows]
        guarded = [table for table, guarded, _sequence in written if guarded]
        emptying = [SQL("SET CONSTRAINTS ALL DEFERRED")]  # whatever the order, nothing is left to point at nothing
        emptying += [SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table) for table in guarded]
        if len(rows) == len(tables):
            emptying.append(SQL("TRUNCATE {}").format(SQL(", ").join(table for table, _guarded, _sequence in written)))
        else:
            emptying += [SQL("DELETE FROM {}").format(table) for table, _guarded, _sequence in written]
        emptying.append(SQL("SET CONSTRAINTS ALL IMMEDIATE"))  # a table with checks still waiting cannot be altered
        emptying += [SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table) for table in guarded]
        emptying += [SQL("SELECT setval({}, 1, false)").format(Literal(sequence)) for _table, _guarded, sequence in written if sequence]
        cursor.execute(SQL("; ").join(emptying))


def _counting(cursor, tables: dict[str, tuple]) -> Composed:
    """Make ``rows_of_all``: the rows of every table that has any, MANY at most.

    Planning costs far more than counting: a function plans each table's once a connection, or again when its triggers were off.
    """
    count = SQL("RETURN QUERY SELECT {}::text, count(*) FROM (SELECT FROM {} LIMIT {}) AS first_rows HAVING count(*) > 0;")
    counts = SQL(" ").join(count.format(Literal(name), table, Literal(MANY)) for name, (table, _guarded, _sequence) in tables.items())
    body = SQL("BEGIN {} END").format(counts).as_string(cursor)
    head = SQL("CREATE OR REPLACE FUNCTION pg_temp.rows_of_all() RETURNS TABLE (name text, n bigint) LANGUAGE plpgsql AS")
    return SQL("{} {}").format(head, Literal(body))


_COUNTED: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()  # the tables that each connection's function counts


@contextmanager
def _as_owner(database: str | None = None, *, autocommit: bool = True) -> Iterator:
    # The database of the address itself: the owner may always connect there.
    connection = psycopg2.connect(**_owner_parameters(database or _ORIGINAL.setdefault("owner", settings.DATABASES["owner"]["NAME"])))
    try:
        connection.autocommit = autocommit
        with connection.cursor() as cursor:
            yield cursor
        if not autocommit:
            connection.commit()
    finally:
        connection.close()


def _owner_parameters(database: str) -> dict[str, Any]:
    parameters = connections["owner"].get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    return parameters | {"dbname": database}


_ORIGINAL: dict[str, str] = {}


def _comment_of(cursor, database: str) -> str | None:
    cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database])
    row = cursor.fetchone()
    return row[0] if row else None


def _create(cursor, database: str, *, template: str | None = None) -> None:
    _drop(cursor, database)
    source: Composed | SQL = SQL(" TEMPLATE {} STRATEGY file_copy").format(Identifier(template)) if template else SQL("")
    cursor.execute(SQL("CREATE DATABASE {}").format(Identifier(database)) + source)
    if template is None:
        app = Identifier(settings.DATABASES["default"]["USER"])
        with _as_owner(database) as inside:
            inside.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
            inside.execute(SQL("GRANT USAGE ON SCHEMA public TO {}").format(app))


def _drop(cursor, database: str) -> None:
    for left in range(20, 0, -1):
        try:
            cursor.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database)))
            return
        except psycopg2.errors.InsufficientPrivilege:  # autovacuum is in it, and only a superuser may send that away
            if left == 1:
                raise
            time.sleep(0.5)


def _migrate(database: str) -> None:
    _connect_to(database)
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    connections["owner"].close()
    connections["default"].close()


def _connect_to(database: str) -> None:
    for alias in ("default", "owner"):
        connections[alias].close()
        settings.DATABASES[alias]["NAME"] = database
        connections[alias].settings_dict["NAME"] = database


def _fingerprint() -> str:
    """Changes whenever the migrated schema may: migrations, the tenant walls, and the packages that bring tables."""
    digest = hashlib.sha256()
    walls = ["accounts/apps.py", "accounts/tenancy", "carteira/postgresql", "tests/databases.py"]
    for place in [*walls, *(f"{app}/migrations" for app in ("accounts", "clients", "portfolio", "rotation"))]:
        root = REPOSITORY / place
        for path in sorted(root.rglob("*.py") if root.is_dir() else [root]):
            digest.update(os.fsencode(path.relative_to(REPOSITORY)) + path.read_bytes())
    digest.update("|".join(version(name) for name in ("Django", "django-allauth")).encode())
    return digest.hexdigest()

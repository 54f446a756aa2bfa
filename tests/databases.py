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

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg2.sql import SQL, Composed, Identifier, Literal

REPOSITORY = Path(__file__).resolve().parent.parent
# Two test sessions, or two xdist workers, must not build the template at once.
TEMPLATE_LOCK = 0x63617274
FILLED_BY_MIGRATE = ["django_migrations", "django_content_type", "auth_permission"]


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


def empty_tables() -> None:
    """Empty every table a test may have written, as the owner: the application's role may not TRUNCATE.

    What migrations put there (content types, permissions) stays. Append-only tables refuse TRUNCATE by trigger, so
    the triggers that do are off for this one transaction.
    """
    with _as_owner(connections["default"].settings_dict["NAME"], autocommit=False) as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL(%s)",
            [FILLED_BY_MIGRATE],
        )
        tables = [Identifier(name) for (name,) in cursor.fetchall()]
        cursor.execute(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND NOT t.tgisinternal AND t.tgtype & 32 <> 0 AND t.tgenabled = 'O'"
        )
        guards = [(Identifier(table), Identifier(trigger)) for table, trigger in cursor.fetchall()]
        for table, trigger in guards:
            cursor.execute(SQL("ALTER TABLE {} DISABLE TRIGGER {}").format(table, trigger))
        if tables:
            cursor.execute(SQL("TRUNCATE {} RESTART IDENTITY").format(SQL(", ").join(tables)))
        for table, trigger in guards:
            cursor.execute(SQL("ALTER TABLE {} ENABLE TRIGGER {}").format(table, trigger))


@contextmanager
def _as_owner(database: str | None = None, *, autocommit: bool = True) -> Iterator:
    parameters = connections["owner"].get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    # The database of the address itself: the owner may always connect there.
    parameters["dbname"] = database or _ORIGINAL.setdefault("owner", settings.DATABASES["owner"]["NAME"])
    connection = psycopg2.connect(**parameters)
    try:
        connection.autocommit = autocommit
        with connection.cursor() as cursor:
            yield cursor
        if not autocommit:
            connection.commit()
    finally:
        connection.close()


_ORIGINAL: dict[str, str] = {}


def _comment_of(cursor, database: str) -> str | None:
    cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database])
    row = cursor.fetchone()
    return row[0] if row else None


def _create(cursor, database: str, *, template: str | None = None) -> None:
    _drop(cursor, database)
    source: Composed | SQL = SQL(" TEMPLATE {}").format(Identifier(template)) if template else SQL("")
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

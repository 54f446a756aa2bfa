"""Which organization this thread of work acts for; the database is told inside the transaction that holds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.extensions import TRANSACTION_STATUS_INTRANS

_active: ContextVar[int | None] = ContextVar("active_organization_id", default=None)


class NoTenant(RuntimeError):
    """A tenant table was asked for while no organization is active: wrap the work in ``tenant_atomic``."""


class TenantMismatch(RuntimeError):
    """Work for one organization was asked for inside another's transaction."""


def active_organization_id() -> int:
    """The organization this context acts for.

    Raises
    ------
    NoTenant
        No ``tenant_atomic`` block is open.
    """
    organization_id = _active.get()
    if organization_id is None:
        raise NoTenant("no organization is active; open tenant_atomic(organization_id) first")
    return organization_id


@contextmanager
def tenant_atomic(organization_id: int, *, using: str = "default", durable: bool = False) -> Iterator[None]:
    """One transaction in which only this organization's rows exist.

    Raises
    ------
    TenantMismatch
        Another organization is already active.
    """
    organization_id, outer, db = int(organization_id), _active.get(), connections[using]
    if outer not in (None, organization_id):
        raise TenantMismatch(f"inside {outer}, asked for {organization_id}")
    joined = db.in_atomic_block
    fresh = outer is None or not joined
    with transaction.atomic(using=using, durable=durable), db.cursor() as cursor:
        if fresh:
            # SET LOCAL, not set_config(): a distributed PostgreSQL forwards only the former, and a
            # session-level setting would leak through a transaction-mode pooler.
            cursor.execute("SET LOCAL app.organization_id TO %s", [str(organization_id)])
        token = _active.set(organization_id)
        try:
            yield
        finally:
            _active.reset(token)
            if fresh and joined:
                _restore(db, {"app.organization_id": ""})  # an outer transaction (a request's, a test's) lives on


acting_for = tenant_atomic

_IDENTITY_SETTINGS = {"user_id": "app.user_id", "email": "app.login_email", "token_hash": "app.token_hash"}


@contextmanager
def identity_atomic(*, using: str = "default", **names: str | int) -> Iterator[None]:
    """One transaction in which the identity rows of a named person are visible, before any organization is.

    Parameters
    ----------
    names : ``user_id``, ``email`` or ``token_hash``
        What the caller already knows: a row shows only to who names it. The settings end with the block.
    """
    unknown = names.keys() - _IDENTITY_SETTINGS.keys()
    if unknown:
        raise ValueError(f"identity_atomic takes user_id, email or token_hash, not {sorted(unknown)}")
    db = connections[using]
    joined = db.in_atomic_block
    with transaction.atomic(using=using), db.cursor() as cursor:
        before = {}
        for name, value in names.items():
            setting = _IDENTITY_SETTINGS[name]
            if joined:  # what an outer block named comes back; a transaction of its own forgets these settings by itself
                cursor.execute("SELECT current_setting(%s, true)", [setting])
                before[setting] = cursor.fetchone()[0] or ""
            cursor.execute(f"SET LOCAL {setting} TO %s", [str(value).strip().lower() if name == "email" else str(value)])
        try:
            yield
        finally:
            _restore(db, before)


def _restore(db: BaseDatabaseWrapper, values: dict[str, str]) -> None:
    """Put settings back inside a transaction that goes on; a failed or ended one has forgotten them already."""
    if db.connection is None or db.connection.get_transaction_status() != TRANSACTION_STATUS_INTRANS:
        return
    with db.connection.cursor() as raw:  # the driver's own: Django's refuses once a rollback is asked for
        for setting, value in values.items():
            raw.execute(f"SET LOCAL {setting} TO %s", [value])

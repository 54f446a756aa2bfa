"""How new clients come with the owners their file names: in the statement that writes them, by the app that keeps the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ledger:
    """What an app above writes beside new clients that have an owner.

    ``begins`` are parts of a WITH statement that read ``written``: the clients written, their ``representative_id`` and whether they
    were ``created``; ``facts`` gives its parameters. ``tell`` follows in the same transaction, with the clients created.
    """

    begins: str
    facts: Callable[..., dict[str, Any]]  # on (date), by (Actor), at (datetime)
    tell: Callable[..., None]  # client ids; on, by, at


_kept: list[Ledger] = []


def keep_ledger(ledger: Ledger) -> None:
    """Make the ledger known to the import of clients; its app calls this from ``ready``."""
    _kept[:] = [ledger]


def ledger() -> Ledger | None:
    """The ledger of first owners, where an app keeps one."""
    return _kept[0] if _kept else None

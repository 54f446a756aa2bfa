"""What a kind of import is, and the register of those the installed apps know."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor
from clients.imports.errors import UnknownKind
from clients.imports.values import Parser, Place

if TYPE_CHECKING:
    from clients.imports.stage import Stage


@dataclass(frozen=True)
class Column:
    """One column a file may hold.

    Parameters
    ----------
    name : the header we know it by
    parse : reads a cell; see ``values``
    sql : type of the staged column
    must : the header must have it
    filled : its cells must not be empty
    own : id of the organization's own field it fills; 0 for ours, and the rest below is then empty
    label, key : what the organization calls that field, and the same as a header's key, by which files find it too
    form, example : how its cells are written, for a person
    numeric : whether its cells are numbers with decimals
    """

    name: str
    parse: Parser
    sql: str = "text"
    must: bool = False
    filled: bool = False
    own: int = 0
    label: str = ""
    key: str = ""
    form: str = ""
    example: str = ""
    numeric: bool = False


@dataclass(frozen=True)
class Context:
    """For whom, as of when and by whom an import runs."""

    organization: Organization
    by: Actor
    at: datetime
    as_of: date
    place: Place


@dataclass
class Tally:
    """What became of the rows of a file: ``rows = created + updated + unchanged + merged + refused``."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    more: dict[str, int] = field(default_factory=dict)  # counts and sums of one kind only

    def add(self, other: "Tally") -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.merged += other.merged
        for name, amount in other.more.items():
            self.more[name] = self.more.get(name, 0) + amount


class Kind:
    """One kind of file. A fresh instance serves one import; ``columns`` are then only those the file holds."""

    name: ClassVar[str]
    offers: ClassVar[tuple[Column, ...]]
    # Rows are spread over chunks by this column, so that whatever shares its value meets in one transaction.
    spread_by: ClassVar[str]
    chunk_rows: ClassVar[int] = 10_000
    # Rows that name a client merged into another: of what happened they follow it there; what says what the absorbed one is stays unread.
    follows_aliases: ClassVar[bool] = True
    # Whose own fields of the organization its rows may fill: a ``CustomField.Subject``; see ``own_fields.kind_here``.
    fields_of: ClassVar[str] = ""

    def __init__(self, context: Context, present: Iterable[str]) -> None:
        self.context = context
        names = set(present)
        self.columns = tuple(column for column in self.offers if column.name in names)
        self.present = frozenset(column.name for column in self.columns)

    @classmethod
    def missing(cls, present: Iterable[str]) -> list[str]:
        """Columns the file must have and does not."""
        names = set(present)
        return [column.name for column in cls.offers if column.must and column.name not in names]

    def check_block(self, lines: list[int], values: dict[str, list], refuse) -> None:
        """Refuse rows for what only the whole file shows; ``refuse(position, column, reason)``. Nothing by default."""

    def note_refused(self, values: dict[str, list], positions: Iterable[int]) -> None:
        """Learn of rows whose cells were refused, by position in the block. Nothing by default."""

    def load(self, stage: "Stage") -> Tally:
        """Write the staged rows, in the transaction that is open."""
        raise NotImplementedError

    def finish(self, *, dry_run: bool) -> None:
        """After the last chunk, in a transaction of its own. Nothing by default."""


_kinds: dict[str, type[Kind]] = {}


def register(kind: type[Kind]) -> type[Kind]:
    """Make a kind known to ``import_data`` and the import page; the higher apps call it from ``ready``."""
    _kinds[kind.name] = kind
    return kind


def kind_names() -> list[str]:
    """Every kind that can be imported now."""
    return list(_kinds)


def kind_named(name: str) -> type[Kind]:
    """The kind with that name.

    Raises
    ------
    UnknownKind
        No such kind; the sentence lists those there are.
    """
    if name in _kinds:
        return _kinds[name]
    known = ", ".join(_kinds)
    raise UnknownKind(_("“%(kind)s” não é um tipo de importação. Disponíveis: %(known)s.") % {"kind": name, "known": known})

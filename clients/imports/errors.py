"""What an import may refuse as a whole; refused rows are not errors but lines of the refused file."""

from accounts.errors import DomainError


class ImportRefused(DomainError):
    """The file was not taken; nothing of it was written. The sentence names the place and the cure."""

    code = "import_refused"


class UnreadableFile(ImportRefused):
    """Not a file we read, damaged, in another encoding, or beyond a limit."""

    code = "unreadable_file"


class MissingColumns(ImportRefused):
    """The header lacks columns the kind must have."""

    code = "missing_columns"


class BadMapping(ImportRefused):
    """The mapping names a header or a column that does not exist, or is malformed."""

    code = "bad_mapping"


class UnknownKind(ImportRefused):
    """No such kind of import, or not available yet."""

    code = "unknown_kind"


class ImportCancelled(ImportRefused):
    """A person stopped it between two chunks; what was written stays, and the same file sent again goes on."""

    code = "import_cancelled"

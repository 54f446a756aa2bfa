"""Compiles the translations with Babel, so that no gettext program is needed: ``python -m carteira.messages``."""

import os
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

LOCALE = Path(__file__).resolve().parent.parent / "locale"


def compile_messages(locale: Path = LOCALE) -> list[Path]:
    """Compile each catalogue newer than its compiled form; returns those written.

    Raises
    ------
    ValueError
        A catalogue is malformed; the message names the file and line.
    """
    written = []
    for source in sorted(locale.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        try:
            with open(source, "rb") as file:
                catalogue = read_po(file, abort_invalid=True)
        except PoFileError as error:
            raise ValueError(f"{source}, line {error.lineno}: {error}.") from error
        # Written beside and renamed: a server starting meanwhile never reads half a catalogue.
        fresh = target.with_suffix(f".{os.getpid()}")
        with open(fresh, "wb") as file:
            write_mo(file, catalogue)
        os.replace(fresh, target)
        written.append(target)
    return written


if __name__ == "__main__":
    try:
        compile_messages()
    except ValueError as error:
        sys.exit(str(error))

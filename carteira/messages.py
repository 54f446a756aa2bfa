"""The translations, through Babel, so that no gettext program is needed.

``python -m carteira.messages`` compiles them; with ``--update`` it first reads the sources again and brings every
catalogue up to them: new messages come in empty, those no source says any more leave, translations stay.
"""

import os
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po, write_po
from django.utils.translation.template import templatize

REPOSITORY = Path(__file__).resolve().parent.parent
LOCALE = REPOSITORY / "locale"
SOURCES = ["accounts", "carteira", "clients", "portfolio", "rotation", "templates"]
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def source_messages(root: Path = REPOSITORY) -> Catalog:
    """Every message that the sources ask to be translated, each with the files that say it."""
    catalogue = Catalog(project="Carteira", charset="utf-8")
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.suffix == ".py":
                text = path.read_text(encoding="utf-8")
            elif path.suffix in {".html", ".txt"} and "templates" in path.relative_to(root).parts:
                # What makemessages would read: Django writes a template's messages as calls and keeps its indentation,
                # which Python's tokenizer only forgives inside parentheses.
                text = f"({templatize(path.read_text(encoding='utf-8'), origin=name)})"
            else:
                continue
            for line, message, comments, context in extract("python", BytesIO(text.encode()), KEYWORDS, ["Translators:"]):
                catalogue.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


def read_catalogue(path: Path) -> Catalog:
    """A catalogue as it stands in its file.

    Raises
    ------
    ValueError
        The file is malformed; the message names it and the line.
    """
    try:
        with open(path, "rb") as file:
            return read_po(file, locale=path.parent.parent.name, abort_invalid=True)
    except PoFileError as error:
        raise ValueError(f"{path}, line {error.lineno}: {error}.") from error


def update_messages(locale: Path = LOCALE, root: Path = REPOSITORY) -> dict[str, int]:
    """Bring each catalogue up to the sources; returns how many messages of each still lack a sure translation."""
    template = source_messages(root)
    missing = {}
    for path in sorted(locale.glob("*/LC_MESSAGES/*.po")):
        catalogue = read_catalogue(path)
        begun = catalogue.creation_date
        # A guess from a similar sentence is worse than a gap: the gap is seen, the guess is read.
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        # The day of the reading would change in every catalogue at every update, and say nothing.
        catalogue.creation_date = begun
        with open(path, "wb") as file:
            # Lines would change with every edit of a source, and merge badly; the file's name says enough.
            write_po(file, catalogue, width=110, omit_header=False, ignore_obsolete=True, include_lineno=False, sort_by_file=True)
        missing[path.parent.parent.name] = sum(message.fuzzy or not all(texts(message.string)) for message in catalogue if message.id)
    return missing


def texts(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """The forms of a message or of its translation: one, or one a plural form; a translation never begun is empty."""
    return [text or ""] if text is None or isinstance(text, str) else list(text)


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
        catalogue = read_catalogue(source)
        # Written beside and renamed: a server starting meanwhile never reads half a catalogue.
        fresh = target.with_suffix(f".{os.getpid()}")
        with open(fresh, "wb") as file:
            write_mo(file, catalogue)
        os.replace(fresh, target)
        written.append(target)
    return written


if __name__ == "__main__":
    try:
        if "--update" in sys.argv[1:]:
            for language, missing in update_messages().items():
                sys.stdout.write(f"{language}: {missing} without a translation\n")
        compile_messages()
    except ValueError as error:
        sys.exit(str(error))

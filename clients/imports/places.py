"""Where files of an organization lie: below its own folder, outside the web root, under names nobody can guess."""

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _

from clients.imports.errors import UnreadableFile

MOST_BYTES = 20 << 20  # as accounts.input_guard lets through
MOST_MB = MOST_BYTES >> 20


def folder_of(organization_id: int) -> Path:
    return Path(settings.MEDIA_ROOT) / str(int(organization_id))


def keep_upload(content: Iterable[bytes], *, file_name: str, organization_id: int) -> tuple[Path, int]:
    """Write the blocks as they come into a folder of their own; returns the file and its size in bytes.

    Raises
    ------
    UnreadableFile
        More than ``MOST_BYTES``; nothing is kept.
    """
    place = folder_of(organization_id) / "imports" / secrets.token_hex(16)
    place.mkdir(parents=True)
    path, size = place / _safe(file_name), 0
    try:
        with path.open("wb") as file:
            for block in content:
                size += len(block)
                if size > MOST_BYTES:
                    raise UnreadableFile(
                        _("“%(name)s” passa de %(n)d MB. Compacte-o como CSV.gz ou divida-o em arquivos menores.")
                        % {"name": path.name, "n": MOST_MB}
                    )
                file.write(block)
    except BaseException:
        shutil.rmtree(place)
        raise
    return path, size


def _safe(file_name: str) -> str:
    """The sender's name without what a file system would read anything into."""
    try:
        name = get_valid_filename(Path(file_name).name)
    except SuspiciousFileOperation:
        name = ""
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:60]}{dot}{ending[:10]}" if stem else (name[:60] or "file")

"""Photos as they come from a phone: known by their bytes, never by their name; kept as files below the organization's own folder."""

import secrets
from pathlib import Path

from django.conf import settings

MAX_PHOTOS = 5
MAX_BYTES = 2 * 1024 * 1024
SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}


def kind_of(content: bytes) -> str | None:
    """The media type the bytes themselves show, or None for anything that is not JPEG, PNG or WebP."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def _folder(organization_id: int) -> Path:
    return Path(settings.MEDIA_ROOT) / str(int(organization_id))


def keep(content: bytes, content_type: str, *, organization_id: int) -> str:
    """Write the photo under a name nobody can guess; returns that name. The folder is the organization's."""
    name = secrets.token_hex(16) + SUFFIXES[content_type]
    folder = _folder(organization_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return name


def path_of(stored_as: str, *, organization_id: int) -> Path | None:
    """Where the photo lies, or None when the file is gone or the name would leave the folder."""
    folder = _folder(organization_id)
    path = folder / stored_as
    return path if path.parent == folder and path.is_file() else None


def forget(stored_as: str, *, organization_id: int) -> None:
    """Remove a file whose row was not written."""
    (_folder(organization_id) / stored_as).unlink(missing_ok=True)

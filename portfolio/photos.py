"""Photos as they come from a phone: known by their bytes, never by their name; kept as files below the organization's own folder."""

import secrets
import struct
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


def bare(content: bytes) -> tuple[bytes, str] | None:
    """The picture without what the camera wrote beside it, and its media type; None for bytes that do not read as one.

    A phone's photo names where it was taken, and a place is only kept where the person tapped to give it. Which way is up
    stays. (Photos that pass through the page's script come drawn again; this is also for those that do not.)
    """
    kind = kind_of(content)
    if kind is None:
        return None
    try:
        return {"image/jpeg": _bare_jpeg, "image/png": _bare_png, "image/webp": _bare_webp}[kind](content), kind
    except (struct.error, IndexError):
        return None


def _bare_jpeg(content: bytes) -> bytes:
    kept, at, turn = [content[:2]], 2, 0
    while content[at] == 0xFF and content[at + 1] != 0xDA:  # up to the scan itself
        marker, size = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        segment = content[at : at + 2 + size]
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0":
            turn = _orientation(segment[10:]) or turn
        # APP1 holds EXIF and XMP, APP13 what press agencies write, COM anything.
        if marker not in (0xE1, 0xED, 0xFE):
            kept.append(segment)
        at += 2 + size
    if turn > 1:
        entry = struct.pack(">HHHHHHI", 42, 0, 8, 1, 0x0112, 3, 1)
        tiff = b"MM" + entry + struct.pack(">HHI", turn, 0, 0)
        kept.insert(1, b"\xff\xe1" + struct.pack(">H", 2 + 6 + len(tiff)) + b"Exif\0\0" + tiff)
    return b"".join([*kept, content[at:]])


def _orientation(tiff: bytes) -> int:
    order = "<" if tiff[:2] == b"II" else ">"
    first = struct.unpack(order + "I", tiff[4:8])[0]
    for n in range(min(struct.unpack(order + "H", tiff[first : first + 2])[0], 200)):
        entry = tiff[first + 2 + 12 * n : first + 14 + 12 * n]
        tag, _kind, _count, value = struct.unpack(order + "HHIH", entry[:10])
        if tag == 0x0112:
            return value if 1 <= value <= 8 else 0
    return 0


def _bare_png(content: bytes) -> bytes:
    kept, at = [content[:8]], 8
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        if name not in (b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME"):
            kept.append(content[at : at + 12 + size])
        at += 12 + size
    return b"".join(kept)


def _bare_webp(content: bytes) -> bytes:
    kept, at = [], 12
    while at < len(content):
        name, size = struct.unpack("<4sI", content[at : at + 8])
        whole = 8 + size + size % 2
        if name not in (b"EXIF", b"XMP "):
            kept.append(content[at : at + whole])
        at += whole
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


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

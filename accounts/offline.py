"""What a device may keep: which files make the shell, their version, and what each answer tells the service worker."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse

FOLDERS = {"css": "*.css", "js": "*.js"}
ALONE = ["vendor/htmx-2.0.11/htmx.min.js", "vendor/inter-5.3.0/inter-latin.woff2", "icons/sprite.svg", "icons/brand.svg"]
PATIENCE_MS = 3_000  # how long a page is waited for where an older one is kept


def shell_names() -> list[str]:
    """The static files that any kept page may ask for, by their names before hashing."""
    static = Path(settings.BASE_DIR, "static")
    return [*(f"{folder}/{file.name}" for folder, pattern in FOLDERS.items() for file in sorted((static / folder).glob(pattern))), *ALONE]


def shell_files() -> list[str]:
    """The addresses of the shell's files, under the names they are served by."""
    return [staticfiles_storage.url(name) for name in shell_names()]


def shell_version() -> str:
    """The static manifest's hash; where names carry no hash (development), that of when the files changed last."""
    return getattr(staticfiles_storage, "manifest_hash", "") or _as_they_lie()


def _as_they_lie() -> str:
    static = Path(settings.BASE_DIR, "static")
    facts = [(name, (found := (static / name).stat()).st_mtime_ns, found.st_size) for name in shell_names()]
    return _short(tuple(facts))


@lru_cache(maxsize=4)
def _short(facts: tuple) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


class OfflineMiddleware:
    """Tells the service worker whose each page of an organization is, and with which shell it was drawn.

    It stands around the tenant's middleware, and so also says what to do with pages kept of an organization that the
    person no longer belongs to: ``X-Offline: wipe``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        user = getattr(request, "_cached_user", None)
        if not request.path_info.startswith("/o/") or not getattr(user, "is_authenticated", False):
            return response
        response.headers["X-Person"] = str(user.pk)  # type: ignore[union-attr]
        if getattr(request, "membership", None) is None:
            response.headers["X-Offline"] = "wipe"
        elif response.headers.get("X-Offline") == "keep":
            response.headers["X-Shell"] = shell_version()
        return response

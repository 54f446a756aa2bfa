"""What makes the site an app on a phone: the service worker, the manifest, and the two pages built on the device."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts import offline
from accounts.shell import Shell

CANVAS = "#f6f5f2"  # --canvas of the light theme: what shows while the app opens


@require_GET
@never_cache
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker of this version. Its text changes with the files it keeps: so browsers see a new one."""
    context = {
        "version": offline.shell_version(),
        "files": json.dumps([*offline.shell_files(), "/offline/"]),
        "queue": static("js/queue.js"),
        "patience_ms": offline.PATIENCE_MS,
    }
    response = render(request, "offline/worker.js", context, content_type="text/javascript; charset=utf-8")
    response.headers["Service-Worker-Allowed"] = "/"
    return response


@require_GET
def no_signal(request: HttpRequest) -> HttpResponse:
    """Shown where not even the list of kept pages is kept, or nobody is signed in. Holds nothing of anybody."""
    return render(request, "offline/no_signal.html")


@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """What the home screen shows and opens: this organization's first page, and its shortcuts."""
    shell = Shell(request)
    shortcuts = [(_("Hoje"), shell.place("today/")), (_("Registrar visita"), shell.visit_url)]
    body = {
        "id": f"/o/{shell.slug}/",
        "name": f"Carteira · {request.organization.name}",  # type: ignore[attr-defined]
        "short_name": "Carteira",
        "description": _("Sua carteira de clientes, com ou sem sinal."),
        "lang": get_language(),
        "start_url": shell.home,
        "scope": "/",
        "display": "standalone",
        "background_color": CANVAS,
        "theme_color": CANVAS,
        "icons": [
            {"src": static("icons/brand.svg"), "sizes": "any", "type": "image/svg+xml"},
            {"src": static("icons/app-192.png"), "sizes": "192x192", "type": "image/png"},
            {"src": static("icons/app-512.png"), "sizes": "512x512", "type": "image/png"},
            {"src": static("icons/app-maskable-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"},
        ],
        "shortcuts": [{"name": name, "url": url} for name, url in shortcuts if url],
    }
    return HttpResponse(json.dumps(body, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8")


@require_GET
def kept_pages(request: HttpRequest) -> HttpResponse:
    """What can be opened without signal; the list is built on the device."""
    return _kept(render(request, "offline/kept_pages.html"))


@require_GET
def outbox(request: HttpRequest) -> HttpResponse:
    """What waits on the device to be sent, and why; the list is built on the device."""
    return _kept(render(request, "offline/outbox.html"))


def _kept(response: HttpResponse) -> HttpResponse:
    response.headers["X-Offline"] = "keep"
    return response

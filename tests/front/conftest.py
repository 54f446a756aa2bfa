"""A real browser over our own files: pages rendered here, served by a small server that answers as the site would."""

import functools
import mimetypes
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.template import engines
from django.test import RequestFactory
from django.utils import translation

from accounts.shell import Shell
from tests.fixtures import browser  # noqa: F401  (others import it from here)

POLICY = "; ".join(f"{name} {' '.join(sources)}" for name, sources in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items())


@pytest.fixture(autouse=True)
def no_counts(monkeypatch):
    """The numbers of the navigation come from the database, which these pages do without."""
    monkeypatch.setattr("accounts.shell._counts", {})


def request_for(role: str = "manager"):
    request = RequestFactory().get("/o/vale/rotation/9/")
    request.organization = SimpleNamespace(name="Distribuidora Vale Verde", slug="vale", currency="BRL", is_demo=False)
    request.membership = SimpleNamespace(name="Ana", role=role)
    request.user = SimpleNamespace(is_authenticated=True, email="ana@vale.example", theme="", shortcuts=True)
    return request


def render(source: str, **context) -> str:
    request = request_for()
    with translation.override("pt-br"):
        return engines["django"].from_string(source).render({"shell": Shell(request), **context}, request)


@dataclass
class Site:
    """Pages by path, answers by path, and every request that came."""

    url: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    answers: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict, dict]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    def __init__(self, site: Site, *args) -> None:
        self.site = site
        super().__init__(*args)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        file = Path(settings.BASE_DIR, path.lstrip("/"))
        if path.startswith("/static/") and file.is_file():
            self.answer(200, file.read_bytes(), mimetypes.guess_type(path)[0] or "application/octet-stream")
        elif path in self.site.pages:
            self.answer(200, self.site.pages[path].encode())
        else:
            self.reply("GET", path, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.reply("POST", urlsplit(self.path).path, {name: values[0] for name, values in parse_qs(body).items()})

    def reply(self, verb: str, path: str, sent: dict) -> None:
        self.site.asked.append((verb, path, sent, dict(self.headers)))
        answers = self.site.answers.get(path, [(404, "")])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.answer(status, body.encode())

    def answer(self, status: int, body: bytes, kind: str = "text/html; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        """The test run's output stays the tests'."""


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, site))
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_page(browser, site) -> Iterator:  # noqa: F811
    """``open_page("/path", width=…)`` gives a page; a script error or a refusal of the policy fails the test."""
    contexts, complaints = [], []

    def go(path: str, *, width: int = 1440, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, locale="pt-BR", reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: "Content Security Policy" in message.text and complaints.append(message.text))
        page.goto(site.url + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []

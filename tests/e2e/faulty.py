"""A road between browser and site on which things go wrong: connections cut, answers lost, late or not ours, a site gone."""

import contextlib
import functools
import http.client
import mimetypes
import socket
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


class Road:
    """Listens on a port of its own and passes everything on, except what ``plan`` says of the outbox's next POSTs.

    ``cut``: the connection ends before the site hears of it. ``lost``: the site does its work, the answer never arrives.
    ``half``: the answer breaks off in the middle. A number: the site is not asked, and that status comes back. ``late``:
    answered a moment later. ``ok``: as without a plan.
    """

    def __init__(self, site: str) -> None:
        self.site = urlsplit(site)
        self.plan: deque[str | int] = deque()
        self.posts: list[tuple[str, str, str | int]] = []  # address, Idempotency-Key, what happened
        self.slow_pages = 0.0  # seconds every page takes
        self.bodies: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def open(self) -> None:
        """The site is there (again), at the same address."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), functools.partial(_Traveller, self))
        server.daemon_threads = True
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self._server = server

    def close(self) -> None:
        """The site is gone: connections are refused."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def next_fault(self) -> str | int:
        with self._lock:
            return self.plan.popleft() if self.plan else "ok"


class _Traveller(BaseHTTPRequestHandler):
    def __init__(self, road: Road, *args) -> None:
        self.road = road
        super().__init__(*args)

    def do_GET(self) -> None:
        file = Path(settings.BASE_DIR, self.path.split("?")[0].lstrip("/"))
        if self.path.startswith("/static/") and file.is_file():  # as a server in front would: the site need not be asked
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            return self._back(200, [("Content-Type", kind), ("Cache-Control", "max-age=3600")], file.read_bytes())
        if self.road.slow_pages and "text/html" in self.headers.get("Accept", ""):
            time.sleep(self.road.slow_pages)
        return self._back(*self._ask(b""))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = self.headers.get("Idempotency-Key", "")
        fault = self.road.next_fault() if key else "ok"
        if key:
            self.road.posts.append((self.path, key, fault))
        if fault == "cut":
            return self._hang_up()
        if isinstance(fault, int):
            return self._back(fault, [("Content-Type", "application/json")], self.road.bodies.get(fault, b"{}"))
        answer = self._ask(body)
        if fault == "lost":
            return self._hang_up()
        if fault == "late":
            time.sleep(0.15)
        return self._back(*answer, cut_at=5 if fault == "half" else None)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.road.site.hostname, self.road.site.port, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"connection", "accept-encoding"}}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, [pair for pair in answer.getheaders() if pair[0].lower() not in HOP], content

    def _back(self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut_at: int | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:cut_at])
        except OSError:
            pass  # the browser went away first

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *args) -> None:
        """The test run's output stays the tests'."""

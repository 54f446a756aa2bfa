"""The live server of the browser's tests: its files kept by the browser and its database connections by the server, as in production.

Django's own asks its finders for every file, lets no browser keep one, and gives every connection of the browser a connection
to PostgreSQL of its own, whose catalogue is cold.
"""

import functools
import mimetypes
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse
from pytest_django.live_server_helper import LiveServer

BESIDE: dict[str, Path] = {}  # files that only tests ask for, as if they were the site's


class Files(StaticFilesHandler):
    """Static files, read once, that a browser may keep for an hour. They do not change while the tests run."""

    def __init__(self, application: Callable) -> None:
        super().__init__(Site(application))

    def serve(self, request: HttpRequest) -> HttpResponse:
        body, kind = _file(self.file_path(request.path))
        return HttpResponse(body, content_type=kind, headers={"Cache-Control": "max-age=3600"})


@functools.cache
def _file(name: str) -> tuple[bytes, str]:
    path = BESIDE.get(name) or finders.find(name)
    if not path:
        raise Http404(name)
    return Path(path).read_bytes(), mimetypes.guess_type(name)[0] or "application/octet-stream"


class Site:
    """The application, whose requests hand their database connection on to the next one, in whatever thread that is answered."""

    def __init__(self, application: Callable) -> None:
        self.application = application
        self.parked: deque = deque()

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        self.take()
        response = self.application(environ, start_response)
        closers = getattr(response, "_resource_closers", None)
        if closers is not None:  # else the thread's end closes it
            closers.append(self.park)
        return response

    def take(self) -> None:
        """Give this thread the connection used last, unless it leads to another database by now."""
        while not any(wrapper.alias == "default" for wrapper in connections.all(initialized_only=True)):
            try:
                wrapper = self.parked.pop()
            except IndexError:
                return
            if wrapper.connection is not None and wrapper.connection.info.dbname == wrapper.settings_dict["NAME"]:
                connections["default"] = wrapper
                return
            wrapper.close()

    def park(self) -> None:
        for wrapper in connections.all(initialized_only=True):
            wrapper.close_if_unusable_or_obsolete()
            if wrapper.alias == "default" and wrapper.connection is not None and not wrapper.in_atomic_block:
                if not wrapper.allow_thread_sharing:
                    wrapper.inc_thread_sharing()
                del connections["default"]
                self.parked.append(wrapper)


@contextmanager
def serving() -> Iterator[LiveServer]:
    """The site under an address of this machine, until the block ends."""
    server = LiveServer("localhost", start=False)
    server.thread.static_handler = Files
    server.start()
    yield server
    server.stop()

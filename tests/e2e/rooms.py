"""Browser contexts kept from test to test: what a browser learnt of the site's files stays, what a person left behind does not.

A new context fetches and compiles every file of the site anew and starts a process for its first page: half of what a short
test took. So a kept one is emptied after each test, and what could not be taken back it refuses beforehand.
"""

from collections import defaultdict

from playwright.sync_api import Browser, Page

PLAIN = {"viewport": {"width": 1440, "height": 900}, "locale": "pt-BR", "reduced_motion": "reduce"}
# What may differ between kept contexts; whoever wants more (a place, permissions, no script, a worker, another address) gets a
# context of their own, closed after the test.
KINDS = {"has_touch", "color_scheme"}
REFUSED = (
    "add_init_script",
    "expose_binding",
    "expose_function",
    "new_page",
    "route",
    "route_from_har",
    "route_web_socket",
    "set_extra_http_headers",
    "set_geolocation",
    "set_offline",
)


class Room:
    """One kept context; every test gets pages of its own in it, with a session storage, a history and listeners of their own."""

    def __init__(self, browser: Browser, home: str, **kind) -> None:
        self.home = home
        self.context = browser.new_context(**PLAIN, base_url=home, service_workers="block", **kind)
        # A page nobody uses keeps the process of the site's pages alive.
        self.keeper = self.context.new_page()
        self.keeper.goto("/static/css/base.css")
        self.storage = self.context.new_cdp_session(self.keeper)
        self._open = self.context.new_page
        for name in REFUSED:
            setattr(self.context, name, _refusal(name))

    def open(self, width: int, height: int) -> Page:
        page = self._open()
        if (width, height) != (PLAIN["viewport"]["width"], PLAIN["viewport"]["height"]):
            page.set_viewport_size({"width": width, "height": height})
        return page

    def empty(self) -> None:
        """Close the test's pages and forget all they kept. Files may stay: pages say no-store, or depend on the cookie."""
        assert not self.keeper.evaluate("'__pwClock' in globalThis"), "a clock would outlast the test: ask for new_page(own=True)"
        for page in self.context.pages:
            if page is not self.keeper:
                page.close()
        self.context.clear_cookies()
        self.context.clear_permissions()
        self.storage.send("Storage.clearDataForOrigin", {"origin": self.home, "storageTypes": "all"})


def _refusal(name: str):
    def refuse(*args, **kwargs):
        raise AssertionError(f"{name} would outlast the test in a kept browser: ask for new_page(own=True)")

    return refuse


class Rooms:
    """The kept contexts of one browser and site."""

    def __init__(self, browser: Browser, home: str) -> None:
        self.browser, self.home = browser, home
        self.free: dict[frozenset, list[Room]] = defaultdict(list)

    def take(self, kind: dict) -> Room:
        free = self.free[frozenset(kind.items())]
        return free.pop() if free else Room(self.browser, self.home, **kind)

    def give_back(self, kind: dict, room: Room) -> None:
        room.empty()
        self.free[frozenset(kind.items())].append(room)

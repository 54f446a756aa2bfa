"""What surrounds every page: the sidebar, the bottom bar, the bell, the person's menu.

The addresses are those of the design, ``/o/<slug>/<place>``. A place nobody serves is left out, so the shell never
holds a dead link. Counts beside a place come from the app that owns the number, through :func:`nav_count`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, Resolver404, get_urlconf, resolve, reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

ADMIN, MANAGER, REPRESENTATIVE, AUDITOR = "admin", "manager", "representative", "auditor"
EVERYONE = frozenset({ADMIN, MANAGER, REPRESENTATIVE, AUDITOR})
LEADERS = frozenset({ADMIN, MANAGER, AUDITOR})
OFFICE = frozenset({ADMIN, AUDITOR})
WORKERS = frozenset({ADMIN, MANAGER, REPRESENTATIVE})

Count = Callable[[HttpRequest], int | None]
_counts: dict[str, tuple[Count, bool]] = {}


def nav_count(place: str, *, urgent: bool = False) -> Callable[[Count], Count]:
    """Register the number shown beside ``place`` ("clients/"); call it from an app's ``ready``.

    The function takes the request and answers a number or None (no number). It runs once per whole page, never for
    a fragment, and must cost one query. ``urgent`` paints the number as something that waits for the person.
    """

    def register(count: Count) -> Count:
        _counts[place] = (count, urgent)
        return count

    return register


@dataclass(frozen=True)
class Place:
    """One entry of the navigation, as the design names it."""

    path: str
    label: Any
    icon: str
    roles: frozenset[str] = EVERYONE


WORK, MANAGEMENT, ADMINISTRATION = _("Trabalho"), _("Gestão"), _("Administração")
MAP: list[tuple[Any, list[Place]]] = [
    (
        WORK,
        [
            Place("today/", _("Hoje"), "house"),
            Place("clients/", _("Clientes"), "building-2"),
            Place("agenda/", _("Agenda"), "calendar-days"),
            Place("tasks/", _("Tarefas"), "list-checks", WORKERS),
            Place("goals/", _("Metas"), "chart-line"),
            Place("opportunities/", _("Oportunidades"), "target"),
            Place("products/", _("Produtos"), "package"),
            Place("rotation/mine/", _("Giro e eu"), "repeat", frozenset({REPRESENTATIVE})),
        ],
    ),
    (
        MANAGEMENT,
        [
            Place("dashboard/", _("Painel"), "layout-dashboard", LEADERS),
            Place("rotation/", _("Giro de carteira"), "repeat", LEADERS),
            Place("requests/", _("Pedidos"), "inbox", LEADERS),
            Place("visits/", _("Visitas da equipe"), "route", LEADERS),
            Place("load/", _("Carga da equipe"), "scale", LEADERS),
            Place("cover/", _("Coberturas"), "calendar-days", LEADERS),
            Place("renewals/", _("Renovações"), "clock", LEADERS),
            Place("campaigns/", _("Campanhas"), "target", LEADERS),
            Place("plan/", _("Plano"), "list-checks", LEADERS),
            Place("reports/", _("Relatórios"), "chart-column", LEADERS),
        ],
    ),
    (
        ADMINISTRATION,
        [
            Place("rules/", _("Regras de giro"), "git-branch", LEADERS),
            Place("schedule/", _("Calendário"), "calendar-days", LEADERS),
            Place("imports/", _("Importações"), "file-spreadsheet", OFFICE),
            Place("quality/", _("Qualidade"), "circle-alert", OFFICE),
            Place("people/", _("Equipe"), "users", OFFICE),
            Place("audit/", _("Auditoria"), "shield-check", OFFICE),
            Place("settings/", _("Configurações"), "settings", OFFICE),
        ],
    ),
]
PLACES = {place.path: place for _label, places in MAP for place in places}
# The phone keeps two places on each side of the round "+"; "Mais" opens the rest.
THUMB = {REPRESENTATIVE: ["today/", "clients/", "agenda/"], MANAGER: ["dashboard/", "rotation/", "clients/"]}
SHORT_LABELS = {"rotation/": _("Giro"), ("clients/", REPRESENTATIVE): pgettext_lazy("navigation", "Carteira")}


@dataclass(frozen=True)
class Item:
    """One link of the navigation, ready to draw."""

    path: str
    label: str
    icon: str
    url: str
    current: bool = False
    count: int | None = None
    urgent: bool = False


@dataclass(frozen=True)
class Group:
    label: str
    items: tuple[Item, ...] = ()


class Shell:
    """The navigation of one request; everything is worked out when a template first asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.user = getattr(request, "user", None)
        self.organization = getattr(request, "organization", None)
        self.membership = getattr(request, "membership", None)
        self.role: str = getattr(self.membership, "role", "")
        self.slug: str = getattr(self.organization, "slug", "")

    @property
    def theme(self) -> str:
        """``light``, ``dark`` or "" for the system's own."""
        chosen = getattr(self.user, "theme", "") or ""
        return chosen if chosen in {"light", "dark"} else ""

    @property
    def letters(self) -> bool:
        """Whether single-letter shortcuts act; a person may turn them off."""
        return bool(getattr(self.user, "shortcuts", True))

    @property
    def read_only(self) -> bool:
        return self.role == AUDITOR

    @property
    def initials(self) -> str:
        """Two letters of the organization, for the narrow rail."""
        words = [word for word in getattr(self.organization, "name", "").split() if word[:1].isupper()]
        return "".join(word[0] for word in words[-2:]).upper()

    @cached_property
    def groups(self) -> list[Group]:
        if not self.slug:
            return []
        groups = [Group(str(label), tuple(self._items(places))) for label, places in MAP]
        return [group for group in groups if group.items]

    @cached_property
    def thumb(self) -> list[Item]:
        """The bottom bar's own places, at most three."""
        if not self.slug:
            return []
        items = []
        for path in THUMB.get(self.role, THUMB[MANAGER]):
            for item in self._items([PLACES[path]], counted=False):
                short = SHORT_LABELS.get((path, self.role)) or SHORT_LABELS.get(path)
                items.append(replace(item, label=str(short)) if short else item)
        return items

    @property
    def home(self) -> str:
        return self.groups[0].items[0].url if self.groups else "/"

    @property
    def search_url(self) -> str:
        return self.place("search/")

    @property
    def visit_url(self) -> str:
        return "" if self.read_only else self.place("visits/new/")

    @property
    def notices_url(self) -> str:
        return self.place("notices/")

    @property
    def profile_url(self) -> str:
        return self.place("me/")

    @cached_property
    def unread(self) -> int | None:
        count, _urgent = _counts.get("notices/", (None, False))
        return count(self.request) if count and self.slug else None

    @property
    def preferences_url(self) -> str:
        """Where the theme and language forms post; "" while nobody serves it."""
        return _preferences_url(self.slug, get_urlconf())

    @property
    def languages(self) -> list[tuple[str, str]]:
        return [(code, str(name)) for code, name in settings.LANGUAGES]

    def place(self, path: str) -> str:
        """The address of ``path`` in this organization, or "" when nobody serves it."""
        return f"/o/{self.slug}/{path}" if self.slug and served(path, get_urlconf()) else ""

    def _items(self, places: list[Place], *, counted: bool = True) -> Iterator[Item]:
        for place in places:
            url = self.place(place.path)
            if not url or self.role not in place.roles:
                continue
            count, urgent = _counts.get(place.path, (None, False)) if counted else (None, False)
            number = count(self.request) if count else None
            yield Item(place.path, str(place.label), place.icon, url, self._is_current(place, url), number, urgent)

    def _is_current(self, place: Place, url: str) -> bool:
        # "rotation/mine/" is a place of its own, not a page of "rotation/".
        here = self.request.path
        if not here.startswith(url):
            return False
        longer = [path for path in PLACES if path.startswith(place.path) and path != place.path]
        return not any(here.startswith(f"/o/{self.slug}/{path}") for path in longer)


@lru_cache(maxsize=256)
def served(path: str, urlconf: str | None) -> bool:
    """Whether some view answers ``/o/<slug>/<path>``."""
    try:
        resolve(f"/o/x/{path}", urlconf)
    except Resolver404:
        return False
    return True


@lru_cache(maxsize=1_024)
def _preferences_url(slug: str, urlconf: str | None) -> str:
    for kwargs in ({}, {"organization": slug}):
        try:
            return reverse("accounts:preferences", urlconf, kwargs=kwargs)
        except NoReverseMatch:
            continue
    return ""


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: ``shell`` for base.html."""
    return {"shell": Shell(request)}

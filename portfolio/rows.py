"""A page of clients as its table shows it: every text of a row made once, so that the template only places them.

Fifty rows of eight columns are four hundred texts; looking each word up in the catalogue and each format up in the
template cost more than the rest of the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.models import Representative
from accounts.templatetags.formats import day_year, decimal, money_whole
from accounts.templatetags.ui import client_state, rep
from clients.models import Client
from clients.selectors import Limits
from clients.selectors.lifecycle import lifecycle_of
from clients.selectors.page import CYCLE_FROM_ORDERS

LATE_FROM = 2  # cycles without an order from which lateness is shown in red


@dataclass(frozen=True, slots=True)
class ClientRow:
    """One row: texts, and the two tags that repeat from row to row."""

    pk: int
    name: str
    place: str
    representative: SafeString | str
    state: SafeString
    blocked: bool
    silence: str
    last_order: str
    cycle: str
    lateness: str
    late: bool
    revenue: str
    last_visit: str


@lru_cache(maxsize=4_096)
def _days(n: int, language: str) -> str:
    return ngettext("%(n)s dia", "%(n)s dias", n) % {"n": n}


def shown(clients: Iterable[Client], *, as_of: date, limits: Limits, currency: str) -> list[ClientRow]:
    """Rows as ``client_rows`` annotates them, ready to place; no query."""
    language = get_language() or ""
    curve, states, people = _("curva %(abc)s"), {}, {}

    def person(who: Representative | None) -> SafeString | str:
        if who is None:
            return ""
        if who.pk not in people:
            people[who.pk] = rep(who)
        return people[who.pk]

    rows = []
    for client in clients:
        state = lifecycle_of(client.last_on, client.discarded_on, as_of=as_of, limits=limits)  # type: ignore[attr-defined]
        if state not in states:
            states[state] = client_state(state)
        silent = (as_of - client.last_on).days if client.last_on else None  # type: ignore[attr-defined]
        gap = client.median_gap if (client.repeat_days or 0) + 1 >= CYCLE_FROM_ORDERS else None  # type: ignore[attr-defined]
        lateness = silent / gap if gap and silent is not None else None
        parts = [client.code, f"{client.city}/{client.state}" if client.city else "", curve % {"abc": client.abc} if client.abc else ""]  # type: ignore[attr-defined]
        rows.append(
            ClientRow(
                pk=client.pk,
                name=client.trade_name or client.name,
                place=" · ".join(filter(None, parts)),
                representative=person(client.representative),
                state=states[state],
                blocked=client.blocked,
                silence=_days(silent, language) if silent is not None else "–",
                last_order=day_year(client.last_on) if client.last_on else "",  # type: ignore[attr-defined]
                cycle=_days(round(gap), language) if gap else "",
                lateness=f"{decimal(lateness, 1)}×" if lateness is not None else "",
                late=lateness is not None and lateness >= LATE_FROM,
                revenue=money_whole(client.net_12m_cents or 0, currency),  # type: ignore[attr-defined]
                last_visit=day_year(client.last_visit_on) if client.last_visit_on else "",  # type: ignore[attr-defined]
            )
        )
    return rows

"""A page of clients as its table shows it: each row written once, in Python.

Fifty rows of eight columns are four hundred texts; placing each through the template engine costs more than all the
rest of the page. Whatever is written of a client goes through ``escape``.
"""

from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache
from html import escape

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from accounts.templatetags.formats import day_year, decimal, money_whole
from accounts.templatetags.ui import client_state, rep, tag
from clients.predicting import chance_words
from clients.selectors import Limits
from clients.selectors.lists import ListedClient
from clients.selectors.page import CYCLE_FROM_ORDERS

LATE_FROM = 2  # cycles without an order from which lateness is shown in red


@lru_cache(maxsize=4_096)
def _days(n: int, language: str) -> str:
    return escape(ngettext("%(n)s dia", "%(n)s dias", n) % {"n": n})


@lru_cache(maxsize=1_024)
def _chance(p: float, language: str) -> str:
    return chance_words(p)


class Rows:
    """The rows of one page; what repeats from row to row is looked up once."""

    def __init__(
        self,
        *,
        as_of: date,
        limits: Limits,
        currency: str,
        here: str,
        own: bool,
        picks: bool = False,
        renewing: Collection[int] = (),
    ) -> None:
        self.renewing, self.renewal = renewing, tag(_("em renovação"), "info", "file-text")
        self.as_of, self.limits, self.currency, self.here, self.own = as_of, limits, currency, escape(here), own
        self.pick = escape(_("Selecionar %(client)s")) if picks else ""
        self.language = get_language() or "pt-br"
        self.curve = _("curva %(abc)s")
        self.silence, self.cycle, self.visit = escape(_("Sem compra")), escape(_("Ciclo")), escape(_("Última visita"))
        self.stake, self.of_silence = escape(_("Em jogo")), _("risco %(chance)s")
        self.never = f'<span class="quiet">{escape(_("nenhuma"))}</span>'
        self.nobody = f'<span class="quiet">{escape(_("sem vendedor"))}</span>'
        self.states: dict[str, str] = {}
        self.people: dict[int, str] = {}

    def row(self, client: ListedClient) -> str:
        last_on = client.last_on
        silent = (self.as_of - last_on).days if last_on else None
        silence = _days(silent, self.language) if silent is not None else "–"
        last_order = f"<small>{escape(day_year(last_on, self.language))}</small>" if last_on else ""
        place = [client.code]
        if client.city:
            place.append(f"{client.city}/{client.state}")
        if client.abc:
            place.append(self.curve % {"abc": client.abc})
        visited = escape(day_year(client.last_visit_on, self.language)) if client.last_visit_on else self.never
        start = self._start(client) if self.pick else "<tr>\n"
        return (
            f'{start}<td class="two lead"><b><a href="{self.here}{client.pk}/">{escape(client.trade_name or client.name)}</a></b>'
            f"<small>{escape(' · '.join(place))}</small></td>\n"
            f"{'' if self.own else self._person(client)}<td>{self._state(client)}</td>\n"
            f'<td class="num" data-label="{self.silence}"><span class="two"><span>{silence}</span>{last_order}</span></td>\n'
            f'<td class="num" data-label="{self.cycle}">{self._cycle(client, silent)}</td>\n'
            f'<td class="num" data-label="{self.stake}">{self._stake(client)}</td>\n'
            f'<td class="num amount">{escape(money_whole(client.net_12m_cents or 0, self.currency, self.language))}</td>\n'
            f'<td class="nowrap" data-label="{self.visit}">{visited}</td>\n</tr>'
        )

    def _start(self, client: ListedClient) -> str:
        name = self.pick % {"client": escape(client.trade_name or client.name)}
        return (
            f'<tr data-row="{client.pk}" data-cents="{client.net_12m_cents or 0}" tabindex="-1">\n<td class="pick-cell">'
            f'<input class="pick" type="checkbox" name="c" value="{client.pk}" aria-label="{name}"></td>\n'
        )

    def _person(self, client: ListedClient) -> str:
        if client.representative_id is None:
            return f"<td>{self.nobody}</td>\n"
        if client.representative_id not in self.people:
            self.people[client.representative_id] = rep(
                code=client.representative_code or "", name=client.representative_name or "", colour=client.representative_id
            )
        return f"<td>{self.people[client.representative_id]}</td>\n"

    def _state(self, client: ListedClient) -> str:
        state = self._tag(client.lifecycle(as_of=self.as_of, limits=self.limits))
        state = f"{state} {self._tag('blocked')}" if client.blocked else state
        return f"{state} {self.renewal}" if client.pk in self.renewing else state

    def _tag(self, state: str) -> str:
        if state not in self.states:
            self.states[state] = client_state(state)
        return self.states[state]

    def _stake(self, client: ListedClient) -> str:
        """What a silent year would cost, and how likely it is; nothing where no chance stands."""
        chance = client.chance(as_of=self.as_of)
        if chance is None:
            return '<span class="quiet">–</span>'
        money = money_whole(client.at_stake_cents or 0, self.currency, self.language)
        words = _chance(round(chance, 2), self.language)
        return f'<span class="two"><span>{escape(money)}</span><small>{escape(self.of_silence % {"chance": words})}</small></span>'

    def _cycle(self, client: ListedClient, silent: int | None) -> str:
        gap = client.median_gap if (client.repeat_days or 0) + 1 >= CYCLE_FROM_ORDERS else None
        if not gap:
            return '<span class="quiet">–</span>'
        lateness = silent / gap if silent is not None else None
        late = ' class="bad-ink"' if lateness is not None and lateness >= LATE_FROM else ""
        times = f"{decimal(lateness, 1, self.language)}×" if lateness is not None else ""
        return f'<span class="two"><span>{_days(round(gap), self.language)}</span><small{late}>{times}</small></span>'


def shown(
    clients: Iterable[ListedClient],
    *,
    as_of: date,
    limits: Limits,
    currency: str,
    here: str,
    own: bool,
    picks: bool = False,
    renewing: Collection[int] = (),
) -> SafeString:
    """The body of the table; no query.

    ``own`` leaves out the column of representatives, ``picks`` begins each row with a box, ``renewing`` has a contract about to end.
    """
    rows = Rows(as_of=as_of, limits=limits, currency=currency, here=here, own=own, picks=picks, renewing=renewing)
    return mark_safe("".join(map(rows.row, clients)))  # each row escapes what it is given


def listed(clients: Iterable[ListedClient], *, as_of: date, limits: Limits) -> list[tuple[ListedClient, str, int | None]]:
    """Each client with its state and its days without an order, for lists that a template writes."""
    return [
        (
            client,
            client.lifecycle(as_of=as_of, limits=limits),
            (as_of - client.last_on).days if client.last_on else None,
        )
        for client in clients
    ]

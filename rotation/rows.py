"""The rows of the review as its table shows them, each written once, in Python.

Fifty rows of some forty texts and addresses cost the template engine three times the rest of the page. Whatever is
written of a client, a representative or a decision goes through ``escape``.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.templatetags.formats import day_short, money_whole, signed, when
from accounts.templatetags.ui import icon, proposal_state, rep
from rotation.models import Proposal, Run


class Rows:
    """Writes the rows of one run for one member; what repeats from row to row is looked up once.

    Parameters
    ----------
    base : address of the review
    list_query : querystring of the list, to which an opened proposal is added
    decides, picks_open, picks_decided : the member decides in this run; pending rows, decided rows can be picked
    opened : id of the proposal on show
    today : today as ``day_short`` writes it; a decision of today shows its hour instead
    """

    def __init__(
        self,
        run: Run,
        *,
        slug: str,
        currency: str,
        base: str,
        list_query: str,
        decides: bool,
        picks_open: bool,
        picks_decided: bool,
        opened: int | None,
        today: str,
    ) -> None:
        self.currency, self.language = currency, get_language() or "pt-br"
        self.decides, self.picks_open, self.picks_decided, self.opened, self.today = decides, picks_open, picks_decided, opened, today
        self.open_url = escape(f"{base}?{list_query}&open=" if list_query else f"{base}?open=")
        self.detail_url = escape(reverse("rotation:proposal", args=[slug, run.pk, 0]).removesuffix("0/"))
        post = escape(reverse("rotation:decide", args=[slug, run.pk]))
        self.post = f'hx-post="{post}" hx-target="closest tr" hx-swap="outerHTML"'
        self.curve = _("curva %(abc)s")
        self.nobody = f'<span class="rep quiet">{escape(_("ninguém"))}</span>'
        self.arrow, self.check, self.cross, self.dots, self.back = (
            icon(name) for name in ("arrow-right", "check", "x", "ellipsis", "undo-2")
        )
        self.expected = escape(_("Valor esperado da mudança")), escape(_("valor esperado"))
        self.words = {
            "approve": escape(_("Aprovar")),
            "reject": escape(_("Recusar")),
            "postpone": escape(_("Adiar")),
            "change": escape(_("Mudar destino…")),
            "reopen": escape(_("Voltar a pendente")),
            "others": escape(_("Outra equipe decide")),
        }
        # The names of controls, each with its client.
        self.named = {
            "pick": _("Selecionar %(client)s"),
            "approve": _("Aprovar %(client)s"),
            "reject": _("Recusar %(client)s…"),
            "more": _("Mais para %(client)s"),
            "reopen": _("Voltar %(client)s a pendente"),
        }
        # Where the screen has buttons, paper has the state.
        self.undecided, self.postponed = (
            f'<span class="on-paper">{proposal_state(each)}</span>' for each in (Proposal.State.PROPOSED, "postponed")
        )
        self.people: dict[int, str] = {}

    def name(self, control: str, client: str) -> str:
        return escape(self.named[control] % {"client": client})

    def row(self, line: Mapping[str, Any]) -> SafeString:
        """One row; ``line`` as ``rotation.views.review.line_of`` makes it."""
        p: Proposal = line["p"]
        client, pk = str(p.client), p.pk
        current = ' aria-current="true"' if pk == self.opened else ""
        address = f"{self.open_url}{pk}"
        place = f"{p.client.city}/{p.client.state}" if p.client.city else p.client.state
        curve = f" · {self.curve % {'abc': p.abc}}" if p.abc else ""
        caution = ' class="bad-ink"' if line["caution"] else ""
        title, spoken = self.expected
        return mark_safe(  # every part has escaped what it was given
            f'<tr id="proposal-{pk}" data-row="{pk}" data-cents="{p.net_12m_cents}" tabindex="-1"{current}>\n{self._pick(line, client)}'
            f'<td class="two lead"><b><a href="{address}#review-detail" data-open hx-get="{self.detail_url}{pk}/"'
            f' hx-target="#review-detail" hx-swap="outerHTML" hx-push-url="{address}">{escape(client)}</a></b>'
            f"<small>{escape(place + curve)}</small></td>\n{self._from_to(p, line)}"
            f'<td class="two reason"><span>{escape(line["reason"])}</span> <small{caution}>{escape(line["reason_2"])}</small></td>\n'
            f'<td class="num amount two">{escape(money_whole(p.net_12m_cents, self.currency, self.language))}<small title="{title}">'
            f'<span class="sr">{spoken} </span>+{escape(money_whole(p.value_cents, self.currency, self.language))}</small></td>\n'
            f"<td>{self._actions(line, client) if line['acts'] else self._decided(p, line, client)}</td>\n</tr>"
        )

    def _pick(self, line: Mapping[str, Any], client: str) -> str:
        if not (self.picks_open or self.picks_decided):
            return ""
        if not ((line["decidable"] and self.picks_open) or (line["reopenable"] and self.picks_decided)):
            return '<td class="pick-cell"></td>\n'
        pick = f'<input class="pick" type="checkbox" name="proposal" value="{line["pick"]}" aria-label="{self.name("pick", client)}">'
        return f'<td class="pick-cell">{pick}</td>\n'

    def _from_to(self, p: Proposal, line: Mapping[str, Any]) -> str:
        origin = self._person(p.from_representative) if p.from_representative_id else self.nobody
        receiver = self._person(p.to_representative) if p.to_representative_id else ""
        where = (p.to_representative.base_city or p.to_representative.name) if p.to_representative else ""
        change = line["km_change"]
        farther = "bad-ink" if change is not None and change > 0 else ""
        km = f' · <span class="{farther} nowrap">{escape(signed(change))} km</span>' if change is not None else ""
        return f'<td class="two"><span class="fromto">{origin}{self.arrow}{receiver}</span><small>{escape(where)}{km}</small></td>\n'

    def _person(self, representative: Any) -> str:
        if representative.pk not in self.people:
            self.people[representative.pk] = rep(representative, name=None)  # type: ignore[arg-type]
        return self.people[representative.pk]

    def _actions(self, line: Mapping[str, Any], client: str) -> str:
        pk, pick, words = line["p"].pk, line["pick"], self.words

        def sure(act: str, tone: str, sign: str) -> str:
            return (
                f'<button class="btn sec ic sm {tone}" name="{act}" value="{pick}" data-act="{act}" {self.post}'
                f' aria-label="{self.name(act, client)}">{sign}<span class="word">{words[act]}</span></button>\n'
            )

        def menu(act: str, key: str) -> str:
            button = f'<button class="menu-item" name="{act}" value="{pick}" data-act="{act}" {self.post}>{words[act]}'
            return f'{button}<kbd aria-hidden="true">{key}</kbd></button>\n'

        state = self.postponed if line["p"].postponed_at else self.undecided
        return (
            f'{state}<div class="row-actions">\n{sure("approve", "yes", self.check)}{sure("reject", "no", self.cross)}'
            f'<button class="btn sec ic sm" type="button" popovertarget="more-{pk}" aria-label="{self.name("more", client)}">{self.dots}'
            f'</button>\n<div class="menu" id="more-{pk}" popover>\n{menu("postpone", "D")}{menu("change", "E")}'
            f"{self._menu_back(pick) if line['reopenable'] else ''}</div>\n</div>"
        )

    def _menu_back(self, pick: str) -> str:
        return f'<button class="menu-item" name="reopen" value="{pick}" {self.post}>{self.words["reopen"]}</button>\n'

    def _decided(self, p: Proposal, line: Mapping[str, Any], client: str) -> str:
        """What became of the row: its state, who said so when, and the way back."""
        postponed = p.state == Proposal.State.PROPOSED and p.postponed_at is not None
        said = ""
        if postponed:
            said = proposal_state("postponed")
        elif p.state != Proposal.State.PROPOSED:
            said = proposal_state(p.state)
        elif self.decides:
            said = f'<small class="quiet">{self.words["others"]}</small>'
        else:
            said = self.undecided
        back = ""
        if line["reopenable"]:
            back = (
                f'<button class="btn gho ic sm" name="reopen" value="{line["pick"]}" {self.post}'
                f' aria-label="{self.name("reopen", client)}" title="{self.words["reopen"]}">{self.back}</button>'
            )
        who = ""
        if p.decided_by and (p.state != Proposal.State.PROPOSED or p.postponed_at):
            at = when(p.decided_at, "clock" if day_short(p.decided_at) == self.today else "day_short")
            reason = f"<br>{escape(p.decision_reason)}" if p.decision_reason else ""
            who = f'\n<small class="quiet">{escape(p.decided_by.name)} · {at}{reason}</small>'
        stale = f'\n<small class="quiet">{escape(line["stale"])}</small>' if p.state == Proposal.State.STALE and line["stale"] else ""
        return f'<div class="decided"><span class="row">{said}{back}</span>{who}{stale}\n</div>'

"""What a campaign says of itself: who entered and who did not, what it brought, in sentences a manager can read aloud."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.templatetags.formats import decimal, money_whole, number, percent
from rotation.engine.uplift import LEAST_TO_SAY
from rotation.selectors.campaign_results import CampaignResult
from rotation.selectors.campaigns import HOLD_OUT_FROM, Lift
from rotation.uplift_words import in_hundred

LEFT_OUT = {
    "discarded": gettext_lazy("descartados"),
    "blocked": gettext_lazy("bloqueados"),
    "experiment": gettext_lazy("no grupo de controle de uma regra"),
    "campaign": gettext_lazy("já em outra campanha"),
    "nobody": gettext_lazy("sem vendedor com acesso ao sistema"),
    "not_worth": gettext_lazy("o contato custaria mais do que deve trazer"),
}
STRATA = {"3": gettext_lazy("Terço de maior valor"), "2": gettext_lazy("Terço do meio"), "1": gettext_lazy("Terço de menor valor")}


def left_out_lines(left_out: Mapping[str, int]) -> list[tuple[str, int]]:
    """Why clients of the filter did not enter, and how many of each."""
    return [(str(LEFT_OUT[reason]), left_out[reason]) for reason in LEFT_OUT if left_out.get(reason)]


def lift_sentence(lift: Lift) -> str:
    """What a client's expected value rests on."""
    if lift.measured:
        words = _("Espera-se que o contato traga de volta %(n)s em cada 100, como mediram as suas campanhas com %(clients)s clientes.")
        return words % {"n": in_hundred(lift.tau), "clients": number(lift.n)}
    words = _("Supõe-se que o contato traga de volta %(n)s em cada 100. As suas campanhas ainda não mediram o bastante para dizer melhor.")
    return words % {"n": in_hundred(lift.tau)}


def share_advice(n: int, share: float) -> str:
    """What a hold-out of so many clients can and cannot say; "" where there is nothing to add."""
    held = round(n * share)
    if not share:
        if n >= HOLD_OUT_FROM:
            return _("Sem grupo de controle não dá para saber quem voltaria sozinho. Com tantos clientes, vale deixar 30% de fora.")
        return _("Sem grupo de controle não dá para saber quem voltaria sozinho; com tão poucos clientes, ele também diria pouco.")
    if held < LEAST_TO_SAY:
        words = ngettext(
            "%(n)s cliente de controle é pouco: o resultado só é dito a partir de %(least)s de cada lado.",
            "%(n)s clientes de controle são pouco: o resultado só é dito a partir de %(least)s de cada lado.",
            held,
        )
        return words % {"n": number(held), "least": LEAST_TO_SAY}
    return ""


def result_sentences(result: CampaignResult, currency: str, *, over: bool) -> dict[str, str]:
    """headline, detail, money and tone of what a campaign brought; nothing is claimed that the control group does not carry."""
    back, treated = number(result.back_treated), number(result.n_treated)
    if result.found is None:
        said = _("%(back)s de %(n)s clientes voltaram a comprar.") % {"back": back, "n": treated}
        return {
            "headline": said,
            "detail": _("Sem grupo de controle não dá para dizer quantos voltariam sem a campanha."),
            "money": "",
            "tone": "",
        }
    counts = _("Dos %(n)s clientes da campanha, %(back)s voltaram a comprar; dos %(control)s deixados como estavam, %(alone)s.")
    values: dict[str, Any] = {"n": treated, "back": back, "control": number(result.n_control), "alone": number(result.back_control)}
    detail = counts % values
    if not result.sayable:
        words = _("São clientes de menos para dizer se a campanha ajuda: é preciso ter ao menos %(least)s de cada lado.")
        return {"headline": words % {"least": LEAST_TO_SAY}, "detail": detail, "money": "", "tone": ""}
    if not result.back_treated and not result.back_control:
        # With no order on either side even the interval of money would be a bare zero, which reads as knowledge.
        return {
            "headline": _("Ninguém voltou a comprar ainda, nem na campanha nem no grupo de controle."),
            "detail": detail,
            "money": "",
            "tone": "",
        }
    found = result.found
    ends = {"low": in_hundred(found.low), "high": in_hundred(found.high)}
    if found.low > 0:
        headline, tone = _("A campanha trouxe de volta entre %(low)s e %(high)s clientes a mais em cada 100.") % ends, "ok"
    elif found.high < 0:
        ends = {"low": in_hundred(found.high), "high": in_hundred(found.low)}
        headline, tone = _("Com a campanha voltaram entre %(low)s e %(high)s clientes a menos em cada 100.") % ends, "bad"
    else:
        words = _("Ainda não dá para dizer se a campanha ajuda: em cada 100 clientes, entre %(low)s a menos e %(high)s a mais.")
        if over:
            words = _("Não se pode dizer que a campanha ajudou: em cada 100 clientes, entre %(low)s a menos e %(high)s a mais.")
        headline, tone = words % ends, ""
    return {"headline": headline, "detail": detail, "money": money_sentence(result, currency), "tone": tone}


def money_sentence(result: CampaignResult, currency: str) -> str:
    """The revenue beyond what would have come anyway, against the cost; "" where it cannot be said."""
    low, high = result.extra_low, result.extra_high
    if not (abs(low) < 10**15 and abs(high) < 10**15):
        return ""
    values = {
        "low": money_whole(round(low), currency),
        "high": money_whole(round(high), currency),
        "cost": money_whole(result.cost_cents, currency),
    }
    return _("Faturamento a mais por causa dela: entre %(low)s e %(high)s, contra %(cost)s de custo.") % values


def share_words(share: float) -> str:
    return percent(share) if share else _("sem grupo de controle")


def points(value: float) -> str:
    """A difference of shares as "+12,4 p.p."."""
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return _("%(n)s p.p.") % {"n": sign + decimal(abs(value) * 100, 1)}

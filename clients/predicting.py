"""Scores in a person's words: what a chance means, who answered and why, how sure one may be. Takes plain values."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.templatetags.formats import number, percent

DAY_RULE = "day_rule"
# A group told that much more or less was told something else.
MUCH_THE_SAME = 0.1
METHOD_NAMES = {
    DAY_RULE: gettext_lazy("Regra de dias"),
    "mixture": gettext_lazy("Ritmo de cada cliente"),
    "mixture_clock": gettext_lazy("Ritmo de cada cliente e época do ano"),
    "blend": gettext_lazy("Ritmo de cada cliente e o que aconteceu antes"),
    "given": gettext_lazy("Previsão importada"),
}


def chance_words(p: float) -> str:
    """A chance as people count it: 3 em 10. Near the ends tenths say too little, so those are told as they are."""
    if p < 0.05:
        return _("menos de 1 em 20")
    if p > 0.95:
        return _("mais de 19 em 20")
    # between the two, never none and never all of them
    return _("%(n)s em 10") % {"n": min(max(round(p * 10), 1), 9)}


def why_method(method: str, basis: Mapping[str, Any]) -> str:
    """Which way of predicting answered and why that one, in one or two sentences with the numbers.

    ``basis`` is what ``engine.prediction`` says of itself; a number it does not carry is not spoken of.
    """
    if method == DAY_RULE:
        return _why_days(basis)
    clients = _count(basis, "clients_with_order")
    days, needed = basis.get("days_of_orders"), basis.get("days_needed_for_clock")
    if method == "mixture":
        said = _("O ritmo de cada cliente, medido em %(clients)s clientes com pedido.") % {"clients": clients}
        if days is not None and needed is not None and days < needed:
            more = _("A época do ano ainda não conta: há %(days)s dias de pedidos, e são precisos %(needed)s.")
            said = f"{said} {more % {'days': number(days), 'needed': number(needed)}}"
        return said
    if method == "mixture_clock":
        return _("O ritmo de cada cliente e a época do ano, medidos em %(clients)s clientes com pedido.") % {"clients": clients}
    if method == "blend":
        sentence = _(
            "O ritmo de cada cliente e o que aconteceu com clientes parecidos no passado, medidos em %(clients)s clientes com pedido."
        )
        return sentence % {"clients": clients}
    return str(METHOD_NAMES.get(method, method))


def _why_days(basis: Mapping[str, Any]) -> str:
    if not basis:
        return _("Regra de dias: não há previsão feita para este dia.")
    found, needed = int(basis.get("clients_with_order", 0)), number(basis.get("clients_needed"))
    if not found:
        return _("Regra de dias: nenhum cliente tem pedido ainda; a previsão precisa de %(needed)s.") % {"needed": needed}
    sentence = ngettext(
        "Regra de dias: %(found)s cliente com pedido; a previsão precisa de %(needed)s.",
        "Regra de dias: %(found)s clientes com pedido; a previsão precisa de %(needed)s.",
        found,
    )
    return sentence % {"found": number(found), "needed": needed}


def _count(basis: Mapping[str, Any], name: str) -> str:
    return number(basis.get(name))


def ways(method: str, basis: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """The ways of predicting from the plainest on: name, what it takes against what there is, and whether it takes part."""
    if method == "given" or not basis:
        return []
    voice: Mapping[str, Any] = basis.get("second_voice") or {}
    models = method != DAY_RULE
    clock = method == "mixture_clock" or basis.get("days_of_orders", 0) >= basis.get("days_needed_for_clock", math.inf)
    found = [
        (
            _("Dias sem compra"),
            _("Vale sempre para dizer quem está quase inativo ou inativo; responde sozinha enquanto não há mais que isso."),
            True,
        ),
        (
            _("O ritmo de cada cliente"),
            _("Precisa de %(needed)s clientes com pedido; há %(found)s.")
            % {"needed": _count(basis, "clients_needed"), "found": _count(basis, "clients_with_order")},
            models,
        ),
        (
            _("A época do ano"),
            _("Precisa de %(needed)s dias de pedidos; há %(found)s.")
            % {"needed": _count(basis, "days_needed_for_clock"), "found": _count(basis, "days_of_orders")},
            models and clock,
        ),
    ]
    if voice:
        sentence = _(
            "Precisa de %(clients_needed)s clientes, %(lapses_needed)s que pararam e %(returns_needed)s que voltaram em períodos já "
            "fechados; há %(clients)s, %(lapses)s e %(returns)s."
        )
        names = ("clients", "lapses", "returns")
        counts = {key: _count(voice, key) for name in names for key in (name, f"{name}_needed")}
        found.append((_("O que aconteceu antes com clientes parecidos"), sentence % counts, method == "blend"))
    return found


def calibration_groups(calibration: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The groups of a calibration with someone in them, least chance first: {"predicted", "observed", "n"}."""
    groups: Sequence[Mapping[str, Any]] = (calibration or {}).get("groups", ())
    kept = [dict(group) for group in groups if group.get("n")]
    return sorted(kept, key=lambda group: group["predicted"])


def how_sure(p: float, calibration: Mapping[str, Any] | None) -> str:
    """What came of clients told much the same before; "" where nothing could be checked."""
    groups = calibration_groups(calibration)
    if not groups:
        return ""
    near = min(groups, key=lambda group: abs(group["predicted"] - p))
    if abs(near["predicted"] - p) > MUCH_THE_SAME:
        return ""
    sentence = _("Quando dissemos algo parecido, de %(n)s clientes %(silent)s não compraram: %(observed)s, e tínhamos dito %(predicted)s.")
    return sentence % {
        "n": number(near["n"]),
        "silent": number(round(near["observed"] * near["n"])),
        "observed": percent(near["observed"]),
        "predicted": percent(near["predicted"]),
    }

"""What a control group says, in sentences a manager can read aloud; and the drawing of it over the weeks."""

import math
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.templatetags.formats import day_short, decimal, money_whole, month_year, number, percent
from rotation.engine.uplift import EXPECTED_EFFECT, LEAST_TO_SAY
from rotation.selectors.guard_figures import GuardFigure
from rotation.selectors.uplift import RuleUplift

FIGURE_NAMES = {
    "rejected": (gettext_lazy("Recusadas"), gettext_lazy("das propostas decididas")),
    "undone": (gettext_lazy("Desfeitas"), gettext_lazy("das mudanças, por reversão ou à mão, em até 30 dias")),
    "caveats": (gettext_lazy("Com ressalva"), gettext_lazy("das propostas")),
    "false_alarm": (gettext_lazy("Alarme falso"), gettext_lazy("dos deixados como estavam compraram sozinhos")),
}


def in_hundred(share: float) -> str:
    """0.034 as “3”; below one in a hundred with its decimal, so that a little never reads as nothing."""
    points = abs(share) * 100
    return decimal(points, 1 if 0.05 <= points < 1 else 0)


def counts_sentence(seen: RuleUplift) -> str:
    """“Dos 120 clientes sorteados para o giro, 38 voltaram a comprar em 90 dias; dos 50 deixados como estavam, 9.”"""
    found = seen.found
    words = _(
        "Dos %(treated)s clientes sorteados para o giro, %(back)s voltaram a comprar em %(days)s dias; "
        "dos %(control)s deixados como estavam, %(alone)s."
    )
    return words % {
        "treated": number(found.n_treated),
        "back": number(found.ordered_treated),
        "days": seen.horizon,
        "control": number(found.n_control),
        "alone": number(found.ordered_control),
    }


def effect_sentence(seen: RuleUplift) -> str:
    """What the interval allows to say, and no more."""
    low, high = seen.found.low, seen.found.high
    ends = {"low": in_hundred(low), "high": in_hundred(high)}
    if low > 0:
        return _("O giro trouxe de volta entre %(low)s e %(high)s clientes a mais em cada 100.") % ends
    if high < 0:
        ends = {"low": in_hundred(high), "high": in_hundred(low)}
        return _("Com o giro voltaram entre %(low)s e %(high)s clientes a menos em cada 100: mudar de mãos está fazendo perder.") % ends
    return _("Ainda não dá para dizer se o giro ajuda: em cada 100 clientes, entre %(low)s a menos e %(high)s a mais.") % ends


def money_sentence(seen: RuleUplift, currency: str) -> str:
    """The same in money a client; empty where it cannot be said."""
    low, high = seen.found.money_low, seen.found.money_high
    if not (abs(low) < 10**15 and abs(high) < 10**15):
        return ""
    values = {"low": money_whole(round(abs(low)), currency), "high": money_whole(round(abs(high)), currency), "days": seen.horizon}
    if low > 0:
        return _("Em margem, entre %(low)s e %(high)s a mais por cliente em %(days)s dias.") % values
    if high < 0:
        values |= {"low": values["high"], "high": values["low"]}
        return _("Em margem, entre %(low)s e %(high)s a menos por cliente em %(days)s dias.") % values
    return _("Em margem, entre %(low)s a menos e %(high)s a mais por cliente em %(days)s dias.") % values


def not_yet_sentence(seen: RuleUplift) -> str:
    """When there will be something to say; a number now would only mislead."""
    if seen.sayable_on is None:
        return _("Ainda não é possível medir: ninguém está sendo sorteado.")
    return _("Não é possível medir antes de %(month)s.") % {"month": month_year(seen.sayable_on)}


def why_not_yet(seen: RuleUplift) -> str:
    """What is missing for a number."""
    words = _(
        "São precisos ao menos %(least)s clientes de cada lado com os %(days)s dias completos. "
        "Hoje são %(treated)s no giro e %(control)s deixados como estavam."
    )
    found = seen.found
    return words % {"least": LEAST_TO_SAY, "days": seen.horizon, "treated": number(found.n_treated), "control": number(found.n_control)}


def plan_sentence(seen: RuleUplift) -> str:
    """How many clients a usual effect takes, and when they will have been seen."""
    values: dict[str, Any] = {
        "effect": in_hundred(EXPECTED_EFFECT),
        "needed": number(seen.plan.needed),
        "drawn": number(seen.plan.drawn),
    }
    text = _("Para enxergar um efeito de %(effect)s em cada 100 são precisos cerca de %(needed)s clientes; já foram sorteados %(drawn)s.")
    said = text % values
    if seen.found.n_treated + seen.found.n_control >= seen.plan.needed:
        return said
    if seen.planned_on is None:
        return said
    return f"{said} {_('No ritmo de hoje, isso é em %(month)s.') % {'month': month_year(seen.planned_on)}}"


def moved_sentence(seen: RuleUplift) -> str:
    """Who of the drawn really changed hands, and why the others count all the same."""
    text = ngettext(
        "%(moved)s dos sorteados mudou de mãos; os outros contam também, aprovados ou não, para que a comparação seja justa.",
        "%(moved)s dos sorteados mudaram de mãos; os outros contam também, aprovados ou não, para que a comparação seja justa.",
        seen.moved,
    )
    return text % {"moved": number(seen.moved)}


def lift_sentence(seen: RuleUplift) -> str:
    """By what recovery the runs rank: measured, or assumed."""
    if seen.effects is None:
        lift = seen.version.definition.get("value", {}).get("lift", EXPECTED_EFFECT)
        return _("Recuperação suposta: %(share)s. O giro ordena por ela até haver medida bastante.") % {"share": percent(lift)}
    text = _("Recuperação medida: %(share)s, com %(n)s clientes da empresa. O giro ordena pelo efeito em cada grupo, não pelo risco.")
    return text % {"share": percent(seen.effects.tau), "n": number(seen.effects.n)}


def figure_lines(figures: list[GuardFigure]) -> list[dict[str, Any]]:
    """Guard figures as rows of a table."""
    lines = []
    for figure in figures:
        name, of = FIGURE_NAMES[figure.name]
        missing = max(figure.least - figure.cases, 0)
        few = ngettext("poucos dados: %(n)s caso", "poucos dados: %(n)s casos", figure.cases) % {"n": number(figure.cases)}
        lines.append({"figure": figure, "name": name, "of": of, "few": few if missing else ""})
    return lines


@dataclass(frozen=True)
class Chart:
    """The estimate and its interval, week by week, in the units of the drawing."""

    width: int
    height: int
    band: str  # points of the polygon
    line: str
    zero: str  # y of no effect
    ticks: list[tuple[str, str]]  # (y, words)
    days: list[tuple[str, str, str]]  # (x, words, text-anchor class)
    rows: list[tuple[str, str, str, str]]  # day, estimate, low, high: the table beside


LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 24


def chart(seen: RuleUplift, *, width: int = 640, height: int = 220) -> Chart | None:
    """The drawing of the weekly looks; None below two of them."""
    if len(seen.looks) < 2:
        return None
    last = seen.looks[-1][1]
    # Early intervals are as wide as the world: what matters is where the last one lies, and where nothing is.
    wide = max(last.high - last.low, 0.05) * 0.75
    bottom, top = max(min(last.low - wide, -0.05), -1.0), min(max(last.high + wide, 0.05), 1.0)
    step = next(each for each in (0.02, 0.05, 0.1, 0.2, 0.5) if (top - bottom) / each <= 6 or each == 0.5)
    inner_w, inner_h = width - LEFT - RIGHT, height - TOP - BOTTOM

    def y(value: float) -> str:
        return f"{TOP + (top - min(max(value, bottom), top)) / (top - bottom) * inner_h:.1f}"

    def x(i: int) -> str:
        return f"{LEFT + i * inner_w / (len(seen.looks) - 1):.1f}"

    highs = [f"{x(i)},{y(each.high)}" for i, (_day, each) in enumerate(seen.looks)]
    lows = [f"{x(i)},{y(each.low)}" for i, (_day, each) in enumerate(seen.looks)]
    values = [f"{x(i)},{y(each.reactivation.value)}" for i, (_day, each) in enumerate(seen.looks)]
    ends = [0, len(seen.looks) - 1]
    return Chart(
        width=width,
        height=height,
        band=" ".join(highs + lows[::-1]),
        line=" ".join(values),
        zero=y(0),
        ticks=[(y(i * step), signed_points(i * step)) for i in range(math.ceil(bottom / step), math.floor(top / step) + 1)],
        days=[(x(i), day_short(seen.looks[i][0]), "start" if i == 0 else "end") for i in ends],
        rows=[
            (day_short(day), signed_points(each.reactivation.value, 1), signed_points(each.low, 1), signed_points(each.high, 1))
            for day, each in reversed(seen.looks)
        ],
    )


def signed_points(share: float, places: int = 0) -> str:
    """“+12” clients in a hundred, “−3”, “0”."""
    text = decimal(abs(share) * 100, places)
    if round(share * 100, places) == 0:
        return text
    return ("+" if share > 0 else "−") + text

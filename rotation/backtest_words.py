"""A back-test in sentences a person can read aloud and be right. Takes the result's plain JSON; asks the database nothing."""

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.templatetags.formats import BLANK, decimal, money_short
from rotation.wording import FIELD_NAMES, GUARD_NAMES

# "x em cada y": the simple fractions people say; the rare ones as finely as needed, for 1 in 500 said as 1 in 20 would be untrue
_RARE = (20, 30, 40, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000)
_SPOKEN = [
    *((1, of) for of in _RARE),
    *((1, 10), (1, 5), (1, 4), (1, 3), (2, 5), (1, 2), (3, 5), (2, 3), (3, 4), (4, 5), (9, 10)),
    *((of - 1, of) for of in _RARE),
]

CAVEAT = gettext_lazy(
    "Os responsáveis de então agiram pelo que viam: um alarme falso pode ter sido um cliente salvo por eles. "
    "O teste mostra o que a regra teria visto, não o que teria mudado; isso quem mede é o grupo de controle."
)


def fraction(share: float) -> tuple[int, int]:
    """The simple fraction people say that is nearest: (9, 10); (0, 1) and (1, 1) only for none and all of them.

    Nearest by how much rarer or more frequent it sounds, which near none or all of them is what matters.
    """
    if share <= 0 or share >= 1:
        return (0, 1) if share <= 0 else (1, 1)
    return min(_SPOKEN, key=lambda each: abs(_odds(each[0] / each[1]) - _odds(share)))


def _odds(share: float) -> float:
    return math.log(share / (1 - share))


def lead_words(result: Mapping[str, Any] | None) -> str:
    """The median lead as a number people see: "28 dias", "4 dias depois", or a dash."""
    if result is None or result["lead_days"] is None:
        return BLANK if result is not None else ""
    days = round(result["lead_days"])
    text = ngettext("%(n)s dia", "%(n)s dias", abs(days)) if days >= 0 else ngettext("%(n)s dia depois", "%(n)s dias depois", -days)
    return text % {"n": decimal(abs(days))}


def months_between(result: Mapping[str, Any]) -> int:
    """Months the judged cut-offs span, at least one."""
    days = [date.fromisoformat(row["cutoff"]) for row in result["per_cutoff"]]
    return max(1, round((days[-1] - days[0]).days / 30.44)) if days else 1


def sentences(result: Mapping[str, Any], currency: str) -> list[str]:
    """What the numbers say, the most important first."""
    if not result["cutoffs"]:
        return [_("Ainda nenhuma data deste período tem desfecho conhecido.")]
    made = [_seen(result), _held(result), _in_vain(result), _beside_days(result), _work(result), _limited(result), _money(result, currency)]
    return [each for each in made if each]


def _span(result: Mapping[str, Any]) -> str:
    months = months_between(result)
    return ngettext("Em %(n)s mês", "Em %(n)s meses", months) % {"n": months}


def _seen(result: Mapping[str, Any]) -> str:
    words: dict[str, Any] = {"span": _span(result), "stopped": decimal(result["stopped"])}
    if not result["stopped"]:
        return _("%(span)s nenhum cliente que esta regra olha parou de comprar.") % words
    part, whole = fraction(result["coverage"])
    if not part:
        return _("%(span)s esta regra não teria avisado a tempo de nenhum dos %(stopped)s clientes que pararam.") % words
    if part == whole:
        whom = _("%(span)s esta regra teria avisado de todos os clientes que pararam")
    elif (part, whole) == (1, 2):
        whom = _("%(span)s esta regra teria avisado de metade dos clientes que pararam")
    else:
        whom = _("%(span)s esta regra teria avisado de %(part)s em cada %(whole)s clientes que pararam")
    lead = round(result["lead_days"])
    if lead > 0:
        when = ngettext("%(whom)s, %(n)s dia antes.", "%(whom)s, %(n)s dias antes.", lead)
    elif lead == 0:
        when = _("%(whom)s, no dia em que pararam.")
    else:
        when = ngettext("%(whom)s, mas só %(n)s dia depois.", "%(whom)s, mas só %(n)s dias depois.", -lead)
    return when % {"whom": whom % {**words, "part": part, "whole": whole}, "n": abs(lead)}


def _held(result: Mapping[str, Any]) -> str:
    if not result["missed_held"]:
        return ""
    words = {"missed": decimal(result["missed"]), "held": decimal(result["missed_held"])}
    if result["missed"] == result["missed_held"]:
        return _("Os %(missed)s que não viu estavam protegidos pela própria regra.") % words
    text = ngettext(
        "Dos %(missed)s que não viu, %(held)s estava protegido pela própria regra.",
        "Dos %(missed)s que não viu, %(held)s estavam protegidos pela própria regra.",
        result["missed_held"],
    )
    return text % words


def _in_vain(result: Mapping[str, Any]) -> str:
    if not result["flagged"]:
        return _("Não teria avisado de ninguém.")
    part, whole = fraction(result["false_alarm_rate"])
    words = {"part": part, "whole": whole, "days": result["horizon_days"]}
    if not part:
        return _("Nenhum aviso teria sido à toa: ninguém comprou sozinho em %(days)s dias.") % words
    if part == whole:
        return _("Todos os avisos teriam sido à toa: o cliente comprou sozinho em até %(days)s dias.") % words
    if (part, whole) == (1, 2):
        return _("Metade dos avisos teria sido à toa: o cliente comprou sozinho em até %(days)s dias.") % words
    sentence = ngettext(
        "%(part)s em cada %(whole)s avisos teria sido à toa: o cliente comprou sozinho em até %(days)s dias.",
        "%(part)s em cada %(whole)s avisos teriam sido à toa: o cliente comprou sozinho em até %(days)s dias.",
        part,
    )
    return sentence % words


def _beside_days(result: Mapping[str, Any]) -> str:
    beside = result.get("day_rule")
    if not beside or not result["flagged"]:
        return ""
    words = {"days": beside["days"], "theirs": decimal(100 * beside["false_alarm_rate"]), "ours": decimal(100 * result["false_alarm_rate"])}
    if words["theirs"] == words["ours"]:
        return ""  # a rule by days beside itself
    return (
        _("Contar só os dias sem compra, com o mesmo número de avisos (%(days)s dias), erraria %(theirs)s%%; esta regra, %(ours)s%%.")
        % words
    )


def _work(result: Mapping[str, Any]) -> str:
    rows = result["per_cutoff"]
    if len(rows) < 2 or not result["flagged"]:
        return ""
    each = (result["flagged"] - rows[0]["flagged"]) / (len(rows) - 1)
    words = {"each": decimal(each, 0 if each >= 10 or round(each, 1).is_integer() else 1), "first": decimal(rows[0]["flagged"])}
    if result["cadence"] == "month":
        return _("No primeiro giro seriam %(first)s avisos; depois, cerca de %(each)s por mês.") % words
    return _("No primeiro giro seriam %(first)s avisos; depois, cerca de %(each)s por semana.") % words


def _limited(result: Mapping[str, Any]) -> str:
    """What the run's ceilings would have made of it; "" where they held nobody back, or an older answer says nothing of them."""
    limits = result.get("limits")
    if not limits or limits["proposed"] >= result["flagged"]:
        return ""
    words = {name: decimal(limits[name]) for name in ("proposed", "most", "waiting")}
    return (
        _("Dentro dos limites seriam %(proposed)s propostas, no máximo %(most)s num giro; %(waiting)s esperariam no fim do período.")
        % words
    )


LIMIT_NAMES = {
    "give_share": gettext_lazy("o máximo a ceder de cada carteira e de cada vendedor"),
    "run_max": gettext_lazy("o máximo de propostas por giro"),
    "run_share": gettext_lazy("a parte dos clientes olhados que um giro move"),
    "receivers": gettext_lazy("quem receberia, e o lugar na carteira de cada um"),
    "receive_share": gettext_lazy("o máximo a receber de cada vendedor"),
    "team_max": gettext_lazy("o máximo a receber de cada equipe"),
    "experiment": gettext_lazy("o grupo de controle"),
}


def limits_words(result: Mapping[str, Any], which: str) -> list[str]:
    """The limits that were ``kept`` to, or ``left`` out, as a person calls them; none where an older answer says nothing of them."""
    return [str(LIMIT_NAMES[name]) for name in result.get("limits", {}).get(which, ())]


def _money(result: Mapping[str, Any], currency: str) -> str:
    if not result["at_stake_cents"]:
        return ""
    words = {
        "stake": money_short(result["at_stake_cents"], currency),
        "lift": decimal(100 * result["lift"], 0 if (100 * result["lift"]).is_integer() else 1),
        "bound": money_short(result["upper_bound_cents"], currency),
    }
    return (
        _("Com os que silenciaram mesmo estavam em jogo %(stake)s por ano; se %(lift)s%% voltassem (suposto), seriam no máximo %(bound)s.")
        % words
    )


def comparison(result: Mapping[str, Any], old: str) -> str:
    """What the first version would have seen that the second would not, and the other way round."""
    compared = result["compared"]
    gained, lost = compared["only_new"], compared["only_old"]
    words = {"old": old, "gained": decimal(gained["flagged"]), "lost": decimal(lost["flagged"])}
    if not gained["flagged"] and not lost["flagged"]:
        return _("Teria avisado dos mesmos silêncios que a %(old)s.") % words
    made = _("Comparada com a %(old)s: %(gained)s silêncios que só esta veria, %(lost)s que só aquela viu.") % words
    if gained["flagged"]:
        made += " " + _("Dos novos, %(share)s%% seriam à toa.") % {"share": decimal(100 * gained["false_alarms"] / gained["flagged"])}
    return made


def not_replayed_words(result: Mapping[str, Any]) -> list[str]:
    """What could not be played back, each as a person calls it."""
    guards = [str(GUARD_NAMES.get(text.partition(":")[0], text)) for text in result["not_replayed"]]
    return list(dict.fromkeys(guards))


def as_today_words(result: Mapping[str, Any]) -> list[str]:
    """Fields taken as they are today, in words."""
    return [str(FIELD_NAMES.get(name, name)) for name in result["as_today"]]

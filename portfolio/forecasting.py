"""A client's forecast as its page reads it aloud: every sentence true as it stands, for someone who never heard of statistics."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.templatetags.formats import day_year, decimal, money_short
from clients.predicting import DAY_RULE, chance_words, how_sure, why_method
from clients.selectors import Lifecycle
from clients.selectors.forecast import Forecast
from clients.selectors.page import Standing

HIGH, MIDDLE = 0.7, 0.4  # chances of silence from which the bar is red, and yellow


@dataclass(frozen=True)
class ShownForecast:
    """Texts of the card; ``chance`` is None where only days answer. ``lines`` are (what, text, smaller text)."""

    chance: float | None
    headline: str
    tone: str
    lines: list[tuple[str, str, str]]
    sure: str
    why: str
    made_for: date | None


def shown_forecast(standing: Standing, *, currency: str) -> ShownForecast | None:
    """The card of a client that has ordered; None for one that never did."""
    if standing.last_on is None:
        return None
    forecast = standing.forecast
    lines = [line for line in (_cycle(standing), _next(forecast), _states(standing), _money(forecast, currency)) if line]
    if forecast is None:
        headline = _("A primeira previsão deste cliente é feita na próxima noite.")
        return ShownForecast(None, headline, "acc", lines, "", "", None)
    if not forecast.stands:
        headline = _("A previsão é de %(day)s, e é refeita na próxima noite.") % {"day": day_year(forecast.made_for)}
        return ShownForecast(None, headline, "acc", lines, "", "", forecast.made_for)
    why = why_method(forecast.method, forecast.basis)
    if forecast.method == DAY_RULE:
        return ShownForecast(None, _("Ainda não dá para prever este cliente."), "acc", lines, "", why, forecast.made_for)
    p = forecast.p_silent
    headline = _("%(chance)s chances de não comprar nos próximos %(days)s dias") % {"chance": chance_words(p), "days": forecast.horizon}
    tone = "bad" if p >= HIGH else "warn" if p >= MIDDLE else "ok"
    # What was checked before are clients still buying: of those already inactive it says nothing.
    buys = standing.state in (Lifecycle.ACTIVE, Lifecycle.AT_RISK, Lifecycle.NEAR_INACTIVE)
    sure = how_sure(p, forecast.calibration) or _("Nenhuma previsão como esta pôde ser conferida ainda.") if buys else ""
    return ShownForecast(p, headline, tone, lines, sure, why, forecast.made_for)


Line = tuple[str, str, str]


def _cycle(standing: Standing) -> Line | None:
    silent = standing.days_since_last or 0
    gone = ngettext("Está há %(n)s dia sem comprar.", "Está há %(n)s dias sem comprar.", silent) % {"n": silent}
    if not standing.cycle_days or standing.lateness is None:
        return (_("Ritmo"), gone, _("Com menos de 4 compras ainda não há um ciclo."))
    days = round(standing.cycle_days)
    cycle = ngettext("Compra em geral a cada %(n)s dia.", "Compra em geral a cada %(n)s dias.", days) % {"n": days}
    if standing.lateness <= 1:
        return (_("Ritmo"), cycle, _("%(gone)s Está dentro do ciclo dele.") % {"gone": gone})
    late = _("%(gone)s São %(times)s vezes o ciclo dele.") % {"gone": gone, "times": decimal(standing.lateness, 1)}
    return (_("Ritmo"), cycle, late)


def _next(forecast: Forecast | None) -> Line | None:
    if forecast is None or not forecast.stands or forecast.method == DAY_RULE:
        return None
    early, likely, late = forecast.early_on, forecast.likely_on, forecast.late_on
    what = _("Próximo pedido")
    if early is None:
        return (what, _("Não é esperado nos próximos 12 meses."), "")
    days = {"early": day_year(early), "likely": day_year(likely), "late": day_year(late)}
    if likely is None:
        return (what, _("Se vier, depois de %(early)s.") % days, _("1 em 4 chances de vir até lá."))
    if late is None:
        return (what, _("Por volta de %(likely)s, se vier.") % days, _("1 em 4 chances de vir até %(early)s.") % days)
    more = _("Metade das vezes é entre %(early)s e %(late)s; na outra metade, antes, depois ou nunca.")
    return (what, _("Por volta de %(likely)s.") % days, more % days)


def _states(standing: Standing) -> Line | None:
    if standing.inactive_on is None:
        return None
    inactive = day_year(standing.inactive_on)
    if standing.near_inactive_on is None:
        return (_("Se não comprar"), _("Fica inativo em %(day)s.") % {"day": inactive}, "")
    days = {"near": day_year(standing.near_inactive_on), "inactive": inactive}
    return (_("Se não comprar"), _("Fica quase inativo em %(near)s e inativo em %(inactive)s.") % days, "")


def _money(forecast: Forecast | None, currency: str) -> Line | None:
    if forecast is None or not forecast.stands or not forecast.year_cents:
        return None
    year = _("%(money)s por ano, se continuar comprando.") % {"money": money_short(forecast.year_cents, currency)}
    if forecast.method == DAY_RULE:
        return (_("Vale"), year, "")
    return (
        _("Vale"),
        year,
        _("Em jogo: %(money)s, que é isso vezes a chance.") % {"money": money_short(forecast.at_stake_cents, currency)},
    )

"""Rules, conditions and proposals in a person's words. Takes plain values; asks the database nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.templatetags.formats import decimal, money, money_whole, percent
from rotation.models import Proposal

FIELD_NAMES = {
    "days_since_last": gettext_lazy("Dias sem compra"),
    "p_silent": gettext_lazy("Chance de silêncio"),
    "p_cross": gettext_lazy("Chance de inativar"),
    "lateness": gettext_lazy("Atraso no próprio ciclo"),
    "orders": gettext_lazy("Dias com pedido"),
    "state": gettext_lazy("Situação"),
    "net_12m_cents": gettext_lazy("Faturamento 12 meses"),
    "net_total_cents": gettext_lazy("Faturamento total"),
    "abc": gettext_lazy("Curva ABC"),
    "days_since_contact": gettext_lazy("Dias sem contato"),
    "days_since_visit": gettext_lazy("Dias sem visita"),
    "days_owned": gettext_lazy("Dias na carteira"),
    "missed_visits_90d": gettext_lazy("Visitas perdidas em 90 dias"),
    "owner_load": gettext_lazy("Carga do vendedor"),
    "contract_days_left": gettext_lazy("Dias até o fim do contrato"),
    "credit_score": gettext_lazy("Score de crédito"),
    "overdue_cents": gettext_lazy("Valor em atraso"),
    "days_since_credit_event": gettext_lazy("Dias desde evento de crédito"),
    "owner_status": gettext_lazy("Situação do vendedor"),
    "median_gap": gettext_lazy("Ciclo de compra, em dias"),
    "orders_30d": gettext_lazy("Dias com pedido em 30 dias"),
    "orders_90d": gettext_lazy("Dias com pedido em 90 dias"),
    "orders_180d": gettext_lazy("Dias com pedido em 180 dias"),
    "orders_365d": gettext_lazy("Dias com pedido em 365 dias"),
    "segment": gettext_lazy("Segmento"),
    "region": gettext_lazy("Região"),
    "uf": gettext_lazy("UF"),
    "city": gettext_lazy("Cidade"),
    "size": gettext_lazy("Porte"),
    "tags": gettext_lazy("Etiquetas"),
    "owner": gettext_lazy("Vendedor"),
    "team": gettext_lazy("Equipe"),
    "key_account": gettext_lazy("Conta-chave"),
    "contract_only": gettext_lazy("Só contrato"),
}
WORDS = {
    "prospect": gettext_lazy("prospect"),
    "active": gettext_lazy("ativo"),
    "at_risk": gettext_lazy("em risco"),
    "near_inactive": gettext_lazy("quase inativo"),
    "inactive": gettext_lazy("inativo"),
    "lost": gettext_lazy("perdido"),
    "discarded": gettext_lazy("descartado"),
    "absent": gettext_lazy("alguém ausente"),
    "leaver": gettext_lazy("alguém de saída"),
    "none": gettext_lazy("ninguém"),
    "contract": gettext_lazy("contrato"),
    True: gettext_lazy("sim"),
    False: gettext_lazy("não"),
}
OPS = {"=": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
GUARD_NAMES = {
    "hold": gettext_lazy("Cliente com trava"),
    "never_rotate": gettext_lazy("Cliente com trava"),
    "blocked": gettext_lazy("Cliente bloqueado"),
    "discarded": gettext_lazy("Cliente descartado"),
    "key_account": gettext_lazy("Conta-chave"),
    "open_order": gettext_lazy("Pedido em aberto"),
    "open_opportunity": gettext_lazy("Oportunidade em aberto"),
    "owner_absent": gettext_lazy("Vendedor ausente"),
    "representative_contract": gettext_lazy("Autônomo sem aceite"),
    "contact_within": gettext_lazy("Contato recente"),
    "visit_within": gettext_lazy("Visita recente"),
    "new_within": gettext_lazy("Cliente novo"),
    "owned_less_than": gettext_lazy("Há pouco na carteira"),
    "moved_within": gettext_lazy("Descanso depois de mudar"),
    "group_within": gettext_lazy("Outra filial comprou há pouco"),
    "save_window": gettext_lazy("Prazo para salvar"),
    "open_proposal": gettext_lazy("Proposta aberta em outro giro"),
    "withheld": gettext_lazy("Grupo de controle"),
}
STRATEGY_WORDS = {
    "optimal": gettext_lazy("valor esperado, carga e distância"),
    "greedy": gettext_lazy("o melhor disponível, cliente a cliente"),
    "round_robin": gettext_lazy("rodízio"),
    "weighted": gettext_lazy("em proporção à capacidade"),
    "least_loaded": gettext_lazy("quem tem menos carga"),
}
WEEKDAYS = {
    "mon": gettext_lazy("segundas"),
    "tue": gettext_lazy("terças"),
    "wed": gettext_lazy("quartas"),
    "thu": gettext_lazy("quintas"),
    "fri": gettext_lazy("sextas"),
    "sat": gettext_lazy("sábados"),
    "sun": gettext_lazy("domingos"),
}
CAVEAT_WORDS = dict(Proposal.Caveat.choices)


# Of the fields that hold ids (owner, team), the name of each id; for whoever has asked for them.
Names = Mapping[str, Mapping[int, str]]


def fact_text(field: str, value: Any, currency: str = "BRL", names: Names | None = None) -> str:
    """A value as its field is read: money, share, days, word, or the name of an id."""
    if value is None:
        return _("sem dado")
    if names and field in names:
        return str(names[field].get(value, value))
    if isinstance(value, bool | str):
        return str(WORDS.get(value, value))
    if field.endswith("_cents"):
        return money_whole(value, currency)
    if field.startswith("p_") or field == "owner_load":
        return percent(value)
    if field == "lateness":
        return decimal(value, 1) + "×"
    return decimal(value, 0 if float(value).is_integer() else 1)


def limit_text(field: str, value: Any, currency: str = "BRL", names: Names | None = None) -> str:
    """A value one compares with: as a fact is read, but to the last cent and tenth of a percent, for it is a limit and no measure."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if field.endswith("_cents") and value % 100:
            return money(value, currency)
        if field.startswith("p_") or field == "owner_load":
            return percent(value, 0 if float(round(value * 100, 6)).is_integer() else 1)
    return fact_text(field, value, currency, names)


def condition_text(leaf: Mapping[str, Any], currency: str = "BRL", names: Names | None = None) -> str:
    """One condition in short: “Dias sem compra ≥ 90”."""
    field, op, value = leaf["field"], leaf["op"], leaf.get("value", True)
    name = FIELD_NAMES.get(field, field)
    if op == "is_null":
        return (_("%(field)s: sem dado") if value else _("%(field)s: com dado")) % {"field": name}
    if op == "between":
        low, high = (limit_text(field, each, currency, names) for each in value)
        return _("%(field)s de %(low)s a %(high)s") % {"field": name, "low": low, "high": high}
    if op in ("in", "not_in"):
        words = any_of(limit_text(field, each, currency, names) for each in value)
        pattern = _("%(field)s: %(words)s") if op == "in" else _("%(field)s: menos %(words)s")
        return pattern % {"field": name, "words": words}
    return f"{name} {OPS[op]} {limit_text(field, value, currency, names)}"


def any_of(words: Iterable[str]) -> str:
    """a, b ou c"""
    listed = list(words)
    if len(listed) < 2:
        return "".join(listed)
    return _("%(first)s ou %(last)s") % {"first": ", ".join(listed[:-1]), "last": listed[-1]}


# How conditions read after “quando o cliente”, by field and comparison; the value is written into the one gap.
_PHRASES = {
    ("abc", "in"): gettext_lazy("é curva %(value)s"),
    ("abc", "="): gettext_lazy("é curva %(value)s"),
    ("abc", "not_in"): gettext_lazy("não é curva %(value)s"),
    ("uf", "not_in"): gettext_lazy("não fica em %(value)s"),
    ("city", "not_in"): gettext_lazy("não fica em %(value)s"),
    ("state", "not_in"): gettext_lazy("não está %(value)s"),
    ("uf", "in"): gettext_lazy("fica em %(value)s"),
    ("region", "in"): gettext_lazy("fica em %(value)s"),
    ("city", "in"): gettext_lazy("fica em %(value)s"),
    ("city", "="): gettext_lazy("fica em %(value)s"),
    ("state", "in"): gettext_lazy("está %(value)s"),
    ("state", "="): gettext_lazy("está %(value)s"),
    ("segment", "in"): gettext_lazy("é do segmento %(value)s"),
    ("segment", "="): gettext_lazy("é do segmento %(value)s"),
    ("segment", "not_in"): gettext_lazy("não é do segmento %(value)s"),
    ("tags", "in"): gettext_lazy("tem a etiqueta %(value)s"),
    ("tags", "not_in"): gettext_lazy("não tem a etiqueta %(value)s"),
    ("owner_status", "in"): gettext_lazy("tem como vendedor %(value)s"),
    ("net_12m_cents", ">="): gettext_lazy("comprou %(value)s ou mais em 12 meses"),
    ("net_12m_cents", ">"): gettext_lazy("comprou mais de %(value)s em 12 meses"),
    ("net_12m_cents", "<"): gettext_lazy("comprou menos de %(value)s em 12 meses"),
    ("net_12m_cents", "<="): gettext_lazy("comprou no máximo %(value)s em 12 meses"),
    ("days_since_last", ">"): gettext_lazy("está há mais de %(value)s dias sem compra"),
    ("days_since_last", "<"): gettext_lazy("está há menos de %(value)s dias sem compra"),
    ("days_since_last", "<="): gettext_lazy("está há no máximo %(value)s dias sem compra"),
    ("p_cross", ">="): gettext_lazy("tem %(value)s ou mais de chance de inativar"),
    ("p_silent", ">="): gettext_lazy("tem %(value)s ou mais de chance de silenciar"),
    ("lateness", ">="): gettext_lazy("está há %(value)s o próprio ciclo ou mais sem compra"),
    ("median_gap", "<="): gettext_lazy("costuma comprar a cada %(value)s dias ou menos"),
    ("days_since_visit", ">="): gettext_lazy("não recebe visita há %(value)s dias ou mais"),
    ("days_since_contact", ">="): gettext_lazy("não tem contato há %(value)s dias ou mais"),
    ("days_owned", ">="): gettext_lazy("está na carteira há %(value)s dias ou mais"),
    ("missed_visits_90d", ">="): gettext_lazy("teve %(value)s ou mais visitas perdidas em 90 dias"),
    ("overdue_cents", ">="): gettext_lazy("deve %(value)s ou mais em atraso"),
    ("contract_days_left", "<="): gettext_lazy("tem contrato que acaba em %(value)s dias ou menos"),
    ("owner_load", ">="): gettext_lazy("é de um vendedor com %(value)s ou mais da capacidade"),
}


# What it means that a thing is unknown, or known.
_UNKNOWN = {
    ("days_since_last", True): gettext_lazy("nunca comprou"),
    ("days_since_last", False): gettext_lazy("já comprou"),
    ("days_since_visit", True): gettext_lazy("nunca recebeu visita"),
    ("days_since_visit", False): gettext_lazy("já recebeu visita"),
    ("days_since_contact", True): gettext_lazy("nunca teve contato"),
    ("days_since_contact", False): gettext_lazy("já teve contato"),
}
# In a sentence comparisons are read, not drawn; the words are those of the editor's own list.
_OPS_SPOKEN = {
    "=": gettext_lazy("igual a"),
    "!=": gettext_lazy("diferente de"),
    "<": gettext_lazy("menor que"),
    "<=": gettext_lazy("menor ou igual a"),
    ">": gettext_lazy("maior que"),
    ">=": gettext_lazy("maior ou igual a"),
}


def phrase(leaf: Mapping[str, Any], currency: str = "BRL", names: Names | None = None) -> str:
    """One condition as it reads after “quando o cliente”."""
    field, op, value = leaf["field"], leaf["op"], leaf.get("value", True)
    if field == "days_since_last" and op == "between":
        return _("está há %(low)s a %(high)s dias sem compra") % {"low": value[0], "high": value[1]}
    if field == "days_since_last" and op == ">=":
        return ngettext("está há %(n)s dia ou mais sem compra", "está há %(n)s dias ou mais sem compra", value) % {"n": value}
    if field in ("key_account", "contract_only") and op == "=":
        kinds = {
            ("key_account", True): _("é conta-chave"),
            ("key_account", False): _("não é conta-chave"),
            ("contract_only", True): _("só compra por contrato"),
            ("contract_only", False): _("não compra só por contrato"),
        }
        return kinds[field, value]
    if pattern := _PHRASES.get((field, op)):
        text = (
            any_of(limit_text(field, each, currency, names) for each in value)
            if isinstance(value, list | tuple)
            else limit_text(field, value, currency, names)
        )
        return str(pattern) % {"value": text}
    if op == "is_null":
        pattern = _UNKNOWN.get((field, value)) or (_("não tem dado de %(field)s") if value else _("tem dado de %(field)s"))
        return str(pattern) % {"field": lower_first(str(FIELD_NAMES.get(field, field)))}
    if op == "not_in":
        text = condition_text({**leaf, "op": "in"}, currency, names)
        return _("não tem %(condition)s") % {"condition": lower_first(text)}
    text = condition_text(leaf, currency, names)
    if spoken := _OPS_SPOKEN.get(op):
        text = f"{FIELD_NAMES.get(field, field)} {spoken} {limit_text(field, value, currency, names)}"
    return _("tem %(condition)s") % {"condition": lower_first(text)}


def mark(text: Any) -> SafeString:
    return format_html("<mark>{}</mark>", text)


def conditions_sentence(condition: Mapping[str, Any], currency: str = "BRL", names: Names | None = None) -> SafeString:
    """A tree of conditions as marked words joined by “e” and “ou”; "" for the one that holds for everyone."""
    if "field" in condition:
        return mark(phrase(condition, currency, names))
    kind = next(iter(condition), "all")
    if kind == "not":
        inner = conditions_sentence(condition["not"], currency, names)
        # "any of several" stands in parentheses of its own
        return format_html(_("não {condition}") if inner.startswith("(") else _("não ({condition})"), condition=inner)
    parts = [part for part in (_inside(kind, child, currency, names) for child in condition.get(kind, [])) if part]
    if not parts:
        return mark_safe("")
    joined = mark_safe((_(" e ") if kind == "all" else _(" ou ")).join(conditional_escape(part) for part in parts))
    return format_html("({})", joined) if kind == "any" and len(parts) > 1 else joined


def _inside(kind: str, child: Mapping[str, Any], currency: str, names: Names | None) -> SafeString:
    """A child as it stands among its siblings: “a ou (b e c)”, for read aloud “a ou b e c” may mean either."""
    said = conditions_sentence(child, currency, names)
    return format_html("({})", said) if kind == "any" and len(child.get("all", ())) > 1 else said


def rule_sentence(definition: Mapping[str, Any], currency: str = "BRL", names: Names | None = None) -> SafeString:
    """The whole rule in one or two sentences, its changeable parts marked."""
    trigger = conditions_sentence(definition.get("trigger", {}), currency, names)
    population = conditions_sentence(definition.get("population", {}), currency, names)
    when = format_html(_("{trigger} e {population}"), trigger=trigger, population=population) if population else trigger
    receivers, limits = definition.get("receivers", {}), definition.get("limits", {})
    give, receive = limits.get("give_share", 0.1), limits.get("receive_share", 0.1)
    shares = format_html(_("dando e recebendo no máximo {share}"), share=mark(_("%(share)s de cada carteira") % {"share": percent(give)}))
    if give != receive:
        shares = format_html(
            _("cedendo no máximo {give} e recebendo no máximo {receive} de cada carteira"),
            give=mark(percent(give)),
            receive=mark(percent(receive)),
        )
    if most := limits.get("team_max"):
        clients = ngettext("%(n)s cliente", "%(n)s clientes", most) % {"n": decimal(most)}
        shares = format_html(_("{shares}, no máximo {most} para cada equipe"), shares=shares, most=mark(clients))
    if most := _most_a_run(limits):
        shares = format_html(_("{shares} e movendo no máximo {most} por giro"), shares=shares, most=mark(most))
    sentence = format_html(
        _("Quando um cliente {when}, propor {receiver}, {shares}."),
        when=when,
        receiver=mark(receiver_phrase(receivers, definition.get("strategy", {}))),
        shares=shares,
    )
    guards = list(dict.fromkeys(guard_text(guard) for guard in definition.get("guards", [])))
    if guards:
        kept = format_html(_("Nunca girar: {guards}."), guards=format_html_join(", ", "{}", ((lower_first(each),) for each in guards)))
        sentence = format_html("{} {}", sentence, kept)
    share = definition.get("experiment", {}).get("share", 0)
    if share:
        alone = format_html(_("Deixar {share} dos sinalizados como estão, para medir se o giro ajuda."), share=mark(percent(share)))
        if spared := _spared(definition.get("experiment", {}).get("exempt", {})):
            text = _("Deixar {share} dos sinalizados como estão, fora {spared}, para medir se o giro ajuda.")
            alone = format_html(text, share=mark(percent(share)), spared=mark(spared))
        sentence = format_html("{} {}", sentence, alone)
    return sentence


def _most_a_run(limits: Mapping[str, Any]) -> str:
    """How many a run may move at all: “200 clientes”; "" where only the portfolios' shares limit it."""
    made = []
    if most := limits.get("run_max"):
        made.append(ngettext("%(n)s cliente", "%(n)s clientes", most) % {"n": decimal(most)})
    if share := limits.get("run_share"):
        made.append(_("%(share)s dos clientes que a regra olha") % {"share": percent(share)})
    return str(_(" e ")).join(made)


def _spared(exempt: Mapping[str, Any]) -> str:
    """Who is never drawn into the control group: “curva A, segmento: hospital”."""
    return ", ".join(lower_first(condition_text({"field": key, "op": "in", "value": words})) for key, words in exempt.items() if words)


def lower_first(text: str) -> str:
    """The text beginning small, unless it begins with an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def receiver_phrase(receivers: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    """Whom the rule proposes: “o vendedor de maior valor esperado na mesma região, em até 150 km”."""
    kinds = {
        "optimal": _("o vendedor de maior valor esperado"),
        "greedy": _("o melhor vendedor disponível, cliente a cliente"),
        "round_robin": _("o próximo vendedor da fila"),
        "weighted": _("vendedores em proporção à capacidade"),
        "least_loaded": _("o vendedor com menos carga"),
    }
    text = kinds.get(strategy.get("kind", "optimal"), kinds["optimal"])
    if receivers.get("same_region", True):
        text += " " + _("na mesma região")
    if receivers.get("max_km"):
        text += " " + _("em até %(km)s km") % {"km": decimal(receivers["max_km"])}
    return text


def guard_text(guard: str) -> str:
    """“Visita recente (15 dias)”"""
    name, _colon, days = guard.partition(":")
    label = str(GUARD_NAMES.get(name, name))
    if not days.isdigit():
        return label
    return ngettext("%(guard)s (%(n)s dia)", "%(guard)s (%(n)s dias)", int(days)) % {"guard": label, "n": days}


def schedule_text(definition: Mapping[str, Any]) -> str:
    """“segundas às 06:00”"""
    schedule = definition.get("schedule", {})
    at, cadence = schedule.get("at", "06:00"), schedule.get("cadence", "weekly")
    if cadence == "daily":
        return _("todo dia às %(at)s") % {"at": at}
    if cadence == "monthly":
        return _("dia %(day)s de cada mês às %(at)s") % {"day": schedule.get("day") or 1, "at": at}
    if cadence == "on_event":
        return _("quando um vendedor sai")
    return _("%(weekday)s às %(at)s") % {"weekday": WEEKDAYS[schedule.get("weekday") or "mon"], "at": at}


def reason_lines(proposal: Proposal) -> tuple[str, str, bool]:
    """Why this client is proposed, in two lines, and whether the second is a caveat (then it is shown in red)."""
    if proposal.days_since_last is not None:
        n = proposal.days_since_last
        first = ngettext("%(n)s dia sem compra", "%(n)s dias sem compra", n) % {"n": decimal(n)}
    elif proposal.facts.get("owner_status") in ("leaver", "none"):
        first = _("sem vendedor") if proposal.from_representative_id is None else _("vendedor de saída")
    else:
        first = _("nunca comprou")
    if proposal.caveats:
        return first, " · ".join(str(CAVEAT_WORDS.get(each, each)) for each in proposal.caveats), True
    return first, cycle_text(proposal), False


def cycle_text(proposal: Proposal) -> str:
    """Lateness against the client's own cycle, where it is known."""
    if not proposal.cycle_days:
        return _("ciclo ainda desconhecido")
    days = max(round(proposal.cycle_days), 1)
    if not proposal.lateness:
        return ngettext("ciclo de %(n)s dia", "ciclo de %(n)s dias", days) % {"n": days}
    return ngettext("%(late)s× o ciclo (%(n)s dia)", "%(late)s× o ciclo (%(n)s dias)", days) % {
        "late": decimal(proposal.lateness, 1),
        "n": days,
    }


STALE_WORDS = {
    "client_merged": gettext_lazy("o cadastro foi mesclado com outro depois da proposta"),
    "owner_changed": gettext_lazy("o cliente mudou de vendedor depois da proposta"),
    "already_owner": gettext_lazy("o destino já responde pelo cliente"),
    "no_room": gettext_lazy("o destino ficou sem lugar"),
    "no_receiver": gettext_lazy("a proposta ficou sem destino"),
    "receiver_inactive": gettext_lazy("o destino não está mais em atividade"),
    "receiver_absent": gettext_lazy("o destino está ausente"),
    "receiver_unknown": gettext_lazy("o destino não existe mais"),
    "out_of_territory": gettext_lazy("o destino não atende mais a região"),
    "rested": gettext_lazy("o cliente mudou há pouco e está em descanso"),
    "held": gettext_lazy("o cliente recebeu trava"),
    "blocked": gettext_lazy("o cliente foi bloqueado"),
    "client_discarded": gettext_lazy("o cliente foi descartado"),
    "client_unknown": gettext_lazy("o cliente não existe mais"),
    "starts_later": gettext_lazy("já há uma mudança registrada para um dia depois"),
    "repeated": gettext_lazy("o cliente aparece duas vezes no lote"),
    "no_former_owner": gettext_lazy("ninguém respondia pelo cliente antes"),
    "in_another_run": gettext_lazy("o cliente está em outro giro aberto"),
    "consent_missing": gettext_lazy("falta o aceite do representante autônomo"),
}


def stale_words(code: str) -> str:
    """Why an approved proposal was not applied, as it reads after “recusada:”."""
    return str(STALE_WORDS.get(code, _("a situação do cliente mudou (%(code)s)") % {"code": code}))

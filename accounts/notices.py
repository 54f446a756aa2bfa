"""The words of notices: a sentence made from ``kind`` and ``facts`` when somebody reads it, in that person's language.

Facts are what the services write: ``clients_received`` and ``clients_given`` hold ``n``, ``clients`` [[id, name], ...],
``source``, ``on`` and sometimes ``run``; ``run_*`` hold ``run`` and their counts. A fact that is missing leaves its part
of the sentence out: notices outlive the release that wrote them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Notice
from accounts.templatetags.formats import day, day_short, money_short, number, percent

Facts = dict[str, Any]


@dataclass(frozen=True)
class Sentence:
    """What a notice says. ``path`` is the place that shows more, below ``/o/<slug>/``; "" when there is none."""

    text: str
    detail: str = ""
    path: str = ""
    icon: str = "info"
    tone: str = ""


Words = Callable[[Facts, str], Sentence]
_words: dict[str, Words] = {}

SOURCES: dict[str, Promise] = {
    "rotation": gettext_lazy("pelo giro de carteira"),
    "manual": gettext_lazy("por transferência manual"),
    "import": gettext_lazy("por importação"),
    "handover": gettext_lazy("pela saída de um vendedor"),
    "reversal": gettext_lazy("pela reversão de um lote"),
}


def words_for(kind: str) -> Callable[[Words], Words]:
    """Register how notices of ``kind`` read; an app above this one registers its own kinds from its ``ready``."""

    def register(words: Words) -> Words:
        _words[str(kind)] = words
        return words

    return register


def sentence(kind: str, facts: Facts, *, currency: str) -> Sentence:
    """What the notice says in the active language. An unknown kind still says that something happened."""
    words = _words.get(kind)
    return words(facts, currency) if words else Sentence(_("Há uma novidade para você."))


@words_for(Notice.Kind.CLIENTS_RECEIVED)
def clients_received(facts: Facts, currency: str) -> Sentence:
    n, clients = _clients(facts)
    if n == 1 and clients:
        text = _("%(name)s entrou na sua carteira") % {"name": clients[0][1]}
    else:
        text = ngettext("%(n)s cliente entrou na sua carteira", "%(n)s clientes entraram na sua carteira", n) % {"n": number(n)}
    path = f"clients/{clients[0][0]}/" if n == 1 and clients else "clients/"
    detail = _detail(facts, n, clients)
    if isinstance(facts.get("handover"), int):
        path = f"handovers/{facts['handover']}/dossier/"
        detail = " · ".join(part for part in (detail, _("veja o dossiê: promessas, contatos, oportunidades e visitas")) if part)
    return Sentence(text, detail, path, "user-plus", "ok")


@words_for(Notice.Kind.CLIENTS_GIVEN)
def clients_given(facts: Facts, currency: str) -> Sentence:
    n, clients = _clients(facts)
    if n == 1 and clients:
        text = _("%(name)s saiu da sua carteira") % {"name": clients[0][1]}
    else:
        text = ngettext("%(n)s cliente saiu da sua carteira", "%(n)s clientes saíram da sua carteira", n) % {"n": number(n)}
    # No link to the client: its page is no longer within reach.
    return Sentence(text, _detail(facts, n, clients), "rotation/mine/", "user-x", "warn")


@words_for(Notice.Kind.SAVE_WINDOW)
def save_window(facts: Facts, currency: str) -> Sentence:
    n, clients = _clients(facts)
    if n == 1 and clients:
        text = _("%(name)s pode sair da sua carteira") % {"name": clients[0][1]}
    else:
        text = ngettext("%(n)s cliente pode sair da sua carteira", "%(n)s clientes podem sair da sua carteira", n) % {"n": number(n)}
    due_on = _day(facts.get("due_on"))
    stops = _("um pedido, uma visita ou um contato antes de %(day)s impede") % {"day": day_short(due_on)} if due_on else ""
    named = _detail({"n": n}, n, clients)
    return Sentence(text, " · ".join(part for part in (named, stops) if part), "rotation/mine/", "clock", "warn")


@words_for(Notice.Kind.RUN_AWAITING)
def run_awaiting(facts: Facts, currency: str) -> Sentence:
    n = _number(facts, "proposed", "count")
    text = ngettext("%(n)s proposta de giro espera a sua revisão", "%(n)s propostas de giro esperam a sua revisão", n) % {"n": number(n)}
    parts = []
    if facts.get("value_cents"):
        parts.append(_("%(money)s de valor esperado") % {"money": money_short(facts["value_cents"], currency)})
    expires_on, as_of = _day(facts.get("expires_on")), _day(facts.get("as_of"))
    if expires_on:
        parts.append(_("decida até %(day)s") % {"day": day(expires_on)})
    elif as_of:
        parts.append(_("calculado sobre %(day)s") % {"day": day(as_of)})
    return Sentence(text, " · ".join(parts), _run(facts), "clock", "warn")


@words_for(Notice.Kind.RUN_APPLIED)
def run_applied(facts: Facts, currency: str) -> Sentence:
    n = _number(facts, "applied")
    if facts.get("kind") in ("manual", "handover"):
        text = ngettext("%(n)s cliente mudou de mãos, como você pediu", "%(n)s clientes mudaram de mãos, como você pediu", n) % {
            "n": number(n)
        }
        return Sentence(text, _left_out(facts), _run(facts), "circle-check", "ok")
    text = ngettext("Giro aplicado: %(n)s cliente mudou de mãos", "Giro aplicado: %(n)s clientes mudaram de mãos", n) % {"n": number(n)}
    return Sentence(text, _left_out(facts), _run(facts), "circle-check", "ok")


@words_for(Notice.Kind.RUN_REVERSED)
def run_reversed(facts: Facts, currency: str) -> Sentence:
    n = _number(facts, "applied")
    text = ngettext("Lote revertido: %(n)s cliente voltou", "Lote revertido: %(n)s clientes voltaram", n) % {"n": number(n)}
    return Sentence(text, _left_out(facts), _run(facts), "undo-2", "info")


@words_for(Notice.Kind.RUN_FAILED)
def run_failed(facts: Facts, currency: str) -> Sentence:
    during_apply = facts.get("state") == "applying"
    text = _("O giro parou enquanto era aplicado") if during_apply else _("O giro não pôde ser calculado")
    return Sentence(text, str(facts.get("error") or ""), _run(facts), "circle-alert", "bad")


@words_for(Notice.Kind.HANDOVER)
def handover(facts: Facts, currency: str) -> Sentence:
    if facts.get("error"):
        text = _("A saída de %(name)s não pôde começar") % {"name": facts.get("name", "")}
        path = f"people/{facts['representative']}/leave/" if isinstance(facts.get("representative"), int) else ""
        return Sentence(text, str(facts["error"]), path, "circle-alert", "bad")
    n = _number(facts, "applied")
    text = ngettext("Saída concluída: %(n)s cliente tem novo responsável", "Saída concluída: %(n)s clientes têm novo responsável", n)
    return Sentence(text % {"n": number(n)}, _left_out(facts), _run(facts), "user-x", "ok")


@words_for(Notice.Kind.COVER)
def cover(facts: Facts, currency: str) -> Sentence:
    """About one's own absence, or about whom one covers; ``what`` is set, changed or ended."""
    days = {"name": facts.get("name", ""), "cover": facts.get("cover", "")}
    if facts.get("what") == "ended":
        text = _("Sua ausência foi encerrada") if facts.get("own") else _("Você não cobre mais %(name)s") % days
    elif facts.get("own"):
        text = _("%(cover)s cobre a sua carteira enquanto você está fora") % days if days["cover"] else _("Sua ausência foi marcada")
    else:
        text = _("Você cobre a carteira de %(name)s") % days
    parts = []
    first, last = _day(facts.get("starts_on")), _day(facts.get("last_on"))
    if first and last and facts.get("what") != "ended":
        parts.append(_("de %(first)s a %(last)s") % {"first": day_short(first), "last": day_short(last)})
    if facts.get("by"):
        parts.append(_("por %(name)s") % {"name": facts["by"]})
    return Sentence(text, " · ".join(parts), "clients/", "users", "info")


# What a guard figure found, as it reads after the rule's name.
HALTS: dict[str, Promise] = {
    "rejected": gettext_lazy("%(share)s das propostas foram recusadas (o limite é %(limit)s)"),
    "undone": gettext_lazy("%(share)s das mudanças foram desfeitas (o limite é %(limit)s)"),
    "caveats": gettext_lazy("%(share)s das propostas têm ressalva (o limite é %(limit)s)"),
    "false_alarm": gettext_lazy("%(share)s dos clientes deixados como estavam compraram sozinhos (o limite é %(limit)s)"),
}


def halt_reasons(halt: Facts) -> list[str]:
    """What stopped a rule, figure by figure, with the numbers."""
    found = []
    for figure in halt.get("figures") or []:
        if str(figure.get("figure")) in HALTS and figure.get("cases"):
            numbers = {"share": percent(figure["hits"] / figure["cases"]), "limit": percent(figure["limit"])}
            found.append(str(HALTS[figure["figure"]]) % numbers)
    return found


@words_for(Notice.Kind.RULE_HALTED)
def rule_halted(facts: Facts, currency: str) -> Sentence:
    text = _("“%(rule)s” parou sozinha") % {"rule": facts.get("name", "")}
    path = f"rules/{facts['rule']}/outcome/" if isinstance(facts.get("rule"), int) else "rules/"
    return Sentence(text, " · ".join(halt_reasons(facts)), path, "circle-alert", "bad")


@words_for(Notice.Kind.RULE_SUBMITTED)
def rule_submitted(facts: Facts, currency: str) -> Sentence:
    text = _("A v%(n)s de “%(rule)s” espera a sua publicação") % {"n": _number(facts, "number"), "rule": facts.get("name", "")}
    detail = _("enviada por %(name)s") % {"name": facts["by"]} if facts.get("by") else ""
    path = f"rules/{facts['rule']}/publish/" if isinstance(facts.get("rule"), int) else "rules/"
    return Sentence(text, detail, path, "clock", "warn")


@words_for(Notice.Kind.RULE_NOT_PUBLISHED)
def rule_not_published(facts: Facts, currency: str) -> Sentence:
    text = _("A v%(n)s de “%(rule)s” não entrou em vigor na data marcada")
    path = f"rules/{facts['rule']}/" if isinstance(facts.get("rule"), int) else "rules/"
    return Sentence(
        text % {"n": _number(facts, "number"), "rule": facts.get("name", "")}, str(facts.get("why", "")), path, "circle-alert", "bad"
    )


@words_for(Notice.Kind.MAIL_REFUSED)
def mail_refused(facts: Facts, currency: str) -> Sentence:
    n = _number(facts, "waiting")
    text = ngettext("O servidor de e-mail não aceita: %(n)s mensagem espera", "O servidor de e-mail não aceita: %(n)s mensagens esperam", n)
    detail = " · ".join(part for part in (_("continuamos tentando"), str(facts.get("error") or "")) if part)
    return Sentence(text % {"n": number(n)}, detail, "", "circle-alert", "bad")


@words_for(Notice.Kind.FILE_READY)
def file_ready(facts: Facts, currency: str) -> Sentence:
    file = {"file": facts.get("file", "")}
    path = f"files/{facts['export']}/" if isinstance(facts.get("export"), int) else "files/"
    if facts.get("state") == "failed":
        return Sentence(_("“%(file)s” não foi feito") % file, str(facts.get("error") or ""), path, "circle-alert", "bad")
    n = _number(facts, "rows")
    detail = ngettext("%(n)s linha, guardada por três dias", "%(n)s linhas, guardadas por três dias", n) % {"n": number(n)}
    return Sentence(_("“%(file)s” está pronto para baixar") % file, detail, path, "download", "ok")


def _clients(facts: Facts) -> tuple[int, list]:
    clients = [pair for pair in facts.get("clients") or [] if isinstance(pair, list) and len(pair) == 2]
    return _number(facts, "n", "count"), clients


def _detail(facts: Facts, n: int, clients: list) -> str:
    parts = []
    if n > 1 and clients:
        named = ", ".join(str(name) for _id, name in clients)
        more = n - len(clients)
        parts.append(
            ngettext("%(names)s e mais %(n)s", "%(names)s e mais %(n)s", more) % {"names": named, "n": more} if more > 0 else named
        )
    if str(facts.get("source")) in SOURCES:
        parts.append(str(SOURCES[facts["source"]]))
    on = _day(facts.get("on"))
    if on:
        parts.append(_("desde %(day)s") % {"day": day_short(on)})
    return " · ".join(parts)


def _left_out(facts: Facts) -> str:
    stale, undecided = _number(facts, "stale"), _number(facts, "undecided")
    parts = []
    if stale:
        parts.append(
            ngettext("%(n)s ficou como estava; a página diz por quê", "%(n)s ficaram como estavam; a página diz por quê", stale)
            % {"n": number(stale)}
        )
    if undecided:
        parts.append(ngettext("%(n)s ainda por decidir", "%(n)s ainda por decidir", undecided) % {"n": number(undecided)})
    return " · ".join(parts)


def _number(facts: Facts, *names: str) -> int:
    return next((int(facts[name]) for name in names if isinstance(facts.get(name), int)), 0)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _run(facts: Facts) -> str:
    return f"rotation/{facts['run']}/" if isinstance(facts.get("run"), int) else ""

"""How the notices of this app's requests read; imported by ``RotationConfig.ready``."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Notice
from accounts.notices import Facts, Sentence, words_for
from accounts.templatetags.formats import day_year, number
from rotation.models import Request

Kind, State = Request.Kind, Request.State


@words_for(Notice.Kind.REQUEST_MADE)
def request_made(facts: Facts, currency: str) -> Sentence:
    named = {"name": facts.get("by", ""), "client": facts.get("client", "")}
    until = _day(facts.get("until_on"))
    if facts.get("kind") == Kind.HOLD and until:
        text = _("%(name)s pede trava de %(client)s até %(day)s") % {**named, "day": day_year(until)}
    elif facts.get("kind") == Kind.HOLD:
        text = _("%(name)s pede trava de %(client)s") % named
    else:
        text = _("%(name)s contesta a saída de %(client)s") % named
    return Sentence(text, str(facts.get("reason") or ""), "requests/", "inbox", "warn")


@words_for(Notice.Kind.REQUEST_ANSWERED)
def request_answered(facts: Facts, currency: str) -> Sentence:
    client, until = facts.get("client", ""), _day(facts.get("until_on"))
    icon, tone = "circle-check", "ok"
    if facts.get("state") == State.OPEN:
        text, icon, tone = _("A resposta sobre %(client)s foi desfeita: seu pedido está em aberto de novo"), "undo-2", "info"
    elif facts.get("state") == State.REFUSED:
        text, icon, tone = _("Pedido recusado: %(client)s"), "circle-x", "bad"
    elif facts.get("kind") == Kind.HOLD:
        text = _("Trava concedida: %(client)s não gira até %(day)s") if until else _("Trava concedida: %(client)s")
    else:
        text = _("Contestação aceita: %(client)s fica com você")
    parts = [str(facts["answer"])] if facts.get("answer") else []
    if facts.get("by"):
        parts.append(_("por %(name)s") % {"name": facts["by"]})
    values = {"client": client, "day": day_year(until) if until else ""}
    return Sentence(text % values, " · ".join(parts), "rotation/mine/", icon, tone)


@words_for(Notice.Kind.CAMPAIGN_STARTED)
def campaign_started(facts: Facts, currency: str) -> Sentence:
    n = facts.get("n") if isinstance(facts.get("n"), int) else 0
    text = ngettext("Campanha “%(name)s”: %(n)s cliente seu para recuperar", "Campanha “%(name)s”: %(n)s clientes seus para recuperar", n)
    until = _day(facts.get("until_on"))
    detail = _("até %(day)s") % {"day": day_year(until)} if until else ""
    path = f"campaigns/{facts['campaign']}/" if isinstance(facts.get("campaign"), int) else "campaigns/"
    return Sentence(text % {"name": facts.get("name", ""), "n": number(n)}, detail, path, "target", "info")


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None

"""How the notices of this app read; imported by ``PortfolioConfig.ready``."""

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Notice
from accounts.notices import Facts, Sentence, words_for
from accounts.templatetags.formats import day
from clients.models import Colleague


@words_for(Notice.Kind.TASK_GIVEN)
def task_given(facts: Facts, currency: str) -> Sentence:
    text = _("%(name)s passou uma tarefa a você: %(title)s") % {"name": facts.get("by", ""), "title": facts.get("title", "")}
    return Sentence(text, _about(facts, due=True), _path(facts), "list-checks", "info")


@words_for(Notice.Kind.TASK_DONE)
def task_done(facts: Facts, currency: str) -> Sentence:
    text = _("%(name)s concluiu: %(title)s") % {"name": facts.get("by", ""), "title": facts.get("title", "")}
    return Sentence(text, _about(facts, due=False), _path(facts), "circle-check", "ok")


@words_for(Notice.Kind.COLLEAGUE_NAMED)
def colleague_named(facts: Facts, currency: str) -> Sentence:
    text = _("Você agora acompanha %(name)s") % {"name": facts.get("name", "")}
    parts = [str(Colleague.Part(facts["part"]).label)] if facts.get("part") in Colleague.Part.values else []
    if facts.get("by"):
        parts.append(_("a pedido de %(name)s") % {"name": facts["by"]})
    path = f"clients/{facts['client']}/" if isinstance(facts.get("client"), int) else "clients/"
    return Sentence(text, " · ".join(parts), path, "user-plus", "info")


def _about(facts: Facts, *, due: bool) -> str:
    parts = [str(facts["client"])] if facts.get("client") else []
    by_day = _day(facts.get("due_on")) if due else None
    if by_day:
        parts.append(_("até %(day)s") % {"day": day(by_day)})
    return " · ".join(parts)


def _path(facts: Facts) -> str:
    return f"tasks/{facts['task']}/" if isinstance(facts.get("task"), int) else "tasks/"


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None

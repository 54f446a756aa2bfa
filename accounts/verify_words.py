"""The first break a verification finds, said to a person: which event or seal, and how it does not hold."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_PLACES = [
    (re.compile(r"seal (\d+)"), gettext_lazy("selo %(a)s")),
    (re.compile(r"ownership of client (\d+) #(\d+)"), gettext_lazy("período %(b)s de quem atende o cliente %(a)s")),
    (re.compile(r"ownership of client (\d+)"), gettext_lazy("quem atende o cliente %(a)s")),
    (re.compile(r"(\S+) #(\d+)"), gettext_lazy("registro %(b)s de %(a)s")),
]
_WHATS = [
    (re.compile(r"missing"), gettext_lazy("falta")),
    (re.compile(r"altered"), gettext_lazy("foi alterado")),
    (re.compile(r"its end was altered"), gettext_lazy("o fim foi alterado")),
    (re.compile(r"its days overlap"), gettext_lazy("os dias se sobrepõem")),
    (re.compile(r"does not follow the (?:event|seal|row) before it"), gettext_lazy("não segue o anterior")),
    (re.compile(r"not what seal (\d+) sealed"), gettext_lazy("não é o que o selo %(a)s fechou")),
    (re.compile(r"sealed by seal (\d+) and gone"), gettext_lazy("foi fechado pelo selo %(a)s e sumiu")),
    (re.compile(r"counts .*"), gettext_lazy("os totais não batem com o que o selo fechou")),
    (re.compile(r"no audit event tells of it"), gettext_lazy("nenhum registro da auditoria conta dele")),
    (re.compile(r"an audit event tells of it and it is gone"), gettext_lazy("a auditoria conta dele e ele sumiu")),
    (re.compile(r"more than one audit event tells of it"), gettext_lazy("mais de um registro da auditoria conta dele")),
    (re.compile(r"its audit event says otherwise"), gettext_lazy("a auditoria diz outra coisa")),
    (re.compile(r"its end is not what the audit trail says"), gettext_lazy("o fim não é o que a auditoria diz")),
    (
        re.compile(r"the client names another representative than its open ownership"),
        gettext_lazy("a ficha do cliente diz outro vendedor"),
    ),
]


def break_words(place: str, what: str) -> str:
    """The sentence for a break as the services name it, in the active language; words unknown here stay as they are."""
    return _("%(place)s: %(what)s") % {"place": _said(place, _PLACES), "what": _said(what, _WHATS)}


def _said(text: str, patterns: list) -> str:
    for pattern, words in patterns:
        found = pattern.fullmatch(text)
        if found:
            return str(words) % dict(zip("ab", (*found.groups(), "", ""), strict=False))
    return text

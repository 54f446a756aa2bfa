"""The words of the audit trail: what each kind of event means, and whom or what it is about, for a person to read.

Every app says its own from its ``ready``, as with notices: this one knows no client and no rule. A kind nobody speaks for is
still shown, by its name. Events hold ids; names are looked up here, so the trail reads right after a rename and after an erasure.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import AuditEvent, Membership, Representative, Team
from accounts.templatetags.formats import BLANK, day_year, money, number

Words = str | Promise
# Name and path below ``/o/<slug>/`` ("" where there is no page) of each id.
Namer = Callable[[list[int]], Mapping[int, tuple[str, str]]]
Finder = Callable[[str, int], list[str]]

MOST_CHANGES = 8  # of one event on a page; a goal set for twelve measures is not read line by line
LONGEST = 120

GROUPS: dict[str, Words] = {
    "people": gettext_lazy("Pessoas e acessos"),
    "settings": gettext_lazy("Configurações"),
    "clients": gettext_lazy("Clientes"),
    "moves": gettext_lazy("Mudanças de carteira"),
    "work": gettext_lazy("Visitas, tarefas e metas"),
    "rotation": gettext_lazy("Giros e regras"),
    "data": gettext_lazy("Importações e exportações"),
}


@dataclass(frozen=True)
class Subject:
    """A kind of thing events are about: its word, how its rows are named, how it is found by text."""

    word: Words
    named: Namer | None = None
    found: Finder | None = None


_kinds: dict[str, tuple[str, Words]] = {}
_subjects: dict[str, Subject] = {}
_fields: dict[str, Words] = {}
_values: dict[str, dict[str, Words]] = {}
_people: dict[str, str] = {}  # key of a value that is an id -> whose: "member", "representative", "team"


def kinds(group: str, words: Mapping[str, Words]) -> None:
    """Say what events of these kinds mean: "Transferiu o cliente". ``group`` is one of ``GROUPS``."""
    if group not in GROUPS:
        raise ValueError(f"no group of events {group!r}")
    _kinds.update({kind: (group, text) for kind, text in words.items()})


def subjects(words: Mapping[str, Subject]) -> None:
    """Say what streams that begin so ("client:42") are about."""
    _subjects.update(words)


def fields(words: Mapping[str, Words], **ids: Iterable[str]) -> None:
    """Name keys of before and after; those not named are for programs and stay unsaid. ``ids``: member, representative or team keys."""
    _fields.update(words)
    for whose, keys in ids.items():
        _people.update(dict.fromkeys(keys, whose))


def values(words: Mapping[str, Mapping[str, Words]]) -> None:
    """Say what the codes a key holds mean: ``{"outcome": {"sale": "Vendeu"}}``."""
    for key, codes in words.items():
        _values.setdefault(key, {}).update(codes)


def known_kinds() -> dict[str, Words]:
    """Every kind somebody speaks for."""
    return {kind: text for kind, (_group, text) in _kinds.items()}


def kinds_of(group: str) -> list[str]:
    """The kinds of one group, in order; all of them for ""."""
    return sorted(kind for kind, (own, _text) in _kinds.items() if not group or own == group)


def kind_words(kind: str) -> str:
    """What the event means, in the active language; a kind nobody speaks for is named."""
    known = _kinds.get(kind)
    return str(known[1]) if known else _("Registrou “%(kind)s”") % {"kind": kind}


def streams_found(text: str, *, most: int = 20) -> list[str]:
    """Streams of the things whose name or code looks like the text, at most that many of each sort."""
    return [stream for subject in _subjects.values() if subject.found for stream in subject.found(text, most)]


@dataclass(frozen=True)
class Change:
    """One value an event changed, as words; either side may be BLANK."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Told:
    """One event as a person reads it."""

    id: int
    at: datetime
    who: str
    acts_alone: bool  # a task, not a person
    kind: str
    what: str
    about: str
    path: str
    changes: list[Change] = field(default_factory=list)
    more: int = 0
    reason: str = ""
    seq: int = 0
    stream: str = ""

    @property
    def details(self) -> str:
        """The changes in one line, for a file."""
        parts = [f"{each.label}: {each.before} → {each.after}" if each.before else f"{each.label}: {each.after}" for each in self.changes]
        return "; ".join([*parts, *([self.reason] if self.reason else [])])


def told(events: Iterable[AuditEvent], *, masked: bool = False, currency: str = "BRL") -> list[Told]:
    """The events as words, in the order given; a constant number of queries however many they are.

    ``currency`` is what sums in cents are read in; ``masked`` leaves out what people wrote (the reasons), as an auditor's file does.
    """
    events = list(events)
    names = _Names(events, currency)
    return [_told(event, names, masked) for event in events]


def _told(event: AuditEvent, names: "_Names", masked: bool) -> Told:
    about, path = names.subject(event.stream)
    changes = _changes(event, names)
    return Told(
        id=event.pk,
        at=event.at,
        who=names.people["member"].get(event.actor_id, "") or actor_words(event.actor_label),
        acts_alone=event.actor_id is None,
        kind=event.action,
        what=names.kind(event.action),
        about=about,
        path=path,
        changes=changes[:MOST_CHANGES],
        more=max(0, len(changes) - MOST_CHANGES),
        reason="" if masked else event.reason,
        seq=event.seq,
        stream=event.stream,
    )


def actor_words(label: str) -> str:
    """Who acted where no person did: a task that names itself, or a command."""
    return _("Sistema (%(task)s)") % {"task": label.removeprefix("task ").rpartition(".")[2] or label} if label else _("Sistema")


def _changes(event: AuditEvent, names: "_Names") -> list[Change]:
    before, after = _mapping(event.before), _mapping(event.after)
    found = []
    for key in dict.fromkeys([*before, *after]):
        label = names.label(key)
        if label is None or (key in before and key in after and before[key] == after[key]):
            continue
        was, now = names.value(key, before[key]) if key in before else "", names.value(key, after.get(key))
        if was or now != BLANK:
            found.append(Change(label, was, now))
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class _Names:
    """The names a page of events needs, read in one query a sort of thing."""

    def __init__(self, events: list[AuditEvent], currency: str) -> None:
        self.currency = currency
        self._kinds: dict[str, str] = {}
        self._labels: dict[str, str | None] = {}
        self._subject_words: dict[str, str] = {}
        wanted: dict[str, set[int]] = {"member": set(), "representative": set(), "team": set()}
        about: dict[str, set[int]] = defaultdict(set)
        for event in events:
            if event.actor_id:
                wanted["member"].add(event.actor_id)
            prefix, _colon, number_ = event.stream.partition(":")
            if number_.isdigit():
                about[prefix].add(int(number_))
            for side in (_mapping(event.before), _mapping(event.after)):
                for key, value in side.items():
                    if key in _people and isinstance(value, int):
                        wanted[_people[key]].add(value)
        self.people: dict[str, dict[int | None, str]] = {
            "member": dict(Membership.objects.filter(pk__in=wanted["member"]).values_list("pk", "name")) if wanted["member"] else {},
            "representative": {
                pk: f"{code} {name}"
                for pk, code, name in Representative.objects.filter(pk__in=wanted["representative"]).values_list("pk", "code", "name")
            }
            if wanted["representative"]
            else {},
            "team": dict(Team.objects.filter(pk__in=wanted["team"]).values_list("pk", "name")) if wanted["team"] else {},
        }
        self._about = {
            prefix: dict(subject.named(sorted(ids)))
            for prefix, ids in about.items()
            if (subject := _subjects.get(prefix)) is not None and subject.named is not None
        }

    # A file holds fifty thousand events and a dozen words: translating each time was half of its cost.
    def kind(self, kind: str) -> str:
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = kind_words(kind)
        return found

    def label(self, key: str) -> str | None:
        if key not in self._labels:
            known = _fields.get(key)
            self._labels[key] = None if known is None else str(known)
        return self._labels[key]

    def word(self, prefix: str, subject: Subject | None) -> str:
        if prefix not in self._subject_words:
            self._subject_words[prefix] = str(subject.word) if subject else prefix
        return self._subject_words[prefix]

    def subject(self, stream: str) -> tuple[str, str]:
        prefix, _colon, number_ = stream.partition(":")
        subject = _subjects.get(prefix)
        named = self._about.get(prefix, {}).get(int(number_)) if number_.isdigit() else None
        if named:
            return named
        word = self.word(prefix, subject)
        return (f"{word} {number_}" if number_ and not (subject and subject.named is None) else word), ""

    def value(self, key: str, value: Any) -> str:
        if value is None or value == "" or value == []:
            return BLANK
        whose = _people.get(key)
        if whose and isinstance(value, int):
            return self.people[whose].get(value, f"#{value}")
        if key.endswith("_cents") and isinstance(value, int):
            return money(value, self.currency)
        return _value(key, value)


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("sim") if value else _("não")
    if isinstance(value, int | float):
        return number(value, 0 if isinstance(value, int) else 2)
    if isinstance(value, list):
        text = ", ".join(_value(key, each) for each in value)
    elif isinstance(value, dict):
        text = ", ".join(f"{name} {_value(key, each)}" for name, each in value.items())
    else:
        word = _values.get(key, {}).get(str(value))
        text = str(word) if word else _day(str(value)) or str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _day(text: str) -> str:
    if len(text) != 10:
        return ""
    try:
        return day_year(date.fromisoformat(text))
    except ValueError:
        return ""

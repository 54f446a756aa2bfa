"""What one version of a rule says that another does not, in words. Takes definitions; asks the database nothing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from accounts.templatetags.formats import BLANK
from rotation.editor.controls import CHOICE_NAMES, KEY_NAMES, KEY_UNITS
from rotation.editor.numbers import scale_of_key, written
from rotation.engine.schema import SECTIONS
from rotation.explaining import leaves
from rotation.wording import FIELD_NAMES, WORDS, Names, condition_text, conditions_sentence, guard_text


@dataclass(frozen=True)
class Change:
    """``kind``: added, gone, or changed with what stood ``before`` and stands ``after``; ``text`` names what."""

    kind: str
    text: str
    before: Any = ""
    after: Any = ""


def differences(old: Mapping[str, Any], new: Mapping[str, Any], currency: str, names: Names | None = None) -> list[Change]:
    """The changes from one definition to the other, as the engine fills them in, in the order of the form; [] where they say the same."""
    changes: list[Change] = []
    if old["name"] != new["name"]:
        changes.append(Change("changed", _("Nome"), old["name"], new["name"]))
    changes += _conditions(old["trigger"], new["trigger"], currency, names)
    for each in _conditions(old["population"], new["population"], currency, names):
        # the same words about whom the rule looks at and about whom it flags do not mean the same
        changes.append(replace(each, text=_("Só entre alguns clientes: %(condition)s") % {"condition": each.text}))
    changes += _guards(old["guards"], new["guards"])
    for section, keys in SECTIONS.items():
        for key in keys:
            before, after = old[section].get(key), new[section].get(key)
            if before != after:
                full = f"{section}.{key}"
                changes.append(Change("changed", str(KEY_NAMES[full]), _value(full, before), _value(full, after)))
    return changes


def _conditions(old: Mapping[str, Any], new: Mapping[str, Any], currency: str, names: Names | None) -> list[Change]:
    if old == new:
        return []
    before = Counter(condition_text(leaf, currency, names) for leaf in leaves(old))
    after = Counter(condition_text(leaf, currency, names) for leaf in leaves(new))
    gone, come = list((before - after).elements()), list((after - before).elements())
    if not gone and not come:
        sentence = conditions_sentence(new, currency, names)
        return [Change("changed", _("Como as condições se juntam"), conditions_sentence(old, currency, names) or BLANK, sentence or BLANK)]
    one_for_one = len(gone) == len(come) == 1 and [leaf["field"] for leaf in leaves(old)] == [leaf["field"] for leaf in leaves(new)]
    if one_for_one:
        changed = next(
            a["field"]
            for a, b in zip(leaves(old), leaves(new), strict=True)
            if condition_text(a, currency, names) != condition_text(b, currency, names)
        )
        # the name stands before both: it is not said three times
        name = str(FIELD_NAMES[changed])
        before, after = (text.removeprefix(name).lstrip(": ") or text for text in (gone[0], come[0]))
        return [Change("changed", name, before, after)]
    return [Change("gone", text) for text in gone] + [Change("added", text) for text in come]


def _guards(old: list[str], new: list[str]) -> list[Change]:
    before = {guard.partition(":")[0]: guard for guard in old}
    after = {guard.partition(":")[0]: guard for guard in new}
    changes = [
        Change("gone", _("Proteção “%(guard)s”") % {"guard": guard_text(guard)}) for name, guard in before.items() if name not in after
    ]
    changes += [
        Change("added", _("Proteção “%(guard)s”") % {"guard": guard_text(guard)}) for name, guard in after.items() if name not in before
    ]
    changes += [
        Change("changed", _("Proteção"), guard_text(before[name]), guard_text(guard))
        for name, guard in after.items()
        if name in before and before[name] != guard
    ]
    if not changes and old != new:
        changes.append(Change("changed", _("Ordem das proteções"), ", ".join(map(guard_text, old)), ", ".join(map(guard_text, new))))
    return changes


def _value(full: str, value: Any) -> str:
    """A key's value as its control shows it."""
    names = dict(CHOICE_NAMES.get(full, []))
    if value is None or value == "" or value == [] or value == {}:
        return BLANK
    if isinstance(value, bool):
        return str(WORDS[value])
    if isinstance(value, int | float):
        unit = str(KEY_UNITS.get(full, ""))
        text = written(value, scale_of_key(full))
        return text + unit if unit.startswith("%") else f"{text} {unit}".strip()
    if isinstance(value, Mapping):
        return "; ".join(f"{FIELD_NAMES[name]}: {', '.join(words)}" for name, words in value.items() if words) or BLANK
    if isinstance(value, list):
        return ", ".join(str(names.get(each, each)) for each in value)
    return str(names.get(value, value))

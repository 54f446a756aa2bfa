"""The definition a form makes, and what cannot be: each refusal at the control it speaks of, in the person's words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from rotation.editor.numbers import scale_of_field, scale_of_key, written
from rotation.editor.state import Group, Leaf, Node, RuleState, control_of, number_of
from rotation.engine.schema import GUARDS, SCHEMA, SECTIONS
from rotation.errors import RuleRefused
from rotation.refusals import SENTENCES, sentence
from rotation.services.rules import check_definition
from rotation.wording import condition_text, guard_text

_PATH = re.compile(r"^(trigger|population)(\.|$)")


@dataclass
class Built:
    """What the form makes: ``definition`` as the engine read it, or None and ``faults``, a sentence for each control at fault."""

    definition: dict[str, Any] | None = None
    hash: str = ""
    faults: dict[str, str] = field(default_factory=dict)


def build(state: RuleState, currency: str = "BRL") -> Built:
    """Read the whole form. A number that is none is said at its control; then the engine says what else cannot be, one at a time."""
    maker = _Maker()
    definition = maker.definition(state)
    if maker.faults:
        return Built(faults=maker.faults)
    try:
        rule = check_definition(definition)
    except RuleRefused as refusal:
        return Built(faults={maker.control(refusal.path): maker.said(refusal, currency)})
    return Built(dict(rule.definition), rule.hash)


class _Maker:
    """Makes the definition and remembers which control each of its places came from."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self.places: dict[str, str] = {}  # the engine's path of a condition -> the form's name of it
        self.leaves: dict[str, dict[str, Any]] = {}

    def definition(self, state: RuleState) -> dict[str, Any]:
        made: dict[str, Any] = {"schema": SCHEMA, "name": state.name}
        if not state.name:
            self.faults["name"] = _("Dê um nome à regra.")
        for tree, root in (("population", state.population), ("trigger", state.trigger)):
            made[tree] = self._node(root, tree, tree)
        made["guards"] = [self._guard(i, row.name, row.days) for i, row in enumerate(state.guards)]
        for section in SECTIONS:
            made[section] = self._section(section, state)
        return made

    def _node(self, node: Node, key: str, path: str) -> dict[str, Any]:
        self.places[path] = key
        if isinstance(node, Leaf):
            self.leaves[path] = self._leaf(node, key)
            return self.leaves[path]
        kind = node.kind if node.kind in ("all", "any", "not") else "all"
        if node.kind == "one" and len(node.children) == 1:
            # a condition that stands alone is written alone
            return self._node(node.children[0], f"{key}-0", path)
        if kind == "not":
            if not node.children:
                self.faults[key] = _("Um grupo vazio não diz nada: acrescente uma condição ou tire o grupo.")
                return {"not": {"all": []}}
            if len(node.children) == 1:
                return {"not": self._node(node.children[0], f"{key}-0", f"{path}.not")}
            # none of several: not any of them
            return {"not": self._inside("any", node, key, f"{path}.not")}
        if kind == "any" and not node.children:
            self.faults[key] = _("Um grupo vazio não diz nada: acrescente uma condição ou tire o grupo.")
        return self._inside(kind, node, key, path)

    def _inside(self, kind: str, node: Group, key: str, path: str) -> dict[str, Any]:
        self.places[path] = key
        return {kind: [self._node(child, f"{key}-{i}", f"{path}.{kind}[{i}]") for i, child in enumerate(node.children)]}

    def _leaf(self, leaf: Leaf, key: str) -> dict[str, Any]:
        return {"field": leaf.field, "op": leaf.op, "value": self._value(leaf, f"{key}.value")}

    def _value(self, leaf: Leaf, control: str) -> Any:
        kind, values = control_of(leaf.field, leaf.op), leaf.values
        first = values[0] if values else ""
        if kind in ("known", "yesno"):
            return first == "true"
        if kind == "between":
            return [self._number(text, leaf.field, control) for text in [*values, "", ""][:2]]
        if kind == "numbers":
            return [self._number(text, leaf.field, control) for text in first.split(";") if text.strip()] or self._empty(control, [])
        if kind == "number":
            return self._number(first, leaf.field, control)
        if kind.endswith("s"):
            return [self._id(value, control) if kind == "ids" else value for value in values] or self._empty(control, [])
        if not first:
            return self._empty(control, "")
        return self._id(first, control) if kind == "id" else first

    def _empty(self, control: str, value: Any) -> Any:
        self.faults.setdefault(control, _("Escolha ou escreva ao menos um valor."))
        return value

    def _number(self, text: str, name: str, control: str, whole: bool = False) -> int | float:
        try:
            if not text.strip():
                self.faults.setdefault(control, _("Escreva um número."))
                return 0
            number = number_of(text, name)
        except ValueError:
            self.faults.setdefault(control, _("“%(text)s” não é um número.") % {"text": text[:40]})
            return 0
        if whole and number != int(number):
            self.faults.setdefault(control, _("“%(text)s” não é um número inteiro.") % {"text": text[:40]})
        return number

    def _id(self, text: str, control: str) -> int:
        if text.lstrip("-").isdecimal() and text.isascii():
            return int(text)
        self.faults.setdefault(control, _("Escolha um da lista."))
        return 0

    def _guard(self, i: int, name: str, days: str) -> str:
        if not GUARDS.get(name):
            return name
        if not (days.isascii() and days.isdigit()):
            self.faults[f"guards-{i}.days"] = _("Escreva quantos dias.")
            return f"{name}:1"
        return f"{name}:{int(days)}"

    def _section(self, section: str, state: RuleState) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, key in SECTIONS[section].items():
            full = f"{section}.{name}"
            if key.kind == "list":
                made[name] = state.lists[full]
            elif key.kind == "exempt":
                made[name] = state.exempt
            elif key.kind == "bool":
                made[name] = state.keys[full] == "on"
            elif key.kind in ("int", "float"):
                text = state.keys[full]
                made[name] = None if key.optional and not text else self._number(text, full, full, key.kind == "int")
            else:
                made[name] = state.keys[full] or (None if key.optional else key.default)
        if section == "schedule":
            self._schedule(made)
        return made

    def _schedule(self, made: dict[str, Any]) -> None:
        """Parts of the schedule that do not go with the cadence are on the form all the time, and say nothing then."""
        cadence = made["cadence"]
        if cadence != "weekly":
            made["weekday"] = None
        if cadence != "monthly":
            made["day"] = None
            self.faults.pop("schedule.day", None)
        if cadence != "on_event":
            made["event"] = None

    def control(self, path: str) -> str:
        """The control a path of the engine speaks of: ``trigger.all[0].value[1]`` is ``trigger-0.value``."""
        if path.startswith("guards["):
            i = path[len("guards[") : path.index("]")]
            return f"guards-{i}.days"
        if not _PATH.match(path):
            return re.sub(r"\[\d+\]$", "", path)
        place = self._place(path)
        key, rest = self.places[place], path[len(place) :]
        if place in self.leaves:
            part = rest.strip(".").partition("[")[0]
            return f"{key}.{part if part in ('field', 'op') else 'value'}"
        return key

    def _place(self, path: str) -> str:
        """The longest known place that the path lies in."""
        while path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["))]
        return path

    def said(self, refusal: RuleRefused, currency: str) -> str:
        """The engine's refusal without its paths: conditions are named as they read, limits as they are written."""
        code, params = refusal.engine_code, dict(refusal.params)
        if code not in SENTENCES:
            return str(refusal)
        place = self._place(refusal.path) if _PATH.match(refusal.path) else ""
        if code == "out_of_range":
            return self._range(params, self._scale(refusal.path, place))
        if code == "contradiction":
            words = {"this": self._condition(refusal.path, currency), "other": self._conditions(params, currency)}
            return _("Nenhum cliente cumpre “%(this)s” e também “%(other)s”. Mude um dos dois.") % words
        if code == "always_held":
            words = {"guard": guard_text(str(params["guard"])), "other": self._conditions(params, currency)}
            return _("A proteção “%(guard)s” seguraria todos os clientes de “%(other)s”. Tire uma das duas.") % words
        if code == "between_reversed":
            scale = self._scale(refusal.path, place)
            low, high = (written(params[name], scale) for name in ("low", "high"))
            return _("O limite menor vem primeiro, e %(low)s é maior que %(high)s.") % {"low": low, "high": high}
        if code == "trigger_empty":
            return _("Sem condição, a regra sinalizaria todos os clientes. Acrescente ao menos uma.")
        label = condition_text(self.leaves[place], currency) if place in self.leaves else self._label(refusal.path)
        return sentence(code, label, params)

    def _conditions(self, params: Mapping[str, Any], currency: str) -> str:
        return "” + “".join(self._condition(path, currency) for path in str(params["other"]).split(", "))

    def _condition(self, path: str, currency: str) -> str:
        text = condition_text(self.leaves[self._place(path)], currency)
        # turned around once for every "none of" around it
        return _("não: %(condition)s") % {"condition": text} if path.count(".not") % 2 else text

    def _scale(self, path: str, place: str) -> int:
        return scale_of_field(self.leaves[place]["field"]) if place in self.leaves else scale_of_key(path)

    def _range(self, params: Mapping[str, Any], scale: int) -> str:
        value, low, high = (params[name] for name in ("value", "low", "high"))
        if high == float("inf"):
            return _("%(value)s é pouco demais: use %(low)s ou mais.") % {"value": written(value, scale), "low": written(low, scale)}
        words = {name: written(each, scale) for name, each in (("value", value), ("low", low), ("high", high))}
        return _("%(value)s está fora do que se aceita: de %(low)s a %(high)s.") % words

    def _label(self, path: str) -> str:
        if path.startswith("guards["):
            return _("Proteções")
        return _("Condições") if _PATH.match(path) else guard_text(path)

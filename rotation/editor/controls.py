"""What the editor's templates draw: each control with its options, the value it holds and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as each_its_own
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from rotation.editor.state import EXEMPT, Group, Leaf, Node, RuleState, control_of
from rotation.engine.schema import ABC, FIELDS, GUARDS, MAX_DEPTH, SECTIONS
from rotation.forms import APPROVAL_NAMES, GUARD_HELP, STRATEGY_NAMES, WEEKDAYS
from rotation.wording import FIELD_NAMES, GUARD_NAMES, WORDS

FIELD_GROUPS: list[tuple[Any, tuple[str, ...]]] = [
    (
        gettext_lazy("Compras"),
        (
            "days_since_last",
            "lateness",
            "median_gap",
            "orders",
            "orders_30d",
            "orders_90d",
            "orders_180d",
            "orders_365d",
            "net_12m_cents",
            "net_total_cents",
            "abc",
            "state",
        ),
    ),
    (gettext_lazy("Previsão"), ("p_cross", "p_silent")),
    (gettext_lazy("Visitas e contatos"), ("days_since_visit", "days_since_contact", "missed_visits_90d")),
    (gettext_lazy("Cadastro"), ("segment", "uf", "region", "city", "size", "tags", "key_account")),
    (gettext_lazy("Vendedor"), ("owner", "team", "owner_status", "owner_load", "days_owned")),
    (
        gettext_lazy("Contrato e crédito"),
        ("contract_days_left", "contract_only", "credit_score", "overdue_cents", "days_since_credit_event"),
    ),
]
_NUMBER_OPS = {
    ">=": gettext_lazy("maior ou igual a"),
    ">": gettext_lazy("maior que"),
    "<=": gettext_lazy("menor ou igual a"),
    "<": gettext_lazy("menor que"),
    "=": gettext_lazy("igual a"),
    "!=": gettext_lazy("diferente de"),
    "between": pgettext_lazy("comparação", "entre"),
    "in": gettext_lazy("é um destes"),
    "not_in": gettext_lazy("não é nenhum destes"),
    "is_null": pgettext_lazy("comparação", "está"),
}
_WORD_OPS = {
    "in": gettext_lazy("é uma de"),
    "not_in": gettext_lazy("não é nenhuma de"),
    "=": pgettext_lazy("comparação", "é"),
    "!=": gettext_lazy("não é"),
    "is_null": pgettext_lazy("comparação", "está"),
}
_TAG_OPS = {
    "in": gettext_lazy("tem alguma de"),
    "not_in": gettext_lazy("não tem nenhuma de"),
    "is_null": pgettext_lazy("comparação", "está"),
}
UNITS = {
    "days": gettext_lazy("dias"),
    "probability": "%",
    "share": "%",
    "cycles": gettext_lazy("ciclos"),
    "order days": gettext_lazy("dias com pedido"),
    "visits": gettext_lazy("visitas"),
    "points": gettext_lazy("pontos"),
}
# The sentence calls both a hold; where one may be taken out and the other left they need names of their own.
_GUARD_LABELS = GUARD_NAMES | {"never_rotate": gettext_lazy("Cliente marcado para não girar")}
KIND_NAMES = {"all": gettext_lazy("Todas"), "any": gettext_lazy("Qualquer uma"), "not": gettext_lazy("Nenhuma")}
CADENCE_NAMES = [
    ("weekly", gettext_lazy("Toda semana")),
    ("daily", gettext_lazy("Todo dia")),
    ("monthly", gettext_lazy("Todo mês")),
    ("on_event", gettext_lazy("Quando algo acontece")),
]
CHOICE_NAMES: dict[str, list[tuple[str, Any]]] = {
    "receivers.capacity": [("clients", gettext_lazy("Clientes")), ("minutes", gettext_lazy("Minutos por trimestre"))],
    "strategy.kind": STRATEGY_NAMES,
    "approval.mode": APPROVAL_NAMES,
    "schedule.cadence": CADENCE_NAMES,
    "schedule.weekday": WEEKDAYS,
    "schedule.event": [("representative_deactivated", gettext_lazy("um vendedor sai"))],
    "experiment.stratify_by": [("abc", gettext_lazy("Curva ABC")), ("risk", gettext_lazy("Risco"))],
}
KEY_NAMES = {
    "receivers.same_region": gettext_lazy("Só quem atende a região do cliente"),
    "receivers.same_segment": gettext_lazy("Só quem atende o segmento do cliente"),
    "receivers.max_km": gettext_lazy("Raio máximo da base"),
    "receivers.not_former_within_days": gettext_lazy("Não devolver a quem o teve há menos de"),
    "receivers.prefer_team": gettext_lazy("Preferir alguém da mesma equipe"),
    "receivers.capacity": gettext_lazy("Lugar contado em"),
    "value.horizon_days": gettext_lazy("Horizonte do valor"),
    "value.margin_rate": gettext_lazy("Margem sobre a venda"),
    "value.lift": gettext_lazy("Recuperação esperada"),
    "strategy.kind": gettext_lazy("Distribuir por"),
    "strategy.fairness": gettext_lazy("Peso do equilíbrio"),
    "limits.run_share": gettext_lazy("Máximo por giro, dos clientes olhados"),
    "limits.give_share": gettext_lazy("Máximo a ceder"),
    "limits.receive_share": gettext_lazy("Máximo a receber"),
    "limits.run_max": gettext_lazy("Máximo de propostas por giro"),
    "limits.team_max": gettext_lazy("Máximo a receber por equipe"),
    "experiment.share": gettext_lazy("Grupo de controle"),
    "experiment.stratify_by": gettext_lazy("Sortear dentro de grupos de mesma"),
    "experiment.exempt": gettext_lazy("Nunca no grupo de controle"),
    "approval.mode": gettext_lazy("Quem aprova"),
    "approval.expires_after_business_days": gettext_lazy("Propostas expiram em"),
    "schedule.cadence": gettext_lazy("Quando rodar"),
    "schedule.weekday": gettext_lazy("Dia da semana"),
    "schedule.day": gettext_lazy("Dia do mês"),
    "schedule.at": gettext_lazy("Hora"),
    "schedule.event": gettext_lazy("O que acontece"),
    "quality.max_feed_age_hours": gettext_lazy("Pedidos com no máximo"),
    "quality.max_refused_share": gettext_lazy("Linhas recusadas, no máximo"),
}
KEY_UNITS = {
    "receivers.max_km": "km",
    "receivers.not_former_within_days": gettext_lazy("dias"),
    "value.horizon_days": gettext_lazy("dias"),
    "value.margin_rate": "%",
    "value.lift": "%",
    "limits.run_share": "%",
    "limits.give_share": gettext_lazy("% da carteira"),
    "limits.receive_share": gettext_lazy("% da carteira"),
    "limits.team_max": gettext_lazy("clientes por giro"),
    "experiment.share": gettext_lazy("% dos sinalizados"),
    "approval.expires_after_business_days": gettext_lazy("dias úteis"),
    "quality.max_feed_age_hours": gettext_lazy("horas de idade"),
    "quality.max_refused_share": "%",
}
KEY_HELP = {
    "limits.team_max": gettext_lazy("soma o que recebem os vendedores da equipe e os das equipes abaixo dela; vazio, sem máximo"),
    "strategy.fairness": gettext_lazy("0 só olha o valor; 0,5 espalha o mais que pode"),
    "value.lift": gettext_lazy("suposta, até o grupo de controle medir"),
    "experiment.share": gettext_lazy("ficam como estão, para medir se o giro ajuda; comece com 30"),
}


@dataclass(frozen=True)
class Option:
    value: str
    label: Any
    chosen: bool = False


@dataclass
class Control:
    """One control: ``kind`` says which (number, text, select, many, check, time, between), ``options`` what it offers."""

    name: str
    kind: str
    label: Any = ""
    value: str = ""
    second: str = ""
    unit: Any = ""
    prefix: str = ""
    help: Any = ""
    error: str = ""
    options: list[Option] = each_its_own(default_factory=list)
    open_words: bool = False  # words may be added that are not on the list
    focus: bool = False

    @property
    def id(self) -> str:
        return "id_" + self.name.replace(".", "_")

    @property
    def more(self) -> str:
        """The name under which words are sent that are not on the list."""
        return f"{self.name.removesuffix('.value')}.more"

    @property
    def said(self) -> str:
        """What is chosen, for the closed list."""
        return ", ".join(str(option.label) for option in self.options if option.chosen)


@dataclass
class Condition:
    """One line of Quando, or a group of them; ``place`` is its position among ``siblings``."""

    key: str
    place: int
    siblings: int
    was: str = ""
    field: Control | None = None
    op: Control | None = None
    value: Control | None = None
    kinds: list[Option] = each_its_own(default_factory=list)
    children: list["Condition"] = each_its_own(default_factory=list)
    error: str = ""
    may_group: bool = False
    may_add: bool = True
    said: str = ""
    focus: str = ""

    @property
    def is_group(self) -> bool:
        return self.field is None


@dataclass
class GuardChip:
    key: str
    name: str
    label: Any
    days: Control | None
    error: str = ""


class Drawing:
    """The whole form as templates draw it. ``words`` and ``people``: the organization's own, for the fields in use."""

    def __init__(
        self,
        state: RuleState,
        *,
        faults: Mapping[str, str] | None = None,
        words: Mapping[str, list[str]] | None = None,
        people: Mapping[str, list[tuple[int, str]]] | None = None,
        sign: str = "R$",
        focus: str = "",
    ) -> None:
        self.state, self.faults, self.focus, self.sign = state, dict(faults or {}), focus, sign
        self.words, self.people = words or {}, people or {}
        self.name = Control("name", "text", _("Nome"), state.name, error=self.faults.get("name", ""))
        self.trigger = self._condition(state.trigger, "trigger", 0, 1, 1)
        self.population = self._condition(state.population, "population", 0, 1, 1)
        self.guards = [self._guard(i) for i in range(len(state.guards))]
        taken = {row.name for row in state.guards}
        self.guards_left = [Option(name, _GUARD_LABELS[name]) for name in GUARDS if name not in taken]
        self.keys = {full: self._key(full) for section in SECTIONS for full in (f"{section}.{name}" for name in SECTIONS[section])}
        self.exempt = [self._exempt(name) for name in EXEMPT]

    def section(self, name: str) -> dict[str, Control]:
        """Controls of a section by the key's own name, for templates: ``form.limits.give_share``."""
        return {full.partition(".")[2]: control for full, control in self.keys.items() if full.startswith(f"{name}.")}

    @property
    def receivers(self) -> dict[str, Control]:
        return self.section("receivers")

    @property
    def value(self) -> dict[str, Control]:
        return self.section("value")

    @property
    def strategy(self) -> dict[str, Control]:
        return self.section("strategy")

    @property
    def limits(self) -> dict[str, Control]:
        return self.section("limits")

    @property
    def experiment(self) -> dict[str, Control]:
        return self.section("experiment")

    @property
    def approval(self) -> dict[str, Control]:
        return self.section("approval")

    @property
    def schedule(self) -> dict[str, Control]:
        return self.section("schedule")

    @property
    def quality(self) -> dict[str, Control]:
        return self.section("quality")

    @property
    def stated(self) -> list[str]:
        """Exemptions the rule states, be they empty."""
        return [f"experiment.exempt.{name}.stated" for name, words in self.state.exempt.items() if not words]

    def _condition(self, node: Node, key: str, place: int, siblings: int, depth: int) -> Condition:
        made = Condition(key, place, siblings, error=self.faults.get(key, ""))
        if self.focus.partition(":")[2] == key:
            made.focus = self.focus.partition(":")[0]
        if isinstance(node, Group):
            kinds = {"one" if node.kind == "one" else "all": KIND_NAMES["all"], "any": KIND_NAMES["any"], "not": KIND_NAMES["not"]}
            current = node.kind if node.kind in kinds else "all"
            made.kinds = [Option(value, label, value == current) for value, label in kinds.items()]
            made.children = [self._condition(each, f"{key}-{i}", i, len(node.children), depth + 1) for i, each in enumerate(node.children)]
            made.may_add, made.may_group = depth < MAX_DEPTH, depth + 1 < MAX_DEPTH
            made.said = str(KIND_NAMES.get(current, KIND_NAMES["all"]))
            return made
        made.was, made.said = f"{node.field} {node.op}", str(FIELD_NAMES[node.field])
        made.field = Control(f"{key}.field", "select", _("Campo"), node.field, focus=self.focus == f"{key}.field")
        made.op = Control(f"{key}.op", "select", _("Comparação"), node.op, options=self._ops(node))
        made.op.error, made.field.error = self.faults.get(made.op.name, ""), self.faults.get(made.field.name, "")
        made.value = self._value(node, f"{key}.value")
        return made

    @property
    def field_groups(self) -> list[tuple[Any, list[tuple[str, Any]]]]:
        """Every field, in groups, as the select of a condition offers them."""
        return [(label, [(name, FIELD_NAMES[name]) for name in names]) for label, names in FIELD_GROUPS]

    def _ops(self, leaf: Leaf) -> list[Option]:
        kind = FIELDS[leaf.field].kind
        names = _NUMBER_OPS if kind == "number" else _TAG_OPS if kind == "tags" else _WORD_OPS
        offered = sorted(FIELDS[leaf.field].ops, key=list(names).index)
        return [Option(op, names[op], op == leaf.op) for op in offered]

    def _value(self, leaf: Leaf, name: str) -> Control:
        spec, kind = FIELDS[leaf.field], control_of(leaf.field, leaf.op)
        values = leaf.values or [""]
        made = Control(name, kind, _("Valor"), values[0], error=self.faults.get(name, ""))
        if kind in ("number", "between", "numbers"):
            made.unit = UNITS.get(spec.unit, "")
            made.prefix = self.sign if spec.unit == "cents" else ""
            made.second = values[1] if len(values) > 1 else ""
            made.kind = "between" if kind == "between" else "number"
            if kind == "numbers":
                made.help = _("separe por ponto e vírgula")
            return made
        if kind in ("known", "yesno"):
            names = {"true": _("sem dado"), "false": _("com dado")} if kind == "known" else {"true": WORDS[True], "false": WORDS[False]}
            made.kind, made.options = "select", [Option(value, label, value == values[0]) for value, label in names.items()]
            return made
        known = self._known(leaf)
        if kind.endswith("s"):
            chosen = {value: dict(known).get(value, value) for value in leaf.values}
            made.kind, made.open_words = "many", spec.kind in ("text", "tags")
            # in their own order first: it is part of what the rule says
            made.options = [Option(value, label, True) for value, label in chosen.items()]
            made.options += [Option(value, label) for value, label in known if value not in chosen]
            return made
        if kind == "text":
            made.options = [Option(value, value) for value, _label in known]
            return made
        if values[0] and values[0] not in dict(known):
            known = [(values[0], values[0]), *known]
        made.kind, made.options = "select", [Option(value, label, value == values[0]) for value, label in known]
        return made

    def _known(self, leaf: Leaf) -> list[tuple[str, Any]]:
        spec = FIELDS[leaf.field]
        if spec.kind == "choice":
            return [(value, WORDS.get(value, value)) for value in spec.choices]
        if spec.kind == "id":
            return [(str(pk), label) for pk, label in self.people.get(leaf.field, [])]
        return [(word, word) for word in self.words.get(leaf.field, [])]

    def _guard(self, i: int) -> GuardChip:
        row, key = self.state.guards[i], f"guards-{i}"
        error = self.faults.get(f"{key}.days", "")
        days = None
        if GUARDS.get(row.name):
            days = Control(f"{key}.days", "number", _GUARD_LABELS[row.name], row.days, unit=_("dias"), help=GUARD_HELP.get(row.name, ""))
            days.error, days.focus = error, self.focus == f"{key}.days"
        return GuardChip(key, row.name, _GUARD_LABELS.get(row.name, row.name), days, error)

    def _key(self, full: str) -> Control:
        section, _dot, name = full.partition(".")
        key = SECTIONS[section][name]
        made = Control(full, "number", KEY_NAMES[full], self.state.keys.get(full, ""), unit=KEY_UNITS.get(full, ""))
        made.error, made.help = self.faults.get(full, ""), KEY_HELP.get(full, "")
        if key.kind == "bool":
            made.kind = "check"
        elif key.kind == "time":
            made.kind = "time"
        elif key.kind == "choice":
            made.kind = "select"
            made.options = [Option(value, label, value == made.value) for value, label in CHOICE_NAMES[full]]
        elif key.kind == "list":
            made.kind = "many"
            chosen, names = self.state.lists[full], dict(CHOICE_NAMES[full])
            made.options = [Option(value, names.get(value, value), True) for value in chosen]
            made.options += [Option(value, label) for value, label in names.items() if value not in chosen]
        return made

    def _exempt(self, name: str) -> Control:
        full = f"experiment.exempt.{name}"
        chosen = self.state.exempt.get(name, [])
        known = list(ABC) if name == "abc" else self.words.get("segment", [])
        options = [Option(word, word, True) for word in chosen] + [Option(word, word) for word in known if word not in chosen]
        label = FIELD_NAMES[name]
        return Control(full, "many", label, error=self.faults.get(full, ""), options=options, open_words=name == "segment")

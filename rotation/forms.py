"""The form of a rule: presets and thresholds in, ``carteira.rule/1`` out. What the form does not show is kept as it was."""

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rotation.engine.presets import PRESETS
from rotation.explaining import leaves
from rotation.wording import GUARD_NAMES

PRESET_NAMES = {
    "fast_moving": (gettext_lazy("Giro rápido"), gettext_lazy("Consumo semanal: avisa aos 30 dias, propõe aos 60")),
    "general": (gettext_lazy("Geral"), gettext_lazy("A maioria das carteiras: avisa aos 60 dias, propõe aos 90")),
    "durable": (gettext_lazy("Indústria durável"), gettext_lazy("Compra espaçada: avisa aos 120 dias, propõe aos 180")),
    "seasonal": (gettext_lazy("Sazonal"), gettext_lazy("Uma safra por ano: avisa aos 300 dias, propõe aos 365")),
    "high_risk": (gettext_lazy("Risco alto"), gettext_lazy("Quem a previsão diz que vai inativar, antes que inative")),
    "weekly_buyer": (gettext_lazy("Comprador semanal"), gettext_lazy("Quem compra toda semana e parou, em dias e não em meses")),
    "leaver": (gettext_lazy("Saída do representante"), gettext_lazy("Clientes de quem saiu e clientes sem representante")),
}
# Protections with a number of days, and those without.
DAY_GUARDS = ("contact_within", "visit_within", "new_within", "owned_less_than", "moved_within", "group_within", "save_window")
PLAIN_GUARDS = ("blocked", "key_account", "open_order", "owner_absent", "representative_contract")
ALWAYS = ("hold", "never_rotate", "discarded")
GUARD_HELP = {
    "contact_within": gettext_lazy("dias desde o último contato"),
    "visit_within": gettext_lazy("dias desde a última visita"),
    "new_within": gettext_lazy("dias desde o cadastro"),
    "owned_less_than": gettext_lazy("dias com o representante atual"),
    "moved_within": gettext_lazy("dias desde a última mudança"),
    "group_within": gettext_lazy("dias desde o pedido de outra filial"),
    "save_window": gettext_lazy("dias para agir depois do aviso"),
}
STRATEGY_NAMES = [
    ("optimal", gettext_lazy("Valor esperado, carga e distância")),
    ("least_loaded", gettext_lazy("Quem tem menos carga")),
    ("weighted", gettext_lazy("Em proporção à capacidade")),
    ("round_robin", gettext_lazy("Um para cada, em rodízio")),
    ("greedy", gettext_lazy("O melhor disponível, cliente a cliente")),
]
CADENCES = [("weekly", gettext_lazy("Toda semana")), ("daily", gettext_lazy("Todo dia")), ("monthly", gettext_lazy("Todo mês"))]
APPROVAL_NAMES = [
    ("manager", gettext_lazy("Quem lidera os dois representantes")),
    ("supervisor", gettext_lazy("Quem lidera diretamente a equipe que cede")),
    ("admin", gettext_lazy("Só a administração")),
    ("two_people", gettext_lazy("Duas pessoas: uma aprova, outra aplica")),
]
WEEKDAYS = [
    ("mon", gettext_lazy("segunda-feira")),
    ("tue", gettext_lazy("terça-feira")),
    ("wed", gettext_lazy("quarta-feira")),
    ("thu", gettext_lazy("quinta-feira")),
    ("fri", gettext_lazy("sexta-feira")),
    ("sat", gettext_lazy("sábado")),
    ("sun", gettext_lazy("domingo")),
]
# Where a refusal of the engine is shown: the longest prefix of its path wins.
PLACES = {
    "name": "name",
    "trigger": "days_from",
    "population": "abc",
    "receivers.max_km": "max_km",
    "receivers.not_former_within_days": "not_former_within_days",
    "receivers": "same_region",
    "strategy.fairness": "fairness",
    "strategy": "kind",
    "limits.give_share": "give_share",
    "limits.receive_share": "receive_share",
    "limits.run_max": "run_max",
    "value.lift": "lift",
    "value": "horizon_days",
    "approval.mode": "approval_mode",
    "approval": "expires_after",
    "experiment": "control_share",
    "schedule.weekday": "weekday",
    "schedule.day": "month_day",
    "schedule.at": "at",
    "schedule": "cadence",
    "quality": "max_feed_age_hours",
}


def percent_of(share: float | None) -> Decimal | None:
    """0.1 as 10; a whole number stays whole."""
    if share is None:
        return None
    value = Decimal(str(share)) * 100
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def share_of(percent: Decimal | None) -> float | None:
    return None if percent is None else float(percent / 100)


class RuleForm(forms.Form):
    """One rule version's thresholds. ``definition()`` gives the JSON; the service checks it as the engine will."""

    name = forms.CharField(label=gettext_lazy("Nome"), max_length=120)
    days_from = forms.IntegerField(
        label=gettext_lazy("Propor a partir de"),
        min_value=1,
        max_value=3650,
        required=False,
        error_messages={"required": gettext_lazy("Diga a partir de quantos dias sem compra o cliente é proposto.")},
    )
    days_to = forms.IntegerField(label=gettext_lazy("Até"), min_value=1, max_value=36_500, required=False)
    abc = forms.MultipleChoiceField(
        label=gettext_lazy("Só curvas"), choices=[("A", "A"), ("B", "B"), ("C", "C")], required=False, widget=forms.CheckboxSelectMultiple
    )
    uf = forms.CharField(label=gettext_lazy("Só nas UFs"), required=False, max_length=120)
    net_12m = forms.IntegerField(label=gettext_lazy("Comprou em 12 meses ao menos"), min_value=1, required=False)

    same_region = forms.BooleanField(label=gettext_lazy("Só quem atende a região do cliente"), required=False)
    same_segment = forms.BooleanField(label=gettext_lazy("Só quem atende o segmento do cliente"), required=False)
    prefer_team = forms.BooleanField(label=gettext_lazy("Preferir alguém da mesma equipe"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Distribuir por"), choices=STRATEGY_NAMES)
    max_km = forms.DecimalField(label=gettext_lazy("Raio máximo da base"), min_value=1, max_value=20_000, decimal_places=1, required=False)
    give_share = forms.DecimalField(label=gettext_lazy("Máximo a ceder"), min_value=Decimal("0.1"), max_value=100)
    receive_share = forms.DecimalField(label=gettext_lazy("Máximo a receber"), min_value=Decimal("0.1"), max_value=100)
    run_max = forms.IntegerField(label=gettext_lazy("Máximo de propostas por giro"), min_value=1, required=False)
    not_former_within_days = forms.IntegerField(label=gettext_lazy("Não devolver a quem o teve há menos de"), min_value=0, max_value=36_500)
    fairness = forms.DecimalField(
        label=gettext_lazy("Peso do equilíbrio"),
        min_value=0,
        max_value=Decimal("0.5"),
        decimal_places=2,
        help_text=gettext_lazy("0 só olha o valor; 0,5 espalha o mais que pode"),
    )
    horizon_days = forms.IntegerField(label=gettext_lazy("Horizonte do valor"), min_value=1, max_value=730)
    lift = forms.DecimalField(
        label=gettext_lazy("Recuperação esperada"),
        min_value=Decimal("0.01"),
        max_value=100,
        help_text=gettext_lazy("suposta, até o grupo de controle medir"),
    )

    approval_mode = forms.ChoiceField(label=gettext_lazy("Quem aprova"), choices=APPROVAL_NAMES)
    control_share = forms.DecimalField(
        label=gettext_lazy("Grupo de controle"),
        min_value=0,
        max_value=50,
        required=False,
        help_text=gettext_lazy("ficam como estão, para medir se o giro ajuda; comece com 30"),
    )
    cadence = forms.ChoiceField(label=gettext_lazy("Quando rodar"), choices=CADENCES)
    weekday = forms.ChoiceField(label=gettext_lazy("Dia da semana"), choices=WEEKDAYS, required=False)
    month_day = forms.IntegerField(label=gettext_lazy("Dia do mês"), min_value=1, max_value=28, required=False)
    at = forms.TimeField(label=gettext_lazy("Hora"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    expires_after = forms.IntegerField(label=gettext_lazy("Propostas expiram em"), min_value=1, max_value=60)
    max_feed_age_hours = forms.IntegerField(label=gettext_lazy("Pedidos com no máximo"), min_value=1, max_value=8_760)

    def __init__(self, *args: Any, base: Mapping[str, Any], **kwargs: Any) -> None:
        self.base = deepcopy(dict(base))
        kwargs.setdefault("initial", initial_of(self.base))
        super().__init__(*args, **kwargs)
        for name in PLAIN_GUARDS:
            self.fields[f"guard_{name}"] = forms.BooleanField(label=GUARD_NAMES[name], required=False)
        for name in DAY_GUARDS:
            self.fields[f"guard_{name}"] = forms.IntegerField(
                label=GUARD_NAMES[name], min_value=1, max_value=36_500, required=False, help_text=GUARD_HELP[name]
            )
        if self.by_days:
            self.fields["days_from"].required = True
        else:
            del self.fields["days_from"], self.fields["days_to"]
        if self.base.get("schedule", {}).get("cadence") == "on_event":
            self.fields["cadence"].choices = [("on_event", _("Quando um representante sai")), *CADENCES]  # type: ignore[attr-defined]

    @property
    def by_days(self) -> bool:
        """Whether the trigger is the days without an order, which this form edits; other triggers are kept as written."""
        trigger = self.base.get("trigger", {})
        return all(leaf["field"] == "days_since_last" for leaf in leaves(trigger)) and "any" not in trigger and "not" not in trigger

    @property
    def plain_guards(self) -> list[forms.BoundField]:
        return [self[f"guard_{name}"] for name in PLAIN_GUARDS]

    @property
    def day_guards(self) -> list[forms.BoundField]:
        return [self[f"guard_{name}"] for name in DAY_GUARDS]

    @property
    def other_guards(self) -> list[str]:
        """Protections of the rule that this form does not edit."""
        known = {*PLAIN_GUARDS, *DAY_GUARDS, *ALWAYS}
        return [guard for guard in self.base.get("guards", []) if guard.partition(":")[0] not in known]

    def clean_uf(self) -> list[str]:
        words = [word.strip().upper() for word in self.cleaned_data["uf"].replace(";", ",").split(",") if word.strip()]
        for word in words:
            if not (word.isalpha() and len(word) <= 3):
                raise forms.ValidationError(_("“%(word)s” não é uma UF. Use siglas separadas por vírgula: SP, MG.") % {"word": word})
        return list(dict.fromkeys(words))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.by_days:
            first, last = data.get("days_from"), data.get("days_to")
            if first and last and last <= first:
                text = _("O fim (%(last)s dias) vem antes do começo (%(first)s dias): ninguém seria proposto. Use um número maior.")
                self.add_error("days_to", text % {"first": first, "last": last})
        if data.get("cadence") == "weekly" and not data.get("weekday"):
            self.add_error("weekday", _("Escolha o dia da semana."))
        return data

    def definition(self) -> dict[str, Any]:
        """The rule as JSON; call after ``is_valid``."""
        data, made = self.cleaned_data, deepcopy(self.base)
        made["name"] = data["name"]
        if self.by_days:
            made["trigger"] = {"all": [_days_leaf(data["days_from"], data.get("days_to"))]}
        made["population"] = self._population()
        made["guards"] = self._guards()
        made["receivers"] = made.get("receivers", {}) | {
            "same_region": data["same_region"],
            "same_segment": data["same_segment"],
            "prefer_team": data["prefer_team"],
            "max_km": float(data["max_km"]) if data["max_km"] is not None else None,
            "not_former_within_days": data["not_former_within_days"],
        }
        made["strategy"] = made.get("strategy", {}) | {"kind": data["kind"], "fairness": float(data["fairness"])}
        made["limits"] = made.get("limits", {}) | {
            "give_share": share_of(data["give_share"]),
            "receive_share": share_of(data["receive_share"]),
            "run_max": data["run_max"],
        }
        made["value"] = made.get("value", {}) | {"horizon_days": data["horizon_days"], "lift": share_of(data["lift"])}
        made["approval"] = made.get("approval", {}) | {"mode": data["approval_mode"], "expires_after_business_days": data["expires_after"]}
        made["experiment"] = made.get("experiment", {}) | {"share": share_of(data["control_share"]) or 0}
        made["quality"] = made.get("quality", {}) | {"max_feed_age_hours": data["max_feed_age_hours"]}
        made["schedule"] = self._schedule()
        return made

    def _population(self) -> dict[str, Any]:
        data = self.cleaned_data
        kept = [leaf for leaf in _together(self.base.get("population", {})) if not _is_editable(leaf)]
        if data["abc"]:
            kept.append({"field": "abc", "op": "in", "value": data["abc"]})
        if data["uf"]:
            kept.append({"field": "uf", "op": "in", "value": data["uf"]})
        if data["net_12m"]:
            kept.append({"field": "net_12m_cents", "op": ">=", "value": data["net_12m"] * 100})
        return {"all": kept}

    def _guards(self) -> list[str]:
        """Protections in the order they had, new ones last: the first that holds is the reason a client is told."""
        data, asked = self.cleaned_data, {}
        for name in PLAIN_GUARDS:
            asked[name] = name if data[f"guard_{name}"] else ""
        for name in DAY_GUARDS:
            asked[name] = f"{name}:{data[f'guard_{name}']}" if data[f"guard_{name}"] else ""
        kept = [asked.pop(guard.partition(":")[0], guard) for guard in self.base.get("guards", [])]
        return [guard for guard in [*kept, *asked.values()] if guard]

    def _schedule(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data["cadence"] == "on_event":
            return dict(self.base["schedule"])
        made: dict[str, Any] = {"cadence": data["cadence"], "at": data["at"].strftime("%H:%M")}
        if data["cadence"] == "weekly":
            made["weekday"] = data["weekday"]
        if data["cadence"] == "monthly":
            made["day"] = data["month_day"] or 1
        return made

    def refuse(self, path: str, sentence: str) -> None:
        """Show a refusal of the engine at the field its path speaks of, or above the form."""
        place = next((PLACES[prefix] for prefix in sorted(PLACES, key=len, reverse=True) if path.startswith(prefix)), None)
        if path.startswith("guards"):
            place = None
        self.add_error(place if place in self.fields else None, sentence)


def initial_of(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values for a definition."""
    section = definition.get
    receivers, limits, strategy = section("receivers", {}), section("limits", {}), section("strategy", {})
    value, schedule = section("value", {}), section("schedule", {})
    initial: dict[str, Any] = {
        "name": definition.get("name", ""),
        "same_region": receivers.get("same_region", True),
        "same_segment": receivers.get("same_segment", True),
        "prefer_team": receivers.get("prefer_team", False),
        "max_km": whole(receivers.get("max_km")),
        "not_former_within_days": receivers.get("not_former_within_days", 365),
        "kind": strategy.get("kind", "optimal"),
        "fairness": strategy.get("fairness", 0.2),
        "give_share": percent_of(limits.get("give_share", 0.1)),
        "receive_share": percent_of(limits.get("receive_share", 0.1)),
        "run_max": limits.get("run_max"),
        "horizon_days": value.get("horizon_days", 90),
        "lift": percent_of(value.get("lift", 0.1)),
        "expires_after": section("approval", {}).get("expires_after_business_days", 5),
        "approval_mode": section("approval", {}).get("mode", "manager"),
        "control_share": percent_of(section("experiment", {}).get("share", 0)) or None,
        "max_feed_age_hours": section("quality", {}).get("max_feed_age_hours", 36),
        "cadence": schedule.get("cadence", "weekly"),
        "weekday": schedule.get("weekday") or "mon",
        "month_day": schedule.get("day") or 1,
        "at": schedule.get("at", "06:00"),
    }
    for leaf in leaves(definition.get("trigger", {})):
        if leaf["field"] == "days_since_last":
            low, high = leaf["value"] if leaf["op"] == "between" else (leaf["value"], None)
            initial |= {"days_from": low, "days_to": high}
    for leaf in _together(definition.get("population", {})):
        if _is_editable(leaf):
            initial[_EDITABLE[leaf["field"]]] = {
                "abc": leaf["value"],
                "uf": ", ".join(leaf["value"]) if leaf["field"] == "uf" else None,
                "net_12m_cents": leaf["value"] // 100 if leaf["field"] == "net_12m_cents" else None,
            }[leaf["field"]]
    for guard in definition.get("guards", []):
        name, _colon, days = guard.partition(":")
        initial[f"guard_{name}"] = int(days) if days.isdigit() else True
    return initial


_EDITABLE = {"abc": "abc", "uf": "uf", "net_12m_cents": "net_12m"}


def _is_editable(leaf: Mapping[str, Any]) -> bool:
    field, op = leaf.get("field"), leaf.get("op")
    return (field in ("abc", "uf") and op == "in") or (field == "net_12m_cents" and op == ">=" and leaf["value"] % 100 == 0)


def _together(condition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Conditions joined by ``all`` at the top; anything else is one whole that the form leaves alone."""
    if "all" in condition:
        return list(condition["all"])
    return [condition] if condition else []


def _days_leaf(first: int, last: int | None) -> dict[str, Any]:
    if last is None:
        return {"field": "days_since_last", "op": ">=", "value": first}
    return {"field": "days_since_last", "op": "between", "value": [first, last]}


def whole(value: float | None) -> float | int | None:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def preset_definition(key: str) -> dict[str, Any] | None:
    """A preset to begin from, or None for an unknown one."""
    return deepcopy(PRESETS[key]) if key in PRESET_NAMES else None

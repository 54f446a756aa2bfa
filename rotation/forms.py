"""Presets to begin a rule from, and the names of what a rule chooses from."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy

from rotation.engine.presets import PRESETS

PRESET_NAMES = {
    "fast_moving": (gettext_lazy("Giro rápido"), gettext_lazy("Consumo semanal: avisa aos 30 dias, propõe aos 60")),
    "general": (gettext_lazy("Geral"), gettext_lazy("A maioria das carteiras: avisa aos 60 dias, propõe aos 90")),
    "durable": (gettext_lazy("Indústria durável"), gettext_lazy("Compra espaçada: avisa aos 120 dias, propõe aos 180")),
    "seasonal": (gettext_lazy("Sazonal"), gettext_lazy("Uma safra por ano: avisa aos 300 dias, propõe aos 365")),
    "high_risk": (gettext_lazy("Risco alto"), gettext_lazy("Quem a previsão diz que vai inativar, antes que inative")),
    "weekly_buyer": (gettext_lazy("Comprador semanal"), gettext_lazy("Quem compra toda semana e parou, em dias e não em meses")),
    "leaver": (gettext_lazy("Saída do vendedor"), gettext_lazy("Clientes de quem saiu e clientes sem vendedor")),
}
GUARD_HELP = {
    "contact_within": gettext_lazy("dias desde o último contato"),
    "visit_within": gettext_lazy("dias desde a última visita"),
    "new_within": gettext_lazy("dias desde o cadastro"),
    "owned_less_than": gettext_lazy("dias com o vendedor atual"),
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
APPROVAL_NAMES = [
    ("manager", gettext_lazy("Quem lidera os dois vendedores")),
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


def percent_of(share: float | None) -> Decimal | None:
    """0.1 as 10; a whole number stays whole."""
    if share is None:
        return None
    value = Decimal(str(share)) * 100
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def share_of(percent: Decimal | None) -> float | None:
    return None if percent is None else float(percent / 100)


def preset_definition(key: str) -> dict[str, Any] | None:
    """A preset to begin from, or None for an unknown one."""
    return deepcopy(PRESETS[key]) if key in PRESET_NAMES else None

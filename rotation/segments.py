"""A saved segment as the population of a rule: its conditions are written into the rule, which from then on stands by itself.

A rule version never changes, so it cannot hang on a filter that somebody may rename, change or delete tomorrow.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from clients.models import Segment
from clients.selectors import ClientFilter
from clients.selectors.client_filter import CHANCES


def population_of(wanted: ClientFilter) -> tuple[list[dict[str, Any]], list[str]]:
    """The filter's conditions in the words of ``carteira.rule/1``, and what of it no rule can say (place, average order, warmth)."""
    leaves: list[dict[str, Any]] = []

    def add(field: str, op: str, value: Any) -> None:
        if value not in (None, "", []):
            leaves.append({"field": field, "op": op, "value": value})

    for field, word in (("state", wanted.state), ("city", wanted.city), ("segment", wanted.segment), ("size", wanted.porte)):
        add(field, "=", word)
    add("owner", "=", wanted.representative)
    for field, word in (("uf", wanted.uf), ("abc", wanted.abc), ("tags", wanted.tag)):
        add(field, "in", [word] if word else [])
    orders = f"orders_{wanted.orders_in}d"
    ranges = [("days_since_last", wanted.silent_from, wanted.silent_to), (orders, wanted.orders_from, wanted.orders_to)]
    cents = [value * 100 if value is not None else None for value in (wanted.value_from, wanted.value_to)]
    for field, low, high in [*ranges, ("net_12m_cents", *cents)]:
        add(field, ">=", low)
        add(field, "<=", high)
    add("lateness", ">=", float(wanted.late) if wanted.late else None)
    add("contract_days_left", ">=", 0 if wanted.renewal else None)
    add("contract_days_left", "<=", wanted.renewal)
    add("p_silent", ">=", CHANCES.get(wanted.chance))
    unsaid = [_("distância")] if wanted.near and wanted.km else []
    unsaid += [_("ticket médio")] if (wanted.ticket_from, wanted.ticket_to) != (None, None) else []
    unsaid += [_("temperatura")] if wanted.heat else []
    return leaves, unsaid


def within_segment(definition: Mapping[str, Any], segment: Segment) -> tuple[dict[str, Any], list[str]]:
    """The rule with the segment's conditions added to its population, and what of them no rule can say."""
    leaves, unsaid = population_of(ClientFilter.parse(segment.definition))
    population = definition.get("population", {"all": []})
    standing = population["all"] if set(population) == {"all"} else [population]
    return {**definition, "population": {"all": [*standing, *leaves]}}, unsaid

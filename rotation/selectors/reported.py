"""A run's proposals as plain rows for machines to read."""

from typing import Any

from rotation.engine.conditions import Condition, Leaf
from rotation.engine.rules import parse_rule
from rotation.models import Proposal, RuleVersion, Run


def reported_proposals(run: Run, *, limit: int | None = None) -> list[dict[str, Any]]:
    """The run's proposals in its order: codes, score in cents, and each condition with the value the client had."""
    leaves = {version.pk: _leaves_of(version) for version in RuleVersion.objects.filter(runs__run=run)}
    rows = (
        Proposal.objects.filter(run=run)
        .exclude(state=Proposal.State.WITHHELD)
        .order_by("position")
        .values_list("client__code", "from_representative__code", "to_representative__code", "value_cents", "rule_version_id", "facts")[
            :limit
        ]
    )
    return [
        {
            "client_code": code,
            "from": sender,
            "to": receiver,
            "score": value,
            "reasons": [{**leaf, "observed": facts.get(leaf["field"])} for leaf in leaves.get(version_id, [])],
        }
        for code, sender, receiver, value, version_id, facts in rows
    ]


def _leaves_of(version: RuleVersion) -> list[dict[str, Any]]:
    rule = parse_rule(version.definition, accepted=True)
    return [leaf.as_json() for condition in (rule.population, rule.trigger) for leaf in _leaves(condition)]


def _leaves(condition: Condition) -> list[Leaf]:
    if isinstance(condition, Leaf):
        return [condition]
    return [leaf for child in condition.children for leaf in _leaves(child)]

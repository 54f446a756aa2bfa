"""A dry run as the pages show it: the same numbers and rows beside a rule and before a run."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from rotation.scores_said import scores_said
from rotation.services.runs import Preview
from rotation.wording import GUARD_NAMES, condition_text, fact_text

SHOWN_ROWS = 10
UNASSIGNED_WORDS = {
    "no_receiver": gettext_lazy("ninguém pode receber"),
    "no_region": gettext_lazy("ninguém atende a região"),
    "no_segment": gettext_lazy("ninguém atende o segmento"),
    "too_far": gettext_lazy("ninguém dentro do raio"),
    "cooling_off": gettext_lazy("só quem já o perdeu há pouco"),
    "no_room": gettext_lazy("ninguém com lugar"),
    "no_value": gettext_lazy("sem valor esperado"),
    "outbid": gettext_lazy("o lugar rende mais com outro cliente"),
    "owner_ceiling": gettext_lazy("máximo a ceder da carteira"),
    "run_ceiling": gettext_lazy("máximo do giro"),
    "team_ceiling": gettext_lazy("máximo a receber da equipe"),
}


def preview_context(found: Preview, request: HttpRequest) -> dict[str, Any]:
    """What ``_preview.html`` shows. The share that round robin would have reached is of the solver's own value."""
    currency = request.organization.currency  # type: ignore[attr-defined]
    rows = [
        {
            "row": row,
            "reason": "; ".join(
                f"{condition_text(each, currency)} ({fact_text(each['field'], each['observed'], currency)})" for each in row.reasons
            ),
            "km_change": round(row.km_to - row.km_from) if row.km_from is not None and row.km_to is not None else None,
        }
        for row in found.proposals[:SHOWN_ROWS]
    ]
    objective = found.objective_cents
    return {
        "preview": found,
        "preview_rows": rows,
        "round_robin_share": found.round_robin_cents / objective if objective else None,
        "scores_said": scores_said(found.summary),
        "guards": tally(found.summary["guards"], GUARD_NAMES),
        "unassigned": tally(found.summary["unassigned"], UNASSIGNED_WORDS),
        "spread_before": found.summary.get("load_deviation_before"),
        "spread_after": found.summary.get("load_deviation_after"),
    }


def tally(counts: Mapping[str, int], words: Mapping[str, Any]) -> list[tuple[Any, int]]:
    """What occurred, in words, the most frequent first; ``visit_within:15`` is named without its number."""
    named: Counter[Any] = Counter()
    for name, n in counts.items():
        named[words.get(name.partition(":")[0], name)] += n
    return [pair for pair in named.most_common() if pair[1]]

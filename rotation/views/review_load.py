"""The load view of the review: what each representative carries before and after, as a drawing and as a table."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from accounts.models import Representative
from rotation.models import Run
from rotation.selectors.load import spread
from rotation.selectors.run_load import run_loads

MEASURES = {
    "clients": gettext_lazy("Clientes"),
    "minutes": gettext_lazy("Minutos por semana"),
    "revenue": gettext_lazy("Receita 12 m"),
}


def load_view(run: Run, within: QuerySet[Representative], measure: str) -> dict[str, Any]:
    """Clients, minutes and revenue of each representative; ``measure`` is the one drawn."""
    chosen = measure if measure in MEASURES else "clients"
    loads = run_loads(run, within=within)
    drawn = [(load, getattr(load, chosen)) for load in loads]
    return {
        "loads": loads,
        "measure": chosen,
        "measure_name": str(MEASURES[chosen]),
        "measures": [(name, str(label)) for name, label in MEASURES.items()],
        "chart": dumbbells((load, each.before, each.after, each.capacity) for load, each in drawn),
        "spread_before": spread(each.before / each.capacity for _load, each in drawn if each.capacity),
        "spread_after": spread(each.after / each.capacity for _load, each in drawn if each.capacity),
    }


def dumbbells(lines: Iterable[tuple[Any, int, int, int | None]]) -> dict[str, Any]:
    """Coordinates of the load drawing: one row a representative, 30 units high; amounts run from 0 at x=10 to 590.

    Each line is (load, before, after, capacity); without a capacity there is no mark to stay under.
    """
    kept = list(lines)
    top = max((max(before, after, capacity or 0) for _load, before, after, capacity in kept), default=1) or 1

    def at(amount: int) -> float:
        return round(10 + 580 * max(amount, 0) / top, 1)

    rows = [
        {
            "load": load,
            "before": before,
            "after": after,
            "y": 18 + 30 * place,
            "x1": at(before),
            "x2": at(after),
            "cap": None if capacity is None else at(capacity),
            "over": capacity is not None and after > capacity,
        }
        for place, (load, before, after, capacity) in enumerate(kept)
    ]
    return {"rows": rows, "height": 30 * len(rows) + 8}

"""How Carteira predicts, for whoever leads: the way in force, why that one, and how often it was right."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from clients.models.score import HORIZON_DAYS
from clients.predicting import METHOD_NAMES, calibration_groups, ways, why_method
from clients.selectors import clients_visible_to
from rotation.engine.schema import STATES
from rotation.selectors.scores import latest_scoring, score_totals
from rotation.views.common import LEADERS, only


@require_GET
@only(LEADERS)
def prediction(request: HttpRequest) -> HttpResponse:
    """The organization's last scoring explained; what it adds up to is of the clients the member may see."""
    scoring = latest_scoring(HORIZON_DAYS)
    context: dict[str, Any] = {"scoring": scoring, "horizon": HORIZON_DAYS}
    if scoring:
        totals = score_totals(clients_visible_to(request.membership), horizon=HORIZON_DAYS)  # type: ignore[attr-defined]
        calibration = scoring.calibration or {}
        context |= {
            "method": METHOD_NAMES.get(scoring.method, scoring.method),
            "why": why_method(scoring.method, scoring.basis),
            "ways": ways(scoring.method, scoring.basis),
            "groups": calibration_groups(calibration),
            "checked": calibration.get("clients"),
            "windows": len(calibration.get("windows", ())),
            "error": 100 * calibration["error"] if "error" in calibration else None,
            "totals": [totals[state] for state in STATES if state in totals],
            "chances": scoring.method != "day_rule",
        }
    return render(request, "rotation/prediction.html", context)

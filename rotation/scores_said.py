"""Which way of predicting a run's chances and values came from, in a person's words. Takes the run's own record."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from clients.predicting import why_method
from rotation.services.run_scores import KEPT_BEFORE_ORDERS


def scores_said(summary: Mapping[str, Any]) -> str:
    """One sentence for each way that answered; "" for a run made before ways were recorded."""
    sentences: list[str] = []
    for said in summary.get("scores", {}).values():
        sentence = why_method(said["method"], said.get("basis") or {})
        if said["from"] == KEPT_BEFORE_ORDERS:
            sentence = _("%(why)s Previsão feita antes dos últimos pedidos.") % {"why": sentence}
        if sentence not in sentences:
            sentences.append(sentence)
    return " ".join(sentences)

"""What a company asks of a report beyond what every report needs: by outcome, checked where reports are stored."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

ASKABLE: dict[str, Any] = {
    "note": _("Observação"),
    "next_contact_on": _("Próximo contato"),
    "satisfaction": _("Satisfação do cliente"),
    "location": _("Local"),
    "photo": _("Foto"),
}


def asked(asks: Sequence[str], outcome: str) -> list[str]:
    """The fields asked for that outcome; ``asks`` as the organization keeps them ("no_sale:note")."""
    return [name for name in ASKABLE if f"{outcome}:{name}" in asks]


def asking(asks: Sequence[str]) -> dict[str, list[str]]:
    """The outcomes with which each field is asked for, of all fields that may be."""
    return {name: [each.partition(":")[0] for each in asks if each.partition(":")[2] == name] for name in ASKABLE}


def sentence(name: str) -> str:
    """What a report that lacks the field is told."""
    sentences = {
        "note": _now("A empresa pede uma observação com este resultado."),
        "next_contact_on": _now("A empresa pede o próximo contato com este resultado."),
        "satisfaction": _now("A empresa pede a satisfação do cliente com este resultado."),
        "location": _now("A empresa pede o local da visita. Toque em “Anotar o local”, ou diga por que vai sem ele."),
        "photo": _now("A empresa pede uma foto com este resultado."),
    }
    return sentences[name]

"""Real municipalities around the representatives' bases, from the public table of IBGE codes."""

import csv
import gzip
import math
from dataclasses import dataclass
from pathlib import Path

STATE_OF = {"35": "SP", "31": "MG", "41": "PR"}


@dataclass(frozen=True)
class Place:
    """A municipality: its IBGE code, state, area code and the coordinates of its seat in degrees."""

    ibge_code: str
    name: str
    state: str
    latitude: float
    longitude: float
    area_code: str


def read_places(source: Path) -> dict[tuple[str, str], Place]:
    """Every municipality of the three states, by (name, state)."""
    with gzip.open(source / "brazil" / "municipios.csv.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["codigo_uf"] in STATE_OF]
    places = (
        Place(r["codigo_ibge"], r["nome"], STATE_OF[r["codigo_uf"]], float(r["latitude"]), float(r["longitude"]), r["ddd"]) for r in rows
    )
    return {(place.name, place.state): place for place in places}


def km(a_latitude: float, a_longitude: float, b_latitude: float, b_longitude: float) -> float:
    """Great-circle distance in kilometres between two points in degrees."""
    la1, lo1, la2, lo2 = map(math.radians, (a_latitude, a_longitude, b_latitude, b_longitude))
    h = math.sin((la2 - la1) / 2) ** 2 + math.cos(la1) * math.cos(la2) * math.sin((lo2 - lo1) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))

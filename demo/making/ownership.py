"""Who answered for each client, from which day to which: the history a manager would find in the old spreadsheets."""

import random
from dataclasses import dataclass

from .companies import Client
from .days import ANCHOR
from .people import BEFORE_THEM, BY_CODE, REPRESENTATIVES, Representative
from .places import Place, km

_REASONS = ("Giro de carteira", "Mudança de praça", "Pedido do cliente", "Equilíbrio de carga", "Acerto de rota")


@dataclass(frozen=True)
class Spell:
    """One representative answering for one client over the half-open days [start, end); ``end`` is None while it lasts."""

    client: str
    representative: str
    start: int
    end: int | None
    reason: str


def ownership_history(rng: random.Random, clients: list[Client], places: dict[tuple[str, str], Place]) -> list[Spell]:
    """Spells of every client with an owner, one after the other without a gap, the last one open."""
    recently_moved = _recently_moved(rng, clients)
    spells: list[Spell] = []
    for client in clients:
        if client.owner is None:
            continue
        changes = [(_first_day(rng, client), client.owner.code, "Cadastro do cliente")]
        if client.owner.joined > changes[0][0]:
            if client.owner.code in BEFORE_THEM:
                before, reason = BEFORE_THEM[client.owner.code]
                start = max(changes[0][0], BY_CODE[before].joined)
                changes = [(start, before, "Cadastro do cliente"), (client.owner.joined + rng.randrange(4), client.owner.code, reason)]
            else:
                changes = [(client.owner.joined, client.owner.code, "Carga inicial")]
        if client.code in recently_moved:
            _insert_former(rng, changes, client, places, ANCHOR - rng.randrange(12, 62))
        elif len(changes) == 1 and rng.random() < 0.24:
            _insert_former(rng, changes, client, places, rng.randrange(60, 540))
            if rng.random() < 0.2:
                _insert_former(rng, changes, client, places, rng.randrange(20, changes[1][0]) if len(changes) > 1 else 0)
        for (start, code, reason), following in zip(changes, [*changes[1:], None], strict=True):
            spells.append(Spell(client.code, code, start, following[0] if following else None, reason))
    return spells


def owner_on(spells: list[Spell], day: int) -> str | None:
    """Who answers on that day, among the spells of one client."""
    return next((s.representative for s in spells if s.start <= day and (s.end is None or day < s.end)), None)


def _first_day(rng: random.Random, client: Client) -> int:
    """A client whose first order lies inside the two years was registered shortly before it; the others long ago."""
    first = client.rhythm.days[0] if client.rhythm.days else ANCHOR - 20
    return first - rng.randrange(2, 25) if first > 45 else -rng.randrange(30, 1400)


def _recently_moved(rng: random.Random, clients: list[Client]) -> set[str]:
    """Seven silent clients and ten others changed hands in the last two months: they rest."""
    settled = [c for c in clients if c.owner and c.owner.left is None and not c.hold and not c.blocked]
    silent = [c.code for c in settled if c.kind == "silent"]
    others = [c.code for c in settled if c.kind in ("active", "fading")]
    return set(rng.sample(silent, 7) + rng.sample(others, 10))


def _insert_former(rng: random.Random, changes: list, client: Client, places: dict[tuple[str, str], Place], day: int) -> None:
    """Put a former owner before the first change's owner, handing over on ``day``, if one lived near enough and it makes sense."""
    start, code, _ = changes[0]

    def distance(r: Representative) -> float:
        base = places[r.base]
        return km(base.latitude, base.longitude, client.place.latitude, client.place.longitude)

    near = [
        r
        for r in REPRESENTATIVES
        if r.code != code
        and r.serves(client.place.state, client.segment.name)
        and distance(r) < 190
        and r.joined <= max(start, 0)
        and r.valid(day)
    ]
    last = changes[1][0] if len(changes) > 1 else ANCHOR
    if near and start + 20 < day < last - 5 and BY_CODE[code].valid(day):
        former = rng.choice(near)
        changes[0] = (day, code, rng.choice(_REASONS))
        changes.insert(0, (max(start, former.joined), former.code, "Cadastro do cliente"))

"""Sales being worked on: what may be sold to whom, how far it came and on which days."""

import random
from dataclasses import dataclass

from .companies import Client
from .days import ANCHOR, working

STAGES = ("contact", "qualified", "proposal", "negotiation")
# How many stand at each stage at the end of the story, and how many came to an end in its last weeks.
_STANDING = {"contact": 8, "qualified": 7, "proposal": 8, "negotiation": 5, "won": 5, "lost": 4}
_SOURCES = ("Visita", "Indicação", "Feira", "Pedido do cliente", "Campanha")
_TITLES = (
    "Linha de {}",
    "Condição por volume em {}",
    "Pedido programado mensal",
    "Ponta de gôndola de {}",
    "Tabela de rede para as filiais",
    "Volta da linha de {}",
)
_LOST = ("Preço", "Comprou do concorrente", "Adiou a compra", "Condição de pagamento")


@dataclass(frozen=True)
class Opportunity:
    """One sale; ``steps`` are (stage, day), the first is where it began; ``value`` in cents."""

    client: str
    title: str
    value: int
    source: str
    expected: int
    steps: tuple[tuple[str, int], ...]
    loss_reason: str


def opportunities_of(rng: random.Random, clients: list[Client]) -> list[Opportunity]:
    """Every prospect's first order, one silent client's return, and further lines for clients that buy."""
    prospects = [c for c in clients if c.kind == "prospect" and c.owner]
    silent = [c for c in clients if c.kind == "silent" and c.owner and not c.hold and not c.blocked and c.size in ("Média", "Grande")]
    buyers = [c for c in clients if c.kind in ("active", "fading", "new") and c.owner and c.owner.left is None and c.size != "Micro"]
    ends = [stage for stage, n in _STANDING.items() for _ in range(n)]
    rng.shuffle(ends)
    chosen = [*prospects, rng.choice(silent)]
    chosen += rng.sample(buyers, len(ends) - len(chosen))
    made = []
    for client, end in zip(chosen, ends, strict=True):
        new = client.kind == "prospect"
        kept_open = new or client.kind == "silent"
        stage = rng.choice(STAGES[:3]) if kept_open and end in ("won", "lost") else end
        category = rng.choice(client.segment.categories).lower()
        title = "Primeiro pedido" if new else rng.choice(_TITLES).format(category)
        worth = client.order_value * (rng.uniform(0.5, 1.2) if new else rng.uniform(0.8, 4.5))
        made.append(
            Opportunity(
                client.code,
                title,
                max(3, round(worth / 100)) * 10_000,
                "Indicação" if new else rng.choice(_SOURCES),
                working(ANCHOR + rng.randrange(6, 60)),
                _steps(rng, stage),
                rng.choice(_LOST) if stage == "lost" else "",
            )
        )
    return sorted(made, key=lambda each: (each.steps[0][1], each.client))


def _steps(rng: random.Random, stage: str) -> tuple[tuple[str, int], ...]:
    """From the first word to ``stage``, each step some days after the one before; the last within weeks of the end of the story."""
    way = [*STAGES[: STAGES.index(stage) + 1]] if stage in STAGES else [*STAGES[: rng.choice((2, 3, 4))], stage]
    day = ANCHOR - rng.randrange(1, 34)
    days = [working(day)]
    for _ in way[1:]:
        day -= rng.randrange(4, 19)
        days.insert(0, working(day))
    return tuple(zip(way, days, strict=True))

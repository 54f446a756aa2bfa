"""The last twelve months of visits: whoever answered for the client that day went there, eight times a day at most."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass

from .companies import Client
from .days import ANCHOR, LAST, working
from .orders import Order
from .ownership import Spell, owner_on
from .people import ABSENCES, BY_CODE

_EVERY = {"Grande": 14, "Média": 24, "Pequena": 38, "Micro": 60}
_SLOTS = ("08:10", "09:05", "10:00", "10:55", "11:50", "13:40", "14:35", "15:30")
_NO_SALE = ("Estoque alto", "Preço", "Comprou do concorrente", "Prazo de pagamento", "Produto em falta", "Sem caixa no momento")
_NOTES = {
    "order": (
        "Pedido fechado na visita; pediu entrega antes de sexta.",
        "Aceitou incluir a linha de limpeza no pedido.",
        "Repôs o giro da quinzena e pediu tabela nova.",
        "Pediu dois boletos, 28 e 35 dias.",
        "Gostou da condição por volume; quer repetir no mês que vem.",
        "Pediu para trocar a forma de entrega: caminhão baú pequeno.",
    ),
    "no_sale": (
        "Ainda tem mercadoria da última compra, voltar na virada do mês.",
        "Achou caro em relação ao atacado da cidade vizinha.",
        "Vai esperar o movimento da quinzena para decidir.",
        "Reclamou do prazo de entrega do último pedido.",
        "Está em reforma; volta a comprar quando reabrir o salão.",
        "Quer falar com a gerência sobre limite de crédito.",
        "Mostrou proposta de outro distribuidor, pediu para igualar.",
    ),
    "absent": ("Responsável estava viajando.", "Loja fechada no horário da visita.", "Comprador em reunião, deixei cartão."),
}


@dataclass(frozen=True)
class Visit:
    """One visit that took place; ``next_day`` is the day agreed for the next contact."""

    client: str
    representative: str
    day: int
    at: str
    outcome: str
    reason: str
    note: str
    next_day: int | None


def visits_of(rng: random.Random, clients: list[Client], spells: list[Spell], orders: list[Order]) -> list[Visit]:
    """Visits by day and hour. Silent clients were left alone, but for nine visited in the last two weeks."""
    spells_of, bought = defaultdict(list), defaultdict(list)
    for spell in spells:
        spells_of[spell.client].append(spell)
    for order in orders:
        if order.status != "cancelled":
            bought[order.client].append(order.day)
    wanted: list[tuple[int, Client]] = []
    for client in clients:
        wanted += [(day, client) for day in _days(rng, client, bought[client.code])]
    wanted += _recent_visits_to_silent(rng, clients)
    # Whoever draws the shorter straw finds the day full and does not go.
    wanted.sort(key=lambda pair: (pair[0], rng.random()))
    visits, load = [], Counter()
    for day, client in wanted:
        code = owner_on(spells_of[client.code], day)
        if code is None or not BY_CODE[code].valid(day) or _away(code, day) or load[code, day] >= len(_SLOTS):
            continue
        outcome = "order" if day in bought[client.code] else rng.choices(("no_sale", "absent"), (0.86, 0.14))[0]
        visits.append(
            Visit(
                client=client.code,
                representative=code,
                day=day,
                at=_SLOTS[load[code, day]],
                outcome=outcome,
                reason=rng.choice(_NO_SALE) if outcome == "no_sale" else "",
                note=rng.choice(_NOTES[outcome]) if rng.random() < 0.3 else "",
                next_day=working(day + rng.choice((7, 14, 14, 21, 28))) if rng.random() < 0.55 else None,
            )
        )
        load[code, day] += 1
    return visits


def _days(rng: random.Random, client: Client, bought: list[int]) -> list[int]:
    """Days on which somebody meant to go: at the pace of the client's size, half of them when it was about to order."""
    if client.kind == "lost" or client.owner is None:
        return []
    last = max((d for d in bought if d <= ANCHOR), default=ANCHOR - 30)
    # Nobody insisted for long with those who fell silent: that is why the rule finds them.
    end = min(last + rng.randrange(10, 50), ANCHOR - 62) if client.kind == "silent" else LAST
    days, day = [], ANCHOR - 365 + rng.randrange(_EVERY[client.size])
    day = max(day, bought[0] - 10) if bought else day
    while day <= end:
        near = [d for d in bought if abs(d - day) <= 6 and d <= end]
        days.append(rng.choice(near) if near and rng.random() < 0.6 else working(day))
        day = max(day + 5, days[-1] + round(_EVERY[client.size] * rng.uniform(0.7, 1.5)))
    return sorted({d for d in days if ANCHOR - 365 < d <= LAST})


def _recent_visits_to_silent(rng: random.Random, clients: list[Client]) -> list[tuple[int, Client]]:
    away = {absence["representative_code"] for absence in ABSENCES}
    silent = [c for c in clients if c.kind == "silent" and not c.hold and not c.blocked]
    reachable = [c for c in silent if c.owner and c.owner.left is None and c.owner.code not in away]
    return [(working(ANCHOR - rng.randrange(1, 8)), client) for client in rng.sample(reachable, 9)]


def _away(code: str, day: int) -> bool:
    return any(a["representative_code"] == code and a["starts_on"] <= day < a["ends_on"] for a in ABSENCES)

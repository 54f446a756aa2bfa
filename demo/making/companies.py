"""About 600 invented client companies in real municipalities, with their contacts."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from .cnpj import formatted
from .names import LONG_NAMES, SEGMENTS, CompanyNames, Segment, listed, person, slug
from .people import BY_CODE, REPRESENTATIVES, WITHOUT_OWNER, Representative
from .places import Place, km
from .rhythms import DAYS_KEPT, RealOrderBooks, Rhythm

SIZES = {"Micro": (0.34, 0.5), "Pequena": (0.4, 1.0), "Média": (0.2, 2.3), "Grande": (0.06, 4.6)}
# What a client is at the anchor, and how many of each: last order within, or first order since, so many days.
KINDS = {"active": 388, "fading": 62, "silent": 80, "lost": 34, "new": 26, "prospect": 6}
_TOWNS = listed(
    "Campinas, Sumaré, Hortolândia, Americana, Paulínia, Valinhos, Indaiatuba, Jundiaí, Itu, Salto, Sorocaba, Votorantim, Tatuí, Limeira, "
    "Piracicaba, Araras, Rio Claro, Mogi Guaçu, Mogi Mirim, Santa Bárbara d'Oeste, Itatiba, Bragança Paulista, Várzea Paulista, "
    "São José dos Campos, Taubaté, Jacareí, São Carlos, Araraquara, Matão, Ribeirão Preto, Sertãozinho, Jaboticabal, "
    "São João da Boa Vista, Pouso Alegre, Itajubá, Santa Rita do Sapucaí, Poços de Caldas, Guaxupé, "
    "Londrina, Cambé, Arapongas, Apucarana, Maringá, Sarandi"
)
_STREETS = listed(
    "Rua das Palmeiras, Rua dos Ipês, Avenida Brasil, Rua Quinze de Novembro, Avenida da Saudade, Rua do Comércio, Rua Sete de Setembro, "
    "Avenida dos Trabalhadores, Rua Treze de Maio, Rua das Acácias, Praça da Matriz, Avenida Independência, Rua da Estação"
)
_ROLES = (("Proprietário(a)", "decision_maker"), ("Gerente", "decision_maker"), ("Sócio(a)", "decision_maker"))
_SECOND_ROLES = (("Comprador(a)", "buyer"), ("Encarregado(a) de loja", "influencer"), ("Financeiro", "influencer"), ("Estoquista", "user"))


@dataclass
class Client:
    """One client company and the rhythm at which it buys; ``owner`` answers for it at the end of the story."""

    code: str
    name: str
    trade_name: str
    tax_id: str
    segment: Segment
    size: str
    place: Place
    latitude: float | None
    longitude: float | None
    address: str
    owner: Representative | None
    kind: str
    rhythm: Rhythm
    order_value: float
    tags: list[str] = field(default_factory=list)
    hold: bool = False
    blocked: bool = False

    @property
    def domain(self) -> str:
        return f"{slug(self.trade_name)[:40].strip('-')}.example"


def is_of_kind(kind: str, rhythm: Rhythm, anchor: int) -> bool:
    """Whether a rhythm, as real as it comes, tells the story the client is meant to tell at the anchor."""
    days = [d for d in rhythm.days if d <= anchor]
    if not days:
        return False
    silence, age = anchor - days[-1], anchor - days[0]
    if kind == "new":
        return age <= 75 and silence <= 45
    # Six days of slack on each side: the story may end up to six days after the anchor.
    low, high = {"active": (0, 38), "fading": (46, 83), "silent": (91, 352), "lost": (366, 700)}[kind]
    usual_pace = 8 <= len(days) <= 75 if kind != "lost" else len(days) >= 3
    return low <= silence <= high and usual_pace and (kind == "lost" or age >= 150)


def _draw(rng: random.Random, books: RealOrderBooks, kind: str, size: str, anchor: int) -> Rhythm:
    """A real rhythm of that kind; larger clients buy more often."""
    if kind == "prospect":
        return Rhythm((), ())
    pace = {"Micro": (28, 35, 42), "Pequena": (21, 28, 35), "Média": (14, 21, 28), "Grande": (7, 14, 14)}[size]
    while True:
        irregular = kind != "lost" and rng.random() < 0.3
        rhythm = books.irregular(rng) if irregular else books.regular(rng, rng.choice(pace))
        if kind == "new":  # the first weeks of a real client, whenever they were, as the last ones of the story
            start = anchor - rng.randrange(3, 11) * 7
            first = rhythm.days[0] if rhythm.days else 0
            moved = [(d - first // 7 * 7 + start // 7 * 7, s) for d, s in zip(rhythm.days, rhythm.sizes, strict=True)]
            moved = [(d, s) for d, s in moved if d < DAYS_KEPT]
            rhythm = Rhythm(tuple(d for d, _ in moved), tuple(s for _, s in moved))
        if is_of_kind(kind, rhythm, anchor):
            return rhythm


def companies(rng: random.Random, places: dict[tuple[str, str], Place], books: RealOrderBooks, anchor: int) -> list[Client]:
    """Every client, in order of code."""
    territories = [r for r in REPRESENTATIVES for _ in range(r.clients)]
    kinds = _spread(rng, KINDS)
    registrar = Registrar(rng)
    clients = []
    for territory, kind in zip(territories, kinds, strict=True):
        clients.append(
            _client(rng, territory, kind, registrar, places, draw_rhythm=lambda size, k=kind: _draw(rng, books, k, size, anchor))
        )
    for _ in range(WITHOUT_OWNER):  # taken in yesterday by somebody at the office, handed to nobody yet
        client = _client(rng, BY_CODE["V-04"], "prospect", registrar, places, draw_rhythm=lambda size: Rhythm((), ()))
        client.owner = None
        clients.append(client)
    _mark(rng, clients)
    # Codes follow the day of registration, as an ERP gives them: the newest clients have the highest.
    clients.sort(
        key=lambda c: c.rhythm.days[0] if c.rhythm.days and c.rhythm.days[0] > 45 else anchor if c.kind == "prospect" else rng.random()
    )
    for number, client in enumerate(clients):
        client.code = f"C{number + 1:04d}"
    return clients


def _client(
    rng: random.Random,
    territory: Representative,
    kind: str,
    registrar: "Registrar",
    places: dict[tuple[str, str], Place],
    *,
    draw_rhythm: Callable[[str], Rhythm],
) -> Client:
    """One client of a territory, named and numbered by the registrar; its code comes later."""
    chain = registrar.chain_in(territory)
    segment = chain.segment if chain else _pick_segment(rng, territory)
    size = _pick_size(rng, segment)
    near = _municipalities(territory, places)
    place = rng.choices([p for p, _ in near], [w for _, w in near])[0]
    located = rng.random() > 0.02
    client = Client(
        code="",
        name="",
        trade_name="",
        tax_id="",
        segment=segment,
        size=size,
        place=place,
        latitude=round(place.latitude + rng.gauss(0, 0.014), 5) if located else None,
        longitude=round(place.longitude + rng.gauss(0, 0.014), 5) if located else None,
        address=f"{rng.choice(_STREETS)}, {rng.randrange(10, 2400)}",
        owner=_owner(rng, territory, place, segment, places, stray_share=0.45 if kind == "silent" else 0.09),
        kind=kind,
        rhythm=draw_rhythm(size),
        order_value=1150 * segment.ticket * SIZES[size][1] * math.exp(rng.gauss(0, 0.35)),
    )
    registrar.register(client, territory)
    return client


class Registrar:
    """Names companies and numbers them; now and then it opens a chain, whose branches share a root and a name."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self._names = CompanyNames(rng)
        self._roots = iter(rng.sample(range(99_000_000, 100_000_000), 700))
        self._long_names = list(LONG_NAMES)
        self._chain: list[Client] = []
        self._chain_territory: Representative | None = None

    def chain_in(self, territory: Representative) -> Client | None:
        """First company of the chain still opening branches there."""
        return self._chain[0] if self._chain and self._chain_territory is territory else None

    def register(self, client: Client, territory: Representative) -> None:
        """Give the client its names and its number."""
        if head := self.chain_in(territory):
            self._branch(client, head)
            if len(self._chain) == 4 or self._rng.random() < 0.5:
                self._chain = []
            return
        client.trade_name, client.name = self._names.draw(client.segment)
        longer = next((name for segment, name in self._long_names if segment == client.segment.name), None)
        if longer and self._rng.random() < 0.1:
            self._long_names.remove((client.segment.name, longer))
            client.name = longer
        client.tax_id = formatted(
            self._alphanumeric_root() if client.kind == "new" and self._rng.random() < 0.6 else str(next(self._roots)), 1
        )
        if client.kind == "prospect" and self._rng.random() < 0.3:
            client.tax_id = ""  # not asked for yet
        elif self._rng.random() < 0.045:
            self._chain, self._chain_territory = [client], territory

    def _branch(self, client: Client, head: Client) -> None:
        client.name = head.name
        client.trade_name = f"{head.trade_name} ({client.place.name})"
        if any(c.trade_name == client.trade_name for c in self._chain):
            client.trade_name = f"{head.trade_name} ({client.place.name}, loja {len(self._chain) + 1})"
        client.tax_id = formatted(head.tax_id.replace(".", "")[:8], len(self._chain) + 1)
        self._chain.append(client)
        client.tags.append("rede")
        if "rede" not in head.tags:
            head.tags.append("rede")

    def _alphanumeric_root(self) -> str:
        """The form of companies opened from July 2026 on; it begins with 99 too, and holds at least one letter."""
        letters = "ABCDEGHJKLMNPRSTVWXYZ"
        return "99" + "".join(self._rng.choice(letters + "0123456789") for _ in range(5)) + self._rng.choice(letters)


def _spread(rng: random.Random, counts: dict[str, int]) -> list[str]:
    """Each kind as many times as asked, spread evenly so that every territory has its share."""
    placed = [((n + rng.random()) / count, kind) for kind, count in counts.items() for n in range(count)]
    return [kind for _, kind in sorted(placed)]


def contact_rows(rng: random.Random, clients: list[Client]) -> list[dict]:
    """One or two people a client."""
    rows = []
    for client in clients:
        roles = [rng.choice(_ROLES)] + ([rng.choice(_SECOND_ROLES)] if rng.random() < 0.45 else [])
        taken: set[str] = set()
        for role, decision in roles:
            name = person(rng)
            while name in taken:
                name = person(rng)
            taken.add(name)
            rows.append(
                {
                    "client_code": client.code,
                    "name": name,
                    "role": role,
                    "decision_role": decision,
                    "email": f"{slug(name).replace('-', '.')}@{client.domain}",
                    "phone": phone(rng, client.place, mobile=True),
                    "preferred_channel": rng.choices(("whatsapp", "phone", "email", "visit"), (5, 3, 1, 2))[0],
                }
            )
    return rows


def phone(rng: random.Random, place: Place, *, mobile: bool) -> str:
    """A number of the right shape that no operator hands out: mobiles beginning 90, land lines of one exchange."""
    return (
        f"+55 {place.area_code} "
        + (f"90{rng.randrange(1000):03d}" if mobile else f"555{rng.randrange(10)}")
        + f"-{rng.randrange(10000):04d}"
    )


def _municipalities(territory: Representative, places: dict[tuple[str, str], Place]) -> list[tuple[Place, float]]:
    """Municipalities within 70 km of the base with the weight of each: near and large ones hold more clients."""
    base = places[territory.base]
    near = []
    for place in places.values():
        distance = km(base.latitude, base.longitude, place.latitude, place.longitude)
        if distance <= 70 and place.state in territory.regions and place.name != "São Paulo":
            near.append((place, math.exp(-distance / 22) * (7 if place.name in _TOWNS else 1)))
    return near


def _pick_segment(rng: random.Random, territory: Representative) -> Segment:
    served = [s for s in SEGMENTS if not territory.segments or s.name in territory.segments]
    return rng.choices(served, [s.share for s in served])[0]


def _pick_size(rng: random.Random, segment: Segment) -> str:
    size = rng.choices(list(SIZES), [share for share, _ in SIZES.values()])[0]
    if segment.name == "Supermercado" and size == "Micro":
        return "Pequena"
    return "Média" if size == "Grande" and segment.ticket < 1 else size


def _owner(
    rng: random.Random,
    territory: Representative,
    place: Place,
    segment: Segment,
    places: dict[tuple[str, str], Place],
    *,
    stray_share: float,
) -> Representative:
    """Mostly the territory's own representative; the rest stayed with a farther one, and fell silent more often for it."""
    if territory.left is not None or rng.random() > stray_share:
        return territory

    def far(r: Representative) -> float:
        base = places[r.base]
        return km(base.latitude, base.longitude, place.latitude, place.longitude)

    others = [r for r in REPRESENTATIVES if r.left is None and r is not territory and r.serves(place.state, segment.name) and far(r) < 140]
    return rng.choice(others) if others else territory


def _mark(rng: random.Random, clients: list[Client]) -> None:
    """Key accounts, holds and blocks: some on clients a rule would move, so that the guards are seen at work."""
    largest = sorted(clients, key=lambda c: -c.order_value * len(c.rhythm.days))
    for client in largest[:12]:
        client.tags.append("conta-chave")
    silent = [c for c in clients if c.kind == "silent"]
    rng.shuffle(silent)
    for client in silent[:3]:
        client.hold = True
    for client in silent[3:6]:
        client.blocked = True
    others = rng.sample([c for c in clients if c.kind in ("active", "fading")], 9)
    for client in others[:4]:
        client.hold = True
    for client in others[4:7]:
        client.blocked = True
    for client in clients:
        if "Cooperativa" in client.name:
            client.tags.append("cooperativa")
        if rng.random() < 0.06:
            client.tags.append(rng.choice(("entrega-quinta", "feira-livre", "pagamento-antecipado", "só-whatsapp")))

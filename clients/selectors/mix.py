"""What a client buys, what clients like it buy and it does not, and what the company has to sell now that suits it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection

from accounts.tenancy import active_organization_id
from clients.models import Client, ClientActivity
from clients.selectors.seasons import Mark, marks_of, seasons_on, stands_since

WINDOW_DAYS = 365
PEERS_EACH_WAY = 60  # those next above and next below in what they bought
FEWEST_PEERS = 5  # below this, what some others buy says nothing of this one
SHARE_OF_PEERS = 0.2  # bought by fewer of them than this, and it is no habit of theirs
SUGGESTED = 12
_UNACCENTED = r"lower(regexp_replace(normalize(p.season, NFKD), '[\u0300-\u036f]', '', 'g'))"


@dataclass(frozen=True)
class Bought:
    """A product the client bought in the last twelve months; money in cents."""

    product_id: int
    code: str
    name: str
    category: str
    days: int  # on which it was ordered
    last_on: date
    cents: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Mix:
    """Everything the client bought in the window, by value."""

    products: Sequence[Bought]

    @property
    def categories(self) -> list[tuple[str, int, int]]:
        """(category, distinct products, cents), by value."""
        found: dict[str, tuple[int, int]] = {}
        for each in self.products:
            n, cents = found.get(each.category, (0, 0))
            found[each.category] = (n + 1, cents + each.cents)
        return sorted(((name, n, cents) for name, (n, cents) in found.items()), key=lambda row: (-row[2], row[0]))


@dataclass(frozen=True)
class Missing:
    """A product (or with no ``code`` a whole category) that peers buy and the client does not.

    ``typical_cents`` is the median of what a peer that buys it spent on it in the window.
    """

    code: str
    name: str
    category: str
    peers: int
    typical_cents: int
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Suggestions:
    """What peers buy and the client does not; empty with fewer than ``FEWEST_PEERS`` of them.

    ``peers`` is None where the client's record says too little to tell who is like it.
    """

    peers: int | None
    products: Sequence[Missing] = ()
    categories: Sequence[Missing] = ()

    @property
    def enough(self) -> bool:
        return self.peers is not None and self.peers >= FEWEST_PEERS


@dataclass(frozen=True)
class Offer:
    """A product of the season, or that stands still, in a category the client buys."""

    code: str
    name: str
    category: str
    marks: tuple[Mark, ...]
    stock_since: date | None
    season: str
    category_cents: int  # what the client spent on its category in the window
    bought_on: date | None  # when the client last bought this very product, in the window


# Valid orders of one client in the window, through its own index; fenced, so that no plan begins at the products.
_LINES = """
    SELECT i.product_id, o.ordered_on, i.amount_cents
      FROM (SELECT id, ordered_on FROM clients_order
             WHERE organization_id = %(organization)s AND client_id = {client} AND ordered_on > %(since)s AND ordered_on <= %(as_of)s
               AND status = 'valid' OFFSET 0) o
      JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id
"""
_BOUGHT = f"""
SELECT p.id, p.code, p.name, p.category, b.days, b.last_on, b.cents, p.season, p.stock_since
  FROM (SELECT product_id, count(DISTINCT ordered_on) AS days, max(ordered_on) AS last_on, sum(amount_cents)::bigint AS cents
          FROM ({_LINES.format(client="%(client)s")}) lines GROUP BY product_id) b
  JOIN clients_product p ON p.organization_id = %(organization)s AND p.id = b.product_id
 ORDER BY b.cents DESC, p.name, p.id
"""  # noqa: S608 - constants of this module


def bought_mix(client: Client, *, as_of: date) -> Mix:
    """The products the client bought in the twelve months up to ``as_of``; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_BOUGHT, _window(as_of) | {"client": client.pk})
        rows = cursor.fetchall()
    products = []
    for number, code, name, category, days, last_on, cents, since, season in rows:
        products.append(Bought(number, code, name, category, days, last_on, cents, marks_of(since, season, as_of=as_of)))
    return Mix(products)


# The clients of the same kind next to this one in value, half above and half below: read off the index of values where the
# kind is common, off the kind's own where it is rare; never more of them than two pages.
_PEERS = """(
    SELECT a.client_id FROM clients_clientactivity a
      JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = a.client_id
     WHERE a.organization_id = %(organization)s AND a.net_12m_cents {beside} AND a.client_id <> %(client)s
       AND c.segment = %(segment)s AND c.discarded_on IS NULL
       AND a.abc <> '' AND (a.abc = %(abc)s OR c.size = %(size)s AND c.size <> '')
     ORDER BY a.net_12m_cents {direction} LIMIT %(each_way)s)"""
_MISSING = """
WITH peer AS MATERIALIZED ({above} UNION ALL {below}),
own AS MATERIALIZED (SELECT DISTINCT product_id FROM ({own}) lines),
own_category AS (
    SELECT DISTINCT p.category FROM own JOIN clients_product p ON p.organization_id = %(organization)s AND p.id = own.product_id),
spent AS MATERIALIZED (
    SELECT peer.client_id, l.product_id, sum(l.amount_cents)::bigint AS cents
      FROM peer CROSS JOIN LATERAL ({lines}) l GROUP BY peer.client_id, l.product_id),
least AS (SELECT count(*) AS peers, greatest(2, ceil(count(*) * %(share)s)) AS buyers FROM peer),
product AS (
    SELECT product_id, count(*) AS buyers, percentile_disc(0.5) WITHIN GROUP (ORDER BY cents) AS typical
      FROM spent GROUP BY product_id),
product_left AS (
    SELECT 1 AS part, p.code, p.name, p.category, f.buyers, f.typical, p.season, p.stock_since
      FROM product f JOIN clients_product p ON p.organization_id = %(organization)s AND p.id = f.product_id, least
     WHERE f.buyers >= least.buyers AND NOT EXISTS (SELECT FROM own WHERE own.product_id = f.product_id)
     ORDER BY f.buyers * f.typical DESC, p.id LIMIT %(limit)s),
by_category AS (
    SELECT s.client_id, p.category, sum(s.cents)::bigint AS cents
      FROM spent s JOIN clients_product p ON p.organization_id = %(organization)s AND p.id = s.product_id
     WHERE p.category <> '' GROUP BY s.client_id, p.category),
category_left AS (
    SELECT 2 AS part, '' AS code, b.category AS name, b.category, count(*) AS buyers,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY b.cents) AS typical, '' AS season, NULL::date AS stock_since
      FROM by_category b, least WHERE NOT EXISTS (SELECT FROM own_category o WHERE o.category = b.category)
     GROUP BY b.category, least.buyers HAVING count(*) >= least.buyers
     ORDER BY count(*) * percentile_disc(0.5) WITHIN GROUP (ORDER BY b.cents) DESC, b.category LIMIT %(limit)s)
SELECT 0, '', '', '', (SELECT peers FROM least), 0, '', NULL::date
UNION ALL SELECT * FROM product_left UNION ALL SELECT * FROM category_left
""".format(  # noqa: S608 - constants of this module
    above=_PEERS.format(beside=">= %(value)s", direction="ASC"),
    below=_PEERS.format(beside="< %(value)s", direction="DESC"),
    own=_LINES.format(client="%(client)s"),
    lines=_LINES.format(client="peer.client_id"),
)


def peer_suggestions(client: Client, activity: ClientActivity | None, *, as_of: date) -> Suggestions:
    """What the clients most like this one buy and it does not, in the twelve months up to ``as_of``; one query at most.

    Alike are those of its segment that bought, of its ABC class or its size, and of them the ``PEERS_EACH_WAY`` next above
    and next below in value. Ranked by how many of them buy it times what it is worth to one that does.

    Parameters
    ----------
    activity : the client's own row, if it has one
    """
    activity = activity or ClientActivity()
    if not client.segment or not (activity.abc or client.size):
        return Suggestions(None)
    values = _window(as_of) | {
        "client": client.pk,
        "segment": client.segment,
        "size": client.size,
        "abc": activity.abc,
        "value": activity.net_12m_cents,
        "each_way": PEERS_EACH_WAY,
        "share": SHARE_OF_PEERS,
        "limit": SUGGESTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, values)
        rows = cursor.fetchall()
    peers = rows[0][4]
    if peers < FEWEST_PEERS:
        return Suggestions(peers)
    found: dict[int, list[Missing]] = {1: [], 2: []}
    for part, code, name, category, buyers, typical, season, since in rows[1:]:
        found[part].append(Missing(code, name, category, buyers, typical, marks_of(season, since, as_of=as_of)))
    return Suggestions(peers, found[1], found[2])


_OFFERS = f"""
WITH line AS MATERIALIZED ({_LINES.format(client="%(client)s")}),
bought AS (
    SELECT p.category, l.product_id, max(l.ordered_on) AS last_on, sum(l.amount_cents)::bigint AS cents
      FROM line l JOIN clients_product p ON p.organization_id = %(organization)s AND p.id = l.product_id
     WHERE p.category <> '' GROUP BY p.category, l.product_id),
kind AS (SELECT category, sum(cents)::bigint AS cents FROM bought GROUP BY category)
SELECT p.code, p.name, p.category, p.season, p.stock_since, kind.cents, b.last_on
  FROM kind JOIN clients_product p ON p.organization_id = %(organization)s AND p.category = kind.category
  LEFT JOIN bought b ON b.product_id = p.id
 WHERE (p.stock_since <= %(stands)s AND p.stock_quantity IS DISTINCT FROM 0 OR {_UNACCENTED} = ANY(%(seasons)s))
   AND (b.last_on IS NULL OR b.last_on <= %(rested)s)
 ORDER BY kind.cents DESC, p.stock_since NULLS LAST, p.id LIMIT %(limit)s
"""  # noqa: S608 - constants of this module


def timely_offers(client: Client, *, as_of: date) -> list[Offer]:
    """Products of the season or standing still, of the categories the client buys most, not bought in the last 30 days; one query."""
    values = _window(as_of) | {
        "client": client.pk,
        "stands": stands_since(as_of),
        "seasons": seasons_on(as_of),
        "rested": as_of - timedelta(days=30),
        "limit": SUGGESTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OFFERS, values)
        rows = cursor.fetchall()
    return [
        Offer(code, name, category, marks_of(season, since, as_of=as_of), since, season, cents, last_on)
        for code, name, category, season, since, cents, last_on in rows
    ]


def _window(as_of: date) -> dict[str, Any]:
    return {"organization": active_organization_id(), "as_of": as_of, "since": as_of - timedelta(days=WINDOW_DAYS)}

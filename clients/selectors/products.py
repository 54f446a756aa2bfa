"""The catalogue: what there is, what stands still or is in season; of one product, who buys it and who could."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from accounts.tenancy import active_organization_id
from clients.models import Product
from clients.models.client import Unaccented
from clients.selectors.mix import WINDOW_DAYS
from clients.selectors.seasons import plain, seasons_on, stands_since
from clients.selectors.visibility import Reach

TABS = ("all", "standing", "season")
PARTS = ("could", "buys")


@dataclass(frozen=True)
class ProductFilter:
    """Every field narrows, and an empty one narrows nothing; ``tab`` standing: stock that stands still, season: of this month."""

    q: str = ""
    category: str = ""
    tab: str = "all"

    @classmethod
    def parse(cls, query: Mapping[str, Any]) -> "ProductFilter":
        tab = str(query.get("tab", ""))
        words = {name: str(query.get(name, "")).strip()[:80] for name in ("q", "category")}
        return cls(**words, tab=tab if tab in TABS else "all")

    def query(self, **changes: Any) -> str:
        """The query string of this filter with ``changes``."""
        told = vars(replace(self, **changes))
        return urlencode({name: value for name, value in told.items() if value and (name, value) != ("tab", "all")})


def products_found(wanted: ProductFilter, *, as_of: date) -> QuerySet[Product]:
    """The products of the filter: by name, those that stand still by how long they have."""
    found = _narrowed(wanted).filter(_of_tab(wanted.tab, as_of))
    return found.order_by("stock_since", "name", "pk") if wanted.tab == "standing" else found.order_by("name", "pk")


def product_counts(wanted: ProductFilter, *, as_of: date) -> dict[str, int]:
    """How many products each tab holds under the filter's words and category; one query."""
    return _narrowed(wanted).aggregate(**{tab: Count("pk", filter=_of_tab(tab, as_of)) for tab in TABS})


def categories() -> list[str]:
    """The catalogue's categories, sorted; one query."""
    return list(Product.objects.exclude(category="").order_by("category").values_list("category", flat=True).distinct())


def _narrowed(wanted: ProductFilter) -> QuerySet[Any]:
    found = Product.objects.annotate(season_key=Unaccented(F("season")))
    for word in plain(wanted.q).split()[:6]:
        found = found.annotate(name_key=Unaccented(F("name"))).filter(Q(name_key__contains=word) | Q(code__icontains=word))
    return found.filter(category=wanted.category) if wanted.category else found


def _of_tab(tab: str, as_of: date) -> Q:
    if tab == "standing":
        # Nothing left is nothing that stands; a quantity nobody stated is taken to be there.
        return Q(stock_since__lte=stands_since(as_of)) & (Q(stock_quantity=None) | ~Q(stock_quantity=0))
    return Q(season_key__in=seasons_on(as_of)) if tab == "season" else Q(pk__gt=0)


class ProductClient(NamedTuple):
    """A client that buys the product, or buys of its category and could: cents of twelve months of either, days, the last one."""

    pk: int
    code: str
    name: str
    city: str
    state: str
    representative_id: int | None
    representative: str
    days: int
    last_on: date | None
    cents: int
    category_cents: int


@dataclass(frozen=True)
class Takers:
    """Of the clients within reach: a page of one part of them, and how many and how much there are of each."""

    rows: list[ProductClient]
    buys: int
    could: int
    cents: int
    category_cents: int  # what those that could spend on the category


# Valid orders of twelve months within reach: through the products' index where that is everybody, through the clients' where it is few.
_TAKERS = """
WITH kind AS (
    SELECT id FROM clients_product WHERE organization_id = %(organization)s
       AND (id = %(product)s OR %(category)s <> '' AND category = %(category)s)
), line AS (
    SELECT o.client_id, i.product_id = %(product)s AS own, o.ordered_on, i.amount_cents FROM kind
      JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.product_id = kind.id
      JOIN clients_order o ON o.organization_id = %(organization)s AND o.id = i.order_id
       AND o.status = 'valid' AND o.ordered_on > %(since)s AND o.ordered_on <= %(as_of)s
      JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = o.client_id
       AND (c.discarded_on IS NULL OR c.discarded_on > %(as_of)s)
       AND (%(everyone)s OR c.representative_id = ANY(%(representatives)s::bigint[]) OR c.id = ANY(%(beside)s::bigint[]))
), taker AS (
    SELECT client_id, count(DISTINCT ordered_on) FILTER (WHERE own) AS days, max(ordered_on) FILTER (WHERE own) AS last_on,
           coalesce(sum(amount_cents) FILTER (WHERE own), 0)::bigint AS cents, sum(amount_cents)::bigint AS category_cents
      FROM line GROUP BY client_id
)
"""
_COUNTED = f"""{_TAKERS}
SELECT count(*) FILTER (WHERE days > 0), count(*) FILTER (WHERE days = 0), coalesce(sum(cents), 0)::bigint,
       coalesce(sum(category_cents) FILTER (WHERE days = 0), 0)::bigint FROM taker
"""  # noqa: S608 - constants of this module
_LISTED = f"""{_TAKERS}
SELECT c.id, c.code, coalesce(nullif(c.trade_name, ''), c.name), c.city, c.state, r.id, coalesce(r.code || ' ' || r.name, ''),
       t.days, t.last_on, t.cents, t.category_cents
  FROM taker t JOIN clients_client c ON c.organization_id = %(organization)s AND c.id = t.client_id
  LEFT JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = c.representative_id
 WHERE (t.days > 0) = %(buys)s
 ORDER BY CASE WHEN %(buys)s THEN t.cents ELSE t.category_cents END DESC, c.name_key, c.id LIMIT %(limit)s OFFSET %(offset)s
"""  # noqa: S608 - constants of this module
_MONTHS = f"""{_TAKERS}
SELECT date_trunc('month', ordered_on)::date, sum(amount_cents)::bigint FROM line WHERE own GROUP BY 1
"""  # noqa: S608 - constants of this module


def product_takers(product: Product, reach: Reach, part: str, *, as_of: date, offset: int = 0, limit: int = 50) -> Takers:
    """Who of the clients within reach buys the product (``buys``), or buys others of its category and not this (``could``); two queries.

    Twelve months of valid orders up to ``as_of``; those that spend most first; discarded clients left out.

    Raises
    ------
    ValueError
        No such part.
    """
    if part not in PARTS:
        raise ValueError(f"no part {part!r} of those who take a product")
    given = _given(product, reach, as_of) | {"buys": part == "buys", "limit": limit, "offset": offset}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, given)
        counts = cursor.fetchone()
        cursor.execute(_LISTED, given)
        rows = [ProductClient(*row) for row in cursor.fetchall()]
    return Takers(rows, *counts)


def product_months(product: Product, reach: Reach, *, as_of: date) -> list[tuple[date, int]]:
    """Cents of the product sold to clients within reach in each of the last twelve months, oldest first; one query.

    The first month holds only the days that lie within the twelve months.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS, _given(product, reach, as_of) | {"category": ""})
        found = dict(cursor.fetchall())
    months, month = [], as_of.replace(day=1)
    for _each in range(12):
        months.append(month)
        month = (month - timedelta(days=1)).replace(day=1)
    return [(month, found.get(month, 0)) for month in reversed(months)]


def _given(product: Product, reach: Reach, as_of: date) -> dict[str, Any]:
    return {
        "organization": active_organization_id(),
        "product": product.pk,
        "category": product.category,
        "as_of": as_of,
        "since": as_of - timedelta(days=WINDOW_DAYS),
        "everyone": reach.representatives is None,
        "representatives": list(reach.representatives or []),
        "beside": list(reach.beside),
    }

"""What was sold: revenue, orders, ticket; products, mix and items. Credited to who answered for the client on the order's day."""

from dataclasses import dataclass
from datetime import date

from portfolio.selectors.figures.kept import kept_by_month, kept_figures, kept_months
from portfolio.selectors.figures.span import Clients, Figures, People, Span, asked, gathered, only, rows, scope, share


@dataclass(frozen=True)
class Sales:
    """``orders`` are the valid ones; ``revenue_cents`` has returns taken off."""

    revenue_cents: int = 0
    orders: int = 0

    @property
    def ticket_cents(self) -> int | None:
        """Ticket médio: revenue over orders, to the nearest cent; None without orders."""
        return round(self.revenue_cents / self.orders) if self.orders else None


@dataclass(frozen=True)
class Mix:
    """``products`` distinct ones sold; ``client_products`` distinct ones of each client, added up over the ``clients`` that
    bought (a day of theirs came to more than nothing); ``items``: lines of the valid ``orders``.
    """

    products: int = 0
    client_products: int = 0
    clients: int = 0
    items: int = 0
    orders: int = 0

    @property
    def average(self) -> float | None:
        """Mix médio: distinct products per client that bought."""
        return share(self.client_products, self.clients)

    @property
    def items_per_order(self) -> float | None:
        return share(self.items, self.orders)


@dataclass(frozen=True)
class MonthOfSales:
    """One month, or the part of it that has passed: ``client_products`` and ``clients`` as in Mix, one client once per person credited."""

    month: date
    revenue_cents: int = 0
    orders: int = 0
    clients: int = 0
    client_products: int = 0


def sales(span: Span, people: People = None) -> Figures[Sales]:
    """Revenue and orders of the span: as kept, or counted."""
    return kept_by_month("sales", Sales, span, people, sales_counted) or sales_counted(span, people)


def sales_counted(span: Span, people: People = None) -> Figures[Sales]:
    """Revenue and orders of the span; one statement, on the monthly summary (and a cut month's orders)."""
    # Not through ``sold``: neither clients nor days are told apart here, and grouping a month's orders by them is most of its cost.
    statement = f"""
SELECT grouping(representative_id), representative_id, sum(cents), sum(orders) FROM (
    SELECT representative_id, revenue_cents AS cents, orders FROM clients_clientmonth
     WHERE organization_id = %(organization)s AND month >= %(since)s AND month <= %(until)s AND month < %(days_from)s
    UNION ALL
    SELECT representative_id, net_cents, (status = 'valid')::int FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on >= %(days_from)s AND ordered_on <= %(until)s AND status <> 'cancelled') sold
 WHERE {scope(people, "representative_id")} GROUP BY GROUPING SETS ((representative_id), ())"""  # noqa: S608 - constants
    return gathered(statement, asked(span, people), Sales)


# A client once for each person credited, so that people and months add up.
_OF_MONTH = """
SELECT {key}, sum(revenue_cents)::bigint, sum(orders)::bigint, count(*) FILTER (WHERE order_days > 0),
       coalesce(sum(products) FILTER (WHERE order_days > 0), 0)::bigint FROM clients_clientmonth
 WHERE organization_id = %(organization)s AND {months} AND {scope}
   AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
 GROUP BY {by}"""


def sales_by_month(span: Span, people: People = None, clients: Clients = None) -> list[MonthOfSales]:
    """Every month of the span, those without sales too, in order; two statements on the monthly summary. A cut is not looked at."""
    months = span.each_month()
    known = kept_months("month", span, people) if clients is None else {}
    found = {month: MonthOfSales(month, *numbers) for month, numbers in known.items()}
    if len(found) < len(months):
        asked_for = "month = ANY(%(months)s)"
        statement = _OF_MONTH.format(key="month", months=asked_for, scope=scope(people, "representative_id"), by="month")
        values = asked(span, people, months=[month for month in months if month not in found], **only(clients))
        found |= {row[0]: MonthOfSales(*row) for row in rows(statement, values)}
    return [found.get(month, MonthOfSales(month)) for month in months]


def month_counted(span: Span) -> dict[str, list]:
    """The numbers of ``MonthOfSales`` for one month, in all and by representative, as they are kept; one statement."""
    by = "GROUPING SETS ((representative_id), ())"
    statement = _OF_MONTH.format(key="grouping(representative_id), representative_id", months="month = %(since)s", scope="TRUE", by=by)
    found = [
        [whole, person, *(int(n or 0) for n in numbers)] for whole, person, *numbers in rows(statement, asked(span, None, **only(None)))
    ]
    return {"total": next(each[2:] for each in found if each[0]), "by": [each[1:] for each in found if not each[0]]}


# Orders and lines of the span's days, and who bought: a day of theirs came to more than nothing.
_TAKEN = """
taken AS (
    SELECT id, client_id, representative_id, ordered_on, status = 'valid' AS valid, net_cents FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on BETWEEN %(since)s AND %(until)s AND status <> 'cancelled'
       AND {scope} AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
), buyers AS (
    SELECT DISTINCT client_id, representative_id FROM (
        SELECT client_id, representative_id FROM taken GROUP BY client_id, representative_id, ordered_on HAVING sum(net_cents) > 0) day
)"""


def mix_in_all(span: Span, people: People = None) -> Mix:
    """The total of ``mix`` alone: as kept, or counted in one statement at half its cost: what is distinct is hashed once."""
    if found := kept_figures("mix", Mix, span, people, adds_up=False):
        return found.total
    statement = f"""
WITH {_TAKEN.format(scope=scope(people, "representative_id"))}, lines AS (
    SELECT o.client_id, i.product_id, count(*) AS items FROM taken o
      JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id
     WHERE o.valid GROUP BY o.client_id, i.product_id
)
SELECT (SELECT count(*) FROM (SELECT DISTINCT product_id FROM lines) product),
       (SELECT count(*) FROM lines WHERE client_id IN (SELECT client_id FROM buyers)),
       (SELECT count(*) FROM (SELECT DISTINCT client_id FROM buyers) client),
       (SELECT coalesce(sum(items), 0)::bigint FROM lines), (SELECT count(*) FROM taken WHERE valid)"""  # noqa: S608 - constants
    (numbers,) = rows(statement, asked(span, people, **only(None)))
    return Mix(*numbers)


def mix(span: Span, people: People = None, clients: Clients = None) -> Figures[Mix]:
    """Products, mix and items of the span: as kept, or counted."""
    found = kept_figures("mix", Mix, span, people, adds_up=False) if clients is None else None
    return found or mix_counted(span, people, clients)


def mix_counted(span: Span, people: People = None, clients: Clients = None) -> Figures[Mix]:
    """Products, mix and items of the span, from the lines of its valid orders; one statement.

    It reads orders and lines day by day: a month of a large company is some hundred thousand rows. What is distinct is hashed, so
    nobody is 0 here: rows that are not told apart from each other by being unknown can be joined by a hash.
    """
    statement = f"""
WITH {_TAKEN.format(scope=scope(people, "representative_id"))}, line AS (
    SELECT o.client_id, coalesce(o.representative_id, 0) AS credited, i.product_id, count(*) AS items FROM taken o
      JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id
     WHERE o.valid GROUP BY 1, 2, 3
), buyer AS (
    SELECT client_id, coalesce(representative_id, 0) AS credited FROM buyers
), piece AS (
    SELECT coalesce(representative_id, 0) AS credited, 0 AS products, 0 AS client_products, 0 AS clients, 0 AS items,
           count(*) FILTER (WHERE valid) AS orders FROM taken GROUP BY 1
    UNION ALL SELECT credited, 0, 0, count(*), 0, 0 FROM buyer GROUP BY 1
    UNION ALL SELECT credited, count(*), 0, 0, sum(items), 0 FROM (
        SELECT credited, product_id, sum(items) AS items FROM line GROUP BY 1, 2) product GROUP BY 1
    UNION ALL SELECT credited, 0, count(*), 0, 0, 0 FROM line JOIN buyer USING (client_id, credited) GROUP BY 1
)
SELECT 0, nullif(credited, 0), sum(products), sum(client_products), sum(clients), sum(items), sum(orders) FROM piece GROUP BY credited
UNION ALL SELECT 1, NULL, (SELECT count(*) FROM (SELECT DISTINCT product_id FROM line) product),
       (SELECT count(*) FROM (SELECT DISTINCT client_id, product_id FROM line WHERE client_id IN (SELECT client_id FROM buyer)) client),
       (SELECT count(*) FROM (SELECT DISTINCT client_id FROM buyer) client), (SELECT sum(items) FROM line),
       (SELECT count(*) FROM taken WHERE valid)"""  # noqa: S608 - constants
    return gathered(statement, asked(span, people, **only(clients)), Mix)

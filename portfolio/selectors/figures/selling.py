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


def sales(span: Span, people: People = None, *, each: bool = True) -> Figures[Sales]:
    """Revenue and orders of the span: as kept, or counted. Without ``each`` no more than the total is asked for."""
    return kept_by_month("sales", Sales, span, people, sales_counted, each=each) or sales_counted(span, people)


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


# Each ends in "total" (credited, orders, items), "buyer" (client_id, credited): a day of theirs came to more than nothing, and "line"
# (client_id, credited, product_id), every one once. Nobody is 0: rows told apart only by what may be unknown are joined by no hash.
_MONTHS_MIXED = """
month AS (
    SELECT client_id, coalesce(representative_id, 0) AS credited, orders, order_days, items, product_ids FROM clients_clientmonth
     WHERE organization_id = %(organization)s AND month BETWEEN %(since)s AND %(until)s AND {scope}
       AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
), total AS (
    SELECT credited, sum(orders) AS orders, sum(items) AS items FROM month GROUP BY 1
), buyer AS (
    SELECT {distinct} client_id, credited FROM month WHERE order_days > 0
), line AS (
    SELECT {distinct} client_id, credited, product_id FROM month, unnest(product_ids) AS product_id
)"""
_DAYS_MIXED = """
taken AS (
    SELECT id, client_id, coalesce(representative_id, 0) AS credited, ordered_on, status = 'valid' AS valid, net_cents FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on BETWEEN %(since)s AND %(until)s AND status <> 'cancelled'
       AND {scope} AND (%(clients)s::bigint[] IS NULL OR client_id = ANY(%(clients)s::bigint[]))
), buyer AS (
    SELECT DISTINCT client_id, credited FROM (
        SELECT client_id, credited FROM taken GROUP BY client_id, credited, ordered_on HAVING sum(net_cents) > 0) day
), line AS (
    SELECT o.client_id, o.credited, i.product_id, count(*) AS items FROM taken o
      JOIN clients_orderitem i ON i.organization_id = %(organization)s AND i.order_id = o.id
     WHERE o.valid GROUP BY 1, 2, 3
), total AS (
    SELECT credited, sum(orders) AS orders, sum(items) AS items FROM (
        SELECT credited, count(*) FILTER (WHERE valid) AS orders, 0 AS items FROM taken GROUP BY 1
        UNION ALL SELECT credited, 0, sum(items) FROM line GROUP BY 1) part
     GROUP BY 1
)"""
_IN_ALL = """
SELECT 1, NULL::bigint, (SELECT count(*) FROM (SELECT DISTINCT product_id FROM line) product),
       {pairs},
       (SELECT count(DISTINCT client_id) FROM buyer), (SELECT sum(items) FROM total), (SELECT sum(orders) FROM total)"""
_PAIRS = """(SELECT count(*) FROM (
           SELECT DISTINCT client_id, product_id FROM line WHERE client_id IN (SELECT client_id FROM buyer)) client)"""
# Of one month most clients are one person's, and their row has each product once: only the others' are told apart.
_PAIRS_OF_MONTH = """(SELECT coalesce(sum(products), 0)::bigint FROM (
           SELECT sum(cardinality(product_ids)) AS products FROM month
            GROUP BY client_id HAVING count(*) = 1 AND bool_or(order_days > 0)
           UNION ALL SELECT count(DISTINCT product_id) FROM month, unnest(product_ids) AS product_id WHERE client_id IN (
               SELECT client_id FROM month GROUP BY client_id HAVING count(*) > 1 AND bool_or(order_days > 0))
            GROUP BY client_id) client)"""
_OF_EACH = """
SELECT 0, nullif(credited, 0), sum(products), sum(client_products), sum(clients), sum(items), sum(orders) FROM (
    SELECT credited, 0 AS products, 0 AS client_products, 0 AS clients, items, orders FROM total
    UNION ALL SELECT credited, 0, 0, count(*), 0, 0 FROM buyer GROUP BY 1
    UNION ALL SELECT credited, count(DISTINCT product_id), 0, 0, 0, 0 FROM line GROUP BY 1
    UNION ALL SELECT credited, 0, count(*), 0, 0, 0 FROM line JOIN buyer USING (client_id, credited) GROUP BY 1) piece
 GROUP BY credited"""


def _mixed(span: Span, people: People) -> str:
    """Whole months are told by what is kept of each client and month, the days of one cut off by orders and their lines."""
    mine = scope(people, "representative_id")
    return (
        _DAYS_MIXED.format(scope=mine) if span.cut else _MONTHS_MIXED.format(scope=mine, distinct="DISTINCT" if span.n_months > 1 else "")
    )


def _in_all(span: Span) -> str:
    return _IN_ALL.format(pairs=_PAIRS if span.cut or span.n_months > 1 else _PAIRS_OF_MONTH)


def mix_in_all(span: Span, people: People = None) -> Mix:
    """The total of ``mix`` alone: as kept, or counted in one statement."""
    if found := kept_figures("mix", Mix, span, people, adds_up=False):
        return found.total
    return gathered(f"WITH {_mixed(span, people)} {_in_all(span)}", asked(span, people, **only(None)), Mix).total


def mix(span: Span, people: People = None, clients: Clients = None) -> Figures[Mix]:
    """Products, mix and items of the span: as kept, or counted."""
    found = kept_figures("mix", Mix, span, people, adds_up=False) if clients is None else None
    return found or mix_counted(span, people, clients)


def mix_counted(span: Span, people: People = None, clients: Clients = None) -> Figures[Mix]:
    """Products, mix and items of the span, from what its valid orders sold; one statement."""
    statement = f"WITH {_mixed(span, people)} {_OF_EACH} UNION ALL {_in_all(span)}"
    return gathered(statement, asked(span, people, **only(clients)), Mix)

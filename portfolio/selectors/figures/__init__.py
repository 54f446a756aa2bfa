"""The figures of PRODUCT.md section 3, of the organization, a team or one representative, over a month or several.

Each function takes a ``Span`` and whose figures (representatives' ids, None for everyone: a team is its people) and gives
``Figures``: the total of all asked for and each one's own, in one statement however many people and clients.
What was sold is credited to who answered for the client on the order's day; what became of a client, to who answered on the day it
happened; the portfolio is that of the span's last day. Discarded clients have left all denominators.
"""

from portfolio.selectors.figures.base import ClassShare, Movement, abc_composition, movement
from portfolio.selectors.figures.behind import Behind, ClientBehind, clients_behind
from portfolio.selectors.figures.reach import Moves, Positivated, Reached, Visits, moves, positivated, reached, visits, visits_done
from portfolio.selectors.figures.risk import Risk, at_risk_by_person, revenue_at_risk
from portfolio.selectors.figures.selling import Mix, MonthOfSales, Sales, mix, mix_in_all, sales, sales_by_month
from portfolio.selectors.figures.span import Figures, People, Span, share
from portfolio.selectors.figures.standing import (
    Composition,
    Group,
    Near,
    StateSales,
    Turnover,
    composition,
    near_inactive,
    sales_by_state,
    turnover,
    visits_by_month,
)

__all__ = [
    "Behind",
    "ClassShare",
    "ClientBehind",
    "Composition",
    "Figures",
    "Group",
    "Mix",
    "MonthOfSales",
    "Movement",
    "Moves",
    "Near",
    "People",
    "Positivated",
    "Reached",
    "Risk",
    "Sales",
    "Span",
    "StateSales",
    "Turnover",
    "Visits",
    "abc_composition",
    "at_risk_by_person",
    "clients_behind",
    "composition",
    "mix",
    "mix_in_all",
    "movement",
    "moves",
    "near_inactive",
    "positivated",
    "reached",
    "revenue_at_risk",
    "sales",
    "sales_by_month",
    "sales_by_state",
    "share",
    "turnover",
    "visits",
    "visits_by_month",
    "visits_done",
]

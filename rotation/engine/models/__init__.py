"""What each client's own orders say of its silence: arrays in, arrays out (ENGINE.md section 3).

What a caller uses::

    clients = Purchases.on(as_of, x=..., first_on=..., last_on=..., sum_log_gap=..., client_id=...)
    fitted = fit(clients)                      # TooFewClients below 10 with an order: the day rule answers instead
    fitted.p_silent(clients, 90)               # no valid order within 90 days
    fitted.p_cross(clients, inactive_days)     # reaching the limit of its segment
    fitted.p_alive(clients)                    # shown, not used
    next_order(fitted, clients, as_of)         # three dates
    part = fit(of_one_segment, prior=segment_prior(fitted))

    clock = seasonal_clock(order_days, as_of)  # None below 420 days of orders; then the same in seasonal time:
    fit(clock.purchases(as_of, start, day)).p_silent(clients_in_clock, clock.horizon(as_of, 90))

    tickets = fit_tickets(x, mean_ticket_cents)
    year_cents = tickets.ticket(x, mean_ticket_cents) * fitted.order_rate(clients) * 365

Prospects (``x`` -1) are never fitted and answer NaN. Published maxima of BG/NBD and MBG/NBD: ``fit_single``.

Order of the modules, each importing only those before it: purchases, likelihood, mixture, expectation, timing;
clock
needs purchases alone; tickets stands beside them.
"""

from .clock import Clock, seasonal_clock
from .expectation import expected_orders, orders_to_come
from .likelihood import BG, MBG, DropOut
from .mixture import CLASSES, Fit, Prior, fit, fit_single, organization_prior, segment_prior
from .purchases import FIT_AT_MOST, MIN_CLIENTS, Purchases, TooFewClients
from .tickets import TicketFit, fit_tickets
from .timing import NextOrder, Rhythm, dates, next_order

__all__ = [
    "BG",
    "CLASSES",
    "FIT_AT_MOST",
    "MBG",
    "MIN_CLIENTS",
    "Clock",
    "DropOut",
    "Fit",
    "NextOrder",
    "Prior",
    "Purchases",
    "Rhythm",
    "TicketFit",
    "TooFewClients",
    "dates",
    "expected_orders",
    "fit",
    "fit_single",
    "fit_tickets",
    "next_order",
    "orders_to_come",
    "organization_prior",
    "seasonal_clock",
    "segment_prior",
]

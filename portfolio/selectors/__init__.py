from portfolio.selectors.ledger import (
    PortfolioCount,
    clients_without_representative,
    open_client_counts,
    ownership_history,
    ownerships_on,
    portfolio_counts,
)

__all__ = [
    "PortfolioCount",
    "clients_without_representative",
    "open_client_counts",
    "ownership_history",
    "ownerships_on",
    "portfolio_counts",
]

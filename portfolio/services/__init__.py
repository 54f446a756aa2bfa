from portfolio.services.credit import credit_orders
from portfolio.services.digest import Occasion
from portfolio.services.history import HistoryResult, PastOwnership, record_history
from portfolio.services.transfer import Transfer, TransferResult, transfer_client, transfer_clients

__all__ = [
    "HistoryResult",
    "Occasion",
    "PastOwnership",
    "Transfer",
    "TransferResult",
    "credit_orders",
    "record_history",
    "transfer_client",
    "transfer_clients",
]

from clients.models.activity import ClientActivity, ClientMonth
from clients.models.client import Client, ClientWord, Contact
from clients.models.imports import ImportJob
from clients.models.order import Order, OrderItem, Product
from clients.models.score import ClientScore, Scoring
from clients.models.standing import Contract, CreditEvent, CreditSnapshot

__all__ = [
    "Client",
    "ClientActivity",
    "ClientMonth",
    "ClientScore",
    "ClientWord",
    "Contact",
    "Contract",
    "CreditEvent",
    "CreditSnapshot",
    "ImportJob",
    "Order",
    "OrderItem",
    "Product",
    "Scoring",
]

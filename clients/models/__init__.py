from clients.models.activity import ClientActivity, ClientMonth, ClientSilence
from clients.models.changed import ChangedSince
from clients.models.client import Client, ClientWord, Contact
from clients.models.colleague import Colleague
from clients.models.custom import CustomField, CustomValue
from clients.models.discard import DiscardProposal
from clients.models.imports import ImportJob
from clients.models.merge import ClientMerge, DistinctClients, MergedRow
from clients.models.opportunity import Opportunity, OpportunityMove
from clients.models.order import Order, OrderItem, Product
from clients.models.score import ClientScore, Scoring
from clients.models.segment import Segment
from clients.models.standing import Contract, CreditEvent, CreditSnapshot
from clients.models.stop import ClientStop

__all__ = [
    "ChangedSince",
    "Client",
    "ClientActivity",
    "ClientMerge",
    "ClientMonth",
    "ClientScore",
    "ClientSilence",
    "ClientStop",
    "ClientWord",
    "Colleague",
    "Contact",
    "Contract",
    "CreditEvent",
    "CreditSnapshot",
    "CustomField",
    "CustomValue",
    "DiscardProposal",
    "DistinctClients",
    "ImportJob",
    "MergedRow",
    "Opportunity",
    "OpportunityMove",
    "Order",
    "OrderItem",
    "Product",
    "Scoring",
    "Segment",
]

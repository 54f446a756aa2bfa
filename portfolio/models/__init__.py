from portfolio.models.ownership import Ownership
from portfolio.models.work import Interaction, Visit

__all__ = ["Interaction", "Ownership", "Visit"]

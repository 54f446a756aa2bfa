from portfolio.models.ownership import Ownership, Receipt
from portfolio.models.renewal import Renewal
from portfolio.models.task import Goal, Task
from portfolio.models.work import Interaction, Visit, VisitEdit, VisitPhoto

__all__ = ["Goal", "Interaction", "Ownership", "Receipt", "Renewal", "Task", "Visit", "VisitEdit", "VisitPhoto"]

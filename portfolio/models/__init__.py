from portfolio.models.ownership import Ownership
from portfolio.models.task import Goal, Task
from portfolio.models.work import Interaction, Visit, VisitEdit, VisitPhoto

__all__ = ["Goal", "Interaction", "Ownership", "Task", "Visit", "VisitEdit", "VisitPhoto"]

from portfolio.models.kept import KeptFigures
from portfolio.models.ownership import Ownership, Receipt
from portfolio.models.plan import Plan, PlanStep
from portfolio.models.renewal import Renewal
from portfolio.models.report import ReportDelivery, ReportRecipient, ReportSchedule
from portfolio.models.task import Goal, Task
from portfolio.models.work import Interaction, Visit, VisitEdit, VisitPhoto

__all__ = [
    "Goal",
    "Interaction",
    "KeptFigures",
    "Ownership",
    "Plan",
    "PlanStep",
    "Receipt",
    "Renewal",
    "ReportDelivery",
    "ReportRecipient",
    "ReportSchedule",
    "Task",
    "Visit",
    "VisitEdit",
    "VisitPhoto",
]

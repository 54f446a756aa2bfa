"""What hangs on a representative beside the clients, and goes along when they leave."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q, Sum

from accounts.models import Representative
from clients.models import Client, Contact, Opportunity
from portfolio.models import Task, Visit


@dataclass(frozen=True)
class Along:
    """Counts of what goes to the receivers; ``loose_tasks`` have no client and go to who confirms. Money in cents."""

    clients: int
    net_cents: int
    contacts: int
    opportunities: int
    opportunity_cents: int
    tasks: int
    loose_tasks: int
    visits: int


def carried_along(leaver: Representative, *, today: date) -> Along:
    """What the leaver's clients, agenda and sign-in hold on that day; five queries."""
    clients = Client.objects.filter(representative=leaver, discarded_on=None)
    totals = clients.aggregate(n=Count("pk"), net=Sum("activity__net_12m_cents"))
    sales = Opportunity.objects.filter(client__in=clients, closed_on=None).aggregate(n=Count("pk"), value=Sum("value_cents"))
    tasks = {"all": 0, "loose": 0}
    if leaver.membership_id:
        waiting = Task.objects.filter(owner_id=leaver.membership_id, done_at=None, cancelled_at=None)
        tasks = waiting.aggregate(all=Count("pk"), loose=Count("pk", filter=Q(client=None)))
    visits = Visit.objects.filter(representative=leaver, visited_at=None, cancelled_at=None, planned_on__gte=today)
    return Along(
        clients=totals["n"],
        net_cents=totals["net"] or 0,
        contacts=Contact.objects.filter(client__in=clients).count(),
        opportunities=sales["n"],
        opportunity_cents=sales["value"] or 0,
        tasks=tasks["all"] - tasks["loose"],
        loose_tasks=tasks["loose"],
        visits=visits.count(),
    )

"""Why clients stopped buying, as far as somebody said."""

from datetime import date, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet

from clients.models import Client, ClientStop
from clients.selectors.lifecycle import Limits


def stop_of(client: Client, *, last_on: date | None) -> ClientStop | None:
    """What was said of the client's silence since ``last_on``, with who said it; one query, none for a client that never bought."""
    if last_on is None:
        return None
    return ClientStop.objects.filter(client_id=client.pk, silent_since=last_on).select_related("by").first()


def is_lost_by_hand(client: Client, *, last_on: date | None) -> bool:
    """Whether a person declared the client lost and no order came since; no query."""
    if client.discarded_on is not None or client.lost_silence is None or last_on is None:
        return False
    return last_on <= client.lost_silence


def silent_clients(clients: QuerySet[Client], *, as_of: date, limits: Limits) -> QuerySet[Client]:
    """Those of ``clients`` that are inactive or lost on ``as_of``; ``on`` is the day of their last order."""
    silent = clients.filter(discarded_on=None, activity__last_on__lte=as_of - timedelta(days=limits.inactive))
    return silent.annotate(on=F("activity__last_on"))


def stopped_untold(clients: QuerySet[Client], *, as_of: date, limits: Limits) -> QuerySet[Client]:
    """Those of them while nobody said why."""
    told = ClientStop.objects.filter(client=OuterRef("pk"), silent_since=OuterRef("activity__last_on"))
    return silent_clients(clients, as_of=as_of, limits=limits).filter(~Exists(told))

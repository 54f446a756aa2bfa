"""Which clients have a contract about to end that waits to be renewed: asked here, answered by the app above that knows (portfolio).

What was said about a renewal stands above the clients; so the portfolio registers its answer from its ``ready``.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet

Source = Callable[[date, int], QuerySet[Any]]  # as_of, days -> ids of clients
_sources: list[Source] = []


def renewals_from(source: Source) -> Source:
    """Register who knows; once per app, from its ``ready``."""
    if source not in _sources:
        _sources.append(source)
    return source


def renewing(*, as_of: date, within: int) -> Q:
    """Clients with a contract that ends within so many days and waits to be renewed."""
    found = Q(pk__in=[])
    for source in _sources:
        found |= Q(pk__in=source(as_of, within))
    return found

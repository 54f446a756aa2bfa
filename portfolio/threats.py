"""Who may take a client away, and by when: asked here by the day's page, answered by the app above that knows (rotation).

The order of the apps forbids this one to read the rotation's warnings; so the rotation registers a source from its ``ready``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from accounts.models import Membership


@dataclass(frozen=True)
class Threat:
    """A client its representative is about to lose: the first day somebody else may get it, by which rule, what stops it."""

    client_id: int
    due_on: date
    rule: str
    stopped_by: str  # a sentence in the reader's language


Source = Callable[[Membership], Sequence[Threat]]
_sources: list[Source] = []


def threats_from(source: Source) -> Source:
    """Register who knows; once per app, from its ``ready``."""
    if source not in _sources:
        _sources.append(source)
    return source


def threats_to(member: Membership) -> list[Threat]:
    """The member's own clients that may leave, soonest first; as many queries as there are sources."""
    return sorted((threat for source in _sources for threat in source(member)), key=lambda threat: (threat.due_on, threat.client_id))

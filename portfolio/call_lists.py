"""Lists of clients somebody is to contact, named on the page of tasks; the app above that makes them (rotation) registers its source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accounts.models import Membership


@dataclass(frozen=True)
class CallList:
    """One list: its name, its place below ``/o/<slug>/``, and how many clients of it wait for the member."""

    name: str
    path: str
    n: int


Source = Callable[[Membership], Sequence[CallList]]
_sources: list[Source] = []


def call_lists_from(source: Source) -> Source:
    """Register who knows; once per app, from its ``ready``."""
    if source not in _sources:
        _sources.append(source)
    return source


def call_lists_of(member: Membership) -> list[CallList]:
    """The lists that ask something of the member; as many queries as there are sources."""
    return [each for source in _sources for each in source(member)]

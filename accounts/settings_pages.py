"""The sections of the settings: each app registers its own from its ``ready``; the index shows them all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

Said = Callable[[HttpRequest], str]


@dataclass(frozen=True)
class SectionLink:
    """One section of the index: its page below ``/o/<slug>/``, its words, and what it says now in one line."""

    path: str
    title: Any
    text: Any
    icon: str
    said: Said | None = None
    place: int = 50


_sections: dict[str, SectionLink] = {}


def section(link: SectionLink) -> None:
    """Show the section in the index of settings."""
    _sections[link.path] = link


def sections() -> list[SectionLink]:
    """Every section, in the order of the index."""
    return sorted(_sections.values(), key=lambda each: (each.place, each.path))

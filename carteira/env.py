"""The one place that reads the process environment, and says plainly what is missing or malformed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_REQUIRED = object()


def boolean(text: str) -> bool:
    """``true/1/yes/on`` or ``false/0/no/off``, in any case."""
    word = text.strip().lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off", ""}:
        return False
    raise ValueError("use true or false")


def words(text: str) -> list[str]:
    """A comma-separated list, blanks dropped."""
    return [word.strip() for word in text.split(",") if word.strip()]


def one_of(*choices: str) -> Callable[[str], str]:
    """One of a few words, in any case."""

    def cast(text: str) -> str:
        word = text.strip().lower()
        if word not in choices:
            raise ValueError(f"use {' or '.join(choices)}")
        return word

    return cast


def env(name: str, default: Any = _REQUIRED, *, cast: Callable[[str], Any] = str) -> Any:
    """The variable ``name``, or the content of the file that ``<name>_FILE`` names (a mounted secret).

    Raises
    ------
    ImproperlyConfigured
        The variable is missing and has no default, its file cannot be read, or ``cast`` refuses it.
    """
    text = os.environ.get(name)
    path = os.environ.get(f"{name}_FILE")
    if text is None and path:
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error
    if text is None:
        if default is _REQUIRED:
            raise ImproperlyConfigured(f"Set {name} (or {name}_FILE): it has no default. See the README's table.")
        text = default
    if not isinstance(text, str):
        return text
    try:
        return cast(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is malformed: {error}.") from error


def database(url: str) -> dict[str, Any]:
    """A ``postgresql://user:password@host:port/name?option=value`` address as Django's settings want it.

    A ``host`` given as an option wins, so that a socket directory can be named.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ValueError("expected postgresql://user:password@host:port/name")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "carteira.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": options.pop("port", None) or (str(parts.port) if parts.port else ""),
        "OPTIONS": options,
    }

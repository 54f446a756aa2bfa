"""How a log line is written: numbers and names of code, so that no file of logs ever holds a person's data.

What comes from outside (texts of exceptions, what libraries fill into their sentences) is left out rather than searched
for names: an exception shows as its type and its place, a database's error as its code and the constraint it broke.
"""

import json
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import redis
from django.core.exceptions import ImproperlyConfigured

from accounts.log_context import log_fields

BASE = f"{Path(__file__).resolve().parent.parent}/"
OURS = {"accounts", "clients", "portfolio", "rotation", "carteira", "demo"}
# What these say is about machines: addresses, queues, processes.
MACHINERY = ("celery.worker", "celery.beat", "celery.apps", "kombu")
# Texts of these are about the installation, and without them nobody finds what is wrong with it.
PLAIN = (ImproperlyConfigured, ImportError, redis.ConnectionError, redis.TimeoutError)
HIDDEN = "…"
_SAFE_NAMES = {"name", "id", "hostname", "description", "runtime"}  # what celery.app.trace fills in by name, but for values
_SIGNAL = re.compile(r"SIG[A-Z0-9]+")
# The belt to those braces: what looks like personal data or a query string, whoever wrote it.
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|\b[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d{2}\b|\b\d{3}\.\d{3}\.\d{3}-\d{2}\b|\b\d{14}\b"
    r"|(?<=\?)[^\s?]+=[^\s]*"
)
_MOST_FRAMES = 30


class JsonFormatter(logging.Formatter):
    """One JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"time": at, "level": record.levelname.lower(), "logger": record.name, "message": message_of(record), **fields_of(record)}
        if error := _error(record):
            line["error"], line["traceback"] = describe(error), list(trace(error))
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


class TextFormatter(logging.Formatter):
    """The same for a person at a terminal, who is spared the time; with ``texts`` (DEBUG) exceptions in full."""

    def __init__(self, *args: Any, texts: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.texts = texts

    def format(self, record: logging.LogRecord) -> str:
        fields = fields_of(record)
        known = "".join(f" {name}={value}" for name, value in fields.items() if name != "task_id")
        line = f"{record.levelname.lower():<7} {message_of(record)}{known}"
        if error := _error(record):
            places = traceback.format_exception(error) if self.texts else [f"        {place}\n" for place in trace(error)]
            line += "\n" + "".join(places).rstrip("\n")
        return line


class NoRoutine(logging.Filter):
    """Leaves out what happens all the time and went well: static files, health checks, ticks."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(record, "routine", False)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The numbers the line itself brings, then those of the work at hand."""
    own = getattr(record, "fields", {})
    return {name: value for name, value in {**own, **log_fields(), **own}.items() if value is not None}


def message_of(record: logging.LogRecord) -> str:
    """What the line says, without values that came from outside.

    Our own lines are written with ids only, so they stay. A library's sentence stays too, but of what it fills in only numbers,
    unless it speaks of machines; a sentence it put together beforehand ends at its first colon.
    """
    text, error = str(record.msg), _error(record)
    trusted = record.name.partition(".")[0] in OURS or record.name.startswith(MACHINERY)
    trusted = trusted or (record.name == "gunicorn.error" and record.levelno <= logging.INFO)
    if isinstance(record.msg, BaseException):
        text = describe(record.msg)
    elif record.args:
        args: Any = record.args
        if isinstance(args, Mapping):
            args = {name: _said(value, trusted or name in _SAFE_NAMES) for name, value in args.items()}
        else:
            args = tuple(_said(value, trusted) for value in args)
        try:
            text %= args
        except (TypeError, ValueError, KeyError):  # %d of what is hidden
            text = text.partition("%")[0] + HIDDEN
    elif not trusted:
        text = describe(error) if error else text.partition(":")[0]
    return _PERSONAL.sub(HIDDEN, text)


def _said(value: Any, trusted: bool) -> Any:
    if isinstance(value, BaseException):
        return describe(value)
    if trusted or value is None or isinstance(value, int | float) or (isinstance(value, str) and _SIGNAL.fullmatch(value)):
        return value
    return HIDDEN


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def describe(error: BaseException) -> str:
    """An exception in a word or two, without its text: that may quote a row, a cell, a form."""
    said = [type(error).__name__]
    code = getattr(type(error), "code", None)  # of our refusals: part of the API
    if isinstance(code, str):
        said.append(code)
    for cause in (error, error.__cause__):
        if isinstance(cause, psycopg2.Error):
            if cause.pgcode is None and isinstance(cause, psycopg2.OperationalError | psycopg2.InterfaceError):
                said.append(str(cause).partition("\n")[0])  # the driver's own: there is no server, so no row either
            named = (cause.diag.table_name, cause.diag.column_name, cause.diag.constraint_name)
            said += [cause.pgcode or "", *(name for name in named if name)]
            break
    if isinstance(error, PLAIN):
        said.append(str(error))
    elif isinstance(error, OSError) and error.strerror:
        said.append(error.strerror)
    return _PERSONAL.sub(HIDDEN, " ".join(word for word in said if word))


def trace(error: BaseException) -> Iterator[str]:
    """Where it was raised, the last call first, then the same of what caused it."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        yield f"{'caused by ' if seen else ''}{describe(each)}"
        seen.add(id(each))
        for frame in reversed(traceback.extract_tb(each.__traceback__)[-_MOST_FRAMES:]):
            place = frame.filename.removeprefix(BASE).rpartition("site-packages/")[2]
            yield f"  {place}:{frame.lineno} {frame.name}"
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)

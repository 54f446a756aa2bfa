"""The numbers of the work at hand, a request's or a task's, which every log line written meanwhile carries."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from accounts.request_id import current_request_id

_request: ContextVar[HttpRequest | None] = ContextVar("logged_request", default=None)
_task: ContextVar[Mapping[str, Any] | None] = ContextVar("logged_task", default=None)


def log_fields() -> dict[str, Any]:
    """What the line being written belongs to: ids and names of code only, and only those that are known."""
    request = _request.get()
    fields: dict[str, Any] = {"request_id": current_request_id()} | (request_fields(request) if request else {}) | dict(_task.get() or {})
    return {name: value for name, value in fields.items() if value not in (None, "")}


def request_fields(request: HttpRequest) -> dict[str, Any]:
    """Route, organization, membership and run of a request, as far as it came; never its path, which may hold a token."""
    match = request.resolver_match
    organization, membership = getattr(request, "organization", None), getattr(request, "membership", None)
    return {
        "route": (match.view_name or match.route) if match else None,
        "organization_id": organization and organization.id,
        "membership_id": membership and membership.id,
        "run": match.kwargs.get("run") if match else None,
    }


def route_of(request: HttpRequest) -> str | None:
    """The name of the page asked for, also where a middleware answered before the page was looked for."""
    if request.path_info.startswith(settings.STATIC_URL):
        return "static"
    try:
        match = request.resolver_match or resolve(request.path_info)
    except Resolver404:
        return None
    return match.view_name or match.route


@contextmanager
def logging_request(request: HttpRequest) -> Iterator[None]:
    """Lines written inside belong to this request."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def begin_task(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Lines from now on belong to this task; what they belonged to before, for ``end_task``."""
    before = _task.get()
    _task.set(fields)
    return before


def end_task(before: Mapping[str, Any] | None) -> None:
    """Lines from now on belong to what they belonged to before."""
    _task.set(before)

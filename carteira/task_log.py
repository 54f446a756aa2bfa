"""Two log lines for each task, when it begins and when it ends, with its ids; and the request that sent it, if one did."""

import inspect
import logging
import time
from collections.abc import Mapping
from typing import Any

from celery import signals

from accounts.log_context import begin_task, end_task, log_fields

logger = logging.getLogger("carteira.tasks")

ROUTINE_MS = 1000
_running: dict[str, tuple[float, Mapping[str, Any], Mapping[str, Any] | None]] = {}


@signals.before_task_publish.connect
def _sent(headers: dict[str, Any] | None = None, **_: Any) -> None:
    request_id = log_fields().get("request_id")
    if headers is not None and request_id:
        headers["request_id"] = request_id


@signals.task_prerun.connect
def _begins(task_id: str, task: Any, args: Any = (), kwargs: Any = None, **_: Any) -> None:
    fields = {"task": task.name, "task_id": task_id, "request_id": task.request.get("request_id"), **ids_of(task, args, kwargs or {})}
    _running[task_id] = time.perf_counter(), fields, begin_task(fields)
    logger.info("task begins", extra={"routine": True})


@signals.task_postrun.connect
def _ends(task_id: str, task: Any, retval: Any = None, state: str = "", **_: Any) -> None:
    began, fields, before = _running.pop(task_id)
    try:
        ms, failed = round((time.perf_counter() - began) * 1000), state == "FAILURE"
        # A tick that found nothing to do is no news to a person; a machine gets them all.
        routine = not failed and "organization_id" not in fields and ms < ROUTINE_MS
        error = {"error": type(retval).__name__} if failed else {}
        extra = {"fields": {"state": state.lower(), "ms": ms, **error}, "routine": routine}
        logger.log(logging.ERROR if failed else logging.INFO, "task ends", extra=extra)
    finally:
        end_task(before)


def ids_of(task: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, int]:
    """The whole numbers among a task's arguments, by their names; ``run_id`` as ``run``. Nothing else of them is logged."""
    try:
        given = inspect.signature(task.run).bind_partial(*args, **kwargs).arguments
    except TypeError:  # it will be refused, and say so itself
        given = dict(kwargs)
    return {"run" if name == "run_id" else name: value for name, value in given.items() if name.endswith("_id") and type(value) is int}

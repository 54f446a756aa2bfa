"""One log line for each request: which page, how it ended, what it cost, and for whom, in numbers."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse

from accounts.log_context import logging_request, route_of

logger = logging.getLogger("carteira.access")

ROUTINE = {"static", "healthz", "readyz"}


class QueryCount:
    """Counts what is sent to the database while it wraps a connection."""

    def __init__(self) -> None:
        self.queries = 0

    def __call__(self, execute: Callable, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.queries += 1
        return execute(sql, params, many, context)


class AccessLogMiddleware:
    """Writes the line of each request. A streamed answer is timed up to its first byte."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began, count = time.perf_counter(), QueryCount()
        with logging_request(request):
            with connection.execute_wrapper(count):
                response = self.get_response(request)
            status, route = response.status_code, route_of(request)
            cost = {"status": status, "ms": round((time.perf_counter() - began) * 1000), "queries": count.queries}
            fields = {"method": request.method, "route": route, **cost}
            level = logging.ERROR if status >= 500 else logging.INFO
            logger.log(level, "request", extra={"fields": fields, "routine": route in ROUTINE and status < 400})
        return response

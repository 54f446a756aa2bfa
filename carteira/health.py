"""Whether this process lives, and whether the installation can serve. The answers carry no detail an outsider could use."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.tenancy.checks import role_faults
from carteira.heartbeat import SILENCE_SECONDS, seconds_silent

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 1.0
# The first release of each major version without a known hole that a bound role could use.
MINOR_FLOOR = {17: 170007, 18: 180001}


@require_GET
@never_cache
@transaction.non_atomic_requests
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_GET
@never_cache
@transaction.non_atomic_requests  # a database that is gone must be an answer here, not an error
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when every part answers within a second, else 503 naming the parts that do not."""
    checks: dict[str, Callable[[], bool]] = {
        "database": _database_serves,
        "migrations": _migrations_at_head,
        "redis": _redis_answers,
        "beat": lambda: _heart_beats("beat"),
        "sweeper": lambda: _heart_beats("sweeper"),
    }
    with_threads = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="readyz")
    tasks = {name: with_threads.submit(_quietly, name, check) for name, check in checks.items()}
    wait(tasks.values(), timeout=BUDGET_SECONDS)
    with_threads.shutdown(wait=False)
    result = {name: "ok" if task.done() and task.result() else "fail" for name, task in tasks.items()}
    ready = set(result.values()) == {"ok"}
    return JsonResponse({"ready": ready, "checks": result}, status=200 if ready else 503)


def _quietly(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:
        logger.warning("readyz: %s does not answer", name, exc_info=True)
        return False
    finally:
        connection.close()  # of this check's own thread


def _database_serves() -> bool:
    """The server is recent enough, and its role cannot see over the walls."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        version = cursor.fetchone()[0]
    major = version // 10_000
    return major >= min(MINOR_FLOOR) and version >= MINOR_FLOOR.get(major, 0) and not role_faults()


def _migrations_at_head() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        return _migrations_on_disk() <= set(cursor.fetchall())


@lru_cache(maxsize=1)
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _redis_answers() -> bool:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=BUDGET_SECONDS, socket_connect_timeout=BUDGET_SECONDS) as client:
        return bool(client.ping())


def _heart_beats(name: str) -> bool:
    return seconds_silent(settings.REDIS_URL, name) < SILENCE_SECONDS

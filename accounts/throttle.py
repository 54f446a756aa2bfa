"""Counting tries: atomically in Redis, in the database while Redis is gone. A limit delays, it never locks for good."""

import hashlib
import logging
from functools import lru_cache

import redis
from django.conf import settings
from django.db import connection, transaction

logger = logging.getLogger(__name__)

# INCR and EXPIRE in one step: a counter without an end would be a permanent lock.
_COUNT = "local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n"


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


def tries(name: str, *, window_seconds: int) -> int:
    """Count one try of ``name`` and return how many the present window has seen, this one included."""
    key = "throttle:" + hashlib.sha256(name.encode()).hexdigest()[:40]
    try:
        return int(_redis().eval(_COUNT, 1, f"carteira:{key}", window_seconds))
    except redis.RedisError:
        logger.warning("throttle: Redis does not answer; counting in the database")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO accounts_throttlecounter (key, started_at, tries) VALUES (%s, now(), 1)
               ON CONFLICT (key) DO UPDATE SET
                 tries = CASE WHEN accounts_throttlecounter.started_at < now() - make_interval(secs => %s)
                              THEN 1 ELSE accounts_throttlecounter.tries + 1 END,
                 started_at = CASE WHEN accounts_throttlecounter.started_at < now() - make_interval(secs => %s)
                              THEN now() ELSE accounts_throttlecounter.started_at END
               RETURNING tries""",
            [key, window_seconds, window_seconds],
        )
        return cursor.fetchone()[0]


def forget(name: str) -> None:
    """A success ends the count of ``name``."""
    key = "throttle:" + hashlib.sha256(name.encode()).hexdigest()[:40]
    try:
        _redis().delete(f"carteira:{key}")
    except redis.RedisError:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_throttlecounter WHERE key = %s", [key])

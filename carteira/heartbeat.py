"""``python -m carteira.heartbeat beat``: exit 0 when that part was alive within three minutes (a container's health check)."""

import sys
import time

import redis

from carteira.env import env

HEARTBEAT = "carteira:heartbeat:"
SILENCE_SECONDS = 180


def note(url: str, name: str) -> None:
    """Note that ``name`` (beat, sweeper) is alive just now."""
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        client.set(HEARTBEAT + name, int(time.time()), ex=3600)


def seconds_silent(url: str, name: str) -> float:
    """Seconds since ``name`` was last alive; infinity when nothing is known of it."""
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        noted = client.get(HEARTBEAT + name)
    return float("inf") if noted is None else time.time() - int(noted)


if __name__ == "__main__":
    try:
        silent = seconds_silent(env("REDIS_URL"), sys.argv[1])
    except redis.RedisError as error:
        sys.exit(f"Redis does not answer: {error}")
    sys.exit(0 if silent < SILENCE_SECONDS else f"{sys.argv[1]} has been silent for {silent:.0f} s")

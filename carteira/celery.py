"""Celery: late acknowledgement, one task at a time, nothing precious in Redis."""

import contextlib
import logging.config
import os
import warnings
from typing import Any

import redis
from celery import Celery, signals
from celery.platforms import SecurityWarning
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")

# It warns that root plus pickled messages is dangerous; ours are JSON, and nothing else is accepted.
warnings.filterwarnings("ignore", category=SecurityWarning)

# Longer than any task may live (time_limit 300 s), so a task that still runs is never handed out a second time.
VISIBILITY = {"visibility_timeout": 900}
# A Redis that takes connections and answers nothing must not hold whoever pressed a button: the row is written, a sweep sends it.
PATIENCE = {"socket_timeout": 2, "socket_connect_timeout": 1}
SWEEPER = "rotation.tasks.sweep"


def broker_url(url: str) -> str:
    """The same Redis in the words Celery knows: a socket is ``redis+socket://`` there, its database ``virtual_host``."""
    if url.startswith("unix://"):
        return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)
    return url


def schedule(beat: dict[str, float | str]) -> dict[str, dict[str, Any]]:
    """Celery's schedule from ``{task name: seconds between two, or "HH:MM" in UTC for once a day}``."""
    entries: dict[str, dict[str, Any]] = {}
    for task, when in beat.items():
        if isinstance(when, str):
            hour, minute = (int(part) for part in when.split(":"))
            entries[task] = {"task": task, "schedule": crontab(hour=hour, minute=minute), "options": {"expires": 6 * 3600}}
        else:
            # A worker that was away must not find hours of ticks: each is void when the next is due.
            entries[task] = {"task": task, "schedule": float(when), "options": {"expires": float(when)}}
    return entries


class CarteiraCelery(Celery):
    """Settings are read when first needed, so that importing this module needs no environment."""

    def on_configure(self) -> None:
        from django.conf import settings

        from carteira import task_log  # noqa: F401  (connects its receivers, before anything is sent or run)

        self.conf.update(
            broker_url=broker_url(settings.REDIS_URL),
            beat_schedule=schedule(settings.BEAT),
            beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
        )


app = CarteiraCelery("carteira")
app.conf.update(
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1},
    task_ignore_result=True,
    result_backend=None,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    # Attempts are counted in the row: a task that kills its worker must not come back for ever.
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    task_soft_time_limit=240,
    task_time_limit=300,
    broker_transport_options={**VISIBILITY, **PATIENCE, "unacked_restore_throttle": 1, "global_keyprefix": "carteira:"},
    result_backend_transport_options=VISIBILITY,
    visibility_timeout=900,
    broker_connection_retry_on_startup=True,
    task_default_queue="interactive",
    task_routes={
        "rotation.tasks.*": {"queue": "rotation"},
        "clients.tasks.*": {"queue": "imports"},
        "portfolio.tasks.*": {"queue": "imports"},
        "accounts.tasks.verify_trail": {"queue": "imports"},  # reads a whole history: mail must not wait for it
        "accounts.tasks.compose_export": {"queue": "imports"},  # and nor must it wait for a long list
        "accounts.tasks.*": {"queue": "mail"},
    },
    task_create_missing_queues=True,
    timezone="UTC",
    worker_hijack_root_logger=False,
)
app.autodiscover_tasks(["accounts", "clients", "portfolio", "rotation"])


@signals.setup_logging.connect
def _set_up_logging(loglevel: int | None = None, **_: Any) -> None:
    """Lines are written as the web process writes them; ``--loglevel`` says how much Celery itself adds to ours."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
    if loglevel:
        logging.getLogger().setLevel(loglevel)


@signals.celeryd_init.connect
def _worker_waits(conf: Any, **_: Any) -> None:
    """Nobody waits for a worker, which asks for work a second at a time: it must not take a slow answer for a lost connection."""
    conf.broker_transport_options = {name: value for name, value in conf.broker_transport_options.items() if name not in PATIENCE}


@signals.beat_init.connect
def _beat_begins(**_: Any) -> None:
    # Only beat's own messages are its heartbeat; web and workers send tasks too.
    signals.after_task_publish.connect(_beat_sent, weak=False)


def _beat_sent(**_: Any) -> None:
    beat_heart("beat")


@signals.task_success.connect
def _task_done(sender: Any = None, **_: Any) -> None:
    if sender is not None and sender.name == SWEEPER:
        beat_heart("sweeper")


def beat_heart(name: str) -> None:
    """Note that ``name`` (beat, sweeper) was alive just now; /readyz reads it."""
    from django.conf import settings

    from carteira.heartbeat import note  # not above: python -m carteira.heartbeat would meet itself already imported

    with contextlib.suppress(redis.RedisError):  # /readyz says so by itself: the heartbeat grows old
        note(settings.REDIS_URL, name)

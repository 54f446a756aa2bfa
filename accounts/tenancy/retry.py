"""Repeating a unit of work that the database asked to repeat: a deadlock, a lost race, a connection that went away."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import connections
from django.db.utils import InterfaceError, OperationalError

T = TypeVar("T")

# serialization_failure, deadlock_detected, lock_not_available
CONFLICTS = {"40001", "40P01", "55P03"}
# Connection exceptions, shutdown, crash, starting up: the server goes away and comes back.
GONE = ("08", "57P01", "57P02", "57P03")
ATTEMPTS = 5


def retried(work: Callable[[], T], *, using: str = "default", pause: float = 0.05, sleep: Callable[[float], None] = time.sleep) -> T:
    """What ``work`` returns; after a conflict or a lost connection it is called again, five times in all.

    ``work`` must be one whole transaction: what it did before failing was rolled back. Pauses double and carry jitter,
    so that two workers that collided do not collide again; a server that went away is given ten times as long.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            code = getattr(error.__cause__, "pgcode", None)
            gone = code is None or code.startswith(GONE)
            if attempt == ATTEMPTS or not (gone or code in CONFLICTS):
                raise
            if gone:
                connections[using].close()
            sleep(pause * (10 if gone else 1) * 2**attempt * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable")

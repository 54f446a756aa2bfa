"""Who uses, starts and keeps the embedded servers: file locks, which the kernel drops however a process ends."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def lock_file(data: Path, name: str) -> int:
    """An open descriptor of one of the lock files ``start``, ``use`` and ``keeper``."""
    return os.open(data / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def try_lock(descriptor: int, kind: int) -> bool:
    """Whether the lock was free to take."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def keeper_lives(data: Path) -> bool:
    """Whether a keeper holds the servers of ``data``."""
    descriptor = lock_file(data, "keeper")
    try:
        # Shared, so that two processes asking at once do not take each other for the keeper.
        return not try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def starting(data: Path) -> Iterator[None]:
    """Only one process at a time starts or stops the servers."""
    descriptor = lock_file(data, "start")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

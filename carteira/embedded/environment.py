"""Filling in the server addresses that the environment leaves open."""

import atexit
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from carteira.embedded.cluster import is_for_tests, read_secrets
from carteira.embedded.errors import EmbeddedError
from carteira.embedded.locks import keeper_lives, lock_file, starting, try_lock
from carteira.embedded.places import REPOSITORY, Places, data_folder, find_places

DATABASE_NAMES = ("DATABASE_URL", "DATABASE_OWNER_URL")


def ensure_environment(*, testing: bool = False) -> None:
    """Make sure DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL and SECRET_KEY are set, starting servers where none is named.

    Servers that run already for the same data folder are used; those this call started end with their last user.
    What cannot be done ends the process with code 1 and one sentence.
    """
    try:
        _ensure(testing=testing)
    except EmbeddedError as error:
        sys.exit(str(error))
    except OSError as error:  # a full or broken disk, a file in the way
        sys.exit(f"The embedded servers cannot be started in {data_folder()}: {error.filename or 'the system'} says: {error.strerror}.")


def _named(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def _ensure(*, testing: bool) -> None:
    databases = [name for name in DATABASE_NAMES if _named(name)]
    if len(databases) == 1:
        (missing,) = set(DATABASE_NAMES) - set(databases)
        raise EmbeddedError(f"{databases[0]} is set but {missing} is not: name both roles of your own server, or neither.")
    if databases and _named("REDIS_URL"):
        return  # every server is the person's own, and so is SECRET_KEY
    data = data_folder()
    hold = Hold(data)
    values = hold.take(testing=testing)
    atexit.register(hold.release)
    places = hold.places
    if not databases:
        os.environ["DATABASE_URL"] = database_url(places, "app", values)
        os.environ["DATABASE_OWNER_URL"] = database_url(places, "owner", values)
    if not _named("REDIS_URL"):
        os.environ["REDIS_URL"] = f"unix://:{values['redis']}@{quote(str(places.redis_socket))}?db=0"
    if not _named("SECRET_KEY"):
        os.environ["SECRET_KEY"] = values["secret_key"]
    os.environ["CARTEIRA_DATA"] = str(data)


def database_url(places: Places, role: str, values: dict[str, str], database: str = "carteira") -> str:
    """The address of ``database`` for the role ``app``, ``owner`` or ``backup``."""
    return f"postgresql://carteira_{role}:{values[role]}@/{database}?host={quote(str(places.run), safe='')}&port=5432"


class Hold:
    """One process's claim on the embedded servers of a data folder."""

    def __init__(self, data: Path):
        self.data = data
        self.process = os.getpid()
        self.descriptor: int | None = None
        self.places: Places

    def take(self, *, testing: bool = False) -> dict[str, str]:
        """Attach to the servers, starting them if nobody has; returns their passwords.

        Raises
        ------
        EmbeddedError
            They cannot be started; nothing is held then.
        """
        self.places = find_places(self.data)
        try:
            descriptor = lock_file(self.data, "use")
        except PermissionError as error:
            sentence = f"{self.data} belongs to another account; run as that account, or set CARTEIRA_DATA to a folder of your own."
            raise EmbeddedError(sentence) from error
        try:
            with starting(self.data):
                values = read_secrets(self.places)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if not keeper_lives(self.data):
                    _start_keeper(self.data, self.places, testing=testing)
                if testing != is_for_tests(self.places):
                    kind, cure = ("tests", "data") if is_for_tests(self.places) else ("data", "tests")
                    raise EmbeddedError(f"{self.data} was made for {kind}; set CARTEIRA_DATA to another folder for {cure}.")
        except BaseException:
            os.close(descriptor)
            raise
        self.descriptor = descriptor
        return values

    def release(self) -> None:
        """Let go; the last one to do so waits until the servers have ended."""
        if self.descriptor is None or os.getpid() != self.process:  # a forked child must not speak for its parent
            return
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        deadline, refused = time.monotonic() + 90, 0
        while keeper_lives(self.data) and time.monotonic() < deadline:
            if try_lock(self.descriptor, fcntl.LOCK_EX):
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)
                refused = 0
            else:
                # Once may be the keeper, or another leaver, asking this same question; several times is a user.
                refused += 1
                if refused == 5:
                    break
            time.sleep(0.02)
        os.close(self.descriptor)
        self.descriptor = None


def _start_keeper(data: Path, places: Places, *, testing: bool) -> None:
    reading, writing = os.pipe()
    with open(places.logs / "keeper.log", "ab") as log:
        command = [sys.executable, "-m", "carteira.embedded.keeper", str(data), "testing" if testing else "lasting", str(writing)]
        keeper = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    try:
        with open(reading, encoding="utf-8") as answers:
            answer = answers.readline().strip()
    except BaseException:  # Ctrl-C while the servers start: take them along
        keeper.terminate()
        keeper.wait(60)
        raise
    if answer != "ready":
        keeper.wait(60)
        raise EmbeddedError(answer or f"The embedded servers did not start; see {places.logs / 'keeper.log'}.")

"""The process that holds the embedded servers for as long as anybody uses them.

Every command that needs the servers holds a shared lock on one file. The kernel drops such a lock however its process
ends, SIGKILL included, so the keeper needs no list of users: when it can take the lock alone, nobody is left and it
stops the servers. It lives in its own session, so a Ctrl-C meant for a command does not reach the servers first.
"""

import contextlib
import fcntl
import itertools
import os
import signal
import sys
import time
from pathlib import Path

from carteira.embedded.cluster import ensure_cluster, read_secrets
from carteira.embedded.errors import EmbeddedError
from carteira.embedded.locks import lock_file, starting, try_lock
from carteira.embedded.places import Places, find_places
from carteira.embedded.servers import Postgres, Redis, Server

PULSE = 0.1
LOOK_EVERY = 10  # pulses: a server that ended by itself is found within a second; asked ten times a second, it was a hundredth of a core
RESTARTS = 5
STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def make_servers(places: Places) -> list[Server]:
    """Both servers, not started."""
    return [Postgres(places), Redis(places, read_secrets(places)["redis"])]


def keep(data: Path, *, testing: bool, report: int) -> None:
    """Start the servers, say ``ready`` (or the sentence why not) on ``report``, and stay until nobody uses them."""
    mine = lock_file(data, "keeper")
    fcntl.flock(mine, fcntl.LOCK_EX)
    servers: list[Server] = []
    for sign in STOP:  # until the servers run, being told to stop undoes what has begun
        signal.signal(sign, lambda number, frame: sys.exit(1))
    try:
        places = find_places(data)
        ensure_cluster(places, read_secrets(places), testing=testing)
        servers = make_servers(places)
        for server in servers:
            if server.process() is None:
                server.start()
    except (EmbeddedError, SystemExit) as error:
        for server in servers:
            server.stop()
        if isinstance(error, SystemExit):
            raise
        _answer(report, str(error))
        return
    _answer(report, "ready")
    _stay(data, servers)


def _answer(report: int, text: str) -> None:
    # Whoever asked may have been killed meanwhile; then nobody holds the lock either, and the servers end at once.
    with contextlib.suppress(BrokenPipeError):
        os.write(report, f"{text}\n".encode())
    os.close(report)


def _stay(data: Path, servers: list[Server]) -> None:
    asked_to_stop: list[int] = []
    for sign in STOP:
        signal.signal(sign, lambda number, frame: asked_to_stop.append(number))
    use, restarts = lock_file(data, "use"), 0
    for pulse in itertools.count(1):
        time.sleep(PULSE)
        if asked_to_stop or try_lock(use, fcntl.LOCK_EX):
            fcntl.flock(use, fcntl.LOCK_UN)
            # Asked again under the lock that starters hold: one may have come in between.
            with starting(data):
                if asked_to_stop or try_lock(use, fcntl.LOCK_EX):
                    fcntl.flock(use, fcntl.LOCK_UN)
                    for server in reversed(servers):
                        server.stop()
                    return
        for server in servers if pulse % LOOK_EVERY == 0 else ():
            if server.process() is None and restarts < RESTARTS:
                restarts += 1
                print(f"{server.name} ended by itself; starting it again", flush=True)  # noqa: T201
                with contextlib.suppress(EmbeddedError):
                    server.start()


def main() -> None:
    data, testing, report = Path(sys.argv[1]), sys.argv[2] == "testing", int(sys.argv[3])
    keep(data, testing=testing, report=report)


if __name__ == "__main__":
    main()

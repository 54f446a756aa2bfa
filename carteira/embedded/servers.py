"""Starting, recognising and stopping the two server processes."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

from carteira.embedded.errors import EmbeddedError
from carteira.embedded.places import Places

REDIS = """# Written by Carteira at every start.
port 0
unixsocket "{socket}"
unixsocketperm 700
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory 256mb
maxmemory-policy noeviction
daemonize no
"""


class Postgres:
    """The embedded PostgreSQL, known by its own ``postmaster.pid``."""

    name = "PostgreSQL"

    def __init__(self, places: Places):
        self.places = places
        self.log = places.logs / "postgres.log"

    def process(self) -> psutil.Process | None:
        """The running server of exactly this data directory, whoever started it."""
        return _alive(_postmaster(self.places)[0], "postgres", folder=self.places.cluster)

    def start(self) -> None:
        """Start it and wait until it takes connections (replaying what a crash left can take a while).

        Raises
        ------
        EmbeddedError
            It ended instead; the message holds its own last words.
        """
        # The old number may meanwhile belong to another program, and a copied folder names the server of its original;
        # PostgreSQL would take either for itself, still running.
        for left in (self.places.cluster / "postmaster.pid", self.places.postgres_socket, Path(f"{self.places.postgres_socket}.lock")):
            left.unlink(missing_ok=True)
        child = _spawn(self.places, [str(self.places.binaries / "bin" / "postgres"), "-D", str(self.places.cluster)], self.log)
        _wait_for(self, child, lambda: _postmaster(self.places) == (child.pid, "ready"), seconds=300)

    def stop(self) -> None:
        """End its sessions and shut down cleanly."""
        _end(self.process(), gently=signal.SIGINT, firmly=signal.SIGQUIT)


class Redis:
    """The embedded Redis, known by its process number beside its data."""

    name = "Redis"

    def __init__(self, places: Places, password: str):
        self.places = places
        self.password = password
        self.log = places.logs / "redis.log"
        self.pid_file = places.redis / "redis.pid"

    def process(self) -> psutil.Process | None:
        """The running server of exactly this folder, whoever started it."""
        return _alive(_number(self.pid_file), "redis-server", folder=self.places.redis)

    def start(self) -> None:
        """Start it and wait until it answers.

        A queue file damaged beyond what Redis mends alone is set aside: work that must not be lost is a row in the
        database first, and is sent again.

        Raises
        ------
        EmbeddedError
            It ended instead; the message holds its own last words.
        """
        try:
            self._start()
        except EmbeddedError:
            journal = self.places.redis / "appendonly.aof"
            if "Bad file format reading the append only file" not in _tail(self.log):
                raise
            journal.rename(journal.with_suffix(f".damaged-{int(time.time())}"))
            self._start()

    def _start(self) -> None:
        settings = self.places.redis / "redis.conf"
        settings.touch(mode=0o600)
        settings.write_text(REDIS.format(socket=self.places.redis_socket, password=self.password, folder=self.places.redis))
        self.places.account.own(settings)
        self.places.redis_socket.unlink(missing_ok=True)
        child = _spawn(self.places, [str(self.places.redis_server), str(settings)], self.log)
        self.pid_file.write_text(str(child.pid))
        _wait_for(self, child, self.answers, seconds=60)

    def answers(self) -> bool:
        """Whether it takes the password and replies to PING (it does not while still loading)."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            try:
                line.connect(str(self.places.redis_socket))
                line.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = line.recv(200)
                    if not part:
                        return False
                    answer += part
                return answer == b"+OK\r\n+PONG\r\n"
            except OSError:
                return False

    def stop(self) -> None:
        """Write what is pending and end."""
        _end(self.process(), gently=signal.SIGTERM, firmly=signal.SIGKILL)


Server = Postgres | Redis


def _spawn(places: Places, command: list[str], log: Path) -> subprocess.Popen:
    if log.exists() and log.stat().st_size > 20 * 1024**2:
        shutil.move(log, log.with_suffix(".log.1"))
    with open(log, "ab") as output:
        os.chmod(log, 0o600)
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **places.account.popen()
        )


def _wait_for(server: Server, child: subprocess.Popen, ready, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    try:
        while not ready():
            if child.poll() is not None:
                raise EmbeddedError(f"{server.name} did not start: {_last_words(server.log)}. The whole story is in {server.log}.")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{server.name} did not answer within {seconds:.0f} s; see {server.log}.")
            time.sleep(0.02)
    except BaseException:  # the keeper itself being told to stop included: nothing may outlive it
        child.terminate()
        child.wait(60)
        raise


def _postmaster(places: Places) -> tuple[int | None, str]:
    """Process number and state from postmaster.pid: lines one and eight."""
    try:
        lines = (places.cluster / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (OSError, ValueError, IndexError):
        return None, ""


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _alive(number: int | None, program: str, *, folder: Path) -> psutil.Process | None:
    # The number alone proves nothing after a crash: it may have been given to another program, or to the same program
    # of another checkout. Both servers work inside their own data folder, so that tells them apart.
    if number is None:
        return None
    try:
        process = psutil.Process(number)
        if process.status() != psutil.STATUS_ZOMBIE and process.name() == program and Path(process.cwd()) == folder.resolve():
            return process
    except psutil.Error:
        pass
    return None


def _end(process: psutil.Process | None, *, gently: signal.Signals, firmly: signal.Signals) -> None:
    if process is None:
        return
    for sign, seconds in ((gently, 60), (firmly, 10), (signal.SIGKILL, 10)):
        try:
            process.send_signal(sign)
            process.wait(seconds)
            return
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue


def _tail(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4000))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    grave = [line for line in lines[-12:] if "FATAL:" in line or "PANIC:" in line or "could not" in line]
    line = (grave or lines or ["it said nothing"])[-1]
    return line.split("FATAL:")[-1].strip().rstrip(".")

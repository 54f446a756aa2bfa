"""Everything Carteira runs, under one roof: the servers, web, workers and beat; one Ctrl-C ends them all (``make run``)."""

import errno
import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Printer

from carteira.embedded import ensure_environment
from carteira.embedded.places import REPOSITORY
from carteira.prepared import is_prepared

# A task may finish its slice before it is killed; what is cut off is found and finished by the sweeper.
honcho.manager.KILL_WAIT = 12
INTERRUPTED = 130


class Manager(honcho.manager.Manager):
    """honcho's manager, which may also be told to stop while it is still starting."""

    def _killall(self, force: bool = False) -> None:
        if self._all_started():
            super()._killall(force)
            return
        # A signal may have come while the loop was reading the events, and to read them here would wait for that reading:
        # it reads on, and the same is asked again when it has heard of a few more starts.
        self._terminating = False
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()


def address() -> tuple[str, int]:
    """Where to listen, from HOST and PORT.

    Raises
    ------
    SystemExit
        PORT is no port, or it is taken; the sentence says what to do.
    """
    host, text = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        sys.exit(f"PORT is {text!r}; give a number from 1 to 65535.")
    port = int(text)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does: a just-closed page is no obstacle
            probe.bind((host, port))
    except socket.gaierror:
        sys.exit(f"HOST is {host!r}, which is no address of this machine.")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is taken by another program. Choose another: PORT={port + 1 if port < 65535 else 8001} make run")
        sys.exit(f"Port {port} on {host} cannot be used: {error.strerror}. Choose another with PORT=… or HOST=….")
    return host, port


def processes(programs: Path, gate: Path) -> dict[str, str]:
    """Name and command of each line of the Procfile, with the programs of this Python's own environment.

    All but the web server wait at ``gate``: on two cores, workers that load at the same moment would double the first page's wait.
    """
    lines = parse_procfile((REPOSITORY / "Procfile").read_text(encoding="utf-8")).processes
    # exec: the shell that expands the variables gives way to the program, which then gets the signals itself.
    commands = {name: f"exec {shlex.quote(str(programs))}/{command}" for name, command in lines.items()}
    return {name: command if name == "web" else behind(gate, command) for name, command in commands.items()}


def behind(gate: Path, command: str) -> str:
    """The command for a shell, begun when the pipe named ``gate`` is opened for writing: reading a pipe waits for its writer."""
    return f": < {shlex.quote(str(gate))}; {command}"


def open_gate(gate: Path) -> None:
    """Let everything behind it begin, whoever comes later included."""
    os.open(gate, os.O_RDWR)  # never closed: a writer who is gone would shut it again


def finished(preparing: subprocess.Popen) -> int:
    """Wait for the preparation; its exit code. Told to stop meanwhile, take it along."""
    try:
        return preparing.wait()
    except KeyboardInterrupt:
        preparing.terminate()
        preparing.wait(30)
        raise


def end_unless_prepared(preparing: subprocess.Popen) -> None:
    """End everything, as a Ctrl-C would, when what a start relies on turns out not to hold; it has said why."""
    if preparing.wait() > 0:
        os.kill(os.getpid(), signal.SIGTERM)


def tell_when_it_answers(host: str, port: int, begun: float, gate: Path) -> None:
    """Print the address once a page comes from it, and how long that took since ``begun`` (monotonic seconds); open the gate."""
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    while True:
        connection = http.client.HTTPConnection(asked, port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            break
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    print(f"\nCarteira is at {os.environ['PUBLIC_URL']}  (ready in {time.monotonic() - begun:.0f} s; Ctrl-C stops it)\n", flush=True)  # noqa: T201
    open_gate(gate)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="carteira-") as folder:
        run(Path(folder) / "gate")


def run(gate: Path) -> None:
    begun = time.monotonic()
    os.chdir(REPOSITORY)
    for sign in (signal.SIGTERM, signal.SIGHUP):  # while preparing; honcho takes over SIGTERM and SIGINT later
        signal.signal(sign, _interrupt)
    try:
        host, port = address()
        os.environ["HOST"], os.environ["PORT"] = host, str(port)
        shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::", "::1"} else host
        os.environ.setdefault("PUBLIC_URL", f"http://{shown}:{port}")
        os.environ.setdefault("LOG_FORMAT", "text")  # for the person who typed this
        print("Starting PostgreSQL and Redis, preparing the tables…", flush=True)  # noqa: T201
        own_servers = "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ
        ensure_environment()
        os.mkfifo(gate, 0o600)
        # What was prepared from these very sources, in our own cluster, is looked at again when the first page has come.
        ready = is_prepared() and not own_servers
        prepare = f"exec {shlex.quote(sys.executable)} -m carteira.prepare"
        preparing = subprocess.Popen(["/bin/sh", "-c", behind(gate, prepare) if ready else prepare])
        if not ready and finished(preparing):
            sys.exit(preparing.returncode)
        # With a time and a name before it, a line would be JSON no longer.
        manager = Manager(Printer(sys.stdout, prefix=os.environ["LOG_FORMAT"].lower() != "json"))
        for name, command in processes(Path(sys.executable).parent, gate).items():
            manager.add_process(name, command, env=os.environ | {"PYTHONUNBUFFERED": "1"}, cwd=str(REPOSITORY))
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # a closed terminal
        threading.Thread(target=tell_when_it_answers, args=(host, port, begun, gate), daemon=True).start()
        if ready:
            threading.Thread(target=end_unless_prepared, args=(preparing,), daemon=True).start()
        try:
            manager.loop()
        finally:
            preparing.terminate()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if (preparing.poll() or 0) > 0 and preparing.returncode != INTERRUPTED:
        sys.exit(preparing.returncode)
    # Asked to stop, it has done what it was asked.
    sys.exit(0 if manager.returncode in {INTERRUPTED, 143} else manager.returncode or 0)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()

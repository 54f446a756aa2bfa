"""make run's supervisor, with the whole family of processes it starts."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SERVERS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(data: Path, port: int | str, log=subprocess.PIPE) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name not in SERVERS} | {
        "CARTEIRA_DATA": str(data),
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "carteira.supervise"]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


@pytest.fixture
def data():
    folder = Path(tempfile.gettempdir()) / f"crt-run-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def lasting():
    """A folder that two starts share: the first prepares it, the second finds it prepared and serves while it looks again."""
    folder = Path(tempfile.gettempdir()) / f"crt-run-twice-{os.getpid()}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def descendants(data: Path) -> list[psutil.Process]:
    """Every process that has this installation's folder in its environment or command."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("CARTEIRA_DATA") == str(data) or str(data) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def waiting_at_the_gate(data: Path) -> list[psutil.Process]:
    """Shells of this installation that have not given way to their program yet."""
    return [process for process in descendants(data) if process.name() in {"sh", "dash", "bash"} and "/gate;" in process.cmdline()[-1]]


@pytest.mark.slow
@pytest.mark.parametrize(("start_number", "sign"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_stopping_ends_every_process_it_started(lasting, start_number, sign, tmp_path):
    data, port = lasting, free_port()
    with open(tmp_path / "log", "w") as log:
        supervisor = start(data, port, log)
    try:
        deadline = time.monotonic() + 180
        while True:
            promised = "Carteira is at" in (tmp_path / "log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
                    assert answer.read() == b"ok\n"
                break
            except OSError:
                assert not promised, "the address was said before it answered"
                assert supervisor.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.2)
        names = " ".join(" ".join(process.cmdline()) for process in descendants(data))
        assert all(part in names for part in ("gunicorn", "worker", "beat", "postgres", "redis-server"))

        assert (data / "prepared").exists()
        while "Carteira is at" not in (said := (tmp_path / "log").read_text()) or waiting_at_the_gate(data):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        supervisor.send_signal(sign)
        assert supervisor.wait(60) == 0
        assert [process.cmdline() for process in descendants(data)] == []
    finally:
        for process in descendants(data):
            process.kill()
        supervisor.wait(10)


@pytest.mark.slow
def test_what_still_waits_for_the_first_page_ends_too(lasting, tmp_path):
    with open(tmp_path / "log", "w") as log:
        supervisor = start(lasting, free_port(), log)
    try:
        deadline = time.monotonic() + 120
        while "beat started" not in (said := (tmp_path / "log").read_text()):
            assert supervisor.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.01)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait(60) == 0
        assert [process.cmdline() for process in descendants(lasting)] == []
    finally:
        for process in descendants(lasting):
            process.kill()
        supervisor.wait(10)


def test_a_busy_port_is_named_with_the_cure_before_anything_starts(data):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        supervisor = start(data, port)
        said = supervisor.communicate(timeout=60)[0]
    assert (supervisor.returncode, said) == (1, f"Port {port} is taken by another program. Choose another: PORT={port + 1} make run\n")
    assert not data.exists()


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_is_refused(data, port):
    supervisor = start(data, port)
    assert supervisor.communicate(timeout=60)[0] == f"PORT is '{port}'; give a number from 1 to 65535.\n"
    assert supervisor.returncode == 1

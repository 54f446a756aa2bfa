"""Twenty organizations over two shared server connections: no unit of work ever sees a foreign row.

A transaction-mode pooler hands each transaction any server connection, so whatever outlives a transaction would leak
into the next one's. The pooler is pgbouncer where it is installed, else one of our own (pooler.py).
"""

import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg2
import pytest
from django.db import connections

from accounts.tenancy import tenant_atomic
from clients.models import Client
from tests.factories import ClientFactory, make_organization

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
UNITS, THREADS, ORGANIZATIONS = 10_000, 8, 20

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pooled(tmp_path):
    """``default`` behind a transaction-mode pooler with two server connections."""
    settings = connections["default"].settings_dict
    parameters = connections["default"].get_connection_params()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host, server_port = parameters.get("host") or "127.0.0.1", parameters.get("port") or 5432
    process = _pgbouncer(tmp_path, port, host, server_port) if PGBOUNCER else _our_own(port, host, server_port)
    before = dict(settings)
    connections["default"].close()
    settings.update({"HOST": "127.0.0.1", "PORT": str(port), "NAME": "pooled", "OPTIONS": {}})
    try:
        _wait_for(port, process)
        yield
    finally:
        connections["default"].close()
        settings.update(before)
        process.terminate()
        process.wait(10)


def _our_own(port: int, host: str, server_port: int | str) -> subprocess.Popen:
    settings = connections["default"].settings_dict
    command = [sys.executable, "-m", "tests.isolation.pooler", str(port), host, str(server_port), settings["NAME"], settings["USER"]]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdin
    process.stdin.write(settings["PASSWORD"].encode() + b"\n")
    process.stdin.flush()
    return process


def _pgbouncer(tmp_path: Path, port: int, host: str, server_port: int | str) -> subprocess.Popen:
    settings = connections["default"].settings_dict
    (tmp_path / "users.txt").write_text(f'"{settings["USER"]}" "{settings["PASSWORD"]}"\n')
    (tmp_path / "pgbouncer.ini").write_text(
        f"""[databases]
pooled = host={host} port={server_port} dbname={settings["NAME"]} user={settings["USER"]} password={settings["PASSWORD"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {tmp_path}/users.txt
pool_mode = transaction
default_pool_size = 2
max_client_conn = 50
ignore_startup_parameters = extra_float_digits,options
"""
    )
    for path in (tmp_path, *tmp_path.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    tmp_path.parent.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)
    command = [PGBOUNCER, "-u", "nobody", str(tmp_path / "pgbouncer.ini")] if _root() else [PGBOUNCER, str(tmp_path / "pgbouncer.ini")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _root() -> bool:
    import os

    return os.getuid() == 0


def _wait_for(port: int, process: subprocess.Popen) -> None:
    for _try in range(100):
        if process.poll() is not None:
            raise RuntimeError(process.stdout.read().decode() if process.stdout else "the pooler ended")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the pooler did not answer")


def test_ten_thousand_units_of_work_see_no_foreign_row(pooled):
    organizations = []
    for number in range(ORGANIZATIONS):
        organization = make_organization(f"o{number}")
        organizations.append(organization.pk)
        with tenant_atomic(organization.pk):
            ClientFactory.create_batch(number % 3 + 1, name=f"canary{organization.pk}")
    expected = {pk: number % 3 + 1 for number, pk in enumerate(organizations)}
    seen: Counter[str] = Counter()
    wrong: list = []
    servers: set[int] = set()

    def work(seed: int) -> None:
        chance = random.Random(seed)
        try:
            for _unit in range(UNITS // THREADS):
                pk = chance.choice(organizations)
                try:
                    with tenant_atomic(pk):
                        names = list(Client.objects.values_list("name", flat=True))
                        with connections["default"].cursor() as cursor:
                            cursor.execute("SELECT organization_id, count(*), pg_backend_pid() FROM clients_client GROUP BY 1")
                            rows = cursor.fetchall()
                        servers.add(rows[0][2])
                        if names != [f"canary{pk}"] * expected[pk] or [(row[0], row[1]) for row in rows] != [(pk, expected[pk])]:
                            wrong.append((pk, names, rows))
                        seen["units"] += 1
                        if chance.random() < 0.05:
                            raise RuntimeError("a unit of work that fails half way")
                except RuntimeError:
                    seen["failed"] += 1
                if chance.random() < 0.02:
                    try:
                        with connections["default"].cursor() as cursor:  # nobody's: must be an error, not another's rows
                            cursor.execute("SELECT count(*) FROM clients_client")
                            wrong.append(("without a tenant", cursor.fetchall()))
                    except Exception as error:
                        if not isinstance(error.__cause__, psycopg2.Error):
                            raise
                        seen["refused"] += 1
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert seen["units"] == UNITS
    assert seen["failed"] > 100
    assert seen["refused"] > 50
    assert len(servers) == 2

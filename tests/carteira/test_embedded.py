"""The embedded servers, started for real in folders of their own."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from carteira.embedded.environment import Hold, database_url
from carteira.embedded.errors import EmbeddedError
from carteira.embedded.locks import keeper_lives
from carteira.embedded.servers import Postgres, Redis

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SERVERS = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "CARTEIRA_DATA")
SHOW = (
    "import os, sys; from carteira.embedded import ensure_environment; ensure_environment(); print(os.environ['DATABASE_URL'], flush=True)"
)


pytestmark = pytest.mark.slow  # a real server or two for almost every test


@contextmanager
def folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets; whatever still runs there at the end is stopped."""
    path = Path(tempfile.gettempdir()) / f"crt-{os.getpid()}-{next(_NUMBERS)}"
    try:
        yield path
    finally:
        for process in psutil.process_iter(["cmdline"]):
            if any(str(path) in word for word in process.info["cmdline"] or []):
                process.kill()
        shutil.rmtree(path, ignore_errors=True)


_NUMBERS = itertools.count()


@pytest.fixture
def data():
    """Where nothing is yet."""
    with folder() as path:
        yield path


@pytest.fixture(scope="module")
def made():
    """An installation made once, not running."""
    with folder() as path:
        hold = Hold(path)
        hold.take()
        hold.release()
        yield path


@pytest.fixture
def installed(data, made):
    """A copy of an installation: also what someone has who copied a whole checkout."""
    subprocess.run(["cp", "-a", made, data], check=True)
    return data


def python(code: str, data: Path, **more: str) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name not in SERVERS} | {"CARTEIRA_DATA": str(data)} | more
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def refused(data: Path, **more: str) -> str:
    """The one sentence a command ends with when the servers cannot be started."""
    process = python(SHOW, data, **more)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "Traceback" not in error
    return error.strip().splitlines()[-1]


def test_servers_start_for_the_first_user_serve_a_second_and_end_with_the_last(data):
    first, second = Hold(data), Hold(data)
    passwords = first.take()
    assert second.take() == passwords
    with psycopg2.connect(database_url(first.places, "app", passwords)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('listen_addresses'), current_setting('server_encoding')")
        assert cursor.fetchone() == ("carteira_app", "", "UTF8")
    client = redis.Redis(unix_socket_path=str(first.places.redis_socket), password=passwords["redis"])
    assert client.config_get("appendfsync") | client.config_get("maxmemory-policy") == {
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
    }
    servers = [Postgres(first.places).process(), Redis(first.places, passwords["redis"]).process()]

    first.release()
    assert [server.is_running() for server in servers] == [True, True]
    second.release()

    assert [server.is_running() for server in servers] == [False, False]
    assert not keeper_lives(data)


def test_what_was_written_is_there_after_a_restart_and_secrets_are_for_the_owner_alone(installed):
    hold = Hold(installed)
    passwords = hold.take()
    with psycopg2.connect(database_url(hold.places, "owner", passwords)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS n")
    hold.release()

    assert hold.take() == passwords
    with psycopg2.connect(database_url(hold.places, "owner", passwords)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT n FROM kept")
        assert cursor.fetchall() == [(42,)]
    hold.release()

    assert (installed / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert hold.places.cluster.stat().st_mode & 0o777 == 0o700


def test_roles_are_exactly_as_the_walls_need_them(installed):
    hold = Hold(installed)
    passwords = hold.take()
    try:
        with psycopg2.connect(database_url(hold.places, "app", passwords)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin, rolconfig FROM pg_roles"
                " WHERE rolname LIKE 'carteira%' ORDER BY 1"
            )
            limits = ["statement_timeout=15s", "lock_timeout=5s", "idle_in_transaction_session_timeout=30s", "transaction_timeout=60s"]
            assert cursor.fetchall() == [
                ("carteira_app", False, False, False, False, False, True, limits),
                ("carteira_backup", False, True, False, False, True, True, None),
                ("carteira_owner", False, True, False, False, False, True, None),
            ]
            cursor.execute(
                "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members WHERE member::regrole::text LIKE 'carteira%'"
            )
            assert cursor.fetchall() == [("carteira_backup", "pg_read_all_data")]
            cursor.execute("SELECT pg_get_userbyid(datdba), datlocprovider, datlocale FROM pg_database WHERE datname = 'carteira'")
            assert cursor.fetchone() == ("carteira_owner", "b", "C.UTF-8")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("CREATE TABLE mine ()")
    finally:
        hold.release()


def test_nobody_comes_in_without_a_password(installed):
    hold = Hold(installed)
    passwords = hold.take()
    try:
        rules = [line.split() for line in (hold.places.cluster / "pg_hba.conf").read_text().splitlines() if line and line[0] != "#"]
        assert {(rule[0], rule[-1]) for rule in rules} == {("local", "scram-sha-256")}
        for role, password in (("carteira_app", ""), ("carteira_app", passwords["owner"]), ("postgres", "postgres")):
            with pytest.raises(psycopg2.OperationalError):
                psycopg2.connect(dbname="carteira", user=role, password=password, host=str(hold.places.run))
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(unix_socket_path=str(hold.places.redis_socket)).ping()
    finally:
        hold.release()


def test_two_checkouts_side_by_side_have_their_own_servers(installed, made):
    with folder() as neighbour:
        subprocess.run(["cp", "-a", made, neighbour], check=True)
        one, two = Hold(installed), Hold(neighbour)
        passwords = one.take()
        assert two.take() == passwords  # copies, so only the folder can tell them apart
        try:
            with psycopg2.connect(database_url(one.places, "owner", passwords)) as connection, connection.cursor() as cursor:
                cursor.execute("CREATE TABLE only_here ()")
            with psycopg2.connect(database_url(two.places, "owner", passwords)) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass('only_here')")
                assert cursor.fetchone() == (None,)
        finally:
            one.release()
            two.release()


def test_a_user_killed_outright_leaves_no_server_behind(installed):
    user = python(SHOW + "; sys.stdin.read()", installed)
    assert user.stdout.readline().startswith("postgresql://carteira_app:")
    places = Hold(installed)
    user.send_signal(signal.SIGKILL)
    user.wait()

    deadline = time.monotonic() + 30
    while keeper_lives(installed) and time.monotonic() < deadline:
        time.sleep(0.05)

    left = [each.info["cmdline"] for each in psutil.process_iter(["cmdline"]) if str(installed) in " ".join(each.info["cmdline"] or [])]
    assert left == []
    assert places.take()["app"]
    places.release()


def test_after_a_power_cut_everything_starts_again_though_the_old_numbers_belong_to_others(installed):
    hold = Hold(installed)
    passwords = hold.take()
    with psycopg2.connect(database_url(hold.places, "owner", passwords)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1")
    client = redis.Redis(unix_socket_path=str(hold.places.redis_socket), password=passwords["redis"])
    client.set("kept", "yes")
    time.sleep(1.2)  # appendfsync everysec
    postgres, server = Postgres(hold.places), Redis(hold.places, passwords["redis"])
    family = [postgres.process(), *postgres.process().children(), server.process()]
    keeper = postgres.process().parent()
    for process in (keeper, *family):  # the keeper first: it would start them again
        process.kill()
    psutil.wait_procs([keeper, *family], timeout=20)
    os.close(hold.descriptor)
    # The numbers now belong to a living program: this test.
    lines = (hold.places.cluster / "postmaster.pid").read_text().splitlines()
    (hold.places.cluster / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.pid_file.write_text(str(os.getpid()))
    with open(hold.places.redis / "appendonly.aof", "ab") as journal:
        journal.write(b"*3\r\n$3\r\nSET\r\n$4\r\nha")  # cut off in the middle of a command

    again = Hold(installed)
    again.take()
    try:
        with psycopg2.connect(database_url(again.places, "owner", passwords)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
            assert cursor.fetchone() == (1,)
        assert client.get("kept") == b"yes"
    finally:
        again.release()


def test_a_server_that_dies_is_started_again_while_somebody_needs_it(installed):
    hold = Hold(installed)
    passwords = hold.take()
    try:
        server = Redis(hold.places, passwords["redis"])
        server.process().kill()
        deadline = time.monotonic() + 20
        while not server.answers() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.answers()
    finally:
        hold.release()


def test_a_cluster_cut_off_while_being_made_is_made_again(data):
    (data / "postgres.unfinished" / "base").mkdir(parents=True)
    (data / "postgres.unfinished" / "PG_VERSION").write_text("18\n")

    hold = Hold(data)
    assert hold.take()
    hold.release()

    assert (data / "postgres" / "carteira.json").exists()
    assert not (data / "postgres.unfinished").exists()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"PG_VERSION": "16\n"}, "was made by PostgreSQL 16 and this is PostgreSQL 18. Restore a backup of it"),
        ({"PG_VERSION": "18\n"}, "was not made by Carteira. Move it away"),
        ({"holiday.jpg": "x"}, "was not made by Carteira. Move it away"),
    ],
)
def test_a_foreign_data_folder_is_left_alone_and_named(data, files, sentence):
    cluster = data / "postgres"
    cluster.mkdir(parents=True)
    for name, text in files.items():
        (cluster / name).write_text(text)
    (data / "secrets.json").write_text('{"superuser":"a","owner":"a","app":"a","backup":"a","redis":"a","secret_key":"a"}')

    said = refused(data)

    assert said.startswith(str(cluster)) and sentence in said
    assert {path.name: path.read_text() for path in cluster.iterdir()} == files


def test_a_path_too_long_for_a_socket_is_refused_with_the_cure(data):
    said = refused(data / ("x" * 90))
    assert "is too long" in said and "Set CARTEIRA_DATA to a shorter folder." in said


def test_a_path_that_is_a_file_is_refused_with_the_cure(data):
    data.write_text("I am a file")
    assert refused(data) == f"{data} is not a folder. Set CARTEIRA_DATA to a folder you may write to."
    data.unlink()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_refused_with_the_cure(data):
    data.mkdir(mode=0o500)
    assert "cannot be written by this account" in refused(data)


def test_lost_passwords_are_named_before_anything_is_touched(installed):
    hold = Hold(installed)
    hold.take()
    hold.release()
    (installed / "secrets.json").unlink()

    said = refused(installed)

    assert said.startswith(f"{installed / 'secrets.json'} is missing")
    assert not (installed / "secrets.json").exists()


def test_a_test_cluster_is_not_taken_for_data(data):
    hold = Hold(data)
    hold.take(testing=True)
    hold.release()
    with pytest.raises(EmbeddedError, match="was made for tests"):
        Hold(data).take()


def test_servers_named_by_the_person_are_left_alone(data):
    named = {"DATABASE_URL": "postgresql://a/b", "DATABASE_OWNER_URL": "postgresql://c/d", "REDIS_URL": "redis://e"}
    process = python(
        "import os; from carteira.embedded import ensure_environment; ensure_environment(); print('SECRET_KEY' in os.environ)",
        data,
        **named,
    )
    assert process.communicate(timeout=30)[0] == "False\n"
    assert not data.exists()


def test_one_role_without_the_other_is_refused(data):
    said = refused(data, DATABASE_URL="postgresql://a/b", REDIS_URL="redis://e")
    assert said == "DATABASE_URL is set but DATABASE_OWNER_URL is not: name both roles of your own server, or neither."


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands over to another account")
def test_roots_checkout_in_a_closed_folder_works_and_stays_closed(data):
    data.mkdir(mode=0o700)  # as /root is
    hold = Hold(data / "checkout")
    passwords = hold.take()
    try:
        assert hold.places.home.parent == Path("/var/lib/carteira")
        with psycopg2.connect(database_url(hold.places, "app", passwords)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("carteira_app",)
        assert Postgres(hold.places).process().uids().effective != 0
        assert data.stat().st_mode & 0o777 == 0o700
    finally:
        hold.release()
        shutil.rmtree(hold.places.home)

"""The embedded PostgreSQL's data: made once, in full or not at all, and never reachable without a password."""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psutil

from carteira.embedded.errors import EmbeddedError
from carteira.embedded.places import Places

MAJOR = 18
MARKER = "carteira.json"
OTHERS = "{} belongs to another account; run as that account, or set CARTEIRA_DATA to a folder of your own."

# The local socket is the only door. Nobody, not even the superuser, comes in without a password.
HBA = """# Written by Carteira.
local all         all             scram-sha-256
local replication carteira_backup scram-sha-256
"""

# The same statements that the containers run and that people run on their own server.
ROLES = Path(__file__).with_name("roles.sql")


def read_secrets(places: Places) -> dict[str, str]:
    """The generated passwords and SECRET_KEY, from a file only its owner can read; written on the first call.

    Raises
    ------
    EmbeddedError
        The file exists but cannot be read or understood.
    """
    path = places.data / "secrets.json"
    names = ("superuser", "owner", "app", "backup", "redis", "secret_key")
    if not path.exists():
        if places.cluster.exists():
            raise EmbeddedError(
                f"{path} is missing, and with it the passwords of {places.cluster}; bring it back, or move that folder away."
            )
        values = {name: secrets.token_hex(24) for name in names} | {"secret_key": secrets.token_urlsafe(50)}
        with tempfile.NamedTemporaryFile("w", dir=places.data, prefix=".secrets-", delete=False) as file:  # 0600 from the first byte
            json.dump(values, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, path)
    try:
        values = json.loads(path.read_text())
        return {name: str(values[name]) for name in names}
    except PermissionError as error:
        raise EmbeddedError(OTHERS.format(path)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedError(f"{path} is damaged; bring it back from a copy, or move {places.data} away and start anew.") from error


def ensure_cluster(places: Places, values: dict[str, str], *, testing: bool) -> None:
    """Make the data directory unless it stands; refuse one that Carteira did not make.

    Raises
    ------
    EmbeddedError
        The directory is foreign, of another PostgreSQL, half made by someone else, or cannot be made.
    """
    _refuse_foreign(places)
    if not places.cluster.exists():
        _create(places, values, testing=testing)
    _configure(places)


def is_for_tests(places: Places) -> bool:
    """Whether the cluster was made for tests: it may forget everything in a power cut, and its owner may create databases."""
    return bool(json.loads((places.cluster / MARKER).read_text()).get("testing"))


def _refuse_foreign(places: Places) -> None:
    cluster = places.cluster
    try:
        if not cluster.exists():
            return
        if not cluster.is_dir():
            raise EmbeddedError(f"{cluster} is not a folder. Move it away, or set CARTEIRA_DATA to another folder.")
        if not any(cluster.iterdir()):
            cluster.rmdir()
            return
        version = (cluster / "PG_VERSION").read_text().strip() if (cluster / "PG_VERSION").exists() else ""
        if version and version != str(MAJOR):
            raise EmbeddedError(
                f"{cluster} was made by PostgreSQL {version} and this is PostgreSQL {MAJOR}. "
                "Restore a backup of it into a new folder named by CARTEIRA_DATA."
            )
        if not version or not (cluster / MARKER).exists():
            raise EmbeddedError(f"{cluster} was not made by Carteira. Move it away, or set CARTEIRA_DATA to another folder.")
        owner = places.account.uid if places.account.uid is not None else os.geteuid()
        if cluster.stat().st_uid != owner:
            raise EmbeddedError(OTHERS.format(cluster))
    except PermissionError as error:
        raise EmbeddedError(OTHERS.format(cluster)) from error


def _create(places: Places, values: dict[str, str], *, testing: bool) -> None:
    # Made beside its place and renamed at the end: whatever carries the final name is whole, and a leftover of the other
    # name was cut off in the middle and holds nothing of value.
    unfinished = places.home / "postgres.unfinished"
    _stop_leftover(unfinished)
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    places.account.own(unfinished)
    with tempfile.NamedTemporaryFile("w", dir=places.run, prefix=".superuser-") as password:
        password.write(values["superuser"])
        password.flush()
        places.account.own(Path(password.name))
        # The built-in C.UTF-8 sorts the same on every machine and after every upgrade of the system's C library.
        _run(
            places,
            "initdb",
            f"--pgdata={unfinished}",
            "--username=postgres",
            f"--pwfile={password.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *(["--no-sync"] if testing else []),
        )
    _write(places, unfinished / "pg_hba.conf", HBA)
    roles = "".join(line + "\n" for line in ROLES.read_text(encoding="utf-8").splitlines() if line and not line.startswith("--"))
    for name in ("owner", "app", "backup"):
        roles = roles.replace(f":'{name}'", f"'{values[name]}'")  # hexadecimal digits only: nothing to escape
    if testing:
        roles += "ALTER ROLE carteira_owner CREATEDB;\n"
    # Single-user mode: no socket, so no moment in which someone else could connect.
    _single_user(places, unfinished, "template1", roles)  # template1: scratch databases are born with the same walls
    _single_user(places, unfinished, "postgres", "CREATE DATABASE carteira OWNER carteira_owner;\n")
    _write(places, unfinished / MARKER, json.dumps({"made_by": "carteira", "postgresql": MAJOR, "testing": testing}))
    os.rename(unfinished, places.cluster)


def _stop_leftover(cluster: Path) -> None:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] in {"postgres", "initdb"} and any(str(cluster) in word for word in process.info["cmdline"] or []):
            process.kill()
            process.wait(10)


def _configure(places: Places) -> None:
    """Write the settings anew at each start, so that a newer Carteira brings its own."""
    memory = psutil.virtual_memory().total // 1024**2
    shared = "/dev/shm"
    small = not os.path.isdir(shared) or shutil.disk_usage(shared).total < 256 * 1024**2
    lines = {
        "listen_addresses": "",
        "port": 5432,
        "unix_socket_directories": places.run,
        "unix_socket_permissions": "0700",
        "max_connections": 100,
        "shared_buffers": f"{max(64, min(512, memory // 8))}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "wal_compression": "on",
        "wal_level": "replica",
        "random_page_cost": 1.1,
        "jit": "off",
        # Containers give 64 MB of shared memory, which a parallel query exhausts.
        "dynamic_shared_memory_type": "mmap" if small else "posix",
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_min_duration_statement": "1s",
        # A statement's text is logged, its values never: they may be someone's personal data.
        "log_parameter_max_length": 0,
        "log_parameter_max_length_on_error": 0,
        "log_error_verbosity": "terse",
    }
    if is_for_tests(places):
        lines |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": 60, "shared_buffers": "128MB"}
        lines |= {"wal_compression": "off"}  # a log nobody reads again: packing it costs more than writing it
    text = "# Written by Carteira at every start; put your own settings in postgresql.conf, below the include.\n"
    _write(places, places.cluster / "carteira.conf", text + "".join(f"{name} = '{value}'\n" for name, value in lines.items()))
    main = places.cluster / "postgresql.conf"
    if "carteira.conf" not in main.read_text():
        _write(places, main, main.read_text() + "\ninclude = 'carteira.conf'\n")


def _write(places: Places, path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    places.account.own(fresh)
    os.replace(fresh, path)


def _single_user(places: Places, cluster: Path, database: str, sql: str) -> None:
    # One command a line; -j would end commands at a blank line instead.
    output = _run(places, "postgres", "--single", "-D", str(cluster), "-c", "exit_on_error=on", "-c", "fsync=off", database, text=sql)
    problem = next((line for line in output.splitlines() if "ERROR:" in line or "FATAL:" in line), None)
    if problem:
        raise EmbeddedError(f"PostgreSQL could not be prepared: {problem.split(':', 1)[1].strip()}")


def _run(places: Places, program: str, *arguments: str, text: str = "") -> str:
    command = [str(places.binaries / "bin" / program), *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8", "errors": "replace"}
    done = subprocess.run(command, input=text, check=False, **pipes, **places.account.popen())
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
        reason = lines[0] if lines else (done.stdout.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        raise EmbeddedError(
            f"PostgreSQL's data could not be made in {places.home}: {reason}. Mend that, or set CARTEIRA_DATA to another folder."
        )
    return done.stdout

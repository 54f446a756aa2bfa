"""PostgreSQL and Redis from their wheels, for an installation that names no server of its own."""


def ensure_environment(testing: bool = False) -> None:
    """Make sure DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL and SECRET_KEY are set (see server.py)."""

"""PostgreSQL and Redis from their wheels, for an installation that names no server of its own."""

from carteira.embedded.environment import ensure_environment
from carteira.embedded.errors import EmbeddedError

__all__ = ["EmbeddedError", "ensure_environment"]

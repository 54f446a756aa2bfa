"""Files in: ``run_import`` takes one; ``register`` makes a kind of the apps above known."""

from clients.imports.errors import ImportRefused
from clients.imports.kinds import clients, orders, people, standing  # noqa: F401 - each registers its kinds
from clients.imports.kinds.base import kind_names, register
from clients.imports.reading import COMMAND, UPLOAD, Limits
from clients.imports.run import ImportResult, run_import

__all__ = ["COMMAND", "UPLOAD", "ImportRefused", "ImportResult", "Limits", "kind_names", "register", "run_import"]

from clients.services.changes import facts_changed
from clients.services.projections import (
    Differences,
    begin_clients,
    differences,
    rebuild_projections,
    refresh_abc,
    refresh_clients,
    refresh_months,
    refresh_windows,
)

__all__ = [
    "Differences",
    "begin_clients",
    "differences",
    "facts_changed",
    "rebuild_projections",
    "refresh_abc",
    "refresh_clients",
    "refresh_months",
    "refresh_windows",
]

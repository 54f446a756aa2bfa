from clients.services.projections import (
    Differences,
    differences,
    rebuild_projections,
    refresh_abc,
    refresh_clients,
    refresh_months,
    refresh_windows,
)

__all__ = ["Differences", "differences", "rebuild_projections", "refresh_abc", "refresh_clients", "refresh_months", "refresh_windows"]

from clients.selectors.client_filter import ClientFilter
from clients.selectors.lifecycle import Lifecycle, Limits, inactive_on, lifecycle_filter, lifecycle_of
from clients.selectors.lists import client_rows
from clients.selectors.visibility import clients_visible_to

__all__ = ["ClientFilter", "Lifecycle", "Limits", "client_rows", "clients_visible_to", "inactive_on", "lifecycle_filter", "lifecycle_of"]

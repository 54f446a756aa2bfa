from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"

    def ready(self) -> None:
        from clients.signals import orders_changed, owners_named, projections_rebuilt
        from portfolio import imports, notices, receivers  # noqa: F401 - imports and notices register their kinds

        orders_changed.connect(receivers.credit_changed_orders, dispatch_uid="credit_changed_orders")
        owners_named.connect(receivers.transfer_named_clients, dispatch_uid="transfer_named_clients")
        projections_rebuilt.connect(receivers.refresh_rebuilt_clients, dispatch_uid="refresh_rebuilt_clients")

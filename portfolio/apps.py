from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"

    def ready(self) -> None:
        from clients.signals import orders_changed, owners_named
        from portfolio import receivers

        orders_changed.connect(receivers.credit_changed_orders, dispatch_uid="credit_changed_orders")
        owners_named.connect(receivers.transfer_named_clients, dispatch_uid="transfer_named_clients")

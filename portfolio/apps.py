from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"

    def ready(self) -> None:
        from accounts.services.members import holder
        from accounts.services.verify import proof
        from clients.signals import orders_changed, owners_named, projections_rebuilt
        from portfolio import audit_words, imports, notices, receivers  # noqa: F401 - all but receivers register their kinds
        from portfolio.selectors.representatives import clients_held
        from portfolio.services.proof import ledger_breaks

        holder(clients_held)
        proof(ledger_breaks)
        orders_changed.connect(receivers.credit_changed_orders, dispatch_uid="credit_changed_orders")
        owners_named.connect(receivers.transfer_named_clients, dispatch_uid="transfer_named_clients")
        projections_rebuilt.connect(receivers.refresh_rebuilt_clients, dispatch_uid="refresh_rebuilt_clients")

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts.tenancy import checks  # noqa: F401  (registers the system checks)
        from accounts.tenancy.grants import grant_to_application

        # Once per app with models: cheap, and the last call sees every table.
        post_migrate.connect(grant_to_application, dispatch_uid="grant_to_application")

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import audit_words, signals  # noqa: F401  (registers the trail's words, connects the receivers)
        from accounts.selectors import unread_count
        from accounts.shell import nav_count
        from accounts.tenancy import checks  # noqa: F401  (registers the system checks)
        from accounts.tenancy.grants import grant_to_application

        nav_count("notices/", urgent=True)(lambda request: unread_count(request.membership))
        # Once per app with models: cheap, and the last call sees every table.
        post_migrate.connect(grant_to_application, dispatch_uid="grant_to_application")

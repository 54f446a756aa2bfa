from django.apps import AppConfig


class RotationConfig(AppConfig):
    name = "rotation"

    def ready(self) -> None:
        from accounts.shell import nav_count
        from rotation.selectors.runs import pending_for

        nav_count("rotation/", urgent=True)(lambda request: pending_for(request.membership))

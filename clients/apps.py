from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "clients"

    def ready(self) -> None:
        from accounts.settings_forms import OFFERED
        from clients import audit_words, notices  # noqa: F401 - both register their words
        from clients.services.discards import DISCARD_REASONS
        from clients.services.opportunities import LOSS_REASONS
        from clients.services.stops import STOP_REASONS

        OFFERED.update(stop_reasons=STOP_REASONS, discard_reasons=DISCARD_REASONS, loss_reasons=LOSS_REASONS)

from django.apps import AppConfig


class RotationConfig(AppConfig):
    name = "rotation"

    def ready(self) -> None:
        from accounts.shell import nav_count
        from clients.signals import orders_changed
        from portfolio.call_lists import call_lists_from
        from portfolio.threats import threats_from
        from rotation import audit_words, notices, receivers  # noqa: F401 - the first two register their kinds
        from rotation.selectors.campaigns import waiting_lists
        from rotation.selectors.requests import n_open_requests
        from rotation.selectors.tally import pending_for
        from rotation.selectors.warnings import threats_of

        orders_changed.connect(receivers.measure_changed_orders, dispatch_uid="measure_changed_orders")
        threats_from(threats_of)
        call_lists_from(waiting_lists)
        _settings_sections()
        nav_count("rotation/", urgent=True)(lambda request: pending_for(request.membership, known=getattr(request, "pending_known", None)))
        nav_count("requests/", urgent=True)(lambda request: n_open_requests(request.membership))


def _settings_sections() -> None:
    from django.utils.translation import gettext_lazy

    from accounts.settings_pages import SectionLink, section

    text = gettext_lazy("Segunda aprovação, reversão, travas, motivos de recusa")
    section(SectionLink("settings/rotation/", gettext_lazy("Limites do giro"), text, "repeat", None, 50))

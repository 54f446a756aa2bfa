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

        _settings_sections()
        nav_count("notices/", urgent=True)(lambda request: unread_count(request.membership))
        # Once per app with models: cheap, and the last call sees every table.
        post_migrate.connect(grant_to_application, dispatch_uid="grant_to_application")


def _settings_sections() -> None:
    from django.conf import settings
    from django.utils.translation import gettext as _
    from django.utils.translation import gettext_lazy

    from accounts.settings_pages import SectionLink, section

    def identity(request) -> str:
        organization = request.organization
        return (
            f"{organization.name} · {dict(settings.LANGUAGES).get(organization.language, organization.language)} · {organization.currency}"
        )

    def security(request) -> str:
        return _("segundo fator exigido") if request.organization.require_second_factor else _("segundo fator à escolha de cada um")

    text = gettext_lazy("Nome, idioma, moeda, país e fuso")
    section(SectionLink("settings/identity/", gettext_lazy("Identidade da empresa"), text, "building-2", identity, 10))
    text = gettext_lazy("Segundo fator de todos, com prazo")
    section(SectionLink("settings/security/", gettext_lazy("Entrada e segundo fator"), text, "shield-check", security, 15))
    text = gettext_lazy("De parada, de descarte e de perda")
    section(SectionLink("settings/reasons/", gettext_lazy("Motivos"), text, "list-checks", None, 40))
    text = gettext_lazy("Avisos e fotos, e o que fica sempre")
    section(SectionLink("settings/retention/", gettext_lazy("Guarda de dados"), text, "hourglass", None, 80))

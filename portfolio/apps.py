from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"

    def ready(self) -> None:
        from accounts.services.members import holder
        from accounts.services.verify import proof
        from clients.imports.ledger import Ledger, keep_ledger
        from clients.selectors.renewing import renewals_from
        from clients.signals import orders_changed, owners_named, projections_rebuilt
        from portfolio import audit_words, imports, notices, receivers  # noqa: F401 - all but receivers register their kinds
        from portfolio.selectors.renewals import renewing_clients
        from portfolio.selectors.representatives import clients_held
        from portfolio.services.first_owners import BEGINS, facts_of_beginning, tell_of_first_owners
        from portfolio.services.proof import ledger_breaks

        _settings_sections()
        holder(clients_held)
        proof(ledger_breaks)
        keep_ledger(Ledger(BEGINS, facts_of_beginning, tell_of_first_owners))
        renewals_from(renewing_clients)
        orders_changed.connect(receivers.credit_changed_orders, dispatch_uid="credit_changed_orders")
        owners_named.connect(receivers.transfer_named_clients, dispatch_uid="transfer_named_clients")
        projections_rebuilt.connect(receivers.refresh_rebuilt_clients, dispatch_uid="refresh_rebuilt_clients")


def _settings_sections() -> None:
    from django.utils.translation import gettext as _
    from django.utils.translation import gettext_lazy

    from accounts.settings_pages import SectionLink, section

    def limits(request) -> str:
        organization = request.organization
        days = f"{organization.warn_days} · {organization.inactive_days} · {organization.lost_days}"
        return _("%(days)s dias; curva ABC %(a)d%% e %(b)d%%") % {
            "days": days,
            "a": organization.abc_a_percent,
            "b": organization.abc_b_percent,
        }

    def field_work(request) -> str:
        organization = request.organization
        return f"A {organization.cadence_a_days} · B {organization.cadence_b_days} · C {organization.cadence_c_days}"

    text = gettext_lazy("Dias até quase inativo, inativo e perdido, com o efeito antes de salvar")
    section(SectionLink("settings/limits/", gettext_lazy("Prazos e curva ABC"), text, "timer", limits, 20))
    text = gettext_lazy("Cadência, visitas por dia, raio do check-in, motivos de não venda")
    section(SectionLink("agenda/settings/", gettext_lazy("Frequência das visitas"), text, "calendar-days", field_work, 25))
    text = gettext_lazy("O que cada resultado exige de quem relata")
    section(SectionLink("settings/visits/", gettext_lazy("O que se pede nas visitas"), text, "list-checks", None, 30))
    text = gettext_lazy("De clientes e contatos, com finalidade e prazo")
    section(SectionLink("settings/fields/", gettext_lazy("Campos próprios"), text, "table-properties", None, 60))

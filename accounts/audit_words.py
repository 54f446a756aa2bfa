"""What this app's events mean; imported by ``AccountsConfig.ready``."""

from django.utils.translation import gettext_lazy as _

from accounts.models import ExportJob, Invitation, Membership, Representative, Role, Team
from accounts.trail import Subject, fields, kinds, subjects, values


def _members(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, f"people/members/{pk}/") for pk, name in Membership.objects.filter(pk__in=ids).values_list("pk", "name")}


def _members_like(text: str, most: int) -> list[str]:
    found = Membership.objects.filter(name__icontains=text).order_by("name")
    return [f"membership:{pk}" for pk in found.values_list("pk", flat=True)[:most]]


def _representatives(ids: list[int]) -> dict[int, tuple[str, str]]:
    rows = Representative.objects.filter(pk__in=ids).values_list("pk", "code", "name")
    return {pk: (f"{code} {name}", f"people/{pk}/") for pk, code, name in rows}


def _representatives_like(text: str, most: int) -> list[str]:
    by_name = Representative.objects.filter(name__icontains=text) | Representative.objects.filter(code__iexact=text)
    return [f"representative:{pk}" for pk in by_name.order_by("name").values_list("pk", flat=True)[:most]]


def _teams(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, "people/teams/") for pk, name in Team.objects.filter(pk__in=ids).values_list("pk", "name")}


def _invitations(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, "people/") for pk, name in Invitation.objects.filter(pk__in=ids).values_list("pk", "name")}


def _exports(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, "") for pk, name in ExportJob.objects.filter(pk__in=ids).values_list("pk", "file_name")}


subjects(
    {
        "membership": Subject(_("Pessoa"), _members, _members_like),
        "representative": Subject(_("Vendedor"), _representatives, _representatives_like),
        "team": Subject(_("Equipe"), _teams),
        "invitation": Subject(_("Convite"), _invitations),
        "organization": Subject(_("Empresa")),
        "audit": Subject(_("Auditoria")),
        "export": Subject(_("Arquivo exportado"), _exports),
    }
)
kinds(
    "people",
    {
        "invitation.sent": _("Convidou"),
        "invitation.sent_again": _("Enviou o convite de novo"),
        "invitation.revoked": _("Revogou o convite"),
        "invitation.accepted": _("Aceitou o convite"),
        "membership.changed": _("Mudou o papel ou a equipe"),
        "membership.deactivated": _("Desativou o acesso"),
        "membership.reactivated": _("Reativou o acesso"),
        "membership.renamed": _("Mudou o próprio nome"),
        "team.created": _("Criou a equipe"),
        "team.changed": _("Mudou a equipe"),
        "team.removed": _("Apagou a equipe"),
        "representative.created": _("Cadastrou o vendedor"),
        "representative.changed": _("Mudou o cadastro do vendedor"),
        "representative.capacity_set": _("Mudou a capacidade do vendedor"),
        "absence.set": _("Marcou uma ausência"),
        "absence.changed": _("Mudou a ausência"),
        "absence.ended": _("Encerrou a ausência antes"),
        "absence.taken_back": _("Cancelou a ausência"),
        "absence.uncovered": _("Tirou quem cobria a ausência"),
        "absence.restored": _("Restabeleceu a ausência"),
        "membership.restored": _("Devolveu o acesso"),  # in trails of before; now it is membership.reactivated
        "representative.consent_recorded": _("Registrou o aceite do vendedor"),
        "calendar.made": _("Criou o endereço da própria agenda"),
        "calendar.revoked": _("Revogou o endereço da própria agenda"),
        "personal.read": _("Leu dados pessoais de contatos"),
    },
)
kinds(
    "settings",
    {
        "organization.field_settings": _("Mudou a frequência das visitas"),
        "organization.identity": _("Mudou a identidade da empresa"),
        "organization.limits": _("Mudou os prazos e a curva ABC"),
        "organization.reasons": _("Mudou as listas de motivos"),
        "organization.visit_asks": _("Mudou o que se pede nas visitas"),
        "organization.security": _("Mudou a regra do segundo fator"),
        "organization.retention": _("Mudou por quanto tempo se guardam dados"),
        "organization.purged": _("Apagou o que passou do prazo"),
    },
)
kinds(
    "data",
    {
        "audit.exported": _("Exportou a auditoria"),
        "audit.verified": _("Verificou a auditoria"),
        "export.taken": _("Baixou um arquivo exportado"),
    },
)
fields(
    {
        "role": _("papel"),
        "team": _("equipe"),
        "active": _("acesso ativo"),
        "sessions_ended": _("sessões encerradas"),
        "tokens_revoked": _("endereços revogados"),
        "fields": _("campos"),
        "name": _("nome"),
        "code": _("código"),
        "parent": _("equipe de cima"),
        "member": _("pessoa"),
        "membership": _("pessoa"),
        "contract_type": _("vínculo"),
        "base_city": _("cidade base"),
        "base_state": _("UF da base"),
        "place": _("lugar da base"),
        "regions": _("estados atendidos"),
        "segments": _("segmentos atendidos"),
        "capacity_clients": _("capacidade em clientes"),
        "capacity_minutes_week": _("minutos por semana"),
        "receive_ceiling": _("máximo a receber por giro"),
        "give_ceiling": _("máximo a ceder por giro"),
        "visits_per_day": _("visitas por dia"),
        "valid_from": _("desde"),
        "valid_to": _("até"),
        "commission_rate": _("comissão"),
        "consent_recorded_on": _("aceite em"),
        "currency": _("moeda"),
        "time_zone": _("fuso horário"),
        "language": _("idioma"),
        "country": _("país"),
        "warn_days": _("dias até quase inativo"),
        "inactive_days": _("dias até inativo"),
        "lost_days": _("dias até perdido"),
        "abc_a_percent": _("corte da curva A (%)"),
        "abc_b_percent": _("corte da curva B (%)"),
        "cadence_a_days": _("dias entre visitas, curva A"),
        "cadence_b_days": _("dias entre visitas, curva B"),
        "cadence_c_days": _("dias entre visitas, curva C"),
        "plans_visits": _("planeja as visitas toda noite"),
        "check_in_radius_m": _("raio do check-in (m)"),
        "prospect_protection_days": _("dias de proteção de um prospect"),
        "no_sale_reasons": _("motivos de não venda"),
        "discard_reasons": _("motivos de descarte"),
        "stop_reasons": _("motivos de parar de comprar"),
        "loss_reasons": _("motivos de perda"),
        "visit_asks": _("campos pedidos"),
        "require_second_factor": _("exige segundo fator"),
        "second_factor_from": _("segundo fator a partir de"),
        "notices_kept_days": _("dias que se guardam avisos"),
        "photos_kept_days": _("dias que se guardam fotos"),
        "starts_on": _("de"),
        "ends_on": _("até"),
        "cover": _("quem cobre"),
        "rows": _("linhas"),
        "form": _("formato"),
        "events": _("registros"),
        "result": _("resultado"),
        "notices": _("avisos"),
        "invitations": _("convites"),
        "photos": _("fotos"),
        "sendings": _("envios"),
    },
    member=["member", "membership", "owner", "actor"],
    representative=["representative", "to", "from", "cover"],
    team=["team", "parent"],
)
values({"role": dict(Role.choices), "contract_type": dict(Representative.Contract.choices)})

"""What this app's events mean; imported by ``PortfolioConfig.ready``."""

from django.utils.translation import gettext_lazy as _

from accounts.trail import Subject, fields, kinds, subjects, values
from clients.models import Contract
from portfolio.models import Interaction, Ownership, Task, Visit


def _visits(ids: list[int]) -> dict[int, tuple[str, str]]:
    rows = Visit.objects.filter(pk__in=ids).select_related("client")
    return {row.pk: (str(row.client), f"clients/{row.client_id}/?tab=visits") for row in rows}


def _contracts(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (code, "renewals/") for pk, code in Contract.objects.filter(pk__in=ids).values_list("pk", "code")}


def _tasks(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (title, f"tasks/{pk}/") for pk, title in Task.objects.filter(pk__in=ids).values_list("pk", "title")}


subjects(
    {
        "contract": Subject(_("Contrato"), _contracts),
        "plan": Subject(_("Plano")),
        "report": Subject(_("Relatório"), None),
        "list": Subject(_("Lista")),
    }
)
subjects({"visit": Subject(_("Visita"), _visits), "task": Subject(_("Tarefa"), _tasks)})
kinds(
    "moves",
    {
        "client.transferred": _("Transferiu o cliente"),
        "client.registered": _("Cadastrou o cliente"),
        "ownership.recorded": _("Registrou quem atendia"),
        "ownership.closed": _("Registrou até quando atendeu"),
    },
)
kinds(
    "work",
    {
        "agenda.ordered": _("Ordenou as visitas do dia"),
        "agenda.planned": _("Planejou as visitas"),
        "goals.set": _("Definiu metas"),
        "interaction.recorded": _("Registrou uma conversa"),
        "task.given": _("Deu uma tarefa"),
        "task.changed": _("Mudou a tarefa"),
        "task.done": _("Concluiu a tarefa"),
        "task.reopened": _("Reabriu a tarefa"),
        "task.cancelled": _("Cancelou a tarefa"),
        "task.handed_over": _("Passou a tarefa a outra pessoa"),
        "visit.recorded": _("Registrou a visita"),
        "visit.edited": _("Corrigiu a visita"),
        "visit.planned": _("Marcou a visita"),
        "visit.moved": _("Remarcou a visita"),
        "visit.cancelled": _("Cancelou a visita"),
        "visit.handed_over": _("Passou a visita a outro vendedor"),
        "visit.plan_taken_back": _("Desfez a visita marcada"),
        "visit.taken_back": _("Desfez a mudança da visita"),
    },
)
kinds(
    "work",
    {
        "plan.written": _("Escreveu o plano"),
        "plan.step_added": _("Pôs um passo no plano"),
        "plan.step_dropped": _("Tirou um passo do plano"),
        "plan.spent": _("Anotou o gasto de um passo"),
        "renewal.asked": _("Abriu a renovação do contrato"),
        "renewal.changed": _("Mudou a renovação do contrato"),
        "renewal.renewed": _("Contrato renovado"),
        "report.scheduled": _("Programou um relatório por e-mail"),
        "report.changed": _("Mudou o relatório por e-mail"),
        "report.sent_now": _("Enviou o relatório agora"),
    },
)
kinds("settings", {"organization.renewal_days": _("Mudou quando um contrato entra em renovação")})
kinds("data", {"list.exported": _("Exportou uma lista"), "renewals.exported": _("Exportou as renovações")})
fields(
    {
        "representative": _("vendedor"),
        "started_on": _("desde"),
        "ended_on": _("até"),
        "owner": _("responsável"),
        "month": _("mês"),
        "visits": _("visitas"),
        "planned_on": _("planejada para"),
        "visited_on": _("feita em"),
        "outcome": _("resultado"),
        "order_value_cents": _("pedido"),
        "due_on": _("prazo"),
    }
)
values(
    {
        "outcome": dict(Visit.Outcome.choices),
        "origin": dict(Visit.Origin.choices),
        "source": dict(Ownership.Source.choices),
        "kind": dict(Interaction.Kind.choices),
    }
)

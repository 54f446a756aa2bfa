"""What this app's events mean; imported by ``RotationConfig.ready``."""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.templatetags.formats import day_year
from accounts.trail import Subject, fields, kinds, subjects, values
from rotation.models import Backtest, Campaign, Request, Rule, Run


def _runs(ids: list[int]) -> dict[int, tuple[str, str]]:
    rows = Run.objects.filter(pk__in=ids).values_list("pk", "as_of", "kind")
    words = {Run.Kind.ROTATION: _now("Giro de %(day)s"), Run.Kind.REVERSAL: _now("Reversão de %(day)s")}
    return {pk: (words[Run.Kind(kind)] % {"day": day_year(as_of)}, f"rotation/{pk}/job/") for pk, as_of, kind in rows}


def _rules(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, f"rules/{pk}/") for pk, name in Rule.objects.filter(pk__in=ids).values_list("pk", "name")}


def _backtests(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {
        pk: (_now("Teste %(n)s") % {"n": pk}, f"backtests/{pk}/") for pk in Backtest.objects.filter(pk__in=ids).values_list("pk", flat=True)
    }


def _campaigns(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, f"campaigns/{pk}/") for pk, name in Campaign.objects.filter(pk__in=ids).values_list("pk", "name")}


def _rules_like(text: str, most: int) -> list[str]:
    return [f"rule:{pk}" for pk in Rule.objects.filter(name__icontains=text).values_list("pk", flat=True)[:most]]


subjects(
    {
        "run": Subject(_("Giro"), _runs),
        "rule": Subject(_("Regra"), _rules, _rules_like),
        "backtest": Subject(_("Teste no histórico"), _backtests),
        "campaign": Subject(_("Campanha"), _campaigns),
        "dashboard": Subject(_("Painel")),
        "fairness": Subject(_("Dado e recebido")),
        "rotation": Subject(_("Giro de carteira")),
    }
)
kinds(
    "rotation",
    {
        "proposals.approve": _("Aprovou propostas"),
        "proposals.reject": _("Recusou propostas"),
        "proposals.postpone": _("Adiou propostas"),
        "proposals.change": _("Mudou o destino de propostas"),
        "proposals.reopen": _("Desfez decisões"),
        "request.made": _("Fez um pedido"),
        "request.granted": _("Atendeu o pedido"),
        "request.refused": _("Recusou o pedido"),
        "request.withdrawn": _("Retirou o pedido"),
        "request.reopened": _("Desfez a resposta do pedido"),
        "client.held": _("Mudou a trava do cliente"),
        "rule.created": _("Criou a regra"),
        "rule.drafted": _("Salvou um rascunho da regra"),
        "rule.submitted": _("Mandou a versão para publicação"),
        "rule.draft_discarded": _("Descartou o rascunho da regra"),
        "rule.publication_planned": _("Marcou o dia da publicação"),
        "rule.publication_cancelled": _("Cancelou a publicação marcada"),
        "rule.publication_failed": _("A publicação marcada não saiu"),
        "rotation.quiet_added": _("Marcou um período sem giro"),
        "rotation.quiet_removed": _("Tirou um período sem giro"),
        "rule.published": _("Publicou a versão da regra"),
        "rule.released": _("Liberou a versão para todas as equipes"),
        "rule.trial_ended": _("Encerrou o teste da versão"),
        "rule.paused": _("Pausou a regra"),
        "rule.resumed": _("Retomou a regra"),
        "rule.halted": _("Parou a regra por um número fora do limite"),
        "rule.moved": _("Mudou a ordem da regra"),
        "rule.archived": _("Arquivou a regra"),
        "rule.outcomes_measured": _("Mediu os resultados da regra"),
        "rule.outcomes_corrected": _("Corrigiu resultados da regra"),
        "proposals.comment": _("Comentou uma proposta"),
        "campaign.made": _("Criou a campanha"),
        "campaign.changed": _("Mudou a campanha"),
        "campaign.started": _("Começou a campanha"),
        "campaign.paused": _("Pausou a campanha"),
        "campaign.resumed": _("Retomou a campanha"),
        "campaign.ended": _("A campanha terminou"),
        "campaign.dropped": _("Descartou a campanha"),
        "run.requested": _("Mandou mover clientes"),
        "run.scheduled": _("Começou o giro"),
        "run.computed": _("Calculou as propostas"),
        "run.apply_requested": _("Mandou aplicar o giro"),
        "run.applied": _("Aplicou o giro"),
        "run.reversal_requested": _("Mandou reverter o lote"),
        "run.cancelled": _("Cancelou o giro"),
        "run.closed": _("Encerrou o giro"),
        "run.expired": _("O giro expirou"),
        "run.failed": _("O giro falhou"),
    },
)
kinds(
    "settings",
    {
        "rotation.hold_days": _("Mudou o limite das travas"),
        "rotation.two_publishers": _("Mudou quantos publicam uma regra"),
        "rotation.settings": _("Mudou os limites do giro"),
    },
)
kinds(
    "data",
    {
        "run.exported": _("Exportou o giro"),
        "backtest.exported": _("Exportou o teste"),
        "dashboard.exported": _("Exportou o painel"),
        "fairness.exported": _("Exportou o dado e recebido"),
        "campaign.exported": _("Exportou os clientes da campanha"),
    },
)
kinds(
    "people",
    {
        "representative.leaving": _("Começou a saída do vendedor"),
        "representative.left": _("O vendedor saiu"),
        "representative.returned": _("Desfez a saída do vendedor"),
    },
)
fields(
    {
        "own_values": _("valores de campos próprios vindos do outro cadastro"),
        "people_taken": _("pessoas com os dados do outro cadastro"),
        "proposals": _("propostas"),
        "proposed": _("propostas"),
        "held_out": _("grupo de controle"),
        "approved": _("aprovadas"),
        "applied": _("aplicadas"),
        "stale": _("desatualizadas"),
        "expired": _("expiradas"),
        "moves": _("mudanças"),
        "effective_on": _("vale a partir de"),
        "until": _("até"),
        "until_on": _("até"),
        "number": _("versão"),
        "position": _("lugar na ordem"),
        "required": _("duas pessoas"),
        "days": _("dias"),
        "measured": _("medidos"),
        "corrected": _("corrigidos"),
        "filter": _("filtro"),
        "second_approver_over": _("segunda aprovação acima de"),
        "undo_days": _("dias para reverter"),
        "max_feed_age_hours": _("horas até os pedidos ficarem velhos"),
        "hold_days_most": _("dias de trava no máximo"),
        "refusal_reasons": _("motivos de recusa"),
        "publish_needs_two": _("duas pessoas para publicar"),
    }
)
values({"state": dict(Run.State.choices) | dict(Request.State.choices), "kind": dict(Request.Kind.choices)})
fields({"state": _("situação")})

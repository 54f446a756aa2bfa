"""Ceilings of one representative, or of a team, on the card of a proposal: who could take no more, what would have kept the client."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Representative
from accounts.templatetags.formats import decimal
from rotation.models import Proposal, Run
from rotation.selectors.facts import is_active_on
from rotation.selectors.receiving import CLIENTS, MINUTES, RECEIVE, TEAM, Filled


def passed_sentence(each: Filled) -> str:
    """One passed ceiling said aloud, with its numbers: “V-012 ficaria com 152 clientes, de 150 no máximo.”"""
    n = each.n
    sentences = {
        CLIENTS: ngettext(
            "%(name)s ficaria com %(n)s cliente, de %(most)s que pode atender.",
            "%(name)s ficaria com %(n)s clientes, de %(most)s que pode atender.",
            n,
        ),
        MINUTES: ngettext(
            "%(name)s ficaria com %(n)s minuto por semana, de %(most)s que tem.",
            "%(name)s ficaria com %(n)s minutos por semana, de %(most)s que tem.",
            n,
        ),
        RECEIVE: ngettext(
            "%(name)s receberia %(n)s cliente de uma vez, de %(most)s no máximo.",
            "%(name)s receberia %(n)s clientes de uma vez, de %(most)s no máximo.",
            n,
        ),
        TEAM: ngettext(
            "A equipe %(team)s receberia %(n)s cliente neste giro, de %(most)s no máximo.",
            "A equipe %(team)s receberia %(n)s clientes neste giro, de %(most)s no máximo.",
            n,
        ),
    }
    words = {"name": each.representative.name, "team": each.team, "n": decimal(n), "most": decimal(each.most)}
    return sentences[each.kind] % words


def why_no_more(run: Run, proposal: Proposal, representative: Representative) -> str:
    """Why the representative could take no further client of this rule in the run; "" where a place was left, and of the receiver."""
    if representative.pk == proposal.to_representative_id:
        return ""
    recorded = _of_rule(run, proposal)
    most = recorded.get("full_receivers", {}).get(str(representative.pk))
    if most is not None:
        return ngettext("já recebe o máximo do seu cadastro: %(n)s cliente", "já recebe o máximo do seu cadastro: %(n)s clientes", most) % {
            "n": decimal(most)
        }
    if any(representative.team_id in each.get("counts", [each["team"]]) for each in recorded.get("full_teams", ())):
        most = recorded["team_max"]
        return ngettext(
            "a equipe já recebe o máximo da regra: %(n)s cliente", "a equipe já recebe o máximo da regra: %(n)s clientes", most
        ) % {"n": decimal(most)}
    return ""


def own_ceiling_would_keep(run: Run, proposal: Proposal) -> str:
    """What the owner's own ceiling would have to be for none of its clients to move: “máximo a ceder de V-012 em 0”.

    "" where it protects nobody: the client had no owner, the owner serves no more, or no rule moved it.
    """
    owner = proposal.from_representative
    if owner is None or proposal.rule_version is None or not is_active_on(owner, run.as_of):
        return ""
    return _("o máximo a ceder de %(code)s em 0") % {"code": owner.code}


def _of_rule(run: Run, proposal: Proposal) -> dict[str, Any]:
    """What the run recorded of the proposal's rule."""
    rules: list[dict[str, Any]] = run.summary.get("rules", [])
    return next((each for each in rules if each.get("rule_version_id") == proposal.rule_version_id), {})

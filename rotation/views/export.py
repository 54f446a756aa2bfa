"""The review's filter as a file."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.exporting import MOST_ROWS, hand_out
from accounts.models import Role
from accounts.services.audit import Event
from rotation.models import Proposal
from rotation.selectors.filters import ReviewFilter
from rotation.selectors.review import rules_of, shown
from rotation.views.common import LEADERS, only
from rotation.views.desk import desk_of
from rotation.wording import reason_lines


@require_GET
@only(LEADERS)
def export(request: HttpRequest, run: int, form: str) -> HttpResponse:
    """The rows of the filter in the order of the list; who took them away is recorded."""
    desk = desk_of(request, run)
    wanted = ReviewFilter.parse(request.GET)
    rules = rules_of(desk.run)
    ranks = {version: place for place, version in enumerate(rules)}
    rows = wanted.but(group="rule").ranked(shown(wanted.apply(desk.proposals)), ranks)
    rows = rows.order_by(*(["rank"] if ranks else []), "-value_cents", "id")[:MOST_ROWS]
    names = {version: f"{each.rule_version.rule.name} v{each.rule_version.number}" for version, each in rules.items()}
    header = [
        _("Código"),
        _("Cliente"),
        _("Cidade"),
        _("UF"),
        _("Curva"),
        _("Regra"),
        _("De"),
        _("Para"),
        _("Motivo"),
        _("Ressalva"),
        _("Dias sem compra"),
        _("Último pedido"),
        _("Ciclo (dias)"),
        _("Faturamento 12 meses"),
        _("Valor esperado"),
        _("Distância antes (km)"),
        _("Distância depois (km)"),
        _("Situação"),
        _("Decidida por"),
        _("Decidida em"),
        _("Motivo da decisão"),
        _("Observação"),
    ]
    # An auditor reads masked: what people wrote about a client stays inside.
    masked = request.membership.role == Role.AUDITOR  # type: ignore[attr-defined]
    return hand_out(
        request,
        form,
        name=_("giro-%(day)s") % {"day": desk.run.as_of.isoformat()},
        header=header,
        rows=lambda: (_line(proposal, names, masked) for proposal in rows.iterator(chunk_size=2_000)),
        count=lambda most: wanted.apply(desk.proposals).order_by()[:most].count(),
        back=desk.base,
        event=Event(f"run:{desk.run.pk}", "run.exported", after={"filter": wanted.query[:300]}),
    )


def _line(proposal: Proposal, rules: dict[int, str], masked: bool) -> list:
    first, second, caution = reason_lines(proposal)
    client, origin, receiver = proposal.client, proposal.from_representative, proposal.to_representative
    return [
        client.code,
        str(client),
        client.city,
        client.state,
        proposal.abc,
        rules.get(proposal.rule_version_id or 0, ""),
        str(origin) if origin else "",
        str(receiver) if receiver else "",
        first,
        second if caution else "",
        proposal.days_since_last,
        proposal.last_order_on,
        round(proposal.cycle_days, 1) if proposal.cycle_days else None,
        proposal.net_12m_cents / 100,
        proposal.value_cents / 100,
        round(proposal.km_from, 1) if proposal.km_from is not None else None,
        round(proposal.km_to, 1) if proposal.km_to is not None else None,
        proposal.get_state_display(),
        proposal.decided_by.name if proposal.decided_by else "",
        proposal.decided_at,
        proposal.decision_reason,
        "" if masked else proposal.decision_note,
    ]

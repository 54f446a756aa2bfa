"""What the demonstration's people have going with their clients: opportunities at every stage, renewals asked for and begun."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Membership, Organization, Role
from accounts.tenancy import tenant_atomic
from clients.models import Client, Contract, Opportunity
from clients.services.opportunities import CLOSED, move_opportunity, open_opportunity
from portfolio.models import Renewal
from portfolio.services.renewals import ask_for_renewals, change_renewal

HOUR = time(10, 30)


def begin_sales(organization: Organization, described: Iterable[dict[str, Any]], *, at: datetime) -> int:
    """Open the described opportunities and lead each to where it stands, on its days; how many. Where there are some, none is made.

    Parameters
    ----------
    described : as ``demo.shift.opportunities`` gives them
    at : steps of a later instant are left out: the story may be loaded in the middle of its last day
    """
    with tenant_atomic(organization.pk):
        if Opportunity.objects.exists():
            return 0
        manager = _first(Role.MANAGER, Role.ADMIN)
        described = list(described)
        codes = [each["client_code"] for each in described]
        clients = {
            each.code: each for each in Client.objects.filter(code__in=codes).select_related("representative__membership__organization")
        }
        for each in described:
            client = clients[each["client_code"]]
            by = _who_sells_to(client) or manager
            days = [(step["stage"], datetime.combine(step["on"], HOUR, organization.zone)) for step in each["steps"]]
            (stage, begun), *moves = [(stage, when) for stage, when in days if when <= at]
            sale = open_opportunity(
                client,
                title=each["title"],
                by=by,
                at=begun,
                value_cents=each["value_cents"],
                expected_on=each["expected_on"],
                source=each["source"],
                stage=stage,
            )
            for stage, when in moves:
                reason = each["loss_reason"] if stage in CLOSED else ""
                sale = move_opportunity(sale, to=stage, by=by, at=when, loss_reason=reason)
        return len(described)


def begin_renewals(organization: Organization, *, at: datetime) -> int:
    """Ask for the renewals that are due, as every night does; the first time, some are already being talked about and one is lost."""
    with tenant_atomic(organization.pk):
        asked_before = Renewal.objects.exists()
    asked = ask_for_renewals(organization.pk, at=at)
    if asked_before:
        return asked
    with tenant_atomic(organization.pk):
        begun = Contract.objects.filter(renewals__isnull=False).select_related("client__representative__membership__organization")
        for number, contract in enumerate(begun.order_by("ends_on", "pk")):
            by = _who_sells_to(contract.client)
            if by is None or number % 3:
                continue
            lost = number == 0
            note = _("Comprou o ano todo de outro fornecedor.") if lost else _("Pediu preço fixo por seis meses.")
            change_renewal(
                contract,
                by=by,
                at=at,
                version=1,
                to=Renewal.State.LOST if lost else Renewal.State.TALKING,
                lost_reason=_("Preço") if lost else "",
                note=note,
            )
    return asked


def _who_sells_to(client: Client) -> Membership | None:
    person = client.representative
    return person.membership if person and person.membership and person.membership.is_active else None


def _first(*roles: str) -> Membership:
    found = Membership.objects.filter(role__in=roles, is_active=True).select_related("organization").order_by("pk")
    return sorted(found, key=lambda each: roles.index(each.role))[0]

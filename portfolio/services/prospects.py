"""Registers companies that never bought; from then on they are clients as any, and their first order makes them buyers."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.services import Actor, record_event
from clients.errors import AlreadyRegistered, ProspectRefused
from clients.models import Client
from clients.services import refresh_clients
from clients.services.words import refresh_words
from portfolio.errors import refusal
from portfolio.models import Ownership
from portfolio.selectors.prospects import same_company
from portfolio.services.transfer import Transfer, transfer_clients


@dataclass(frozen=True)
class NewCompany:
    """What is asked of a company at first; ``tax_id`` checked and bare, as imports store it."""

    tax_id: str
    name: str
    city: str
    state: str
    phone: str = ""
    segment: str = ""
    source: str = ""
    channel: str = ""


def provisional_code(tax_id: str) -> str:
    """The code until a file brings the ERP's own, which then takes its place (clients/imports/kinds/clients.py)."""
    return f"P-{tax_id}"


@transaction.atomic
def register_prospect(company: NewCompany, *, representative: Representative, by: Membership, as_of: date, branch: bool = False) -> Client:
    """Make the client and open its ownership for ``representative``, protected for the organization's days from ``as_of``.

    Parameters
    ----------
    branch : somebody saw that the company has other units here, and means this one

    Raises
    ------
    NotAllowed
        An auditor, or a representative outside the member's reach.
    AlreadyRegistered
        The tax id is registered, or the company is and ``branch`` is not said.
    ProspectRefused
        The organization's representative no longer serves.
    """
    if by.role == Role.AUDITOR or not representatives_visible_to(by).filter(pk=representative.pk).exists():
        raise NotAllowed(_("Você só cadastra clientes para vendedores ao seu alcance."))
    organization = by.organization
    brazilian = organization.country == "BR"
    root = company.tax_id[:8] if brazilian else ""
    with connection.cursor() as cursor:
        # Two people may register one company at once, and there is no row to lock yet. Held to the end of the transaction.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"company:{organization.pk}:{root or company.tax_id}"])
    standing = Client.objects.filter(same_company(company.tax_id, country=organization.country)).values_list("tax_id", flat=True)
    taken = set(standing)
    if company.tax_id in taken or (taken and not branch):
        raise AlreadyRegistered(_("Esta empresa já está cadastrada."))
    try:
        with transaction.atomic():
            client = Client.objects.create(
                organization_id=organization.pk,
                code=provisional_code(company.tax_id),
                tax_id_root=root,
                registered_by=representative,
                registered_on=as_of,
                protected_until=as_of + timedelta(days=organization.prospect_protection_days),
                **vars(company),
            )
    except IntegrityError:
        raise AlreadyRegistered(_("Esta empresa já está cadastrada.")) from None
    refresh_clients([client.pk], as_of=as_of)
    refresh_words([client.pk], new=True)
    actor = Actor(by)
    record_event(
        f"client:{client.pk}", "client.registered", by=actor, after={"representative": representative.pk, "source": company.source}
    )
    result = transfer_clients(
        [Transfer(client.pk, representative.pk, expected_from_id=None, reason=_("Cadastro de prospect"))],
        by=actor,
        source=Ownership.Source.MANUAL,
        on=as_of,
    )
    if result.refused:
        raise ProspectRefused(str(refusal(result.refused[0][1])))
    client.refresh_from_db()
    return client

"""Rows for tests, made in the active organization unless told otherwise."""

from datetime import date

import factory
from factory.django import DjangoModelFactory

from accounts.models import Membership, Organization, Representative, Role, Team, User
from accounts.tenancy import active_organization_id, identity_atomic, tenant_atomic
from clients.models import Client, ClientActivity, ClientWord, Order
from portfolio.models import Ownership, Visit

PASSWORD = "a-long-test-password"


def make_organization(slug: str = "vale-verde", **fields) -> Organization:
    """An organization inserted as the application does it: its id drawn first, then written inside its own context."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('accounts_organization', 'id'))")
        organization_id = cursor.fetchone()[0]
    fields.setdefault("name", slug.replace("-", " ").title())
    with tenant_atomic(organization_id):
        return Organization.objects.create(id=organization_id, slug=slug, **fields)


def make_member(organization: Organization, role: str = Role.MANAGER, *, name: str = "", email: str = "", team=None) -> Membership:
    """A person with a sign-in (``PASSWORD``) and a role in the organization; call inside its context."""
    email = email or f"{role}{Membership.objects.count() + 1}@{organization.slug}.example"
    with identity_atomic(email=email):
        user = User.objects.create_user(email=email, password=PASSWORD)
    return Membership.objects.create(organization=organization, user=user, role=role, name=name or email.split("@")[0], team=team)


class InActiveOrganization(DjangoModelFactory):
    class Meta:
        abstract = True

    organization_id = factory.LazyFunction(active_organization_id)


class TeamFactory(InActiveOrganization):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Equipe {n}")


class RepresentativeFactory(InActiveOrganization):
    class Meta:
        model = Representative

    code = factory.Sequence(lambda n: f"V-{n:03d}")
    name = factory.Sequence(lambda n: f"Representante {n}")


class ClientFactory(InActiveOrganization):
    class Meta:
        model = Client
        skip_postgeneration_save = True

    code = factory.Sequence(lambda n: f"C{n:05d}")
    name = factory.Sequence(lambda n: f"Cliente {n} Ltda")
    state = "SP"

    @factory.post_generation
    def activity(self, create, extracted, **kwargs):
        if create:
            ClientActivity.objects.create(organization_id=self.organization_id, client=self, **(extracted or {}))


class OrderFactory(InActiveOrganization):
    class Meta:
        model = Order

    code = factory.Sequence(lambda n: f"P{n:06d}")
    client = factory.SubFactory(ClientFactory)
    ordered_on = date(2026, 1, 5)
    amount_cents = 10_000


class OwnershipFactory(InActiveOrganization):
    class Meta:
        model = Ownership

    client = factory.SubFactory(ClientFactory)
    representative = factory.SubFactory(RepresentativeFactory)
    seq = 1
    started_on = date(2025, 1, 1)
    source = Ownership.Source.IMPORT


class VisitFactory(InActiveOrganization):
    class Meta:
        model = Visit

    client = factory.SubFactory(ClientFactory)
    representative = factory.SubFactory(RepresentativeFactory)


def stored_words(client: Client | None = None) -> set[str]:
    """The words that client, or any client of the active organization, is found by."""
    rows = ClientWord.objects.filter(client=client) if client else ClientWord.objects.all()
    return {word for row in rows.values_list("word", "word_2", "word_3", "number", "number_2") for word in row if word}

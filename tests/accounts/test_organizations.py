"""Founding an organization and letting people in."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Membership, Organization, User
from accounts.services.organizations import OrganizationRefused, add_member, create_organization
from accounts.tenancy import identity_atomic, tenant_atomic

pytestmark = pytest.mark.django_db(databases=["default", "owner"], transaction=True)


def test_a_new_organization_is_empty_and_its_administrator_can_sign_in(monkeypatch, web):
    monkeypatch.setenv("ADMIN_PASSWORD", "a-long-first-password")
    call_command("create_organization", "serra-azul", name="Serra Azul", timezone="America/Manaus", admin="Rita@serra-azul.example")
    response = web.post("/accounts/login/", {"login": "rita@serra-azul.example", "password": "a-long-first-password"})
    assert response.status_code == 302
    organization = Organization.objects.using("owner").get(slug="serra-azul")
    assert (organization.time_zone, organization.currency) == ("America/Manaus", "BRL")
    with tenant_atomic(organization.pk):
        assert list(Membership.objects.values_list("name", "role")) == [("Rita", "admin")]


def test_a_new_organization_may_be_of_another_country():
    call_command("create_organization", "iowa", name="Iowa", timezone="America/Chicago", currency="USD", language="en", country="US")
    organization = Organization.objects.using("owner").get(slug="iowa")
    assert (organization.country, organization.language) == ("US", "en")


@pytest.mark.parametrize(
    ("admin", "password", "words"),
    [
        ("rita@serra-azul.example", "", "Falta a senha de rita@serra-azul.example: informe-a em ADMIN_PASSWORD"),
        ("rita@serra-azul.example", "curta", "rita@serra-azul.example: .*12"),
        ("rita", "a-long-first-password", "rita: "),
    ],
)
def test_an_organization_whose_administrator_could_not_sign_in_is_not_made(monkeypatch, admin, password, words):
    monkeypatch.setenv("ADMIN_PASSWORD", password)
    monkeypatch.setattr("sys.stdin", io.StringIO())  # no terminal
    with pytest.raises(CommandError, match=words):
        call_command("create_organization", "serra-azul", name="Serra Azul", admin=admin)
    assert (Organization.objects.using("owner").count(), User.objects.using("owner").count()) == (0, 0)


def test_who_signs_in_already_is_asked_for_no_password(monkeypatch):
    monkeypatch.delenv("ADMIN_PASSWORD", raising=False)
    add_member(
        create_organization("norte", name="Norte"), email="ana@example.com", name="Ana", role="admin", password="a-long-first-password"
    )
    call_command("create_organization", "sul", name="Sul", admin=" Ana@example.com")
    with tenant_atomic(Organization.objects.using("owner").get(slug="sul").pk):
        assert Membership.objects.get().role == "admin"


def test_adding_a_person_twice_changes_nothing_and_one_sign_in_serves_two_organizations():
    north, south = create_organization("norte", name="Norte"), create_organization("sul", name="Sul")
    for organization in (north, north, south):
        add_member(organization, email=" Ana@example.com", name="Ana", role="manager", password="a-long-first-password")
    assert User.objects.using("owner").count() == 1
    with identity_atomic(email="ana@example.com"):
        ana = User.objects.get()
    with identity_atomic(user_id=ana.pk):
        assert Membership.identities.count() == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"slug": "vale-verde", "name": "Vale", "time_zone": "Brasil/Capital"}, "fuso horário"),
        ({"slug": "não vale", "name": "Vale"}, "slug"),
        ({"slug": "vale-verde", "name": ""}, "name"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_made(values, words):
    with pytest.raises(OrganizationRefused, match=words):
        create_organization(values.pop("slug"), **values)
    assert Organization.objects.using("owner").count() == 0


def test_a_taken_address_is_refused_in_one_sentence():
    call_command("create_organization", "vale-verde", name="Vale Verde")
    with pytest.raises(CommandError, match="Já existe uma organização com o endereço “vale-verde”"):
        call_command("create_organization", "vale-verde", name="Outra")


def test_an_unknown_role_is_refused():
    organization = create_organization("vale-verde", name="Vale Verde")
    with pytest.raises(OrganizationRefused, match="Papel desconhecido: owner"):
        add_member(organization, email="ana@example.com", name="Ana", role="owner")
    assert User.objects.using("owner").count() == 0

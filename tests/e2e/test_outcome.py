"""A rule's result in a real browser, once there is something to tell: what a manager reads aloud, on a phone and by axe."""

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from accounts.tenancy import acting_for
from rotation.services.rules import create_rule, publish
from tests.e2e.conftest import faults_of
from tests.e2e.opening import opened
from tests.factories import RepresentativeFactory, make_member, make_organization
from tests.front.conftest import browser  # noqa: F401  the one Chromium of the session
from tests.rotation.test_screens_outcome import MEASURED, drawn

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def measured(transactional_db):
    """A rule of which five weeks of windows closed: 300 given to rotation, 90 came back; 200 left alone, 20 did."""
    organization = make_organization("vale-verde", require_second_factor=False)
    with acting_for(organization.pk):
        admin = make_member(organization, Role.ADMIN, name="Helena Prado")
        receiver = RepresentativeFactory(code="V-09", name="Ana Luísa Figueiredo de Albuquerque e Castro")
        rule = create_rule(MEASURED, by=admin)
        publish(rule.versions.get(), by=admin)
        for week in range(1, 6):
            drawn(rule, 60, 18, 40, 4, until_on=date.today() - timedelta(days=7 * week), representative=receiver)
    return admin, f"/o/vale-verde/rules/{rule.pk}/outcome/"


def test_a_manager_reads_whether_rotation_helped(measured, new_page, sign_in):
    admin, address = measured
    page = new_page(width=390)
    sign_in(page, admin)
    opened(page, address)
    expect(page.get_by_text("Dos 300 clientes sorteados para o giro, 90 voltaram a comprar")).to_be_visible()
    assert page.locator("svg:visible").count() > 0
    assert faults_of(page) == {}

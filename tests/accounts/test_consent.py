"""Recording an autonomous representative's consent: who may, what is refused, what the audit keeps."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Representative
from accounts.services.representatives import ConsentRefused, record_consent
from accounts.tenancy import tenant_atomic
from tests.factories import RepresentativeFactory, make_member

TODAY = date(2026, 11, 22)


@pytest.fixture
def autonomous(acting):
    return RepresentativeFactory(name="Otávio", contract_type="autonomous")


def test_consent_is_recorded_with_its_day_and_its_paper(acting, autonomous):
    admin = make_member(acting, "admin")
    record_consent(autonomous, by=admin, given_on=date(2026, 11, 3), today=TODAY, note=" pasta 3 ")
    autonomous.refresh_from_db()
    assert autonomous.consent_recorded_on == date(2026, 11, 3)
    event = AuditEvent.objects.get(stream=f"representative:{autonomous.pk}")
    assert (event.action, event.actor_id, event.reason) == ("representative.consent_recorded", admin.pk, "pasta 3")
    assert event.after == {"consent_recorded_on": "2026-11-03"}


@pytest.mark.parametrize(
    ("values", "words"),
    [({"given_on": TODAY + timedelta(days=1)}, "data futura"), ({"note": "  "}, "Diga onde está")],
)
def test_a_day_ahead_and_a_missing_paper_are_refused(acting, autonomous, values, words):
    given = {"given_on": TODAY, "today": TODAY, "note": "pasta 3"} | values
    with pytest.raises(ConsentRefused, match=words):
        record_consent(autonomous, by=make_member(acting, "admin"), **given)


def test_an_employee_needs_no_consent_and_a_manager_records_none(acting, autonomous):
    with pytest.raises(ConsentRefused, match="CLT"):
        record_consent(RepresentativeFactory(), by=make_member(acting, "admin"), given_on=TODAY, today=TODAY, note="pasta 3")
    with pytest.raises(NotAllowed):
        record_consent(autonomous, by=make_member(acting, "manager"), given_on=TODAY, today=TODAY, note="pasta 3")


@pytest.mark.django_db(transaction=True)
def test_the_page_records_and_goes_back_and_only_administration_finds_it(organization, signed_in):
    with tenant_atomic(organization.pk):
        person = RepresentativeFactory(contract_type="autonomous")
        admin, manager = make_member(organization, "admin"), make_member(organization, "manager")
    address, today = f"/o/vale-verde/people/{person.pk}/consent/", timezone.now().astimezone(organization.zone).date()
    assert signed_in(manager).get(address).status_code == 404
    web = signed_in(admin)
    assert web.get(address).status_code == 200
    assert web.post(address, {"given_on": today + timedelta(days=9), "note": "pasta 3"}).status_code == 422
    response = web.post(address, {"given_on": today, "note": "pasta 3", "next": "/o/vale-verde/clients/"})
    assert (response.status_code, response.url) == (302, "/o/vale-verde/clients/")
    assert web.post(address, {"given_on": today, "note": "x", "next": "https://evil.example/"}).url == address
    with tenant_atomic(organization.pk):
        assert Representative.objects.get(pk=person.pk).consent_recorded_on == today

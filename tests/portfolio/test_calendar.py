"""The private calendar: made, read outside any session, and closed to whoever should not read it."""

from datetime import timedelta

import icalendar
import pytest
from django.utils import timezone

from accounts.models import ApiToken, Membership
from accounts.services import deactivate_membership
from accounts.services.tokens import hashed
from accounts.tenancy import tenant_atomic
from clients.models import Contact
from portfolio.models import Visit
from tests.factories import ClientFactory, RepresentativeFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/o/vale-verde/agenda/feed/"


@pytest.fixture
def seller(organization):
    with tenant_atomic(organization.pk):
        return make_member(organization, "representative")


@pytest.fixture
def ana(organization, seller):
    with tenant_atomic(organization.pk):
        return RepresentativeFactory(membership=seller)


def plant(organization, person, today, **fields):
    with tenant_atomic(organization.pk):
        client = ClientFactory(representative=person, **fields.pop("client", {}))
        return VisitFactory(client=client, representative=person, **({"planned_on": today} | fields))


def made(web) -> str:
    """The path of a new address, as the page shows it once."""
    page = web.post(PAGE).content.decode()
    start = page.index("/feeds/")
    return page[start : page.index(".ics", start) + 4]


def events(response) -> list[str]:
    return sorted(str(each["SUMMARY"]) for each in icalendar.Calendar.from_ical(response.content).walk("VEVENT"))


@pytest.fixture
def today(organization):
    return timezone.now().astimezone(organization.zone).date()


def test_the_feed_holds_the_own_planned_visits_and_nothing_of_the_people_there(organization, other, seller, ana, signed_in, web, today):
    at = timezone.now().replace(microsecond=0)
    place = {
        "name": "Empório Serra",
        "address": "Av. das Palmeiras, 1.240",
        "city": "Sumaré",
        "phone": "+55 19 3333 0000",
        "email": "a@b.example",
    }
    first = plant(organization, ana, today, client=place, planned_at=at, note="falar com a Márcia")
    plant(organization, ana, today + timedelta(days=60), client={"name": "No fim"})
    plant(organization, ana, today - timedelta(days=7), client={"name": "No começo"})
    plant(organization, ana, today + timedelta(days=61), client={"name": "Longe"})
    plant(organization, ana, today - timedelta(days=8), client={"name": "Passada"})
    plant(organization, ana, today, client={"name": "Cancelada"}, cancelled_at=at)
    with tenant_atomic(organization.pk):
        bruno = RepresentativeFactory()
        Contact.objects.create(organization=organization, client=first.client, name="Márcia Leal", phone="+55 19 99999 0000")
        gone = ClientFactory(name="De outra carteira", representative=bruno)
        VisitFactory(client=gone, representative=ana, planned_on=today)
    plant(organization, bruno, today, client={"name": "Do Bruno"})
    with tenant_atomic(other.pk):
        stranger = RepresentativeFactory()
    plant(other, stranger, today, client={"name": "De outra empresa"})

    response = web.get(made(signed_in(seller)))
    assert response.status_code == 200 and response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert events(response) == ["Visita: Empório Serra", "Visita: No começo", "Visita: No fim"]
    timed = next(each for each in icalendar.Calendar.from_ical(response.content).walk("VEVENT") if "Serra" in each["SUMMARY"])
    assert timed.decoded("DTSTART") == at and str(timed["LOCATION"]) == "Av. das Palmeiras, 1.240, Sumaré, SP"
    for secret in ("Márcia", "99999", "3333", "a@b", "falar"):
        assert secret not in response.content.decode()


def test_the_address_is_shown_once_kept_as_a_hash_and_answers_from_then_on(organization, seller, ana, signed_in, web):
    browser = signed_in(seller)
    path = made(browser)
    token = path.removeprefix("/feeds/").removesuffix(".ics")
    assert token not in browser.get(PAGE).content.decode()
    with tenant_atomic(organization.pk):
        row = ApiToken.objects.get()
        assert (row.token_hash, row.scopes, row.last_used_at) == (hashed(token), ["calendar"], None)
    assert web.get(path).status_code == 200
    with tenant_atomic(organization.pk):
        used = ApiToken.objects.get().last_used_at
    assert used is not None
    web.get(path)
    with tenant_atomic(organization.pk):
        assert ApiToken.objects.get().last_used_at == used  # not written again for ten minutes


def test_the_same_visits_are_not_sent_twice_and_a_moved_one_is(organization, seller, ana, signed_in, web, today):
    visit, path = plant(organization, ana, today), made(signed_in(seller))
    first = web.get(path)
    again = web.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    with tenant_atomic(organization.pk):
        Visit.objects.filter(pk=visit.pk).update(planned_on=today + timedelta(days=1))
    assert web.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    assert web.head(path).status_code == 200
    assert web.post(path).status_code == 405


def test_a_new_address_ends_the_one_before_and_revoking_ends_both(seller, ana, signed_in, web):
    browser = signed_in(seller)
    former, present = made(browser), made(browser)
    assert (web.get(former).status_code, web.get(present).status_code) == (404, 200)
    assert browser.post(PAGE, {"revoke": "1"}).status_code == 302
    assert web.get(present).status_code == 404


@pytest.mark.parametrize("ended", ["unknown", "expired", "other scope", "deactivated", "suspended", "no longer sells"])
def test_whatever_does_not_hold_any_more_is_not_found(organization, seller, ana, signed_in, web, ended):
    path = made(signed_in(seller))
    if ended == "unknown":
        path = "/feeds/" + "x" * 43 + ".ics"
    with tenant_atomic(organization.pk):
        if ended == "expired":
            ApiToken.objects.update(expires_at=timezone.now())
        elif ended == "other scope":
            ApiToken.objects.update(scopes=["clients:read"])
        elif ended == "deactivated":
            deactivate_membership(seller, make_member(organization, "admin"))
            ApiToken.objects.update(revoked_at=None)  # the membership alone must be enough
            assert not Membership.objects.get(pk=seller.pk).is_active
        elif ended == "suspended":
            organization.suspended_at = timezone.now()
            organization.save()
        elif ended == "no longer sells":
            ana.membership = None
            ana.save()
    assert web.get(path).status_code == 404


def test_asking_too_often_has_to_wait(seller, ana, signed_in, web, monkeypatch):
    monkeypatch.setattr("portfolio.views.calendar.A_MINUTE_EACH", 3)
    path = made(signed_in(seller))
    assert [web.get(path).status_code for _n in range(4)] == [200, 200, 200, 429]
    assert web.get(path).headers["Retry-After"] == "60"


def test_who_is_no_representative_has_no_calendar(organization, signed_in):
    with tenant_atomic(organization.pk):
        manager = make_member(organization, "manager")
    assert signed_in(manager).get(PAGE).status_code == 404


def test_the_feed_costs_the_same_queries_whatever_it_holds(organization, seller, ana, signed_in, web, today, django_assert_max_num_queries):
    path = made(signed_in(seller))
    web.get(path)

    def cost() -> int:
        with django_assert_max_num_queries(20) as queries:
            web.get(path)
        return len(queries)

    plant(organization, ana, today)
    before = cost()
    for _n in range(5):
        plant(organization, ana, today)
    assert cost() == before

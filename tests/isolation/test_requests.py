"""What the middleware promises of a request: whose rows it sees, and that a refusal writes nothing."""

import pytest

from accounts.models import Membership
from accounts.tenancy import NoTenant, identity_atomic, tenant_atomic
from clients.models import Client
from tests.factories import PASSWORD, ClientFactory, make_member

pytestmark = [pytest.mark.urls("tests.isolation.urls"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def admin(organization):
    with tenant_atomic(organization.pk):
        return make_member(organization, "admin")


@pytest.fixture
def browser(admin, signed_in):
    web = signed_in(admin)
    web.raise_request_exception = False
    return web


def written(organization) -> int:
    with tenant_atomic(organization.pk):
        return Client.objects.count()


@pytest.mark.parametrize(("trial", "status"), [("raise", 403), ("fail", 500), ("conflict", 409), ("refuse", 400), ("answer", 422)])
def test_a_view_that_writes_and_then_refuses_leaves_nothing(organization, browser, trial, status):
    assert browser.get(f"/o/vale-verde/try/{trial}/").status_code == status
    assert written(organization) == 0


def test_a_view_that_writes_and_answers_keeps_its_rows(organization, browser):
    assert browser.get("/o/vale-verde/try/write/").status_code == 201
    assert written(organization) == 1


def test_a_streaming_view_without_its_own_block_raises(browser):
    response = browser.get("/o/vale-verde/try/stream/")
    with pytest.raises(NoTenant):
        b"".join(response.streaming_content)


def test_a_request_sees_only_the_organization_of_its_address(organization, other, admin, browser):
    with tenant_atomic(other.pk):
        ClientFactory.create_batch(3)
    with tenant_atomic(organization.pk):
        ClientFactory()
    assert browser.get("/o/vale-verde/try/count/").content == b"1"
    assert browser.get("/o/rio-claro/try/count/").status_code == 404
    assert browser.get("/o/no-such/try/count/").status_code == 404


def test_one_person_in_two_organizations_sees_each_apart(organization, other, admin, browser):
    with tenant_atomic(other.pk):
        ClientFactory.create_batch(3)
        with identity_atomic(user_id=admin.user_id):
            Membership.objects.create(organization=other, user_id=admin.user_id, role="auditor", name="Ana")
    assert browser.get("/o/vale-verde/try/count/").content == b"0"
    assert browser.get("/o/rio-claro/try/count/").content == b"3"


def test_a_deactivated_membership_is_noticed_on_the_next_request(organization, admin, browser):
    assert browser.get("/o/vale-verde/try/count/").status_code == 200
    with tenant_atomic(organization.pk):
        Membership.objects.filter(pk=admin.pk).update(is_active=False)
    assert browser.get("/o/vale-verde/try/count/").status_code == 404


def test_who_has_not_signed_in_is_sent_to_do_so(organization, web):
    response = web.get("/o/vale-verde/try/count/")
    assert (response.status_code, response.url) == (302, "/accounts/login/?next=/o/vale-verde/try/count/")
    assert web.get("/o/vale-verde/try/count/", headers={"HX-Request": "true"}).status_code == 401


def test_signing_in_works_under_row_security(organization, admin, web):
    email = admin_email(admin)
    assert web.post("/accounts/login/", {"login": email, "password": "wrong"}).status_code == 200
    response = web.post("/accounts/login/", {"login": email.upper(), "password": PASSWORD})
    assert (response.status_code, response.url) == (302, "/")
    assert web.get("/o/vale-verde/try/count/").status_code == 200


def test_an_unknown_person_and_a_wrong_password_get_the_same_answer(organization, admin, web):
    def answer(email: str) -> tuple[int, list]:
        response = web.post("/accounts/login/", {"login": email, "password": "wrong"})
        return response.status_code, response.context["form"].non_field_errors()

    assert answer(admin_email(admin)) == answer("nobody@vale-verde.example")


def test_the_sixth_try_on_one_account_waits(organization, admin, web):
    email = admin_email(admin)
    for _try in range(5):
        web.post("/accounts/login/", {"login": email, "password": "wrong"})
    response = web.post("/accounts/login/", {"login": email, "password": PASSWORD})
    assert response.status_code == 200
    assert "_auth_user_id" not in web.session


def test_a_reset_link_changes_the_password_of_its_own_person(organization, admin, web, mailoutbox):
    email = admin_email(admin)
    web.post("/accounts/password/reset/", {"email": email})
    (link,) = [word for word in mailoutbox[0].body.split() if "/password/reset/key/" in word]
    path = "/" + link.split("/", 3)[3]
    form = web.get(path, follow=True)
    place = form.redirect_chain[-1][0]
    changed = web.post(place, {"password1": "another long secret", "password2": "another long secret"})
    assert changed.status_code == 302
    assert web.post("/accounts/login/", {"login": email, "password": "another long secret"}).status_code == 302


def admin_email(admin) -> str:
    with identity_atomic(user_id=admin.user_id):
        return admin.user.email

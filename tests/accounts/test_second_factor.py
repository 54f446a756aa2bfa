"""Second factors under row security: real codes, each used once, and organizations that let nobody in without."""

import hashlib
import hmac
import re
import struct
import time
from base64 import b32decode

import pytest
from allauth.mfa.models import Authenticator

from accounts.tenancy import acting_for, identity_atomic
from tests.factories import PASSWORD, make_member

pytestmark = pytest.mark.django_db

EMAIL = "ana@vale-verde.example"
HOME = "/o/vale-verde/me/"


def code_of(secret: str, *, at: float | None = None) -> str:
    """RFC 6238, worked out here: the test must not trust the code it tests."""
    counter = struct.pack(">Q", int((time.time() if at is None else at) // 30))
    digest = hmac.new(b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def test_the_codes_of_this_test_are_those_of_the_standard():
    assert code_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", at=59) == "287082"  # RFC 6238, appendix B, last six digits


@pytest.fixture
def ana(organization):
    with acting_for(organization.pk):
        return make_member(organization, "manager", email=EMAIL)


def confirm(web, password: str = PASSWORD) -> None:
    web.post("/accounts/reauthenticate/", {"password": password})


def turn_on(web) -> str:
    """Turn the authenticator application on as a person does; returns its secret."""
    confirm(web)
    page = web.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    assert page.content.decode().count('src="data:image/svg+xml') == 1
    # The code of the half minute before is still good, and leaves the present one for signing in.
    answer = web.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert answer.url == "/accounts/2fa/recovery-codes/"
    return secret


def sign_in(web, code: str):
    web.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert web.get(HOME).status_code == 302, "the password alone must not open the door"
    return web.post("/accounts/2fa/authenticate/", {"code": code})


def test_a_code_opens_the_door_once(ana, signed_in, web):
    secret = turn_on(signed_in(ana))
    code = code_of(secret)
    assert sign_in(web, code).status_code == 302
    assert web.get(HOME).status_code == 200
    web.post("/accounts/logout/")
    again = sign_in(web, code)
    assert again.status_code == 200
    assert again.context["form"].errors["code"]


def test_the_secret_is_not_in_the_table_in_clear(ana, signed_in):
    secret = turn_on(signed_in(ana))
    with identity_atomic(user_id=ana.user_id):
        kept = Authenticator.objects.get(user_id=ana.user_id, type="totp")
        assert secret not in str(kept.data)
        assert kept.wrap().validate_code(code_of(secret))


def test_five_wrong_codes_and_then_one_waits_even_with_the_right_one(ana, signed_in, web):
    secret = turn_on(signed_in(ana))
    for _try in range(5):
        assert sign_in(web, "000000").status_code == 200
    assert sign_in(web, code_of(secret)).status_code == 200
    assert web.get(HOME).status_code == 302


def test_a_recovery_code_opens_the_door_once(ana, signed_in, web):
    phone = signed_in(ana)
    turn_on(phone)
    codes = re.findall(r"<code>(\d+)</code>", phone.get("/accounts/2fa/recovery-codes/").content.decode())
    assert len(codes) == 10
    assert sign_in(web, codes[0]).status_code == 302
    web.post("/accounts/logout/")
    assert sign_in(web, codes[0]).status_code == 200
    assert sign_in(web, codes[1]).status_code == 302


def test_adding_a_factor_asks_for_the_password_again(ana, signed_in):
    assert signed_in(ana).get("/accounts/2fa/totp/activate/").url.startswith("/accounts/reauthenticate/")


def test_a_pending_second_factor_does_not_hinder_another_persons_sign_in(organization, ana, signed_in, web):
    turn_on(signed_in(ana))
    with acting_for(organization.pk):
        make_member(organization, "manager", email="bruno@vale-verde.example")
    web.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    web.post("/accounts/logout/")
    assert web.post("/accounts/login/", {"login": "bruno@vale-verde.example", "password": PASSWORD}).status_code == 302
    assert web.get(HOME).status_code == 200


@pytest.fixture
def strict(organization):
    with acting_for(organization.pk):
        organization.require_second_factor = True
        organization.save()
    return organization


def test_an_organization_that_requires_it_lets_nobody_in_without(strict, ana, signed_in):
    web = signed_in(ana)
    assert web.get(HOME).url == "/accounts/2fa/"
    assert f"{strict.name} só deixa entrar com segundo fator" in web.get("/accounts/2fa/").content.decode()
    fragment = web.get(HOME, headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Redirect"]) == (200, "/accounts/2fa/")
    assert fragment.content == b""
    turn_on(web)
    assert web.get(HOME).status_code == 200


def test_removing_it_closes_the_door_again_here_and_elsewhere(strict, ana, signed_in):
    here = signed_in(ana)
    secret = turn_on(here)
    there = signed_in(ana)
    assert (here.get(HOME).status_code, there.get(HOME).status_code) == (200, 200)
    assert secret
    assert here.post("/accounts/2fa/totp/deactivate/").status_code == 302
    assert here.get(HOME).url == "/accounts/2fa/"
    assert there.get(HOME).url.startswith("/accounts/login/")


def test_a_demonstration_never_asks_for_it(strict, ana, signed_in):
    with acting_for(strict.pk):
        strict.is_demo = True
        strict.save()
    assert signed_in(ana).get(HOME).status_code == 200


def test_once_seen_it_costs_no_further_query(strict, ana, signed_in, django_assert_num_queries):
    web = signed_in(ana)
    turn_on(web)
    web.get("/o/vale-verde/notices/")
    with django_assert_num_queries(16):  # as many as test_notices counts without it, and the number beside a manager's runs
        web.get("/o/vale-verde/notices/")


@pytest.mark.parametrize(
    "credential",
    ["", "x", "[]", "{}", '{"response": null}', '{"response": {"userHandle": "!!"}}', '{"response": {"userHandle": "MQ"}}'],
)
def test_a_malformed_passkey_is_refused_in_words(ana, web, credential):
    web.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    answer = web.post("/accounts/2fa/webauthn/login/", {"credential": credential}, follow=True)
    assert answer.status_code == 200
    assert "_auth_user_id" not in web.session

"""What the edge refuses, how it says so, and where it sends people."""

import json
import re

import pytest
from django.test import Client as Web

from accounts.input_guard import unusable
from accounts.tenancy import acting_for, identity_atomic
from tests.factories import make_member

pytestmark = pytest.mark.django_db

HOME = "/o/vale-verde/me/"


@pytest.fixture
def ana(organization):
    with acting_for(organization.pk):
        return make_member(organization, "manager", name="Ana", email="ana@vale-verde.example")


@pytest.mark.parametrize("text", ["a\x00b", "\x1b[31m", "\x7f", "\x85", "\ud800", "ok\udfff"])
def test_control_characters_and_halves_of_pairs_are_unusable(text):
    assert unusable(text)


@pytest.mark.parametrize("text", ["", "São João & Cia", "two\r\nlines\tand a tab", "👩‍🌾", "مرحبا", "\ufeffa"])
def test_what_people_write_is_usable(text):
    assert not unusable(text)


@pytest.mark.parametrize("path", ["/?q=%00", "/?%00=1", "/%00/", "/o/vale-verde/me/%0d%0a/", "/?q=%1b"])
def test_an_unusable_address_is_a_page_of_400(web, path):
    answer = web.get(path)
    assert answer.status_code == 400
    assert "caracteres que não podem ser guardados" in answer.content.decode()


def test_an_unusable_form_is_400_and_nothing_is_written(ana, signed_in):
    answer = signed_in(ana).post(HOME, {"name": "A\x00na", "language": ""})
    assert answer.status_code == 400
    with acting_for(ana.organization_id):
        ana.refresh_from_db()
        assert ana.name == "Ana"


def test_json_nested_without_end_is_400(web):
    assert web.post("/accounts/login/", {"login": "[" * 5_000}).status_code == 400
    assert web.post("/accounts/login/", {"login": "[]" * 5_000}).status_code == 200


@pytest.mark.parametrize(("content_type", "size"), [("application/x-www-form-urlencoded", 1_048_577), ("application/json", 1_048_577)])
def test_a_body_above_the_limit_is_413_and_is_not_read(web, content_type, size):
    answer = web.generic("POST", "/accounts/login/", b"x" * size, content_type=content_type)
    assert answer.status_code == 413
    assert "grande demais" in answer.content.decode()


def test_too_many_fields_are_400(web):
    assert web.post("/accounts/login/", {f"f{n}": "1" for n in range(2_001)}).status_code == 400


def test_every_answer_carries_its_number_and_an_error_shows_it(web):
    answer = web.get("/nowhere/")
    number = answer.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", number)
    assert (answer.status_code, number in answer.content.decode()) == (404, True)
    assert web.get("/accounts/login/").headers["X-Request-ID"] != number


def test_a_number_is_taken_from_a_trusted_proxy_only(web, settings):
    given = {"X-Request-ID": "from-the-proxy-1"}
    assert web.get("/nowhere/", headers=given).headers["X-Request-ID"] != "from-the-proxy-1"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert web.get("/nowhere/", headers=given).headers["X-Request-ID"] == "from-the-proxy-1"
    assert web.get("/nowhere/", headers={"X-Request-ID": "bad one\n"}).headers["X-Request-ID"] != "bad one\n"


def test_a_program_gets_json_with_a_code(web):
    answer = web.get("/nowhere/", headers={"Accept": "application/json"})
    assert json.loads(answer.content) == {"code": "not_found", "detail": "", "reference": answer.headers["X-Request-ID"]}
    assert web.get("/api/nothing/").headers["Content-Type"] == "application/json"


def test_a_404_keeps_the_shell_for_a_member_only(ana, signed_in, web):
    member = signed_in(ana).get("/o/vale-verde/nothing/")
    assert (member.status_code, 'class="sidebar"' in member.content.decode()) == (404, True)
    assert 'class="sidebar"' not in web.get("/nowhere/").content.decode()


@pytest.mark.urls("tests.accounts.urls")
@pytest.mark.parametrize(
    ("trial", "status", "words"),
    [("bug", 500, "do nosso lado"), ("gone", 503, "sem acesso aos dados"), ("busy", 503, "Outra operação usa")],
)
def test_a_bug_and_a_database_that_is_gone_say_so_without_detail(web, trial, status, words):
    web.raise_request_exception = False
    answer = web.get(f"/try/{trial}/")
    page = answer.content.decode()
    assert (answer.status_code, words in page, "secret detail" in page) == (status, True, False)
    assert answer.headers["X-Request-ID"] in page
    assert answer.headers.get("Retry-After") == ("30" if status == 503 else None)


@pytest.mark.urls("tests.accounts.urls")
def test_forbidden_says_why(ana, signed_in):
    answer = signed_in(ana).get("/o/vale-verde/try/forbidden/")
    assert (answer.status_code, "só a diretoria" in answer.content.decode()) == (403, True)


def test_a_form_without_its_token_is_refused_with_a_cure(ana, signed_in):
    web = Web(HTTP_HOST="localhost", enforce_csrf_checks=True)
    web.cookies = signed_in(ana).cookies
    for path in (HOME, "/preferences/", "/o/vale-verde/notices/read/", f"{HOME}sessions/end/"):
        answer = web.post(path, {"name": "Outra"})
        assert (answer.status_code, "A página ficou velha" in answer.content.decode()) == (403, True), path
    with acting_for(ana.organization_id):
        ana.refresh_from_db()
        assert ana.name == "Ana"


@pytest.mark.parametrize(
    ("place", "goes_to"),
    [
        ("/o/vale-verde/clients/?q=a", "/o/vale-verde/clients/?q=a"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
    ],
)
def test_preferences_go_back_to_this_site_only(ana, signed_in, place, goes_to):
    assert signed_in(ana).post("/preferences/", {"theme": "dark", "next": place}).url == goes_to


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example/"])
def test_signing_in_goes_to_this_site_only(ana, web, place):
    answer = web.post("/accounts/login/", {"login": "ana@vale-verde.example", "password": "a-long-test-password", "next": place})
    assert (answer.status_code, answer.url) == (302, "/")


def test_preferences_change_what_was_sent_and_nothing_else(ana, signed_in):
    web = signed_in(ana)
    web.post("/preferences/", {"theme": "dark"})
    answer = web.post("/preferences/", {"language": "es"}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")
    web.post("/preferences/", {"theme": "neon"})
    with identity_atomic(user_id=ana.user_id):
        ana.user.refresh_from_db()
        assert (ana.user.theme, ana.user.language) == ("dark", "es")
    assert web.get("/preferences/").status_code == 405


def test_before_signing_in_the_language_is_kept_in_a_cookie(web):
    web.post("/preferences/", {"language": "es", "next": "/accounts/login/"})
    assert '<html lang="es"' in web.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("role", ["admin", "manager", "representative", "auditor"])
def test_each_role_arrives_at_a_page_that_is_served(organization, signed_in, role):
    with acting_for(organization.pk):
        member = make_member(organization, role)
    web = signed_in(member)
    assert web.get("/").url == "/o/vale-verde/"
    arrived = web.get("/o/vale-verde/", follow=True)
    assert (arrived.status_code, len(arrived.redirect_chain)) == (200, 1)


def test_a_person_sees_the_chooser_only_with_several_organizations_and_never_a_suspended_one(organization, other, ana, signed_in):
    with acting_for(other.pk), identity_atomic(user_id=ana.user_id):
        type(ana).objects.create(organization=other, user_id=ana.user_id, role="auditor", name="Ana")
    web = signed_in(ana)
    assert [each.organization.name for each in web.get("/").context["memberships"]] == ["Rio Claro", "Vale Verde"]
    with acting_for(other.pk):
        other.suspended_at = "2026-11-01T00:00Z"
        other.save()
    assert web.get("/").url == "/o/vale-verde/"


PAGES = ["/accounts/login/", "/accounts/signup/", "/accounts/inactive/", "/accounts/password/reset/", "/accounts/password/reset/done/"]
PAGES += ["/accounts/password/reset/key/1-set-password/", "/accounts/password/reset/key/done/", "/accounts/logout/", "/nowhere/"]
OWN = [HOME, "/o/vale-verde/notices/", "/o/vale-verde/nothing/", "/accounts/2fa/", "/accounts/2fa/webauthn/", "/accounts/logout/"]
CONFIRMED = ["/accounts/password/change/", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/accounts/reauthenticate/"]


@pytest.mark.parametrize("language", ["pt-br", "es", "en"])
def test_every_page_is_drawn_in_every_language(ana, signed_in, web, language):
    with identity_atomic(user_id=ana.user_id):
        type(ana.user).objects.filter(pk=ana.user_id).update(language=language)
    mine = signed_in(ana)
    mine.post("/accounts/reauthenticate/", {"password": "a-long-test-password"})
    web.cookies["django_language"] = language
    for browser, paths in ((web, PAGES), (mine, OWN + CONFIRMED)):
        for path in paths:
            answer = browser.get(path)
            if answer.status_code == 302 and path == "/accounts/logout/":
                continue  # nobody to sign out
            page = answer.content.decode()
            assert answer.status_code in (200, 404), (path, answer.status_code)
            assert f'<html lang="{language}"' in page, path
            assert len(re.findall(r"<h1>\s*\S", page)) == 1, path
            assert " style=" not in page and "onclick" not in page, path
            assert not re.search(r"<script(?![^>]*(src=|type=\"application/json\"))", page), path


def test_what_could_not_be_leaves_a_way_on(rf, ana, signed_in, settings):
    from accounts.views import errors

    def links(answer):
        return re.findall(r'<a class="btn (\w+)\s*" href="([^"]*)"', answer.content.decode())

    get = rf.get("/o/vale-verde/clients/?q=a", headers={"referer": "http://testserver/o/vale-verde/today/?x=1"}, HTTP_HOST="testserver")
    post = rf.post("/o/vale-verde/tasks/new/", headers={"referer": "http://testserver/o/vale-verde/tasks/new/"}, HTTP_HOST="testserver")
    came, home, same = "/o/vale-verde/today/?x=1", ("gho", "/"), "/o/vale-verde/tasks/new/"
    for status in (429, 500, 503):
        assert links(errors.refusal(get, status)) == [("pri", "/o/vale-verde/clients/?q=a"), ("sec", came), home]
        assert links(errors.refusal(post, status)) == [("pri", same), home]  # what may change something is not sent again by a link
    assert links(errors.refusal(get, 400)) == [("pri", came), home]
    assert links(errors.csrf_failure(post)) == [("pri", same), home]
    elsewhere = rf.get("/x/", headers={"referer": "http://evil.example//testserver/"}, HTTP_HOST="testserver")
    assert links(errors.refusal(elsewhere, 400)) == [("pri", "/")]

    page = signed_in(ana).get("/o/vale-verde/clients/0/").content.decode()
    assert '<li aria-current="page">Não encontramos esta página</li>' in page  # the phone's bar has nothing else to say

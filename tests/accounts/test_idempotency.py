"""A request sent again under its key has its effect once and is answered as the first was."""

import re
import threading
from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client as Web
from django.utils import timezone

from accounts.models import IdempotencyKey, Representative, Team
from accounts.services.purge import purge
from accounts.tenancy import acting_for, tenant_atomic
from tests.factories import make_member

ADDRESS = "/o/vale-verde/people/teams/"
KEY = "0b0f3f2e-team-campinas"


@pytest.fixture
def web(organization, signed_in):
    with tenant_atomic(organization.pk):
        return signed_in(make_member(organization, "admin"))


def teams(organization) -> list[str]:
    with acting_for(organization.pk):
        return list(Team.objects.values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_twenty_equal_posts_at_once_have_one_effect_and_one_answer(organization, web):
    gate, answers = threading.Barrier(20), []
    cookies = {name: morsel.value for name, morsel in web.cookies.items()}

    def send():
        own = Web(HTTP_HOST="localhost")
        for name, value in cookies.items():
            own.cookies[name] = value
        try:
            gate.wait()
            answer = own.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY})
            answers.append((answer.status_code, answer.headers.get("Location")))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _each in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len(set(answers)) == 1
    assert answers[0][0] == 302
    assert teams(organization) == ["Campinas"]


@pytest.mark.django_db
class TestKeys:
    def test_another_request_under_the_same_key_is_refused(self, organization, web):
        assert web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY}).status_code == 302
        other = web.post(ADDRESS, {"name": "Santos"}, headers={"Idempotency-Key": KEY, "Accept": "application/json"})
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        assert "já foi usada em outro pedido" in other.json()["detail"]
        assert teams(organization) == ["Campinas"]

    def test_a_refused_or_broken_try_leaves_its_key_free(self, organization, web, monkeypatch):
        assert web.post(ADDRESS, {"name": ""}, headers={"Idempotency-Key": KEY}).status_code == 422
        web.raise_request_exception = False
        with monkeypatch.context() as patch:
            patch.setattr("accounts.tenancy.middleware.keep_answer", _fail)
            assert web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY}).status_code == 500
        assert teams(organization) == []
        assert web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY}).status_code == 302
        assert teams(organization) == ["Campinas"]

    @pytest.mark.parametrize("key", ["short", "x" * 65, "with spaces in it, see"])
    def test_a_key_that_is_none_is_refused_with_the_cure(self, web, key):
        answer = web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": key, "Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key")
        assert "16 a 64" in answer.json()["detail"]

    def test_keys_of_another_company_are_others(self, organization, other, web, signed_in):
        assert web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY}).status_code == 302
        with tenant_atomic(other.pk):
            theirs = signed_in(make_member(other, "admin", email="admin@rio-claro.example"))
        assert theirs.post("/o/rio-claro/people/teams/", {"name": "Rio"}, headers={"Idempotency-Key": KEY}).status_code == 302
        assert (teams(organization), teams(other)) == (["Campinas"], ["Rio"])

    def test_a_secret_shown_once_is_not_kept_in_clear(self, organization, signed_in):
        with tenant_atomic(organization.pk):
            vera = make_member(organization, "representative", email="vera@vale-verde.example")
            Representative.objects.create(organization=organization, code="V1", name="Vera", membership=vera)
            own = signed_in(vera)
        first, again = (own.post("/o/vale-verde/agenda/feed/", headers={"Idempotency-Key": KEY}) for _each in range(2))
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.content == again.content
        secret = re.search(rb"/feeds/([\w.-]{20,})\.ics", first.content)[1].decode()
        with acting_for(organization.pk):
            kept = str(IdempotencyKey.objects.get().body)
        assert len(kept) > len(first.content)
        assert secret not in kept
        assert b64encode(secret.encode()).decode()[:20] not in kept

    def test_an_answer_that_can_no_longer_be_read_is_not_made_again(self, organization, web, settings):
        assert web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY}).status_code == 302
        with acting_for(organization.pk):
            kept = IdempotencyKey.objects.get()
            kept.body["content"] = "gAAAAAunreadable"
            kept.save(update_fields=["body"])
        again = web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY, "Accept": "application/json"})
        assert (again.status_code, again.json()["code"]) == (409, "idempotency_answer_gone")
        assert teams(organization) == ["Campinas"]

    def test_answers_are_forgotten_after_two_days(self, organization, web):
        web.post(ADDRESS, {"name": "Campinas"}, headers={"Idempotency-Key": KEY})
        with acting_for(organization.pk):
            purge(at=timezone.now() + timedelta(hours=47))
            assert IdempotencyKey.objects.count() == 1
            purge(at=timezone.now() + timedelta(hours=49))
            assert not IdempotencyKey.objects.exists()


def _fail(request, response):
    raise RuntimeError("the process dies before its transaction is committed")

"""Taking many rows away, or approving many at once, asks who sits there; a few, or soon after proving it, does not."""

from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.urls import reverse

from accounts.models import AuditEvent
from accounts.tenancy import acting_for, identity_atomic
from rotation.models import Proposal
from tests.accounts.test_second_factor import code_of
from tests.factories import PASSWORD
from tests.rotation.factories import ProposalFactory, RuleVersionFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(acting, representatives, monkeypatch):
    """A run of three proposals, where two are many."""
    for module in ("accounts.exporting", "rotation.views.decisions"):
        monkeypatch.setattr(f"{module}.MANY_ROWS", 2)
    version = RuleVersionFactory()
    run = RunFactory(version=version)
    ProposalFactory.create_batch(3, run=run, rule_version=version, owner=representatives[0], to_representative=representatives[1])
    return run


@pytest.fixture
def web(signed_in, admin):
    return signed_in(admin)


def url(run, name, *args):
    return reverse(f"rotation:{name}", args=["vale-verde", run.pk, *args])


def approve_all(web, run, **headers):
    return web.post(url(run, "decide"), {"decision": "approve", "scope": "filter", "filter": "", "confirmed": "1"}, **headers)


def test_many_rows_leave_only_after_the_person_proved_who_they_are(web, run):
    answer = web.get(url(run, "export", "csv"))

    asked = urlsplit(answer["Location"])
    assert asked.path == "/accounts/reauthenticate/"
    assert not AuditEvent.objects.filter(action="run.exported").exists()
    back = web.post(answer["Location"], {"password": PASSWORD})
    assert back["Location"] == parse_qs(asked.query)["next"][0] == url(run, "review")

    assert web.get(url(run, "export", "csv"))["Content-Disposition"].startswith("attachment")
    assert AuditEvent.objects.filter(action="run.exported").count() == 1


def test_a_wrong_password_opens_nothing(web, run):
    answer = web.get(url(run, "export", "csv"))
    web.post(answer["Location"], {"password": "not-my-password"})
    assert web.get(url(run, "export", "csv")).status_code == 302


def test_few_rows_leave_without_a_question(web, run):
    Proposal.objects.latest("pk").delete()
    assert web.get(url(run, "export", "xlsx")).status_code == 200


def test_approving_many_at_once_asks_first_and_writes_nothing_until_then(web, run):
    asked = approve_all(web, run, HTTP_HX_REQUEST="true")
    assert asked["HX-Redirect"].startswith("/accounts/reauthenticate/")
    assert approve_all(web, run)["Location"].startswith("/accounts/reauthenticate/")
    # Before a reason is typed, not after: the way back is the list.
    refused = web.post(url(run, "decide"), {"decision": "reject", "scope": "filter", "filter": ""})
    assert refused["Location"].startswith("/accounts/reauthenticate/")
    assert not Proposal.objects.exclude(state="proposed").exists()

    web.post("/accounts/reauthenticate/", {"password": PASSWORD})
    approve_all(web, run)

    assert Proposal.objects.filter(state="approved").count() == 3


def test_a_demonstration_asks_nobody(web, run, acting):
    acting.is_demo = True
    acting.save()
    assert web.get(url(run, "export", "csv")).status_code == 200


def test_the_eleventh_file_of_an_hour_has_to_wait(web, run, organization):
    Proposal.objects.latest("pk").delete()
    for _ in range(10):
        assert web.get(url(run, "export", "csv")).status_code == 200

    answer = web.get(url(run, "export", "csv"))

    assert (answer.status_code, answer["Location"]) == (302, url(run, "review"))
    with acting_for(organization.pk):
        assert AuditEvent.objects.filter(action="run.exported").count() == 10


def test_who_has_a_second_factor_is_asked_for_it_and_the_password_alone_does_not_do(web, run, admin):
    with identity_atomic(user_id=admin.user_id):
        TOTP.activate(admin.user, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    web.post("/accounts/reauthenticate/", {"password": PASSWORD})

    assert web.get(url(run, "export", "csv"))["Location"].startswith("/accounts/2fa/reauthenticate/")

    web.post("/accounts/2fa/reauthenticate/", {"code": code_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")})
    assert web.get(url(run, "export", "csv")).status_code == 200

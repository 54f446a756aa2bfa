"""A scheduled report from the clock's tick to the mailbox: the tasks as a worker runs them, a mail server on a real socket."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.mail.utils import DNS_NAME
from django.utils import timezone

from accounts.models import Notice, OutboxEvent, Role
from accounts.notices import sentence
from accounts.services import outbox
from accounts.tasks import relay_outbox
from accounts.tenancy import identity_atomic, tenant_atomic
from portfolio.models import ReportSchedule
from portfolio.selectors.deliveries import deliveries_of
from portfolio.services.report_schedules import Wanted, save_schedule
from portfolio.tasks import send_reports
from tests.factories import make_member
from tests.smtp import mail_server

pytestmark = pytest.mark.django_db(transaction=True)
ZONE = ZoneInfo("America/Sao_Paulo")


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setattr(DNS_NAME, "_fqdn", "carteira.test", raising=False)  # asked of a resolver, which may be away
    with mail_server() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = found.server_address
        settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER, settings.PUBLIC_URL = False, "", "https://crm.example"
        yield found


@pytest.fixture
def scheduled(organization):
    """A report to two people, one of whom reads English, whose moment was a minute ago."""
    now = timezone.now()
    with tenant_atomic(organization.pk):
        boss, reader = make_member(organization, Role.ADMIN, name="Renata"), make_member(organization, Role.MANAGER, name="Kate")
        with identity_atomic(user_id=reader.user_id):
            type(reader.user).objects.filter(pk=reader.user_id).update(language="en")
        wanted = Wanted("movement", {"period": "last"}, "week", 0, 7, [boss.pk, reader.pk])
        held = save_schedule(wanted, by=boss, at=now)
        ReportSchedule.objects.filter(pk=held.pk).update(next_at=now - timedelta(minutes=1))
    return held


def test_the_report_arrives_once_in_each_readers_language_with_its_address(scheduled, server):
    for _tick in range(2):
        send_reports()
        relay_outbox()

    letters = {receivers[0]: letter for receivers, letter in server.letters}
    assert len(server.letters) == len(letters) == 2
    mine, theirs = letters["admin1@vale-verde.example"], letters["manager2@vale-verde.example"]
    assert mine["Subject"].strip().startswith("Vale Verde: Movimentação, ")
    month = (timezone.now().astimezone(ZONE).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    address = f"https://crm.example/o/vale-verde/reports/movement/?from={month}&to={month}"
    for letter in (mine, theirs):
        assert address in letter.get_content().replace("\n", " ")
        assert [part.get_content_type() for part in letter.walk()] == ["text/plain"]  # an address and no file: see the service
        assert letter["Message-ID"].endswith("@carteira>")
    assert "Olá, Renata." in mine.get_content()
    assert "Hello" in theirs.get_content() or "Hi" in theirs.get_content()


def test_a_server_that_refuses_is_asked_again_and_administration_is_told_once(organization, scheduled, server):
    server.refusing = "451 try again later"
    send_reports()
    relay_outbox()
    with tenant_atomic(organization.pk):
        assert {(each.state, each.attempts) for each in deliveries_of([scheduled.pk])} == {("failing", 1)}
        assert not Notice.objects.filter(kind=Notice.Kind.MAIL_REFUSED).exists()  # once is a hiccup
        at = timezone.now()
        for attempt in range(1, outbox.TELL_AFTER + 1):
            outbox.relay(at=at + timedelta(seconds=2 ** (attempt + 1)))
        told = Notice.objects.get(kind=Notice.Kind.MAIL_REFUSED)
        assert (told.membership.name, told.facts["waiting"]) == ("Renata", 2)
        says = sentence(told.kind, told.facts, currency="BRL")
        assert says.text == "O servidor de e-mail não aceita: 2 mensagens esperam"
        assert "451" in says.detail

        server.refusing = ""
        assert outbox.relay(at=at + timedelta(hours=1)) == 2
        assert {each.state for each in deliveries_of([scheduled.pk])} == {"sent"}
        assert not OutboxEvent.objects.filter(sent_at=None).exists()
    assert len(server.letters) == 2

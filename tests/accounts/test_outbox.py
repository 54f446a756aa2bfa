import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from accounts.models import ConsumedEvent, OutboxEvent
from accounts.services import outbox, send_to_outbox
from accounts.tasks import relay_outbox
from accounts.tenancy import acting_for
from accounts.tenancy.tasks import TenantTask
from tests.factories import make_organization

LETTER = {"to": ["ana@vale-verde.example"], "subject": "Clientes recebidos", "body": "Três clientes."}


def waiting():
    return OutboxEvent.objects.filter(sent_at=None).count()


def now(**later) -> datetime:
    return datetime.now(UTC) + timedelta(**later)


def test_mail_goes_out_once_with_the_events_id(acting):
    event = send_to_outbox("mail", LETTER)

    assert outbox.relay(at=now()) == 1
    assert outbox.relay(at=now()) == 0

    (letter,) = mail.outbox
    assert (letter.to, letter.subject, letter.extra_headers) == (
        LETTER["to"],
        LETTER["subject"],
        {"Message-ID": f"<{event.event_id}@carteira>"},
    )
    event.refresh_from_db()
    assert (event.attempts, event.sent_at is not None) == (1, True)
    assert ConsumedEvent.objects.get().event_id == event.event_id


def test_an_event_nobody_consumes_is_done_with(acting):
    send_to_outbox("clients.transferred", {"clients": [1]})

    assert (outbox.relay(at=now()), waiting()) == (1, 0)


def test_a_failing_mail_server_delays_that_mail_alone(acting, monkeypatch):
    bad, good = send_to_outbox("mail", LETTER | {"subject": "bad"}), send_to_outbox("mail", LETTER)
    real = EmailBackend.send_messages

    def refusing(self, messages):
        if messages[0].subject == "bad":
            raise ConnectionRefusedError("mail server away")
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", refusing)
    assert outbox.relay(at=now()) == 1
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.attempts, bad.sent_at, good.sent_at is not None) == (1, None, True)
    assert ConsumedEvent.objects.count() == 1  # the failed delivery left no trace

    monkeypatch.setattr(EmailBackend, "send_messages", real)
    assert outbox.relay(at=now()) == 0  # not before its pause is over
    assert outbox.relay(at=now(seconds=3)) == 1
    assert [letter.subject for letter in mail.outbox] == ["Clientes recebidos", "bad"]


def test_pauses_double_and_end_in_one_try_an_hour(acting):
    event = send_to_outbox("mail", LETTER)
    for attempts, seconds in ((1, 2), (5, 32), (12, 4096), (13, 8192), (14, 12288)):
        OutboxEvent.objects.update(attempts=attempts)
        assert outbox.relay(at=event.created_at + timedelta(seconds=seconds - 1)) == 0
    assert outbox.relay(at=event.created_at + timedelta(seconds=12288)) == 1


def test_a_consumer_that_dealt_with_the_event_is_not_called_again(acting):
    """A relay died after the consumer's work was kept and before the row was marked."""
    event = send_to_outbox("mail", LETTER)
    ConsumedEvent.objects.create(consumer="mail", event_id=event.event_id)

    assert outbox.relay(at=now()) == 1
    assert mail.outbox == []


def test_a_relay_takes_fifty(acting):
    for _each in range(51):
        send_to_outbox("clients.transferred", {})

    assert [outbox.relay(at=now()) for _again in range(3)] == [50, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_relays_at_once_send_each_mail_once():
    organization = make_organization()
    with acting_for(organization.pk):
        for n in range(30):
            send_to_outbox("mail", LETTER | {"subject": str(n)})

    def relay():
        try:
            relay_outbox()
        finally:
            connection.close()

    threads = [threading.Thread(target=relay) for _each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with acting_for(organization.pk):
        assert waiting() == 0
    assert sorted(int(letter.subject) for letter in mail.outbox) == list(range(30))


class TestTenantTask:
    def test_an_organization_is_demanded_from_sender_and_deliverer(self):
        from rotation.tasks import apply_run

        assert isinstance(apply_run, TenantTask)
        for call in (apply_run, apply_run.delay, apply_run.delay_on_commit):
            with pytest.raises(TypeError, match="organization_id"):
                call(1)
            with pytest.raises(TypeError, match="organization_id"):
                call(1, organization_id="1")

    def test_a_broker_that_is_away_fails_no_request(self, acting, monkeypatch, django_capture_on_commit_callbacks, caplog):
        from accounts.tenancy import tasks

        def away(*args, **kwargs):
            raise ConnectionError("Redis is away")

        monkeypatch.setattr(tasks.current_app, "send_task", away)
        with django_capture_on_commit_callbacks(execute=True):
            tasks.send_on_commit("rotation.tasks.apply_run", 1, organization_id=acting.pk)
        assert "Redis is away" in caplog.text

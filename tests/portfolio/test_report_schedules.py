"""Reports by e-mail: due at the organization's own hours, sent once for each moment, to members who may read them, without figures."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, OutboxEvent, Role
from accounts.services import outbox
from accounts.tenancy import identity_atomic
from clients.models import Segment
from portfolio.models import ReportDelivery, ReportSchedule
from portfolio.selectors.deliveries import deliveries_of
from portfolio.services.report_schedules import (
    ScheduleRefused,
    Wanted,
    end_schedule,
    next_moment,
    pause_schedule,
    resume_schedule,
    save_schedule,
    schedules_for,
    send_due_reports,
    send_now,
)
from tests.factories import make_member

pytestmark = pytest.mark.django_db
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday, 09:00 in São Paulo


@pytest.fixture
def boss(acting):
    return make_member(acting, Role.ADMIN, name="Renata")


def wanted(*recipients, **changes) -> Wanted:
    given = {"kind": "movement", "filters": {"period": "last"}, "every": "week", "day": 0, "hour": 7}
    return Wanted(**(given | changes), recipients=[each.pk for each in recipients])


@pytest.mark.parametrize(
    ("every", "day", "hour", "zone", "after", "moment"),
    [
        ("week", 0, 10, "America/Sao_Paulo", NOW, datetime(2026, 11, 23, 13, tzinfo=UTC)),
        ("week", 0, 9, "America/Sao_Paulo", NOW, datetime(2026, 11, 30, 12, tzinfo=UTC)),  # that very moment has been
        ("week", 6, 7, "America/Sao_Paulo", NOW, datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ("month", 31, 7, "America/Sao_Paulo", NOW, datetime(2026, 11, 30, 10, tzinfo=UTC)),
        ("month", 1, 0, "America/Sao_Paulo", datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 3, tzinfo=UTC)),
        ("month", 30, 7, "Europe/Madrid", datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 2, 28, 6, tzinfo=UTC)),
        # The day is the zone's: Monday 22:00 UTC is Tuesday in Auckland.
        ("week", 1, 12, "Pacific/Auckland", datetime(2026, 11, 23, 22, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC)),
        # Clocks go forward at 02:00 on 28 March: 02:00 there is what they would have shown.
        ("week", 6, 2, "Europe/Madrid", datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_hour_of_the_organizations_own_day(every, day, hour, zone, after, moment):
    assert next_moment(every, day, hour, ZoneInfo(zone), after=after) == moment


def test_each_moment_is_sent_once_however_often_it_is_looked_for(acting, boss):
    manager = make_member(acting, Role.MANAGER, name="Paulo")
    held = save_schedule(wanted(boss, manager), by=boss, at=NOW)
    due = held.next_at
    assert due == datetime(2026, 11, 30, 10, tzinfo=UTC)

    assert send_due_reports(acting, at=due - timedelta(seconds=1)) == 0
    assert send_due_reports(acting, at=due) == 1
    assert send_due_reports(acting, at=due) == 0
    assert send_due_reports(acting, at=due + timedelta(days=1)) == 0

    held.refresh_from_db()
    assert (held.next_at, held.last_at) == (datetime(2026, 12, 7, 10, tzinfo=UTC), due)
    assert set(ReportDelivery.objects.values_list("membership_id", "due_at", "refused")) == {(boss.pk, due, ""), (manager.pk, due, "")}
    assert OutboxEvent.objects.filter(topic="mail").count() == 2


def test_of_moments_missed_while_nothing_ran_only_the_latest_goes_out(acting, boss):
    save_schedule(wanted(boss), by=boss, at=NOW)

    assert send_due_reports(acting, at=datetime(2026, 12, 16, 10, tzinfo=UTC)) == 1

    assert list(ReportDelivery.objects.values_list("due_at", flat=True)) == [datetime(2026, 12, 14, 10, tzinfo=UTC)]
    assert ReportSchedule.objects.get().next_at == datetime(2026, 12, 21, 10, tzinfo=UTC)


def test_the_mail_holds_an_address_that_keeps_its_months_and_no_figure(acting, boss, settings):
    settings.PUBLIC_URL = "https://crm.example"
    save_schedule(wanted(boss, filters={"period": "last", "segment": "c:Padaria"}), by=boss, at=NOW)

    send_due_reports(acting, at=datetime(2026, 11, 30, 10, tzinfo=UTC))
    outbox.relay(at=datetime(2026, 11, 30, 10, 1, tzinfo=UTC))

    [sent] = mail.outbox
    assert sent.to == ["admin1@vale-verde.example"]
    assert sent.subject == "Vale Verde: Movimentação, 1 out 2026 a 31 out 2026"
    assert "https://crm.example/o/vale-verde/reports/movement/?from=2026-10&to=2026-10&segment=c%3APadaria" in sent.body
    assert sent.attachments == []
    assert [each.state for each in deliveries_of([ReportSchedule.objects.get().pk])] == ["sent"]


def test_who_lost_access_or_the_role_gets_nothing_and_the_page_says_so(acting, boss):
    gone, moved, stays = (make_member(acting, Role.MANAGER, name=name) for name in ("Gone", "Moved", "Stays"))
    held = save_schedule(wanted(gone, moved, stays), by=boss, at=NOW)
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    type(moved).objects.filter(pk=moved.pk).update(role=Role.REPRESENTATIVE)

    send_due_reports(acting, at=held.next_at)

    assert OutboxEvent.objects.filter(topic="mail").count() == 1
    assert {each.name: each.state for each in deliveries_of([held.pk])} == {"Gone": "refused", "Moved": "refused", "Stays": "waiting"}


def test_a_mail_server_that_refuses_is_said_and_tried_again(acting, boss, settings, monkeypatch):
    held = save_schedule(wanted(boss), by=boss, at=NOW)
    send_due_reports(acting, at=held.next_at)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody answers there

    outbox.relay(at=held.next_at)

    [failing] = deliveries_of([held.pk])
    assert (failing.state, failing.attempts) == ("failing", 1)


def test_a_pause_sends_nothing_and_resuming_makes_up_for_nothing(acting, boss):
    held = save_schedule(wanted(boss), by=boss, at=NOW)
    pause_schedule(held, by=boss, at=NOW)

    assert send_due_reports(acting, at=datetime(2026, 12, 9, tzinfo=UTC)) == 0
    resume_schedule(held, by=boss, at=datetime(2026, 12, 9, tzinfo=UTC))
    assert send_due_reports(acting, at=datetime(2026, 12, 9, tzinfo=UTC)) == 0
    assert send_due_reports(acting, at=datetime(2026, 12, 14, 10, tzinfo=UTC)) == 1

    end_schedule(held, by=boss, at=NOW)
    assert send_due_reports(acting, at=datetime(2027, 1, 4, 10, tzinfo=UTC)) == 0
    assert list(schedules_for(boss)) == []
    actions = AuditEvent.objects.filter(stream=f"report:{held.pk}").order_by("seq").values_list("action", flat=True)
    assert list(actions) == ["report.scheduled", "report.paused", "report.resumed", "report.ended"]


def test_sending_now_twice_within_a_minute_is_once_and_leaves_the_next_moment(acting, boss):
    held = save_schedule(wanted(boss), by=boss, at=NOW)

    assert send_now(held, by=boss, at=NOW) == 1
    assert send_now(held, by=boss, at=NOW + timedelta(seconds=59)) == 0
    assert send_now(held, by=boss, at=NOW + timedelta(seconds=60)) == 1

    assert ReportSchedule.objects.get().next_at == datetime(2026, 11, 30, 10, tzinfo=UTC)


def test_a_reader_gets_it_in_their_own_language(acting, boss):
    with identity_atomic(user_id=boss.user_id):
        type(boss.user).objects.filter(pk=boss.user_id).update(language="en")
    held = save_schedule(wanted(boss), by=boss, at=NOW)

    send_due_reports(acting, at=held.next_at)

    assert "1 Oct 2026" in OutboxEvent.objects.get(topic="mail").payload["subject"]


def test_only_who_leads_schedules_and_only_their_own(acting, boss):
    paulo, silvia = make_member(acting, Role.MANAGER), make_member(acting, Role.MANAGER)
    seller, auditor = make_member(acting, Role.REPRESENTATIVE), make_member(acting, Role.AUDITOR)
    held = save_schedule(wanted(paulo), by=paulo, at=NOW)

    assert [list(schedules_for(each)) for each in (paulo, silvia, boss, auditor)] == [[held], [], [held], [held]]
    for who in (seller, auditor, silvia):
        with pytest.raises(NotAllowed):
            save_schedule(wanted(who), by=who, at=NOW, schedule=held)
    with pytest.raises(NotAllowed):
        send_now(held, by=silvia, at=NOW)
    assert save_schedule(wanted(paulo, hour=8), by=boss, at=NOW, schedule=held).hour == 8


def test_nobody_outside_the_organization_and_no_seller_can_be_sent_to(acting, boss):
    seller = make_member(acting, Role.REPRESENTATIVE)
    mine = Segment.objects.create(organization=acting, name="Meu", owner=boss, definition={"uf": "SP"})
    for given, where in (
        (wanted(seller), "recipients"),
        (Wanted("movement", {}, "week", 0, 7, [987_654]), "recipients"),
        (wanted(), "recipients"),
        (wanted(boss, kind="salaries"), "kind"),
        (wanted(boss, every="hour"), "every"),
        (wanted(boss, day=7), "weekday"),
        (wanted(boss, every="month", day=0), "month_day"),
        (wanted(boss, hour=24), "hour"),
        (wanted(boss, filters={"period": "", "from": "2026-01", "to": "2026-02"}), "period"),
        (wanted(boss, filters={"period": "last", "segment": f"s:{mine.pk}"}), "segment"),
    ):
        with pytest.raises(ScheduleRefused) as refusal:
            save_schedule(given, by=boss, at=NOW)
        assert refusal.value.field == where
    assert not ReportSchedule.objects.exists()


def test_a_person_makes_pauses_and_sends_from_the_pages(organization, signed_in):
    from accounts.tenancy import tenant_atomic

    with tenant_atomic(organization.pk):
        boss = make_member(organization, Role.ADMIN, name="Renata")
        seller = make_member(organization, Role.REPRESENTATIVE)
    web, base = signed_in(boss), "/o/vale-verde/reports/schedules/"
    form = {"kind": "losses", "period": "last", "every": "month", "weekday": "0", "month_day": "1", "hour": "7", "recipients": [boss.pk]}

    refused = web.post(f"{base}new/", form | {"recipients": []})
    assert refused.status_code == 422
    assert "Escolha quem recebe." in refused.content.decode()
    made = web.post(f"{base}new/", form)
    assert made.status_code == 302
    assert "Renata" in web.get(base).content.decode()
    assert web.post(f"{made['Location']}act/", {"act": "now"}).status_code == 302
    page = web.get(made["Location"]).content.decode()
    assert "Na fila" in page
    assert web.post(f"{made['Location']}act/", {"act": "pause"}).status_code == 302
    assert "Em pausa" in web.get(base).content.decode()
    assert web.post(f"{made['Location']}act/", {"act": "nothing"}).status_code == 404
    for path in (base, f"{base}new/", made["Location"]):
        assert signed_in(seller).get(path).status_code == 404
    with tenant_atomic(organization.pk):
        assert ReportSchedule.objects.get().filters == {"period": "last"}
        assert ReportSchedule.objects.get().month_day == 1
        assert ReportSchedule.objects.get().paused_at.date() >= date(2026, 1, 1)

"""Settings: what changes and what it was, what it would do before it is saved, and fields of one's own that end."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Invitation, Notice, Organization, OutboxEvent
from accounts.second_factor import requires_second_factor
from accounts.services.outbox import relay
from accounts.services.purge import purge
from accounts.services.settings import SettingRefused, change_settings, require_second_factor
from accounts.tenancy import acting_for
from clients.models import ClientActivity, Contact, CustomField, CustomValue
from clients.selectors.custom import said_of
from clients.selectors.lifecycle import Limits, lifecycle_of
from clients.selectors.limits import classes_effect, limits_effect
from clients.services import refresh_abc
from clients.services.custom import FieldRefused, erase_expired, save_field, set_values, switch_field
from clients.tasks import refresh_classes
from portfolio.errors import VisitRefused
from portfolio.models import Visit, VisitPhoto
from portfolio.services.purge import purge_photos
from portfolio.services.visits import Report, record_visit
from rotation.models import RefusalReason
from rotation.services.settings import change_rotation_settings, settings_now
from tests.factories import PASSWORD, ClientFactory, RepresentativeFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
TODAY = date(2026, 3, 4)
BASE = "/o/vale-verde/settings/"


@pytest.fixture
def admin(organization):
    with acting_for(organization.pk):
        return make_member(organization, "admin", name="Helena")


def now_of(organization) -> Organization:
    with acting_for(organization.pk):
        return Organization.objects.get(pk=organization.pk)


class TestSections:
    LIMITS = {"warn_days": "30", "inactive_days": "60", "lost_days": "180", "abc_a_percent": "50", "abc_b_percent": "80"}

    def test_a_change_is_kept_with_what_it_was_and_put_back_in_one_act(self, organization, admin, signed_in):
        web = signed_in(admin)
        page = web.get(BASE + "limits/")
        assert page.status_code == 200 and "Restaurar anterior" not in page.content.decode()
        assert web.post(BASE + "limits/", self.LIMITS | {"seen": "0"}).status_code == 302
        with acting_for(organization.pk):
            event = AuditEvent.objects.get(action="organization.limits")
        assert (event.before["warn_days"], event.after["warn_days"], event.actor_id) == (60, 30, admin.pk)
        page = web.get(BASE + "limits/").content.decode()
        assert "Restaurar anterior" in page and "dias até quase inativo: <s>60</s>" in page
        assert web.post(BASE + "limits/", {"restore": "1", "seen": str(event.seq)}).status_code == 302
        kept = now_of(organization)
        assert (kept.warn_days, kept.inactive_days, kept.lost_days, kept.abc_a_percent) == (60, 90, 360, 80)

    def test_what_is_typed_stays_on_an_error_and_nothing_is_written(self, organization, admin, signed_in):
        answer = signed_in(admin).post(BASE + "limits/", self.LIMITS | {"warn_days": "77", "inactive_days": "70"})
        page = answer.content.decode()
        assert answer.status_code == 422 and 'value="77"' in page and "mais que os dias até quase inativo" in page
        assert now_of(organization).warn_days == 60

    def test_whoever_saves_an_older_page_is_told_and_overwrites_nothing(self, organization, admin, signed_in):
        web = signed_in(admin)
        web.post(BASE + "identity/", self.identity(name="Primeira", seen="0"))
        answer = web.post(BASE + "identity/", self.identity(name="Segunda", seen="0"))
        assert answer.status_code == 409 and "Outra pessoa salvou esta página" in answer.content.decode()
        assert 'value="Segunda"' in answer.content.decode() and now_of(organization).name == "Primeira"
        with acting_for(organization.pk), pytest.raises(ChangedMeanwhile):
            change_settings(organization, "organization.identity", by=admin, seen=0, name="Terceira")

    @staticmethod
    def identity(**changes):
        return {"name": "Vale Verde", "language": "pt-br", "country": "BR", "currency": "BRL", "time_zone": "America/Sao_Paulo"} | changes

    def test_a_zone_nobody_knows_and_limits_out_of_order_are_refused_with_the_cure(self, organization, admin, signed_in):
        answer = signed_in(admin).post(BASE + "identity/", self.identity(time_zone="Brasilia"))
        assert answer.status_code == 422 and "America/Sao_Paulo" in answer.content.decode()
        with acting_for(organization.pk):
            with pytest.raises(SettingRefused, match="do menor ao maior"):
                change_settings(organization, "organization.limits", by=admin, warn_days=200)
            with pytest.raises(NotAllowed):
                change_settings(organization, "organization.limits", by=make_member(organization, "manager"), warn_days=20)

    @pytest.mark.parametrize("path", ["", "identity/", "limits/", "visits/", "reasons/", "retention/", "fields/", "rotation/"])
    def test_each_page_opens_for_administration_and_reads_for_audit_and_is_nothing_to_others(self, organization, admin, signed_in, path):
        with acting_for(organization.pk):
            auditor, manager = make_member(organization, "auditor"), make_member(organization, "manager")
        assert signed_in(admin).get(BASE + path).status_code == 200
        page = signed_in(auditor).get(BASE + path)
        assert page.status_code == 200 and ">Salvar<" not in page.content.decode()
        assert signed_in(manager).get(BASE + path).status_code == 404
        if path:
            assert signed_in(auditor).post(BASE + path, {"name": "x"}).status_code == 404


class TestLimits:
    def test_the_effect_is_what_the_states_themselves_say_and_the_page_costs_the_same(self, organization, admin, signed_in):
        now, later = Limits(60, 90, 360), Limits(30, 120, 200)
        with acting_for(organization.pk):
            silences = [0, 29, 30, 59, 60, 89, 90, 119, 120, 199, 200, 359, 360, 900]
            for n in silences:
                ClientFactory(activity={"last_on": TODAY - timedelta(n)})
            ClientFactory(activity={"last_on": TODAY}, discarded_on=TODAY)
            ClientFactory()
            found = limits_effect(now, later, as_of=TODAY)

            def state(n: int, limits: Limits) -> str:
                return lifecycle_of(TODAY - timedelta(n), None, as_of=TODAY, limits=limits).value

            for name, n_now, n_later in found.rows:
                assert n_now == sum(state(n, now) == name for n in silences), name
                assert n_later == sum(state(n, later) == name for n in silences), name
            assert found.changed == sum(state(n, now) != state(n, later) for n in silences)
        web = signed_in(admin)
        values = {"warn_days": "30", "inactive_days": "120", "lost_days": "200", "abc_a_percent": "80", "abc_b_percent": "95"}
        answer = web.post(BASE + "limits/", values, HTTP_HX_REQUEST="true")
        assert answer.status_code == 200 and 'id="effect"' in answer.content.decode()
        assert now_of(organization).warn_days == 60  # looked at, not saved
        with CaptureQueriesContext(connection) as few:
            web.get(BASE + "limits/")
        with acting_for(organization.pk):
            ClientFactory.create_batch(5, activity={"last_on": TODAY})
        with CaptureQueriesContext(connection) as many:
            web.get(BASE + "limits/")
        assert len(few) == len(many)

    def test_other_cuts_change_the_classes_as_foreseen(self, organization, admin):
        with acting_for(organization.pk):
            for cents in (60, 20, 10, 6, 4):
                ClientFactory(activity={"net_12m_cents": cents * 100})
            assert refresh_abc() == 5
            before = list(ClientActivity.objects.order_by("-net_12m_cents").values_list("abc", flat=True))
            foreseen = classes_effect(50, 85)
            change_settings(organization, "organization.limits", by=admin, abc_a_percent=50, abc_b_percent=85)
        refresh_classes.run(organization_id=organization.pk)
        with acting_for(organization.pk):
            after = list(ClientActivity.objects.order_by("-net_12m_cents").values_list("abc", flat=True))
        assert (before, after) == (["A", "A", "B", "B", "C"], ["A", "B", "B", "C", "C"])
        assert foreseen.rows == [("A", 2, 1), ("B", 2, 2), ("C", 1, 2)] and foreseen.changed == 2


class TestSecondFactor:
    def test_with_days_of_grace_who_has_none_is_written_to_and_let_in_until_then(self, organization, admin):
        today = timezone.now().astimezone(organization.zone).date()
        with acting_for(organization.pk):
            make_member(organization, "representative", email="ana@vale-verde.example")
            require_second_factor(organization, True, grace_days=10, by=admin, today=today)
            assert (organization.require_second_factor, organization.second_factor_from) == (True, today + timedelta(10))
            assert not requires_second_factor(organization)
            assert OutboxEvent.objects.filter(topic="mail").count() == 2
            relay(at=timezone.now())
            assert sorted(to for message in mail.outbox for to in message.to)[0] == "admin1@vale-verde.example"
            assert all(len(message.to) == 1 for message in mail.outbox)  # nobody reads the others' addresses
            organization.second_factor_from = today
            assert requires_second_factor(organization)
            require_second_factor(organization, False, grace_days=0, by=admin, today=today)
            assert (organization.require_second_factor, organization.second_factor_from) == (False, None)

    def test_the_page_asks_first_who_sits_there(self, organization, admin, signed_in, web):
        browser = signed_in(admin)
        assert browser.get(BASE + "security/")["Location"].startswith("/accounts/reauthenticate/")
        browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert browser.post(BASE + "security/", {"require_second_factor": "on", "grace_days": "7"}).status_code == 302
        kept = now_of(organization)
        assert kept.require_second_factor and kept.second_factor_from is not None


class TestVisitAsks:
    def test_a_report_without_what_the_company_asks_is_refused_by_outcome(self, organization, admin, signed_in):
        answer = signed_in(admin).post(BASE + "visits/", {"no_sale": ["note", "next_contact_on"], "absent": ["location"]})
        assert answer.status_code == 302
        assert now_of(organization).visit_asks == ["no_sale:note", "no_sale:next_contact_on", "absent:location"]
        organization = now_of(organization)
        with acting_for(organization.pk):
            member = make_member(organization, "representative")
            client = ClientFactory(representative=RepresentativeFactory(membership=member))

            def record(outcome: str, **said):
                return record_visit(
                    Report(outcome=outcome, no_sale_reason="Preço", **said), id_made=uuid.uuid4(), client_id=client.pk, by=member, at=AT
                )

            with pytest.raises(VisitRefused) as refusal:
                record("no_sale")
            assert set(refusal.value.errors) == {"note", "next_contact_on"}
            assert record("no_sale", note="Voltar", next_contact_on=TODAY + timedelta(7)).visit.pk
            assert record("closed").visit.pk
            with pytest.raises(VisitRefused, match="Anotar o local"):
                record("absent")
            assert Visit.objects.exclude(visited_on=None).count() == 2
            # A device that does not know where it is must not cost the report.
            assert record("absent", outside_reason="Sem GPS").visit.outside_reason == "Sem GPS"
        sheet = signed_in(member).get(f"/o/vale-verde/visits/new/?client={client.pk}").content.decode()
        assert 'class="field asks asks-no_sale"' in sheet and "btn gho asks-absent" in sheet


class TestReasons:
    def test_the_lists_offer_the_companys_own_words(self, organization, admin, signed_in):
        web = signed_in(admin)
        assert "Cadastro repetido" in web.get(BASE + "reasons/").content.decode()  # what holds while the company wrote none
        web.post(BASE + "reasons/", {"discard_reasons": " Mudou de ramo \n\nMudou de ramo\nFaliu", "loss_reasons": "Prazo"})
        kept = now_of(organization)
        assert (kept.discard_reasons, kept.loss_reasons) == (["Mudou de ramo", "Faliu"], ["Prazo"])
        with acting_for(organization.pk):
            client = ClientFactory()
        page = web.get(f"/o/vale-verde/clients/{client.pk}/discard/").content.decode()
        assert "Mudou de ramo" in page and "Fechou as portas" not in page

    def test_a_refusal_reason_taken_off_stays_with_the_past_and_one_is_always_left(self, organization, admin):
        with acting_for(organization.pk):
            first = settings_now()["refusal_reasons"]
            change_rotation_settings(by=admin, refusal_reasons=["Outro motivo", "Sem estoque"], undo_days=10)
            assert settings_now()["refusal_reasons"] == ["Outro motivo", "Sem estoque"]
            assert RefusalReason.objects.count() == len(first) + 1
            with pytest.raises(SettingRefused, match="ao menos um"):
                change_rotation_settings(by=admin, refusal_reasons=[])
            event = AuditEvent.objects.get(action="rotation.settings")
            assert event.before == {"refusal_reasons": first, "undo_days": 30}
            change_rotation_settings(by=admin, **event.before)
            assert (settings_now()["refusal_reasons"], settings_now()["undo_days"]) == (first, 30)


class TestCustomFields:
    VALUES = {"subject": "client", "name": "Área de venda", "kind": "number", "purpose": "Dimensionar o mix", "retention_days": 30}

    def make(self, admin, **changes) -> CustomField:
        return save_field(self.VALUES | changes, by=admin, at=AT)

    def test_off_by_default_and_each_has_a_purpose_and_an_end(self, acting, admin):
        client = ClientFactory()
        with CaptureQueriesContext(connection) as made:
            assert said_of(client, at=AT) == []
        assert len(made) == 1
        for change, field in [({"purpose": " "}, "purpose"), ({"kind": "choice"}, "choices"), ({"name": ""}, "name")]:
            with pytest.raises(FieldRefused) as refusal:
                self.make(admin, **change)
            assert refusal.value.field == field
        self.make(admin)
        with pytest.raises(FieldRefused, match="Já existe"):
            self.make(admin)
        with pytest.raises(NotAllowed):
            self.make(make_member(acting, "manager"))

    def test_values_are_written_typed_told_without_being_said_and_erased_on_their_day(self, acting, admin):
        client = ClientFactory()
        area, born = self.make(admin), self.make(admin, name="Fundação", kind="day", retention_days=60)
        size = self.make(admin, name="Tamanho", kind="choice", choices=["P", "M"])
        said = {area.pk: 12.5, born.pk: date(1990, 5, 1), size.pk: "M"}
        assert set_values(client, said, by=admin, at=AT) == ["Fundação", "Tamanho", "Área de venda"]
        assert set_values(client, said, by=admin, at=AT) == []
        assert [each.value for each in said_of(client, at=AT)] == [12.5, date(1990, 5, 1), "M"]
        event = AuditEvent.objects.get(action="custom.changed")
        assert "12.5" not in str(event.after) and event.after["fields"] == ["Fundação", "Tamanho", "Área de venda"]
        with pytest.raises(FieldRefused, match="não é uma das opções"):
            set_values(client, {size.pk: "XG"}, by=admin, at=AT)
        # Hidden: not shown, kept; erased by the night when its time is over, not before.
        switch_field(area, False, by=admin, at=AT)
        assert [each.field.name for each in said_of(client, at=AT)] == ["Fundação", "Tamanho"]
        assert erase_expired(at=AT + timedelta(days=29, hours=23)) == 0
        assert [each.value for each in said_of(client, at=AT + timedelta(days=30))] == [date(1990, 5, 1), None]
        assert erase_expired(at=AT + timedelta(days=30)) == 2
        assert list(CustomValue.objects.values_list("value", flat=True)) == ["1990-05-01"]
        assert AuditEvent.objects.filter(action="custom.erased").count() == 2

    def test_they_are_filled_in_on_the_clients_page_and_the_contacts(self, organization, admin, signed_in):
        with acting_for(organization.pk):
            client = ClientFactory()
            area = self.make(admin)
            hobby = self.make(admin, subject="contact", name="Time", kind="text", purpose="Puxar conversa")
        web, page = signed_in(admin), f"/o/vale-verde/clients/{client.pk}/"
        assert "Área de venda" in web.get(page).content.decode()
        assert web.post(f"{page}fields/", {f"field_{area.pk}": "doze"}).status_code == 422
        assert web.post(f"{page}fields/", {f"field_{area.pk}": "12,5"}).status_code in (302, 422)
        assert web.post(f"{page}fields/", {f"field_{area.pk}": "12.5"}).status_code == 302
        assert "12,5" in web.get(page).content.decode()
        web.post(f"{page}contacts/new/", {"name": "Márcia", f"field_{hobby.pk}": "Ponte Preta"})
        with acting_for(organization.pk):
            contact = Contact.objects.get()
            assert CustomValue.objects.get(contact=contact).value == "Ponte Preta"
        assert "Ponte Preta" in web.get(f"/o/vale-verde/contacts/{contact.pk}/").content.decode()
        assert "Time: Ponte Preta" in web.get(f"{page}?tab=contacts").content.decode()
        with acting_for(organization.pk):
            auditor = make_member(organization, "auditor")
        assert "12,5" not in signed_in(auditor).get(page).content.decode()
        assert "Ponte Preta" not in signed_in(auditor).get(f"{page}?tab=contacts").content.decode()


class TestPurge:
    def test_the_night_erases_what_is_over_and_nothing_else(self, acting, admin):
        acting.notices_kept_days, acting.photos_kept_days = 30, 30
        acting.save()
        for n, read in enumerate([AT - timedelta(31), AT - timedelta(29), None]):
            Notice.objects.create(organization=acting, membership=admin, kind="run_failed", key=str(n), read_at=read)
        for n, age in enumerate((200, 20)):
            sent = AT - timedelta(age)
            Invitation.objects.create(
                organization=acting, email=f"{n}@x.example", name="x", role="auditor", invited_by=admin, created_at=sent, sent_at=sent,
                expires_at=sent + timedelta(7),
            )  # fmt: skip
        visit = VisitFactory()
        for _ in range(2):
            VisitPhoto.objects.create(
                organization=acting, visit=visit, id_made=uuid.uuid4(), stored_as="x.jpg", content_type="image/jpeg", size_bytes=1
            )
        VisitPhoto.objects.filter(pk=VisitPhoto.objects.latest("pk").pk).update(received_at=AT - timedelta(31))
        VisitPhoto.objects.exclude(received_at__lt=AT - timedelta(30)).update(received_at=AT)
        assert purge(at=AT) == {"notices": 1, "invitations": 1} and purge(at=AT) == {}
        assert (purge_photos(at=AT), VisitPhoto.objects.count(), Notice.objects.count()) == (1, 1, 2)
        assert AuditEvent.objects.filter(action="organization.purged").count() == 2

"""People at clients: saved, reached, and their word about it."""

from datetime import date, timedelta

import pytest

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Role
from clients.models import Contact
from clients.selectors.contacts import Consent, consent_of, international, people_of
from clients.services.contacts import ContactRefused, give_consent, save_contact, withdraw_consent
from tests.factories import ClientFactory, RepresentativeFactory, make_member

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 22)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def scene(acting):
    seller = make_member(acting, Role.REPRESENTATIVE)
    client = ClientFactory(representative=RepresentativeFactory(membership=seller))
    return client, seller


def trail(client) -> list[tuple]:
    events = AuditEvent.objects.filter(stream=f"client:{client.pk}").order_by("seq")
    return [(event.action, event.before, event.after) for event in events]


def test_a_contact_is_added_changed_and_told_of_without_its_words(scene):
    client, seller = scene
    made = save_contact(client, {"name": " Márcia Leal ", "phone": "19 99999-0000", "decision_role": "buyer"}, by=seller)
    assert (made.name, made.phone) == ("Márcia Leal", "19 99999-0000")
    save_contact(client, {"phone": "19 98888-0000", "decision_role": "decision_maker"}, by=seller, contact=made)
    save_contact(client, {"phone": "19 98888-0000"}, by=seller, contact=made)  # the same again: nothing to tell
    (added, _, first), (changed, before, after) = trail(client)
    assert (added, changed) == ("contact.added", "contact.changed")
    assert before["decision_role"] == "buyer" and after["decision_role"] == "decision_maker"
    assert set(after) == {"contact", "phone", "decision_role"}
    assert "Márcia" not in str(first) and "99999" not in str(trail(client)) and "98888" not in str(trail(client))
    assert before["phone"] == first["phone"] != after["phone"]  # the same words, the same mark


def test_two_people_of_one_client_have_two_names(scene):
    client, seller = scene
    save_contact(client, {"name": "Ana"}, by=seller)
    with pytest.raises(ContactRefused) as refusal:
        save_contact(client, {"name": "Ana"}, by=seller)
    assert refusal.value.field == "name"
    with pytest.raises(ContactRefused):
        save_contact(client, {"name": "  "}, by=seller)
    assert Contact.objects.count() == 1


def test_out_of_reach_and_read_only_write_nothing(scene, acting):
    client, seller = scene
    made = save_contact(client, {"name": "Ana"}, by=seller)
    for member in (make_member(acting, Role.REPRESENTATIVE), make_member(acting, Role.AUDITOR)):
        with pytest.raises(NotAllowed):
            save_contact(client, {"name": "Bia"}, by=member)
        with pytest.raises(NotAllowed):
            withdraw_consent(made, on=TODAY, source="telefone", by=member, today=TODAY)


def test_the_later_word_holds_and_of_one_day_the_refusal(scene):
    client, seller = scene
    ana = save_contact(client, {"name": "Ana"}, by=seller)
    assert consent_of(ana) == Consent.UNKNOWN
    ana = give_consent(ana, on=YESTERDAY, source="feira", by=seller, today=TODAY)
    assert consent_of(ana) == Consent.GIVEN
    ana = withdraw_consent(ana, on=YESTERDAY, source="telefone", by=seller, today=TODAY)
    assert consent_of(ana) == Consent.REFUSED
    ana = give_consent(ana, on=TODAY, source="e-mail", by=seller, today=TODAY)
    assert (consent_of(ana), ana.refused_on) == (Consent.GIVEN, YESTERDAY)
    ana = withdraw_consent(ana, on=TODAY, source="mensagem", by=seller, today=TODAY)
    assert (consent_of(ana), ana.refusal_source) == (Consent.REFUSED, "mensagem")
    ana = give_consent(ana, on=TODAY, source="pessoalmente", by=seller, today=TODAY)  # changed their mind within the day
    assert (consent_of(ana), ana.refused_on) == (Consent.GIVEN, None)
    assert [action for action, _, _ in trail(client)][1:] == ["contact.consented", "contact.refused"] * 2 + ["contact.consented"]


@pytest.mark.parametrize(
    ("word", "on", "source", "field"),
    [
        (give_consent, TODAY + timedelta(days=1), "feira", "on"),
        (give_consent, TODAY, " ", "source"),
        (give_consent, YESTERDAY - timedelta(days=9), "feira", "on"),  # before the refusal on record
        (withdraw_consent, YESTERDAY - timedelta(days=30), "feira", "on"),  # before the consent on record
    ],
)
def test_a_word_without_source_or_out_of_its_time_is_refused(scene, word, on, source, field):
    client, seller = scene
    ana = save_contact(client, {"name": "Ana"}, by=seller)
    Contact.objects.filter(pk=ana.pk).update(consent_on=YESTERDAY - timedelta(days=20), refused_on=YESTERDAY)
    with pytest.raises(ContactRefused) as refusal:
        word(ana, on=on, source=source, by=seller, today=TODAY)
    assert refusal.value.field == field


def test_who_refused_is_not_one_tap_away_and_an_auditor_reaches_nobody(scene):
    client, seller = scene
    for name, role in (("Caio", "user"), ("Ana", "decision_maker"), ("Bia", "de outro arquivo")):
        save_contact(client, {"name": name, "phone": "(19) 99999-0000", "email": "x@cliente.example", "decision_role": role}, by=seller)
    withdraw_consent(Contact.objects.get(name="Caio"), on=TODAY, source="telefone", by=seller, today=TODAY)
    ana, caio, bia = people_of(client, country="BR", masked=False)
    assert (ana.call, ana.message, ana.mail) == ("tel:+5519999990000", "https://wa.me/5519999990000", "mailto:x@cliente.example")
    assert (caio.contact.name, caio.call, caio.message, caio.mail, caio.said_how) == ("Caio", "", "", "", "telefone")
    assert bia.call
    assert {person.call for person in people_of(client, country="BR", masked=True)} == {""}


@pytest.mark.parametrize(
    ("phone", "country", "digits"),
    [
        ("+55 19 99999-0000", "BR", "5519999990000"),
        ("(19) 3232-1010", "BR", "551932321010"),
        ("019 99999 0000", "BR", "5519999990000"),
        ("55 19 99999-0000", "BR", "5519999990000"),
        ("0034 600 111 222", "BR", "34600111222"),
        ("600 111 222", "ES", "34600111222"),
        ("ramal", "BR", ""),
        ("", "BR", ""),
    ],
)
def test_numbers_are_dialled_with_their_country(phone, country, digits):
    assert international(phone, country) == digits

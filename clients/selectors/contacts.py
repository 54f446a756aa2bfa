"""People at a client as a page shows them: what they decide, how they like to be reached, and whether they may be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from clients.models import Client, Contact
from clients.selectors.custom import Said

# Keys as files bring them; a file's other words are shown as they came. Ordered by how much they decide.
DECISION_ROLES = ("decision_maker", "influencer", "buyer", "finance", "user", "blocker")
CHANNELS = ("phone", "whatsapp", "email", "visit")
_COUNTRY = {"BR": "55", "PT": "351", "ES": "34", "MX": "52", "AR": "54", "US": "1"}


class Consent(StrEnum):
    """What holds today: the later word, and of one day the refusal."""

    GIVEN = "given"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def consent_of(contact: Contact) -> Consent:
    """Whether the person may be offered anything."""
    if contact.refused_on and (contact.consent_on is None or contact.refused_on >= contact.consent_on):
        return Consent.REFUSED
    return Consent.GIVEN if contact.consent_on else Consent.UNKNOWN


@dataclass(frozen=True)
class Person:
    """A contact with what may be done: links are "" where the number or address is missing, hidden, or the person refused."""

    contact: Contact
    consent: Consent
    call: str = ""
    message: str = ""
    mail: str = ""
    own: Sequence[Said] = ()  # what the company's own fields say of them

    @property
    def said_on(self) -> date | None:
        return self.contact.refused_on if self.consent == Consent.REFUSED else self.contact.consent_on

    @property
    def said_how(self) -> str:
        return self.contact.refusal_source if self.consent == Consent.REFUSED else self.contact.consent_source


def international(phone: str, country: str) -> str:
    """The digits of a number as wa.me and tel: want them, country first; "" where there is no number."""
    digits = re.sub(r"\D", "", phone)
    if not digits or phone.strip().startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    digits, code = digits.lstrip("0"), _COUNTRY.get(country, "")
    # A Brazilian number has 10 or 11 digits with its area; a longer one already names its country.
    return digits if country == "BR" and len(digits) > 11 else code + digits


def people_of(client: Client, *, country: str, masked: bool, most: int | None = None) -> Sequence[Person]:
    """The client's contacts, those who decide first; one query. ``masked`` gives no way to reach anybody."""
    found = sorted(Contact.objects.filter(client_id=client.pk).order_by("name")[:200], key=_weight)
    return [shown(contact, country=country, masked=masked) for contact in found[:most]]


def shown(contact: Contact, *, country: str, masked: bool) -> Person:
    consent = consent_of(contact)
    if masked or consent == Consent.REFUSED:
        return Person(contact, consent)
    digits = international(contact.phone, country)
    return Person(
        contact,
        consent,
        call=f"tel:+{digits}" if digits else "",
        message=f"https://wa.me/{digits}" if digits else "",
        mail=f"mailto:{contact.email}" if contact.email else "",
    )


def _weight(contact: Contact) -> int:
    return DECISION_ROLES.index(contact.decision_role) if contact.decision_role in DECISION_ROLES else len(DECISION_ROLES)

"""The form a report of a visit comes as, from a page, from the queue of a device or from a program: parsed here, judged by the service."""

import hashlib
import math
import re
import uuid
from datetime import datetime
from decimal import Decimal

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.selectors import local_day
from portfolio import photos
from portfolio.cadence import next_contact
from portfolio.checkin import Fix
from portfolio.models import Visit
from portfolio.services.visits import Photo, Report

MAX_CENTS = 10**14
_WHOLE = 2**31 - 1


def cents_of(text: str) -> int | None:
    """Money as typed, in cents: "1.234,56", "1234.56", "1.234" (a thousand) or "R$ 1 234"; None where it is no sum."""
    plain = re.sub(r"[\s\u00a0]|R\$", "", text)
    if not re.fullmatch(r"\d[\d.,]*", plain):
        return None
    mark = re.search(r"[.,]\d{1,2}$", plain)  # the last sign, with one or two digits after it, begins the cents
    whole = plain[: mark.start()] if mark else plain
    groups = re.split(r"[.,]", whole)
    if len(groups) > 1 and not all(len(group) == 3 for group in groups[1:]):
        return None
    amount = Decimal("".join(groups) + ("." + mark.group()[1:] if mark else ""))
    cents = int(amount * 100)
    return cents if cents < MAX_CENTS else None


class MoneyField(forms.CharField):
    """A sum as people type it, as integer cents."""

    def clean(self, value: str) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        cents = cents_of(text)
        if cents is None:
            raise forms.ValidationError(_("Escreva o valor em reais, por exemplo 1.234,56."))
        return cents


class VisitForm(forms.Form):
    """The fields of the contract; those an outcome does not need are dropped by the service, not here."""

    id_made = forms.UUIDField()
    client = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    plan = forms.UUIDField(required=False)
    outcome = forms.ChoiceField(choices=Visit.Outcome.choices, error_messages={"required": _("Escolha o resultado da visita.")})
    order_value = MoneyField(required=False, max_length=24)
    no_sale_reason = forms.CharField(required=False, max_length=120)
    satisfaction = forms.TypedChoiceField(choices=[(str(n), n) for n in range(1, 6)], coerce=int, empty_value=None, required=False)
    note = forms.CharField(required=False, max_length=4_000)
    next_contact_in = forms.IntegerField(required=False, min_value=1, max_value=365)  # a chip: days from the visit
    next_contact_on = forms.DateField(required=False)
    visited_at = forms.DateTimeField(required=False)
    made_at = forms.DateTimeField(required=False)
    latitude = forms.FloatField(required=False, min_value=-90, max_value=90)
    longitude = forms.FloatField(required=False, min_value=-180, max_value=180)
    accuracy_m = forms.FloatField(required=False, min_value=0)
    fix_age_s = forms.FloatField(required=False, min_value=0)
    outside_reason = forms.CharField(required=False, max_length=120)

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        for name in ("visited_at", "made_at"):
            moment: datetime | None = cleaned.get(name)
            if moment and not 2000 <= moment.year <= 2100:
                self.add_error(name, _("A hora enviada não existe. Confira o relógio do aparelho."))
        return cleaned

    def report(self, request: HttpRequest, visit: uuid.UUID, *, by: Membership, at: datetime) -> Report:
        """What the valid form says of that visit; whether it can be stored is for the service to say."""
        said = self.cleaned_data
        visited_at = said["visited_at"]
        next_on = said["next_contact_on"]
        if next_on is None and said["next_contact_in"]:
            visited_on = local_day(by.organization, at=min(visited_at or at, at))
            next_on = next_contact(visited_on, said["next_contact_in"], by.organization.country)
        return Report(
            outcome=said["outcome"],
            order_value_cents=said["order_value"],
            no_sale_reason=said["no_sale_reason"],
            satisfaction=said["satisfaction"],
            note=said["note"],
            next_contact_on=next_on,
            visited_at=visited_at,
            made_at=said["made_at"],
            fix=self._fix(),
            outside_reason=said["outside_reason"],
            photos=_photos(request.FILES.getlist("photo"), request.POST.getlist("photo_id"), visit),
        )

    def _fix(self) -> Fix | None:
        said = self.cleaned_data
        if said["latitude"] is None or said["longitude"] is None:
            return None
        whole = [None if value is None else min(math.ceil(value), _WHOLE) for value in (said["accuracy_m"], said["fix_age_s"])]
        return Fix(said["latitude"], said["longitude"], *whole)


class EditForm(VisitForm):
    """A report changed: the address names the visit, whose client stays."""

    id_made = None  # type: ignore[assignment]
    client = None  # type: ignore[assignment]
    plan = None  # type: ignore[assignment]


def _photos(files: list[UploadedFile], ids: list[str], visit: uuid.UUID) -> list[Photo]:
    """Files with the device's ids, in order; without one (a plain form), an id the same file at the same visit has again."""
    found = []
    for position, file in enumerate(files[: photos.MAX_PHOTOS + 1]):
        content = file.read(photos.MAX_BYTES + 1)
        try:
            made = uuid.UUID(ids[position])
        except (IndexError, ValueError):
            made = uuid.uuid5(visit, hashlib.sha256(content).hexdigest())
        found.append(Photo(made, content))
    return found

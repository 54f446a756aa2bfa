"""What a form that may have waited on a device is answered: JSON to the outbox that sends it, a page to a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.models import Role

OLDEST = timedelta(days=30)  # an act said to be older than this was dated by a wrong clock


def wants_json(request: HttpRequest) -> bool:
    """Whether the outbox asks, which reads a state, and not a person, who reads a page."""
    return "application/json" in request.headers.get("Accept", "")


def kept_away(request: HttpRequest) -> JsonResponse | None:
    """The answer to a sender who may not write here: another person than typed it, or one who only reads. Else None."""
    member = request.membership  # type: ignore[attr-defined]
    typed_by = request.headers.get("X-Member", "")
    if typed_by and typed_by != str(member.pk):
        sentence = _("Isto foi digitado por outra pessoa neste aparelho. Entre com o acesso dela para enviar.")
        return JsonResponse({"state": "other_person", "message": sentence}, status=409)
    if member.role == Role.AUDITOR:
        sentence = _("Seu acesso é de leitura. Peça à administração se precisar registrar.")
        return JsonResponse({"state": "forbidden", "message": sentence}, status=403)
    return None


def stored(*, created: bool, number: int, message: str, after: str) -> JsonResponse:
    """It is kept: now (201) or since an earlier sending (200). ``after`` is the page to show next."""
    state = "stored" if created else "already"
    return JsonResponse({"state": state, "id": number, "message": message, "next": after}, status=201 if created else 200)


def refused(message: str, *, errors: Mapping[str, Sequence[str]] | None = None, form: str = "", status: int = 422) -> JsonResponse:
    """It cannot be kept as it is; ``form`` is the page where it can be mended."""
    found: dict[str, Any] = {"state": "refused", "message": message, "errors": dict(errors or {}), "form": form}
    return JsonResponse(found, status=status)


def id_made_of(request: HttpRequest) -> UUID | None:
    """The device's own name for the form, if it gave one that is a UUID."""
    try:
        return UUID(request.POST.get("id_made") or request.headers.get("Idempotency-Key") or "")
    except ValueError:
        return None


def made_at_of(request: HttpRequest, *, now: datetime) -> datetime:
    """When the person acted, by the device's clock; ``now`` where it says nothing, or nothing believable."""
    try:
        made = parse_datetime(request.POST.get("made_at", ""))
    except ValueError:
        made = None
    return made if made and made.tzinfo and now - OLDEST <= made <= now else now

"""The dossier of a receiver: printable, and readable later."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import Representative, Role
from accounts.services.personal import record_reading
from accounts.templatetags.formats import number
from rotation.models import Handover, Proposal
from rotation.selectors.dossier import PAGE, dossier_of
from rotation.selectors.handovers import handovers_visible_to
from rotation.views.common import row_id


@require_GET
def dossier(request: HttpRequest, handover: int, receiver: int | None = None) -> HttpResponse:
    """One receiver's clients of a hand-over; without a receiver, one's own."""
    member = request.membership  # type: ignore[attr-defined]
    person = _receiver(request, receiver)
    begun = Handover.objects if member.role == Role.REPRESENTATIVE else handovers_visible_to(member)
    found = get_object_or_404(begun.filter(run__isnull=False).select_related("representative", "run"), pk=handover)
    if not Proposal.objects.filter(run=found.run_id, to_representative=person).exists():
        raise Http404
    page = row_id(request.GET.get("page")) or 1
    made = dossier_of(found, person, by=member, country=request.organization.country, page=page)  # type: ignore[attr-defined]
    record_reading(f"handover:{found.pk}", by=member, at=timezone.now())
    here = request.path
    context = {
        "handover": found,
        "receiver": person,
        "dossier": made,
        "own": member.role == Role.REPRESENTATIVE,
        "masked": member.role == Role.AUDITOR,
        "pages": {
            "summary": _("%(first)s a %(last)s de %(n)s")
            % {"first": number((page - 1) * PAGE + 1), "last": number(min(page * PAGE, made.count)), "n": number(made.count)},
            "previous": f"{here}?page={page - 1}" if page > 1 else "",
            "next": f"{here}?page={page + 1}" if page * PAGE < made.count else "",
        }
        if made.count > PAGE
        else None,
        "back": "" if member.role == Role.REPRESENTATIVE else reverse("rotation:handover", args=[request.organization.slug, found.pk]),  # type: ignore[attr-defined]
    }
    return render(request, "rotation/dossier.html", context)


def _receiver(request: HttpRequest, receiver: int | None) -> Representative:
    """A representative reads their own; whose hand-over a leader may see, its receivers they may see too."""
    member = request.membership  # type: ignore[attr-defined]
    if member.role == Role.REPRESENTATIVE:
        person = Representative.objects.filter(membership_id=member.pk).first()
        if person is None or receiver not in (None, person.pk):
            raise Http404
        return person
    if receiver is None:
        raise Http404
    return get_object_or_404(Representative, pk=receiver)

"""The segments a member finds: their own, and those saved for everyone."""

from django.db.models import F, Q, QuerySet

from accounts.models import Membership
from clients.models import Segment


def segments_for(member: Membership) -> QuerySet[Segment]:
    """Own and shared segments, own ones first, by name. What one shows is the reader's own reach."""
    return Segment.objects.filter(Q(owner_id=member.pk) | Q(owner=None)).order_by(F("owner_id").asc(nulls_last=True), "name", "pk")

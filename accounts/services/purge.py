"""What is kept only for a time, erased at night: notices that were read, invitations nobody needs any more, answers to keys."""

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import IdempotencyKey, Invitation, Notice, Organization
from accounts.services.audit import Actor, record_event
from accounts.tenancy import active_organization_id

INVITATIONS_KEPT = timedelta(days=90)
ANSWERS_KEPT = timedelta(hours=48)
PURGER = Actor(label="task accounts.purge")


def purge(*, at: datetime) -> dict[str, int]:
    """Erase the active organization's old notices, as its settings say, and invitations that ended 90 days ago; how many of each.

    An invitation that was accepted goes too: whose membership it became stands in the trail. So do, untold, the answers kept
    48 hours for requests sent again under the same key.
    """
    IdempotencyKey.objects.filter(created_at__lt=at - ANSWERS_KEPT).delete()
    organization = Organization.objects.get(pk=active_organization_id())
    gone: dict[str, int] = {}
    if organization.notices_kept_days:
        old = Notice.objects.filter(read_at__lt=at - timedelta(days=organization.notices_kept_days))
        gone["notices"] = old.delete()[0]
    before = at - INVITATIONS_KEPT
    ended = Q(accepted_at__lt=before) | Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    gone["invitations"] = Invitation.objects.filter(ended).delete()[0]
    gone = {name: n for name, n in gone.items() if n}
    if gone:
        record_event(f"organization:{organization.pk}", "organization.purged", by=PURGER, after=gone)
    return gone

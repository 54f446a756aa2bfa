"""Photos of visits, erased when the time the organization keeps them is over."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organization
from accounts.services import Actor, record_event
from accounts.tenancy import active_organization_id
from portfolio import photos
from portfolio.models import VisitPhoto

PURGER = Actor(label="task portfolio.purge_photos")
MOST = 2_000  # a night; the next takes the rest


def purge_photos(*, at: datetime) -> int:
    """Erase rows and, once that is certain, files of photos received longer ago than the organization keeps them; how many."""
    organization = Organization.objects.get(pk=active_organization_id())
    if not organization.photos_kept_days:
        return 0
    old = VisitPhoto.objects.filter(received_at__lt=at - timedelta(days=organization.photos_kept_days)).order_by("pk")
    rows = list(old.values_list("pk", "stored_as")[:MOST])
    if not rows:
        return 0
    VisitPhoto.objects.filter(pk__in=[pk for pk, _name in rows]).delete()
    record_event(f"organization:{organization.pk}", "organization.purged", by=PURGER, after={"photos": len(rows)})
    number = organization.pk

    def forget_files() -> None:
        for _pk, name in rows:
            photos.forget(name, organization_id=number)

    transaction.on_commit(forget_files)
    return len(rows)

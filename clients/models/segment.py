from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class Segment(TenantModel):
    """A saved filter over clients, stored as data (the names and values of ``ClientFilter``), compiled to one query.

    ``owner`` None means everyone in the organization finds it; what it shows is each reader's own reach.
    """

    name = models.CharField(_("nome"), max_length=80)
    definition = models.JSONField(default=dict)
    owner = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="segments")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("segment", "owner"),
            models.UniqueConstraint(fields=["organization", "owner", "name"], name="segment_name", nulls_distinct=False),
            models.CheckConstraint(condition=~Q(name=""), name="segment_has_name"),
        ]

    def __str__(self) -> str:
        return self.name

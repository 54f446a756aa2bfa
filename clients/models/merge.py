"""Companies registered twice: merged with a record that can be taken back, or said to be two."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel
from clients.models.client import Client


class ClientMerge(TenantModel):
    """One client taken into another: what the survivor said before and after, and what the absorbed one was.

    ``before`` and ``after`` hold the survivor's fields that changed; ``absorbed_before`` the absorbed one's own. ``counts`` says how
    many rows went along, ``rest`` what an undo could not put back, by table.
    """

    survivor = TenantForeignKey(Client, models.PROTECT, related_name="merges")
    absorbed = TenantForeignKey(Client, models.PROTECT, related_name="+")
    merged_at = models.DateTimeField()
    merged_on = models.DateField()
    by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    before: Any = models.JSONField(default=dict)
    after: Any = models.JSONField(default=dict)
    absorbed_before: Any = models.JSONField(default=dict)
    counts: Any = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    rest: Any = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("clientmerge", "survivor", "absorbed", "by", "undone_by"),
            models.UniqueConstraint(fields=["organization", "absorbed"], condition=Q(undone_at=None), name="clientmerge_one_standing"),
        ]
        indexes = [models.Index(fields=["organization", "-merged_at"], name="clientmerge_recent")]

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.survivor_id}"


class MergedRow(TenantDetail):
    """One row that a merge gave to the survivor, as it stood right after: who touched it since is told by another digest."""

    merge = TenantForeignKey(ClientMerge, models.CASCADE, related_name="rows")
    table = models.CharField(max_length=60)
    row_id = models.BigIntegerField()
    before: Any = models.JSONField(null=True)  # columns beside the client that changed, or the whole row where it was put away
    digest = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("mergedrow", "merge"),
            models.UniqueConstraint(fields=["organization", "merge", "table", "row_id"], name="mergedrow_once"),
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.row_id}"


class DistinctClients(TenantModel):
    """Clients that look like one company and are not, as a person said; another one of the same look is asked about anew."""

    class Sign(models.TextChoices):
        TAX_ID = "tax_id"
        NAME = "name"

    sign = models.CharField(max_length=6, choices=Sign.choices)
    key = models.CharField(max_length=300)
    clients = ArrayField(models.BigIntegerField())
    by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("distinctclients", "by"),
            models.UniqueConstraint(fields=["organization", "sign", "key"], name="distinctclients_once"),
        ]

    def __str__(self) -> str:
        return self.key

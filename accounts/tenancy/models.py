"""Base classes of every table that belongs to one organization."""

from typing import Any

from django.db import models
from django.db.models.lookups import Exact

from accounts.tenancy.context import active_organization_id


class TenantManager(models.Manager):
    """Adds the active organization to every query, and refuses to answer where none is active."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(organization_id=active_organization_id())


class TenantForeignKey(models.ForeignKey):
    """A foreign key between tenant tables: joins and fetches carry organization_id; the real key is a ``TenantFK``."""

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False  # the composite key replaces Django's
        kwargs.setdefault("db_index", False)  # indexes start with organization_id: declare them in Meta
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        if kwargs.get("db_index") is False:
            kwargs.pop("db_index")
        elif self.db_index:
            kwargs["db_index"] = True
        return name, path, args, kwargs

    def get_extra_restriction(self, alias, related_alias):
        # ``alias`` is the table pointed to, ``related_alias`` the one that holds this field, in joins of either direction.
        own = self.model._meta.get_field("organization").get_col(related_alias)
        target = self.remote_field.model._meta.get_field("organization").get_col(alias)
        return Exact(own, target)

    def get_extra_descriptor_filter(self, instance):
        return {"organization_id": instance.organization_id}


class TenantModel(models.Model):
    """A row of one organization. ``id`` is Django's key; the database's is (organization_id, id)."""

    organization = models.ForeignKey("accounts.Organization", models.PROTECT, db_index=False, related_name="+")

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.organization_id is None:
            self.organization_id = active_organization_id()
        super().save(*args, **kwargs)


class TenantDetail(TenantModel):
    """A row that belongs to another tenant row: a required ``TenantForeignKey`` leads to it and carries the organization.

    The organization therefore exists as surely as that row does. A key of its own would say so again, at the price of
    one more look-up for each row written, kept until the commit.
    """

    organization = models.ForeignKey("accounts.Organization", models.PROTECT, db_index=False, db_constraint=False, related_name="+")

    class Meta:
        abstract = True
        base_manager_name = "objects"

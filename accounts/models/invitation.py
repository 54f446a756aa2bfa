import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Membership, Role, Team
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class Invitation(TenantModel):
    """A door for one person, opened by the link mailed to their address, once, until it expires or is revoked.

    The link is signed over ``nonce``, which every sending draws anew: no secret is stored, and an older link opens nothing.
    """

    email = models.EmailField(_("e-mail"), max_length=254)
    name = models.CharField(_("nome"), max_length=120)
    role = models.CharField(_("papel"), max_length=16, choices=Role.choices)
    team = TenantForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="+")
    nonce = models.UUIDField(default=uuid.uuid4)
    invited_by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    sendings = models.PositiveSmallIntegerField(default=1)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    membership = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")  # what it became
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("invitation", "team", "invited_by", "membership"),
            models.UniqueConstraint(
                fields=["organization", "email"], condition=Q(accepted_at=None, revoked_at=None), name="invitation_one_open"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return self.email

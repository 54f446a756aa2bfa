import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client, Contact


class Visit(TenantModel):
    """A representative at a client, planned or done. ``id_made`` is made by the device: sending twice stores once.

    Planned until ``visited_at`` or ``cancelled_at`` is set; done wins over cancelled, for a visit is a fact. Late and missed
    are computed from the day and the hour, never stored. ``made_at`` is the device's clock when the report was saved there,
    ``received_at`` ours when it came.
    """

    class Outcome(models.TextChoices):
        SALE = "sale", _("Vendeu")
        NO_SALE = "no_sale", _("Não vendeu")
        ABSENT = "absent", _("Não estava")
        CLOSED = "closed", _("Fechado")

    class Origin(models.TextChoices):
        MANUAL = "manual", _("Marcada por alguém")
        CADENCE = "cadence", _("Pela frequência do cliente")
        NEXT_CONTACT = "next_contact", _("Próximo contato combinado")

    id_made = models.UUIDField(default=uuid.uuid4)
    client = TenantForeignKey(Client, models.PROTECT, related_name="visits")
    representative = TenantForeignKey(Representative, models.PROTECT, related_name="visits")
    planned_on = models.DateField(null=True, blank=True)  # the organization's day
    planned_at = models.DateTimeField(null=True, blank=True)  # an hour on that day, if one was agreed
    position = models.PositiveSmallIntegerField(null=True, blank=True)  # in the day's route; None: by hour, then name
    origin = models.CharField(max_length=12, choices=Origin.choices, default=Origin.MANUAL, db_default=Origin.MANUAL)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(_("motivo do cancelamento"), max_length=120, blank=True, db_default="")

    visited_at = models.DateTimeField(null=True, blank=True)
    visited_on = models.DateField(null=True, blank=True)  # the organization's day of visited_at
    outcome = models.CharField(_("resultado"), max_length=40, blank=True)  # imports may bring words of their own
    order_value_cents = models.BigIntegerField(_("valor do pedido"), null=True, blank=True)
    no_sale_reason = models.CharField(_("motivo de não venda"), max_length=120, blank=True)
    satisfaction = models.PositiveSmallIntegerField(_("satisfação"), null=True, blank=True)  # 1 to 5
    note = models.TextField(_("anotação"), blank=True)
    next_contact_on = models.DateField(null=True, blank=True)

    # Where the device was when the person tapped to say so, and only then.
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    accuracy_m = models.PositiveIntegerField(null=True, blank=True)
    fix_age_s = models.PositiveIntegerField(null=True, blank=True)
    distance_m = models.PositiveIntegerField(null=True, blank=True)  # to the client's own place, computed here
    outside_reason = models.CharField(_("motivo de estar fora do raio"), max_length=120, blank=True, db_default="")

    made_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    made_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        constraints = [
            *tenant_walls("visit", "client", "representative", "made_by"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="visit_once"),
            # At most one waits for a client on a day; whoever plans looks here, under the client's lock, whether one waits at all.
            models.UniqueConstraint(
                fields=["organization", "client", "planned_on"],
                condition=Q(visited_at=None, cancelled_at=None),
                name="visit_waiting_once",
            ),
            models.CheckConstraint(condition=Q(order_value_cents=None) | Q(order_value_cents__gte=0), name="visit_value_not_negative"),
            models.CheckConstraint(condition=Q(satisfaction=None) | Q(satisfaction__range=(1, 5)), name="visit_satisfaction_range"),
            models.CheckConstraint(condition=Q(planned_at=None) | Q(planned_on__isnull=False), name="visit_hour_has_day"),
        ]
        indexes = [
            models.Index(fields=["organization", "client", "-visited_on"], name="visit_of_client"),
            models.Index(fields=["organization", "representative", "-visited_on"], name="visit_of_representative"),
            models.Index(
                fields=["organization", "representative", "planned_on"], condition=Q(planned_on__isnull=False), name="visit_planned"
            ),
            # What was done and what was planned in some days, by whomever: index-only scans.
            models.Index(
                fields=["organization", "visited_on"],
                include=["client", "representative", "outcome", "order_value_cents"],
                condition=Q(visited_on__isnull=False),
                name="visit_by_day",
            ),
            models.Index(
                fields=["organization", "planned_on"],
                include=["representative", "visited_on", "cancelled_at"],
                condition=Q(planned_on__isnull=False),
                name="visit_by_plan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} {self.visited_on or self.planned_on}"

    @property
    def done(self) -> bool:
        return self.visited_at is not None

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None and self.visited_at is None


class VisitEdit(TenantModel):
    """What a visit's report said before it was changed: the last one received wins, none is lost."""

    visit = TenantForeignKey(Visit, models.PROTECT, related_name="edits")
    version = models.PositiveIntegerField()  # the version these words had
    before = models.JSONField(default=dict)
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("visitedit", "visit", "by"),
            models.UniqueConstraint(fields=["organization", "visit", "version"], name="visitedit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.visit_id} v{self.version}"


class VisitPhoto(TenantModel):
    """A photo taken at a visit, kept as a file of the organization; ``id_made`` is the device's, as the visit's is."""

    visit = TenantForeignKey(Visit, models.PROTECT, related_name="photos")
    id_made = models.UUIDField()
    stored_as = models.CharField(max_length=120)  # below the organization's own folder
    content_type = models.CharField(max_length=40)
    size_bytes = models.PositiveIntegerField()
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("visitphoto", "visit", "by"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="visitphoto_once"),
        ]
        indexes = [models.Index(fields=["organization", "visit"], name="visitphoto_of_visit")]

    def __str__(self) -> str:
        return self.stored_as


class Interaction(TenantModel):
    """A call, mail or message with a client, and with whom if it is known; or a note about it."""

    class Kind(models.TextChoices):
        CALL = "call", _("Ligação")
        EMAIL = "email", _("E-mail")
        MESSAGE = "message", _("Mensagem")
        NOTE = "note", _("Anotação")

    client = TenantForeignKey(Client, models.PROTECT, related_name="interactions")
    by = TenantForeignKey(Membership, models.PROTECT, null=True, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    happened_at = models.DateTimeField()
    happened_on = models.DateField()
    note = models.TextField(blank=True)
    contact = TenantForeignKey(Contact, models.PROTECT, null=True, blank=True, related_name="interactions")
    id_made = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [
            *tenant_walls("interaction", "client", "by", "contact"),
            models.UniqueConstraint(fields=["organization", "id_made"], name="interaction_once"),
        ]
        indexes = [models.Index(fields=["organization", "client", "-happened_on"], name="interaction_of_client")]

    def __str__(self) -> str:
        return f"{self.kind} {self.client_id}"

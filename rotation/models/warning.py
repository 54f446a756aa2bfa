from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel
from clients.models import Client
from rotation.models.rule import Rule
from rotation.models.run import Run


class SaveWarning(TenantModel):
    """A representative was told that a client will be proposed to somebody else, and has until ``due_on`` to act.

    open -> saved (an order, a visit or a contact on ``closed_on``), or moved (somebody else answers for the client).
    A client has at most one open warning, and it counts only while the representative warned still answers for it.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Aberto")
        SAVED = "saved", _("Salvo")
        MOVED = "moved", _("Mudou de mãos")

    class Act(models.TextChoices):
        ORDER = "order", _("Pedido")
        VISIT = "visit", _("Visita")
        CONTACT = "contact", _("Contato")

    client = TenantForeignKey(Client, models.PROTECT, related_name="save_warnings")
    representative = TenantForeignKey(Representative, models.PROTECT, related_name="save_warnings")
    rule = TenantForeignKey(Rule, models.PROTECT, related_name="save_warnings")
    run = TenantForeignKey(Run, models.PROTECT, related_name="save_warnings")
    warned_on = models.DateField()
    due_on = models.DateField()  # from this day on a run may propose the client
    state = models.CharField(max_length=5, choices=State.choices, default=State.OPEN)
    closed_on = models.DateField(null=True, blank=True)
    act = models.CharField(max_length=7, choices=Act.choices, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("savewarning", "client", "representative", "rule", "run"),
            models.UniqueConstraint(fields=["organization", "client"], condition=Q(state="open"), name="savewarning_one_open"),
            models.CheckConstraint(condition=Q(due_on__gt=F("warned_on")), name="savewarning_days_in_order"),
            models.CheckConstraint(
                condition=Q(state="open", closed_on=None) | Q(closed_on__isnull=False), name="savewarning_closed_has_day"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "representative", "state", "due_on"], name="savewarning_of_rep"),
            models.Index(fields=["organization", "rule", "warned_on"], name="savewarning_of_rule"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} until {self.due_on}"

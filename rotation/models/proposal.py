from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import AppendOnly, tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel
from clients.models import Client
from rotation.models.rule import RuleVersion
from rotation.models.run import Run


class Proposal(TenantDetail):
    """One client, from one representative to another, with everything its explanation needs.

    proposed -> approved -> applied; also rejected, stale, expired, withheld (control group).
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Pendente")
        APPROVED = "approved", _("Aprovada")
        APPLIED = "applied", _("Aplicada")
        REJECTED = "rejected", _("Recusada")
        STALE = "stale", _("Desatualizada")
        EXPIRED = "expired", _("Expirada")
        WITHHELD = "withheld", _("Grupo de controle")

    class Caveat(models.TextChoices):
        FARTHER = "farther", _("Destino mais longe")
        OVER_CAPACITY = "over_capacity", _("Acima da capacidade")
        OVER_CEILING = "over_ceiling", _("Acima do máximo a receber")
        AUTONOMOUS = "autonomous", _("Autônomo: aceite")
        OPEN_OPPORTUNITY = "open_opportunity", _("Oportunidade em aberto")
        LOW_CONFIDENCE = "low_confidence", _("Pouca confiança")

    run = TenantForeignKey(Run, models.PROTECT, related_name="proposals")
    client = TenantForeignKey(Client, models.PROTECT, related_name="proposals")
    rule_version = TenantForeignKey(RuleVersion, models.PROTECT, null=True, related_name="proposals")
    # What the proposal was computed from: compared again when it is applied.
    from_representative = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="proposals_from")
    expected_seq = models.PositiveIntegerField()  # seq of the last ownership row, 0 where there never was one
    to_representative = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="proposals_to")
    computed_to = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="+")  # before a manager's change

    position = models.IntegerField()  # order of the engine: by value
    state = models.CharField(max_length=8, choices=State.choices, default=State.PROPOSED)
    postponed_at = models.DateTimeField(null=True, blank=True)
    caveats = ArrayField(models.CharField(max_length=16), default=list, blank=True)

    value_cents = models.BigIntegerField()  # expected margin saved over the rule's horizon
    at_stake_cents = models.BigIntegerField()
    lift = models.FloatField(null=True, blank=True)  # what moving was taken to recover, assumed or measured; the run says which
    net_12m_cents = models.BigIntegerField()
    abc = models.CharField(max_length=1, blank=True, default="", db_default="")  # the client's class that day, "" where it bought nothing
    days_since_last = models.IntegerField(null=True)
    last_order_on = models.DateField(null=True)
    cycle_days = models.FloatField(null=True)
    lateness = models.FloatField(null=True)
    last_visit_on = models.DateField(null=True)
    km_from = models.FloatField(null=True)
    km_to = models.FloatField(null=True)
    facts = models.JSONField(default=dict, blank=True)  # each condition's field -> the value it had
    # Best pairs, the chosen one first: representative ids, values in cents, distances, lower bounds of choosing each instead.
    candidates = ArrayField(models.BigIntegerField(), default=list, blank=True)
    candidate_values = ArrayField(models.BigIntegerField(), default=list, blank=True)
    candidate_kms = ArrayField(models.FloatField(null=True), default=list, blank=True)
    candidate_costs = ArrayField(models.BigIntegerField(), default=list, blank=True)
    place_price_cents = models.BigIntegerField(default=0)  # price of one more place at the receiver

    decided_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=120, blank=True)
    decision_note = models.CharField(max_length=500, blank=True)
    applied_at = models.DateTimeField(null=True, blank=True)
    stale_reason = models.CharField(max_length=40, blank=True)  # a code: owner_changed, no_room, receiver_inactive, rested, ...
    version = models.PositiveIntegerField(default=1)  # raised by each decision; forms carry it

    class Meta:
        constraints = [
            *tenant_walls(
                *("proposal", "run", "client", "rule_version", "from_representative", "to_representative", "computed_to", "decided_by"),
                unless={"computed_to": "to_representative"},  # a hundred thousand are written in a night, each key looked up for each
            ),
            models.UniqueConstraint(
                fields=["organization", "client"], condition=Q(state__in=["proposed", "approved"]), name="proposal_one_open"
            ),
            # By client first, so that a client's proposals are found through it too: each index is written twice a move.
            models.UniqueConstraint(fields=["organization", "client", "run"], name="proposal_once_per_run"),
        ]
        indexes = [
            models.Index(fields=["organization", "run", "state", "-value_cents", "id"], name="proposal_review"),
            models.Index(fields=["organization", "run", "client"], condition=Q(state="approved"), name="proposal_apply"),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}: client {self.client_id}"


class Decision(TenantModel):
    """Who said what about a proposal, when; a row for each decision, never changed."""

    class Action(models.TextChoices):
        APPROVE = "approve", _("Aprovou")
        REJECT = "reject", _("Recusou")
        POSTPONE = "postpone", _("Adiou")
        CHANGE = "change", _("Mudou o destino")
        REOPEN = "reopen", _("Desfez")
        COMMENT = "comment", _("Comentou")  # words alone: the proposal stays as it is

    proposal = TenantForeignKey(Proposal, models.PROTECT, related_name="decisions")
    batch = models.UUIDField()  # one act of a person, however many proposals it covers
    action = models.CharField(max_length=8, choices=Action.choices)
    by = TenantForeignKey(Membership, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=120, blank=True)
    note = models.CharField(max_length=500, blank=True)
    from_state = models.CharField(max_length=8)
    to_state = models.CharField(max_length=8)
    from_receiver = TenantForeignKey(Representative, models.PROTECT, null=True, related_name="+")
    to_receiver = TenantForeignKey(Representative, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("decision", "proposal", "by", "from_receiver", "to_receiver"),
            AppendOnly(name="decision_append_only"),
        ]
        indexes = [
            models.Index(fields=["organization", "proposal", "id"], name="decision_of_proposal"),
            models.Index(fields=["organization", "batch"], name="decision_of_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.proposal_id}"


class RefusalReason(TenantModel):
    """One entry of the company's list of reasons to refuse a proposal."""

    label = models.CharField(_("motivo"), max_length=120)
    position = models.PositiveSmallIntegerField(default=1)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            *tenant_walls("refusalreason"),
            models.UniqueConstraint(fields=["organization", "label"], name="refusalreason_label"),
        ]

    def __str__(self) -> str:
        return self.label

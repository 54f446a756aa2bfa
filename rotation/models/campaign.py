from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Membership, Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel
from clients.models import Client
from portfolio.models import Task


class Campaign(TenantModel):
    """Winning inactive clients back: who, for how many days, in which steps, and how many of them are left alone to compare with.

    draft -> running <-> paused -> ended. ``definition`` (a filter of clients) counts until the start, which freezes the
    population into ``CampaignClient`` rows. An order counts on the days (``started_on``, ``ends_on``].
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Rascunho")
        RUNNING = "running", _("Em andamento")
        PAUSED = "paused", _("Pausada")
        ENDED = "ended", _("Encerrada")

    class Assigning(models.TextChoices):
        OWNER = "owner", _("O vendedor de cada cliente")
        EVEN = "even", _("Dividir por igual entre os escolhidos")
        NEAR = "near", _("Dividir pela distância, sem sobrecarregar ninguém")

    name = models.CharField(_("nome"), max_length=80)
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    definition = models.JSONField(default=dict)
    segment_name = models.CharField(max_length=80, blank=True)  # the saved segment it was taken from, as it was called then
    days = models.PositiveSmallIntegerField(_("dias"), default=60)
    share = models.FloatField(_("grupo de controle"), default=0)
    seed = models.CharField(max_length=32, blank=True)  # made at the start: the same seed draws the same arms
    assigning = models.CharField(_("quem faz"), max_length=5, choices=Assigning.choices, default=Assigning.OWNER)
    per_day = models.PositiveSmallIntegerField(_("contatos por dia"), default=10)  # how many clients each person begins a day
    fixed_cost_cents = models.BigIntegerField(_("custo fixo"), default=0)
    worth_only = models.BooleanField(_("só quem vale o contato"), default=False)
    left_out = models.JSONField(default=dict)  # reason -> clients of the filter that did not enter
    tau = models.FloatField(null=True, blank=True)  # the lift the clients' values were worked out with
    tau_measured = models.BooleanField(default=False)
    made_by = TenantForeignKey(Membership, models.PROTECT, related_name="campaigns")
    made_at = models.DateTimeField(auto_now_add=True)
    started_by = TenantForeignKey(Membership, models.PROTECT, null=True, blank=True, related_name="+")
    started_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)  # the last day that counts
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("campaign", "made_by", "started_by"),
            models.CheckConstraint(condition=~Q(name=""), name="campaign_has_name"),
            models.CheckConstraint(condition=Q(share__gte=0, share__lte=0.5), name="campaign_share"),
            models.CheckConstraint(condition=Q(days__range=(7, 365), per_day__range=(1, 100)), name="campaign_span"),
            models.CheckConstraint(condition=Q(fixed_cost_cents__gte=0), name="campaign_cost_not_negative"),
            models.CheckConstraint(
                condition=Q(state="draft", started_on=None) | Q(started_on__isnull=False, ends_on__gte=F("started_on")),
                name="campaign_started_has_days",
            ),
        ]
        indexes = [models.Index(fields=["organization", "state", "-made_at"], name="campaign_by_state")]

    def __str__(self) -> str:
        return self.name


class CampaignPerson(TenantDetail):
    """A representative chosen to work in a campaign that is split; where each client's own works, nobody is chosen."""

    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="people")
    representative = TenantForeignKey(Representative, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            *tenant_walls("campaignperson", "campaign", "representative"),
            models.UniqueConstraint(fields=["organization", "campaign", "representative"], name="campaignperson_once"),
        ]

    def __str__(self) -> str:
        return f"{self.representative_id} in {self.campaign_id}"


class CampaignStep(TenantDetail):
    """What is done with each client, in order; ``day_offset`` days after the client's first step."""

    class Kind(models.TextChoices):
        CALL = "call", pgettext_lazy("telephone", "Ligar")  # not the word of a switch
        VISIT = "visit", _("Visitar")
        MESSAGE = "message", _("Mandar mensagem")
        OFFER = "offer", _("Fazer oferta")

    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=7, choices=Kind.choices)
    day_offset = models.PositiveSmallIntegerField(default=0)
    cost_cents = models.BigIntegerField(default=0)  # of doing it once
    words = models.CharField(_("o que dizer"), max_length=200, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("campaignstep", "campaign"),
            models.UniqueConstraint(fields=["organization", "campaign", "position"], name="campaignstep_once"),
            models.CheckConstraint(condition=Q(cost_cents__gte=0), name="campaignstep_cost_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.kind}"


class CampaignClient(TenantDetail):
    """One client of the frozen population and the arm it was drawn to. Treated counts as treated whether it was reached or not."""

    class Arm(models.TextChoices):
        TREATED = "treated", _("Campanha")
        CONTROL = "control", _("Controle")

    campaign = TenantForeignKey(Campaign, models.CASCADE, related_name="clients")
    client = TenantForeignKey(Client, models.PROTECT, related_name="campaigns")
    arm = models.CharField(max_length=7, choices=Arm.choices)
    stratum = models.CharField(max_length=8, blank=True)  # third of value it was drawn in
    representative = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="campaign_clients")
    at_stake_cents = models.BigIntegerField(null=True, blank=True)  # empty: the client was never scored
    value_cents = models.BigIntegerField(null=True, blank=True)  # expected value of going through the steps, their cost taken off
    first_on = models.DateField(null=True, blank=True)  # the day of its first step
    bought_on = models.DateField(null=True, blank=True)  # seen while the campaign ran; ends its steps, measures nothing
    made_colleague = models.BooleanField(default=False)  # whoever works it was given sight of the client for the campaign

    class Meta:
        constraints = [
            *tenant_walls("campaignclient", "campaign", "client", "representative"),
            models.UniqueConstraint(fields=["organization", "campaign", "client"], name="campaignclient_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "client"], name="campaignclient_of_client"),
            models.Index(fields=["organization", "representative", "campaign"], name="campaignclient_of_rep"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} in {self.campaign_id}"


class CampaignContact(TenantDetail):
    """A step that fell due for a client: the task that asks for it. Done when the task is; skipped when that is cancelled."""

    target = TenantForeignKey(CampaignClient, models.CASCADE, related_name="contacts")
    step = TenantForeignKey(CampaignStep, models.CASCADE, related_name="contacts")
    task = TenantForeignKey(Task, models.PROTECT, related_name="campaign_contacts")

    class Meta:
        constraints = [
            *tenant_walls("campaigncontact", "target", "step", "task"),
            models.UniqueConstraint(fields=["organization", "target", "step"], name="campaigncontact_once"),
        ]
        indexes = [models.Index(fields=["organization", "task"], name="campaigncontact_of_task")]

    def __str__(self) -> str:
        return f"{self.target_id} step {self.step_id}"

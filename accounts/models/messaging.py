import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.people import Membership
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel


class Notice(TenantDetail):
    """Something one member should know; its words are made from ``kind`` and ``facts`` in the reader's language."""

    class Kind(models.TextChoices):
        CLIENTS_RECEIVED = "clients_received", _("Clientes recebidos")
        CLIENTS_GIVEN = "clients_given", _("Clientes que saíram")
        RUN_AWAITING = "run_awaiting", _("Giro aguardando revisão")
        RUN_FAILED = "run_failed", _("Giro com falha")
        RUN_APPLIED = "run_applied", _("Giro aplicado")
        RUN_REVERSED = "run_reversed", _("Lote revertido")
        SAVE_WINDOW = "save_window", _("Clientes a salvar")
        RULE_HALTED = "rule_halted", _("Regra parada")
        RULE_SUBMITTED = "rule_submitted", _("Versão à espera de publicação")
        RULE_NOT_PUBLISHED = "rule_not_published", _("Versão que não entrou em vigor")
        TASK_GIVEN = "task_given", _("Tarefa recebida")
        TASK_DONE = "task_done", _("Tarefa concluída")
        COLLEAGUE_NAMED = "colleague_named", _("Cliente em comum")
        REQUEST_MADE = "request_made", _("Pedido de vendedor")
        REQUEST_ANSWERED = "request_answered", _("Pedido respondido")
        DISCARD_PROPOSED = "discard_proposed", _("Descarte proposto")
        CAMPAIGN_STARTED = "campaign_started", _("Campanha")
        VISIT_ELSEWHERE = "visit_elsewhere", _("Visita a cliente de outra carteira")
        COVER = "cover", _("Cobertura")
        HANDOVER = "handover", _("Saída de um vendedor")
        IMPORT_ENDED = "import_ended", _("Importação encerrada")
        FILE_READY = "file_ready", _("Arquivo exportado")
        MAIL_REFUSED = "mail_refused", _("E-mail não enviado")

    membership = TenantForeignKey(Membership, models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=40, choices=Kind.choices)
    facts = models.JSONField(default=dict)  # what the sentence needs: names, counts, ids for its link
    key = models.CharField(max_length=120)  # the same happening notifies once
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            *tenant_walls("notice", "membership"),
            models.UniqueConstraint(fields=["organization", "membership", "key"], name="notice_once"),
        ]
        indexes = [
            models.Index(fields=["organization", "membership", "-created_at"], name="notice_recent"),
            models.Index(fields=["organization", "membership"], condition=models.Q(read_at=None), name="notice_unread"),  # the bell
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.membership_id}"


class OutboxEvent(TenantModel):
    """A message that must not be lost: a row in the transaction of the change, sent by the relay afterwards."""

    event_id = models.UUIDField(default=uuid.uuid4)
    topic = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            *tenant_walls("outboxevent"),
            models.UniqueConstraint(fields=["organization", "event_id"], name="outboxevent_once"),
        ]
        indexes = [models.Index(fields=["organization", "id"], condition=models.Q(sent_at=None), name="outboxevent_unsent")]

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"


class ConsumedEvent(TenantModel):
    """That a consumer has dealt with an event; a second delivery finds the row and does nothing."""

    consumer = models.CharField(max_length=60)
    event_id = models.UUIDField()
    consumed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("consumedevent"),
            models.UniqueConstraint(fields=["organization", "consumer", "event_id"], name="consumedevent_once"),
        ]

    def __str__(self) -> str:
        return f"{self.consumer} {self.event_id}"


class IdempotencyKey(TenantModel):
    """The answer to an unsafe request, kept 48 hours, so that sending it again changes nothing."""

    key = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            *tenant_walls("idempotencykey"),
            models.UniqueConstraint(fields=["organization", "key"], name="idempotencykey_once"),
        ]

    def __str__(self) -> str:
        return self.key


class ThrottleCounter(models.Model):
    """Tries counted while Redis is gone; keys are hashes, so the table names nobody."""

    key = models.CharField(max_length=60, primary_key=True)
    started_at = models.DateTimeField()
    tries = models.IntegerField()

    def __str__(self) -> str:
        return self.key

from django.db import models
from django.db.models import Q

from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel
from clients.models.client import Client

# Lists, client pages and segments speak of this many days; rules may ask for another horizon beside it.
HORIZON_DAYS = 90


class Scoring(TenantModel):
    """One scoring of all clients: the day, how it was answered and why, and how the same way of answering did before.

    One row a day and horizon, kept for good: some kilobytes that tell what was believed when. ``basis`` is the engine's own
    account of why this method answered, with the counts and parameters; ``calibration`` ten groups of predictions this
    organization's past could check, or null where too little of it is closed.
    """

    as_of = models.DateField()
    horizon = models.PositiveSmallIntegerField()
    method = models.CharField(max_length=30)
    basis = models.JSONField(default=dict)
    calibration = models.JSONField(null=True)
    clients = models.IntegerField(default=0)
    scored = models.IntegerField(default=0)  # those that ever ordered
    seconds = models.JSONField(default=dict)
    engine_version = models.CharField(max_length=20)
    # How fresh the orders were: a scoring made before the last import does not stand for the day any more.
    orders_received_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            *tenant_walls("scoring"),
            models.UniqueConstraint(fields=["organization", "horizon", "as_of"], name="scoring_once"),
        ]

    def __str__(self) -> str:
        return f"{self.method} of {self.as_of} over {self.horizon} days"


class ClientScore(TenantDetail):
    """What a client's own orders say of its coming days: one row a client and horizon, those of the latest scoring.

    A projection, written by ``rotation.services.scoring`` alone. Only the latest day is kept: an older one comes out
    of the orders again (``manage.py score --as-of``), what a run used is written in its proposals, and a night's
    history of a million clients would outgrow their orders within months. Clients that never ordered have no row.
    """

    client = TenantForeignKey(Client, models.CASCADE, related_name="scores")
    horizon = models.PositiveSmallIntegerField()
    made_for = models.DateField()
    p_silent = models.FloatField()  # no valid order within the horizon
    p_cross = models.FloatField()  # reaches the inactive limit
    p_alive = models.FloatField(null=True)  # shown, never used
    state = models.CharField(max_length=20)  # on made_for
    cycle_days = models.FloatField(null=True)  # median gap
    lateness = models.FloatField(null=True)
    early_on = models.DateField(null=True)  # by this day the next order has come with 25 %
    likely_on = models.DateField(null=True)
    late_on = models.DateField(null=True)  # with 75 %
    ticket_cents = models.BigIntegerField(default=0)
    year_cents = models.BigIntegerField(default=0)  # of twelve months, if the client stays
    at_stake_cents = models.BigIntegerField(default=0)  # p_silent x year_cents

    class Meta:
        constraints = [
            *tenant_walls("clientscore", "client"),
            models.UniqueConstraint(fields=["organization", "client", "horizon"], name="clientscore_once"),
            models.CheckConstraint(condition=Q(p_silent__range=(0, 1), p_cross__range=(0, 1)), name="clientscore_chances"),
        ]
        indexes = [
            models.Index(fields=["organization", "horizon", "-at_stake_cents", "client"], name="clientscore_by_stake"),
            # few clients are: their list must not look at everybody who buys
            models.Index(fields=["organization", "client"], condition=Q(state="at_risk"), name="clientscore_at_risk"),
        ]

    def __str__(self) -> str:
        return f"score of {self.client_id} for {self.made_for}"

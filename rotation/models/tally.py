from django.db import models

from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey
from rotation.models.run import Run


class ProposalTally(TenantDetail):
    """Part of how many proposals of a run are alike, kept by triggers in the transaction that writes proposals.

    A kind's number is the sum of its rows: who finds them all locked writes one more and waits for nobody (``carteira_tally``,
    migration 0020). What no key names, and which columns make a kind, is written there too. 0 stands for "none" among ids.
    """

    run = TenantForeignKey(Run, models.PROTECT, related_name="tallies")
    # Ids without keys: derived from proposals, which have them, and each key would be looked up once a row.
    state = models.CharField(max_length=8)
    from_representative_id = models.BigIntegerField()
    to_representative_id = models.BigIntegerField()  # 0 too once somebody decided; ``placed`` still says whether there is one
    rule_version_id = models.BigIntegerField()
    placed = models.BooleanField()
    postponed = models.BooleanField()
    caution = models.BooleanField()
    abc = models.CharField(max_length=1, blank=True)

    n = models.BigIntegerField()
    net_12m_cents = models.BigIntegerField()
    # Whole metres: a sum of fractions that is added to and taken from drifts.
    m_from = models.BigIntegerField()  # of rows where both distances are known
    n_from = models.BigIntegerField()
    m_to = models.BigIntegerField()
    n_to = models.BigIntegerField()

    class Meta:
        constraints = tenant_walls("proposaltally", "run")
        indexes = [
            models.Index(
                fields=["organization", "run", "state", "from_representative_id", "to_representative_id"], name="proposaltally_by_pair"
            )
        ]

    def __str__(self) -> str:
        return f"{self.n} {self.state} of run {self.run_id}"

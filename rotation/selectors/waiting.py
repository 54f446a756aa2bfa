"""What waits for whoever leads: proposals, requests, consents, late orders, refused lines, full portfolios, clients nobody looks after."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from accounts.arrays import array
from accounts.models import Membership, Representative, Role
from accounts.tenancy import active_organization_id
from clients.models import Client, DiscardProposal, ImportJob
from portfolio.selectors.figures import People
from rotation.models import Proposal, Run
from rotation.selectors.requests import n_open_requests, pending_proposals
from rotation.selectors.tally import pending_for

MOST_FULL = 3


@dataclass(frozen=True)
class Full:
    """A representative who holds more clients than they can, or, serving no more, any at all."""

    representative_id: int
    code: str
    name: str
    clients: int
    capacity: int


@dataclass(frozen=True)
class Waiting:
    """Counts are None or 0 where nothing waits, or where it is not this member's to do."""

    pending: int = 0
    run: Run | None = None  # the review that ends first
    consents: int = 0  # proposals that take clients from an autonomous representative without a consent on record
    failed: Run | None = None
    requests: int = 0
    discards: int = 0
    refused: ImportJob | None = None  # the last file of its kind, with lines refused
    nobodys: int = 0
    left: tuple[Full, ...] = ()  # they serve no more and still hold clients
    full: tuple[Full, ...] = ()
    n_full: int = 0

    @property
    def n_more_full(self) -> int:
        return self.n_full - len(self.full)


def waiting_for(member: Membership, people: People, *, on: date) -> Waiting:
    """What waits for the member on that day; ten queries at most, however much it is.

    ``people``: the representatives whose load and discards are looked at, None for all.
    """
    decides = member.role in (Role.ADMIN, Role.MANAGER)
    office = member.role in (Role.ADMIN, Role.AUDITOR)
    runs = list(Run.objects.filter(state__in=[Run.State.AWAITING, Run.State.FAILED], kind=Run.Kind.ROTATION).order_by("expires_at", "pk"))
    reviews = [run for run in runs if run.state == Run.State.AWAITING]
    pending = pending_for(member) or 0
    left, full, n_full = _left_and_full(people, on)
    return Waiting(
        pending=pending,
        run=reviews[0] if reviews and pending else None,
        consents=_consents(people) if decides and pending else 0,
        failed=next((run for run in runs if run.state == Run.State.FAILED), None),
        requests=n_open_requests(member) or 0,
        discards=_discards(people) if decides else 0,
        refused=_refused() if office else None,
        nobodys=Client.objects.filter(representative=None, discarded_on=None).count() if office and people is None else 0,
        left=left,
        full=full,
        n_full=n_full,
    )


def _consents(people: People) -> int:
    found = pending_proposals().filter(
        state=Proposal.State.PROPOSED,
        from_representative__contract_type=Representative.Contract.AUTONOMOUS,
        from_representative__consent_recorded_on=None,
    )
    return (found if people is None else found.filter(from_representative__in=people)).count()


def _discards(people: People) -> int:
    found = DiscardProposal.objects.filter(accepted=None)
    return (found if people is None else found.filter(client__representative__in=people)).count()


def _refused() -> ImportJob | None:
    """The latest finished import of its kind that refused lines; a later one of the same kind took its place."""
    latest = ImportJob.objects.filter(state=ImportJob.State.DONE).order_by("kind", "-started_at").distinct("kind")
    return max((job for job in latest if job.refused), key=lambda job: job.started_at, default=None)


# Index-only, over (representative, ..., id): joined to the clients themselves it was most of the panel. The few discarded come apart.
_FULL = """
SELECT r.id, r.code, r.name, h.held, r.capacity_clients, coalesce(r.valid_to <= %(on)s, false) FROM (
    SELECT representative_id, count(*) AS held FROM clients_client
     WHERE organization_id = %(organization)s AND representative_id IS NOT NULL
       AND id NOT IN (SELECT id FROM clients_client WHERE organization_id = %(organization)s AND discarded_on IS NOT NULL)
     GROUP BY representative_id) h
  JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.id = h.representative_id
 WHERE (h.held > r.capacity_clients OR r.valid_to <= %(on)s) AND (%(people)s::bigint[] IS NULL OR r.id = ANY(%(people)s::bigint[]))
"""


def _left_and_full(people: People, on: date) -> tuple[tuple[Full, ...], tuple[Full, ...], int]:
    with connection.cursor() as cursor:
        cursor.execute(_FULL, {"organization": active_organization_id(), "people": None if people is None else array(people), "on": on})
        found = sorted(cursor.fetchall(), key=lambda each: (-each[3] / max(each[4], 1), each[1]))
    left, full = [each[:5] for each in found if each[5]], [each[:5] for each in found if not each[5]]
    return tuple(Full(*each) for each in left[:MOST_FULL]), tuple(Full(*each) for each in full[:MOST_FULL]), len(full)


def received_age(received: datetime | None, *, at: datetime) -> float | None:
    """Hours since orders last came; None where they never did."""
    return None if received is None else (at - received).total_seconds() / 3600

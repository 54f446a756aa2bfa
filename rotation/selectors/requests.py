"""What representatives asked of management, and the clients of theirs that may leave."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from clients.models import Client
from rotation.models import Proposal, Request, RotationSettings, Run, SaveWarning
from rotation.selectors.warnings import warnings_of

Kind, State = Request.Kind, Request.State
PENDING = (Proposal.State.PROPOSED, Proposal.State.APPROVED)
MOST = 100


def hold_days_most() -> int:
    """How many days ahead a client may be held in the active organization; one query."""
    found = RotationSettings.objects.values_list("hold_days_most", flat=True).first()
    return found or RotationSettings._meta.get_field("hold_days_most").default


def requests_visible_to(member: Membership) -> QuerySet[Request]:
    """All to administration and audit, the team's to a manager, one's own to a representative."""
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Request.objects.all()
    if member.role == Role.MANAGER:
        return Request.objects.filter(representative_id__in=representatives_visible_to(member).values("pk"))
    return Request.objects.filter(representative__membership_id=member.pk)


def n_open_requests(member: Membership) -> int | None:
    """Requests that wait for this member's answer; None to those who give none. One query (two to a manager: the tree of teams)."""
    if member.role not in (Role.ADMIN, Role.MANAGER):
        return None
    return requests_visible_to(member).filter(state=State.OPEN).count() or None


def pending_proposals() -> QuerySet[Proposal]:
    """Proposals a person may still refuse or apply: undecided or approved, of a rotation that is not over."""
    return Proposal.objects.filter(state__in=PENDING, run__kind=Run.Kind.ROTATION, run__state=Run.State.AWAITING)


@dataclass(frozen=True)
class RequestLine:
    """One request with what its answer depends on.

    ``moved``: somebody else answers for the client by now. ``pending``: a proposal would take the client away as it stands.
    """

    request: Request
    moved: bool
    pending: bool
    abc: str
    last_on: date | None


def request_lines(member: Membership, *, open_ones: bool, since: datetime | None = None) -> list[RequestLine]:
    """Requests within the member's reach: those that wait, oldest first; or those closed (at or after ``since``), latest
    first; at most MOST. One query."""
    rows = requests_visible_to(member)
    if open_ones:
        rows = rows.filter(state=State.OPEN).order_by("made_at", "pk")
    else:
        rows = rows.exclude(state=State.OPEN)
        if since is not None:
            rows = rows.filter(Q(answered_at__gte=since) | Q(answered_at=None, made_at__gte=since))
        rows = rows.order_by(F("answered_at").desc(nulls_last=True), "-pk")
    rows = rows.annotate(
        # A pending proposal is looked for now: the one named when asking may be decided, and another made since.
        pending=Subquery(pending_proposals().filter(client_id=OuterRef("client_id")).values("pk")[:1]),
        abc=F("client__activity__abc"),
        last_on=F("client__activity__last_on"),
    )
    found = rows.select_related("client", "representative", "made_by", "answered_by", "proposal__rule_version__rule")[:MOST]
    return [
        RequestLine(row, row.client.representative_id != row.representative_id, row.pending is not None, row.abc or "", row.last_on)  # type: ignore[attr-defined]
        for row in found
    ]


@dataclass(frozen=True)
class Leaving:
    """One of the member's clients that may leave: from ``on``, by ``rule``; ``proposed``: a proposal waits to be decided or applied."""

    client: Client
    on: date | None
    rule: str
    proposed: bool
    last_on: date | None
    asked: dict[str, Request] = field(default_factory=dict)  # the member's open requests about it, by kind

    @property
    def key(self) -> str:
        """The client's number as an address writes it."""
        return str(self.client.pk)


def leaving_clients(member: Membership) -> list[Leaving]:
    """The member's own clients that may leave: those proposed first, then those warned of, soonest first. Five queries."""
    proposed = (
        pending_proposals()
        .filter(from_representative__membership_id=member.pk, client__representative_id=F("from_representative_id"))
        .select_related("client", "run", "rule_version__rule")
        .prefetch_related("client__activity")
        .order_by("run__expires_at", "client__name_key", "pk")
    )
    found = [
        Leaving(
            each.client,
            each.run.deadline.astimezone(member.organization.zone).date() if each.run.deadline else None,
            each.rule_version.rule.name if each.rule_version else "",
            True,
            _last_on(each.client),
        )
        for each in proposed
    ]
    known = {each.client.pk for each in found}
    warned = (
        Leaving(each.client, each.due_on, each.rule.name, False, _last_on(each.client))
        for each in warnings_of(member)
        if each.client_id not in known
    )
    found += warned
    asked = open_requests_about([each.client.pk for each in found])
    for each in found:
        each.asked.update(asked.get(each.client.pk, {}))
    return found


def open_requests_about(client_ids: Sequence[int]) -> dict[int, dict[str, Request]]:
    """The open requests about these clients: client -> kind -> request; one query."""
    found: dict[int, dict[str, Request]] = {}
    for each in Request.objects.filter(client_id__in=list(client_ids), state=State.OPEN):
        found.setdefault(each.client_id, {})[each.kind] = each
    return found


def _last_on(client: Client) -> date | None:
    return next((each.last_on for each in client.activity.all()), None)


def own_requests(member: Membership, *, since: datetime) -> list[Request]:
    """The member's own requests, those that wait first, then those made at or after ``since``, latest first; one query."""
    mine = Request.objects.filter(representative__membership_id=member.pk).filter(Q(state=State.OPEN) | Q(made_at__gte=since))
    waits = Q(state=State.OPEN)
    return list(mine.select_related("client", "answered_by").annotate(waits=waits).order_by("-waits", "-made_at", "-pk")[:MOST])


def contestable(client: Client, representative: Representative) -> tuple[Proposal | None, SaveWarning | None]:
    """What a representative may contest about a client of theirs: the pending proposal, the open warning. Two queries."""
    proposal = pending_proposals().filter(client_id=client.pk, from_representative_id=representative.pk).first()
    warning = SaveWarning.objects.filter(client_id=client.pk, representative_id=representative.pk, state=SaveWarning.State.OPEN).first()
    return proposal, warning

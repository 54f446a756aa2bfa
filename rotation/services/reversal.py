"""Taking a batch back: a new run whose proposals are the applied moves, the other way round."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from accounts.tenancy.tasks import send_on_commit
from portfolio.models import Ownership
from rotation.errors import NothingToReverse, TooLateToReverse, WrongState
from rotation.models import Proposal, RotationSettings, Run
from rotation.services.moving import APPLY_TASK, set_going

MANAGER_DAYS = 7


@dataclass(frozen=True)
class Reversible:
    """What a member may take back of a run: moves, how many were touched since, how many nobody can have back, and until when."""

    moves: int
    touched: int
    stuck: int  # whoever had the client has left, nobody had it, or another run is about to move it
    until: datetime | None

    @property
    def standing(self) -> int:
        """How many go back if it is asked for now."""
        return self.moves - self.touched - self.stuck


# The move stands when the ownership it opened is still the open one. Where a client had nobody before there is nobody
# to give it back to; a client in another run's open proposal is that run's.
_REVERSE = """
INSERT INTO rotation_proposal (organization_id, run_id, client_id, rule_version_id, from_representative_id, expected_seq,
    to_representative_id, computed_to_id, position, state, stale_reason, caveats, value_cents, at_stake_cents, net_12m_cents,
    abc, days_since_last, last_order_on, cycle_days, lateness, last_visit_on, km_from, km_to, facts, candidates, candidate_values,
    candidate_kms, candidate_costs, place_price_cents, decided_by_id, decided_at, decision_reason, decision_note, version)
SELECT p.organization_id, %(run)s, p.client_id, p.rule_version_id, p.to_representative_id, p.expected_seq + 1, p.from_representative_id,
       p.from_representative_id, p.position, CASE WHEN code = '' THEN 'approved' ELSE 'stale' END, code, '{}', 0, p.at_stake_cents,
       p.net_12m_cents, p.abc, p.days_since_last, p.last_order_on, p.cycle_days, p.lateness, p.last_visit_on, p.km_to, p.km_from,
       jsonb_build_object('reverses', p.id), '{}', '{}', '{}', '{}', 0, %(by)s, %(at)s, '', '', 1
  FROM rotation_proposal p
 CROSS JOIN LATERAL (SELECT CASE
    WHEN NOT EXISTS (SELECT FROM portfolio_ownership o
                      WHERE o.organization_id = p.organization_id AND o.client_id = p.client_id
                        AND o.proposal_id = p.id AND o.ended_on IS NULL) THEN 'owner_changed'
    WHEN p.from_representative_id IS NULL THEN 'no_former_owner'
    WHEN EXISTS (SELECT FROM rotation_proposal q WHERE q.organization_id = p.organization_id AND q.client_id = p.client_id
                                                   AND q.state IN ('proposed', 'approved')) THEN 'in_another_run'
    ELSE '' END AS code) judged
 WHERE p.organization_id = %(organization)s AND p.id = ANY(%(ids)s)
 ORDER BY p.position
RETURNING state
"""


def reversible(run: Run, *, by: Membership, at: datetime) -> Reversible:
    """What the member may take back of the run at that moment; for the page that offers it. A constant number of queries."""
    moves, days = _moves(run, by, at)
    today = local_day(by.organization, at=at)
    held = Ownership.objects.filter(client=OuterRef("client"), proposal_id=OuterRef("pk"), ended_on=None)
    wanted = Proposal.objects.filter(client=OuterRef("client"), state__in=[Proposal.State.PROPOSED, Proposal.State.APPROVED])
    gone = Q(from_representative__valid_to__lte=today) | Q(from_representative__membership__is_active=False)
    stuck = Q(from_representative=None) | gone | Q(wanted=True)
    found = moves.annotate(held=Exists(held), wanted=Exists(wanted)).aggregate(
        n=Count("pk"),
        touched=Count("pk", filter=Q(held=False)),
        stuck=Count("pk", filter=Q(held=True) & stuck),
        latest=Max("applied_at"),
    )
    return Reversible(found["n"], found["touched"], found["stuck"], found["latest"] and found["latest"] + timedelta(days))


@transaction.atomic
def request_reversal(run: Run, *, by: Membership, at: datetime) -> Run:
    """A new run that gives each client back to who had it, applied in chunks like any other.

    Moves touched since, and those that cannot be given back, are listed in it as ``stale`` with a code: owner_changed,
    no_former_owner, in_another_run. Moves an earlier reversal took back are left out.

    Raises
    ------
    NotAllowed
        Only admins reverse; managers what they approved themselves, for 7 days.
    WrongState
        The run is a reversal itself, is still applying, or nothing of it was applied.
    TooLateToReverse
        The organization's days to reverse (30 by default) have passed.
    NothingToReverse
        Every move was touched since, or taken back before.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER):
        raise NotAllowed(_("Só a administração e a gerência revertem um lote."))
    # The lock makes a second request wait and then find the moves taken back.
    run = Run.objects.select_for_update(no_key=True).get(pk=run.pk)
    if run.kind == Run.Kind.REVERSAL or run.state == Run.State.APPLYING:
        raise WrongState(_("Este giro não pode ser revertido agora: %(state)s.") % {"state": run.get_state_display()})
    applied = Proposal.objects.filter(run=run, state=Proposal.State.APPLIED)
    if not applied.exists():
        raise WrongState(_("Nada deste giro foi aplicado; não há o que reverter."))
    moves, days = _moves(run, by, at)
    ids = list(moves.values_list("pk", flat=True))
    if not ids:
        if applied.filter(applied_at__gte=at - timedelta(days)).exists():
            raise NothingToReverse(_("Não há nada seu para reverter neste giro: tudo já foi revertido, ou foi aprovado por outra pessoa."))
        raise TooLateToReverse(
            ngettext("Um lote se reverte por %(n)s dia; o prazo passou.", "Um lote se reverte por %(n)s dias; o prazo passou.", days)
            % {"n": days}
        )
    today = local_day(by.organization, at=at)
    reversal = _new_run(run, by, at, today)
    with connection.cursor() as cursor:
        cursor.execute(_REVERSE, {"organization": run.organization_id, "run": reversal.pk, "ids": ids, "by": by.pk, "at": at})
        states = [row[0] for row in cursor.fetchall()]
    if "approved" not in states:
        raise NothingToReverse(_("Nada a reverter: alguém já mudou o responsável de cada cliente deste lote depois dele."))
    Run.objects.filter(pk=reversal.pk).update(n_clients=len(states), n_proposed=len(states))
    record_event(
        f"run:{reversal.pk}",
        "run.reversal_requested",
        by=Actor(by),
        after={"reverses": run.pk, "moves": states.count("approved"), "touched": states.count("stale")},
    )
    if run.kind == Run.Kind.ROTATION:
        send_on_commit(APPLY_TASK, reversal.pk, organization_id=reversal.organization_id)
    else:
        set_going(reversal, states.count("approved"))
    reversal.refresh_from_db()
    return reversal


def reversible_days(by: Membership) -> int:
    """For how many days after a move this member may take it back; one query."""
    undo_days = RotationSettings.objects.values_list("undo_days", flat=True).first()
    days = 30 if undo_days is None else undo_days
    return min(days, MANAGER_DAYS) if by.role == Role.MANAGER else days


def _moves(run: Run, by: Membership, at: datetime) -> tuple[QuerySet[Proposal], int]:
    """Applied moves of the run this member may still take back, and for how many days they may."""
    days = reversible_days(by)
    moves = Proposal.objects.filter(run=run, state=Proposal.State.APPLIED).order_by("pk")
    if by.role == Role.MANAGER:
        moves = moves.filter(decided_by=by)
    elif by.role != Role.ADMIN:
        moves = moves.none()
    taken_back = Proposal.objects.filter(run__reverses=run, state__in=[Proposal.State.APPLIED, Proposal.State.APPROVED])
    back = [reverses for reverses in taken_back.values_list("facts__reverses", flat=True) if reverses]
    return moves.filter(applied_at__gte=at - timedelta(days)).exclude(pk__in=back), days


def _new_run(run: Run, by: Membership, at: datetime, today) -> Run:
    name = f"reverse:{run.pk}"
    last = Run.objects.filter(rule_set=name, as_of=today).aggregate(last=Max("attempt"))["last"] or 0
    return Run.objects.create(
        kind=Run.Kind.REVERSAL,
        reverses=run,
        rule_set=name,
        as_of=today,
        attempt=last + 1,
        state=Run.State.APPLYING,
        trigger="person",
        started_by=by,
        apply_requested_by=by,
        apply_requested_at=at,
        effective_on=today,
        computed_at=at,
        heartbeat_at=at,
        approved_by=[by.pk],
    )

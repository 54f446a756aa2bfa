"""Runs and proposals for tests, made as the engine leaves them: in review, each naming what it was computed from."""

import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime

from accounts.models import Membership, Representative
from accounts.services import Actor
from clients.models import Client
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_clients
from rotation.models import Decision, Proposal, Rule, RuleVersion, Run, RunRule

DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
DEFINITION = {
    "schema": "carteira.rule/1",
    "name": "90 dias, geral",
    "guards": ["never_rotate", "blocked", "moved_within:180"],
    "receivers": {"same_region": True},
}


def give(clients: Sequence[Client], to: Representative, *, on: date = date(2025, 1, 6), source: str = Ownership.Source.IMPORT) -> None:
    """Make ``to`` answer for the clients."""
    result = transfer_clients([Transfer(client.pk, to.pk) for client in clients], by=Actor(label="test"), source=source, on=on)
    assert not result.refused


def make_version(definition: dict | None = None, *, published_by: Membership | None = None, name: str = "") -> RuleVersion:
    rule = Rule.objects.create(name=name or f"Regra {Rule.objects.count() + 1}", is_active=True)
    return RuleVersion.objects.create(
        rule=rule, number=1, state="published", definition=definition or DEFINITION, definition_hash="x" * 64, published_by=published_by
    )


def make_run(version: RuleVersion | None = None, *, as_of: date = DAY, **fields) -> Run:
    """A run in review, without proposals yet."""
    version = version or make_version()
    fields.setdefault("rule_set", f"{version.rule_id}:{Run.objects.count()}")
    run = Run.objects.create(as_of=as_of, state=Run.State.AWAITING, trigger="person", computed_at=NOW, **fields)
    RunRule.objects.create(run=run, rule_version=version, position=1)
    return run


def propose(run: Run, client: Client, to: Representative, **fields) -> Proposal:
    """One proposal from who answers for the client now."""
    version = run.rules.get().rule_version
    last = Ownership.objects.filter(client=client).order_by("-seq").first()
    proposal = Proposal.objects.create(
        run=run,
        client=client,
        rule_version=version,
        from_representative=last.representative if last and last.ended_on is None else None,
        expected_seq=last.seq if last else 0,
        to_representative=to,
        computed_to=fields.pop("computed_to", to),
        position=run.proposals.count() + 1,
        value_cents=fields.pop("value_cents", 5_000),
        at_stake_cents=20_000,
        net_12m_cents=fields.pop("net_12m_cents", 100_000),
        **fields,
    )
    Run.objects.filter(pk=run.pk).update(n_proposed=run.proposals.count())
    return proposal


def decide(proposals: Sequence[Proposal], action: str, *, by: Membership, at: datetime = NOW) -> None:
    """Approve, reject or reopen, as the review does: state, version and a decision each."""
    after = {"approve": "approved", "reject": "rejected", "reopen": "proposed"}[action]
    batch = uuid.uuid4()
    for proposal in proposals:
        before = proposal.state
        Proposal.objects.filter(pk=proposal.pk).update(state=after, decided_by=by, decided_at=at, version=proposal.version + 1)
        Decision.objects.create(proposal=proposal, batch=batch, action=action, by=by, at=at, from_state=before, to_state=after)
        proposal.refresh_from_db()

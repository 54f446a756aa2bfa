"""Rows of the rotation app for tests of its pages, made in the active organization."""

from datetime import UTC, datetime, timedelta

import factory

from rotation.engine.presets import PRESETS
from rotation.models import Proposal, RefusalReason, Rule, RuleVersion, Run, RunRule
from tests.factories import ClientFactory, InActiveOrganization, OwnershipFactory, RepresentativeFactory
from tests.rotation.conftest import AS_OF


class RuleFactory(InActiveOrganization):
    class Meta:
        model = Rule

    name = factory.Sequence(lambda n: f"Regra {n}")
    position = factory.Sequence(lambda n: n + 1)
    is_active = True


class RuleVersionFactory(InActiveOrganization):
    class Meta:
        model = RuleVersion

    rule = factory.SubFactory(RuleFactory)
    number = 1
    state = RuleVersion.State.PUBLISHED
    definition = factory.LazyFunction(lambda: dict(PRESETS["general"]))
    definition_hash = factory.Sequence(lambda n: f"{n:064d}")


class RunFactory(InActiveOrganization):
    class Meta:
        model = Run
        skip_postgeneration_save = True

    rule_set = factory.Sequence(str)
    as_of = AS_OF
    state = Run.State.AWAITING
    trigger = "person"
    computed_at = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)

    @factory.post_generation
    def version(self, create, extracted, **kwargs):
        if create and extracted:
            RunRule.objects.create(organization_id=self.organization_id, run=self, rule_version=extracted, position=1)


class RefusalReasonFactory(InActiveOrganization):
    class Meta:
        model = RefusalReason

    label = factory.Sequence(lambda n: f"Motivo {n}")


class ProposalFactory(InActiveOrganization):
    """A proposal whose client belongs to ``from_representative``, with its open ownership."""

    class Meta:
        model = Proposal

    class Params:
        owner = factory.SubFactory(RepresentativeFactory)

    run = factory.SubFactory(RunFactory)
    from_representative = factory.SelfAttribute("owner")
    to_representative = factory.SubFactory(RepresentativeFactory)
    computed_to = factory.SelfAttribute("to_representative")
    client = factory.LazyAttribute(lambda o: _owned_client(o.from_representative))
    expected_seq = factory.LazyAttribute(lambda o: 1 if o.from_representative else 0)
    position = factory.Sequence(lambda n: n)
    value_cents = factory.Sequence(lambda n: 100_000 - n)
    at_stake_cents = 500_000
    net_12m_cents = 1_000_000
    days_since_last = 118
    last_order_on = AS_OF - timedelta(days=118)
    facts = factory.LazyFunction(lambda: {"days_since_last": 118})
    candidates = factory.LazyAttribute(lambda o: [o.to_representative.pk])
    candidate_values = factory.LazyAttribute(lambda o: [o.value_cents])
    candidate_kms = [12.5]
    candidate_costs = [0]


def _owned_client(owner):
    client = ClientFactory(representative=owner, city="Campinas", activity={"abc": "B"})
    if owner:
        OwnershipFactory(client=client, representative=owner, started_on=AS_OF - timedelta(days=400))
    return client

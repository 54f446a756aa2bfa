"""A segment used in a rule finds in the engine the clients that the list finds for it."""

import html
import random
from dataclasses import replace

import numpy as np
import pytest

from clients.models import Client
from clients.selectors import ClientFilter, Limits
from clients.selectors.matching import matching
from clients.services.segments import save_segment
from portfolio.models import Ownership
from rotation.engine.evaluate import Columns, evaluate
from rotation.engine.presets import PRESETS
from rotation.engine.rules import parse_rule
from rotation.models import Rule
from rotation.segments import population_of
from rotation.selectors.facts import day_number, run_facts
from tests.clients.test_filters import TODAY, drawn_clients, drawn_filter


def test_the_engine_finds_whom_the_list_finds(acting):
    draw = random.Random(20261123)
    drawn_clients(draw)
    for client in Client.objects.exclude(representative=None):
        Ownership.objects.create(client=client, representative_id=client.representative_id, seq=1, started_on=TODAY, source="import")
    people = sorted(set(Client.objects.exclude(representative=None).values_list("representative", flat=True)))
    limits = Limits.of(acting)
    told = 0
    for _each in range(40):
        # Chances come from a run's own scores, classes from its own sums, and distance, ticket and warmth are no conditions of rules.
        wanted = replace(drawn_filter(draw, people), chance="", abc="", near="", km=None, ticket_from=None, ticket_to=None, heat="")
        if (
            wanted.state in ("at_risk", "active")
            or None not in (wanted.silent_from, wanted.silent_to)
            or None not in (wanted.value_from, wanted.value_to)
        ):
            continue
        leaves, unsaid = population_of(wanted)
        assert unsaid == []
        asked = {"population": {"all": leaves}, "trigger": {"all": [{"field": "orders", "op": ">=", "value": 0}]}}
        rule = parse_rule(PRESETS["general"] | asked, accepted=True)  # a list of the discarded is no rule, and is compared all the same
        facts = run_facts(acting, [rule], as_of=TODAY, live=True)
        held = evaluate(rule.population, Columns(facts.clients, facts.representatives, None, day_number(TODAY)))
        found = set(matching(Client.objects.all(), wanted, as_of=TODAY, limits=limits).values_list("pk", flat=True))
        assert set(facts.clients.client_id[np.flatnonzero(held)].tolist()) == found, wanted
        told += 0 < len(found) < 60
    assert told > 5


def test_what_no_rule_can_say_is_named():
    assert population_of(ClientFilter(near="base", km=25, uf="SP")) == ([{"field": "uf", "op": "in", "value": ["SP"]}], ["distância"])


@pytest.mark.django_db(transaction=True)
def test_a_new_rule_begins_from_a_segment_of_everyones(organization, signed_in):
    from accounts.tenancy import tenant_atomic
    from tests.factories import make_member

    with tenant_atomic(organization.pk):
        admin = make_member(organization, "admin")
        shared = save_segment("Paulistas parados", ClientFilter(uf="SP", silent_from=60, tag="vip"), shared=True, by=admin)
        private = save_segment("Meu", ClientFilter(uf="MG"), shared=False, by=admin)
    web, address = signed_in(admin), "/o/vale-verde/rules/new/"
    assert web.get(address, {"segment": shared.pk}).context["segment"] == shared
    made = web.post(address, {"preset": "general", "segment": shared.pk})
    assert made.status_code == 302, made.content.decode()[:2000]
    with tenant_atomic(organization.pk):
        population = Rule.objects.get().versions.get().definition["population"]["all"]
    assert {"field": "uf", "op": "in", "value": ["SP"]} in population
    assert {"field": "tags", "op": "in", "value": ["vip"]} in population
    assert {"field": "days_since_last", "op": ">=", "value": 60} in population
    assert "Meu" not in web.get(address).content.decode()
    assert web.get(address, {"preset": "general", "segment": private.pk}).context["segment"] is None
    # conditions that cannot stand with the preset's are shown in the editor, the fault in words at its field, and are not kept
    with tenant_atomic(organization.pk):
        buying = save_segment("Compram", ClientFilter(silent_to=30), shared=True, by=admin)
    made = web.post(address, {"preset": "general", "segment": buying.pk})
    assert made.status_code == 302 and made["Location"].endswith(f"?segment={buying.pk}")
    page = html.unescape(web.get(made["Location"]).content.decode())
    assert "As condições do segmento “Compram” não combinam com este começo." in page
    assert "Nenhum cliente cumpre “Dias sem compra de 90 a 359” e também “Dias sem compra ≤ 30”. Mude um dos dois." in page
    # both ends of the one condition, and no place of the definition in its own words
    assert page.count('aria-invalid="true"') == 2 and 'id="id_trigger-0_value_error"' in page and "population.all" not in page
    with tenant_atomic(organization.pk):
        assert Rule.objects.latest("pk").versions.get().definition["population"] == {"all": []}


def test_what_no_rule_can_say_of_a_segment_is_named():
    wanted = ClientFilter(heat="cold", ticket_from=100, uf="SP")
    assert population_of(wanted) == ([{"field": "uf", "op": "in", "value": ["SP"]}], ["ticket médio", "temperatura"])

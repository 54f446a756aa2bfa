"""Random sequences of everything that goes wrong on a road: visits typed are visits stored, each once, in order."""

import os
import random

import pytest

from accounts.tenancy import tenant_atomic
from portfolio.models import Visit
from tests.e2e.device import until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
MENDED = {409, 422}  # refused: the row stays until a person has mended it
FAULTS = ["cut", "lost", "half", "late", 500, 502, 503, 401, 403, 429, 200, 409, 422]
BODIES = {
    200: b"<!doctype html>",  # a gateway's own page
    401: b'{"state": "sign_in"}',
    403: b'{"code": "csrf"}',
    409: b'{"code": "conflict", "detail": "Outra pessoa mudou isto."}',
    422: b'{"state": "refused", "message": "Confira."}',
}
BARE = "/o/vale-verde/bare/"
PUT = """async ([url, client, notes]) => {
  const { member, person, organization } = document.documentElement.dataset;
  return Promise.all(notes.map(async ([id, note]) => outbox.put({
    id, member, person, organization, url, kind: "visit", label: note, page: "/", made_at: new Date().toISOString(),
    fields: [["id_made", id], ["client", client], ["outcome", "absent"], ["note", note]], files: [],
  })));
}"""
SEND = "() => outbox.send(document.documentElement.dataset.person)"
START = "() => { outbox.send(document.documentElement.dataset.person); }"
MEND = """async () => { for (const row of await outbox.rows()) if (row.state === "fix") await outbox.put(row); }"""


def live_through(seed: int, pages: list, road, house, organization) -> None:
    """One sequence: some visits typed among faults, reloads, a second tab and a site that goes; then all is well again."""
    chance = random.Random(seed)
    road.plan.clear()
    road.posts.clear()
    typed: list[tuple[str, str]] = []
    for _step in range(chance.randint(3, 7)):
        page = chance.choice(pages)
        road.plan.extend(chance.choice(FAULTS) if chance.random() < 0.6 else "ok" for _post in range(chance.randint(0, 3)))
        act = chance.choice(["type", "type", "type", "both", "reload", "gone", "leave", "mend"])
        if act in {"type", "both"}:
            fresh = [(f"{chance.getrandbits(128):032x}", f"{seed} {len(typed) + n}") for n in range(chance.randint(1, 3))]
            fresh = [(f"{i[:8]}-{i[8:12]}-4{i[13:16]}-8{i[17:20]}-{i[20:]}", note) for i, note in fresh]
            for one in fresh:  # one after the other, as a person does
                page.evaluate(PUT, ["/o/vale-verde/visits/", str(house.client.pk), [one]])
            typed += fresh
        if act == "both":  # two tabs at once
            for tab in pages:
                tab.evaluate(START)
        elif act == "reload":  # in the middle of sending
            page.evaluate(START)
            page.reload()
        elif act == "leave":
            page.evaluate(START)
            page.goto(BARE)
        elif act == "gone":
            road.close()
            page.evaluate(SEND)
            road.open()
        elif act == "mend":
            page.evaluate(MEND)
        else:
            page.evaluate(SEND)
    road.plan.clear()
    for page in pages:
        page.evaluate(SEND)  # what another tab still sends comes first: one at a time
    page.evaluate(MEND)
    page.evaluate(SEND)
    until(page, "(await outbox.rows()).length", 0)

    with tenant_atomic(organization.pk):
        stored = list(Visit.objects.filter(note__startswith=f"{seed} ").order_by("pk").values_list("id_made", "note"))
    assert sorted((str(made), note) for made, note in stored) == sorted(typed), f"sequence {seed}"
    # A row refused, or stumbled over three times, lets those behind it pass; all others arrive in the order they were typed.
    hurt: dict[str, int] = {}
    for _path, key, fault in road.posts:
        hurt[key] = hurt.get(key, 0) + (3 if fault in MENDED else isinstance(fault, int))
    order = [note for made, note in stored if hurt.get(str(made), 0) < 3]
    passed = [note for made, note in typed if hurt.get(made, 0) < 3]
    assert order == passed, f"sequence {seed}"


def sequences(seeds, open_phone, road, house, organization) -> None:
    road.bodies = BODIES
    page = open_phone(BARE, worker=False)
    other = page.context.new_page()
    other.goto(BARE)
    for seed in seeds:
        live_through(seed, [page, other], road, house, organization)


def test_visits_typed_are_visits_stored(open_phone, road, house, organization):
    sequences(range(10), open_phone, road, house, organization)


@pytest.mark.faults
@pytest.mark.skipif(os.environ.get("FAULTS") != "long", reason="the long form: make faults")
@pytest.mark.parametrize("tenth", range(10))
def test_visits_typed_are_visits_stored_in_five_hundred_sequences(open_phone, road, house, organization, tenth):
    sequences(range(1_000 + tenth * 50, 1_050 + tenth * 50), open_phone, road, house, organization)

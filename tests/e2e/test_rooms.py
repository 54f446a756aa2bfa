"""A browser kept from test to test keeps nothing of the person who used it."""

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
LEAVE = """async () => {
  document.cookie = "left=1; path=/; max-age=3600";
  localStorage.left = sessionStorage.left = window.name = "1";
  await (await caches.open("left")).put("/left", new Response("left"));
  await new Promise((done) => { indexedDB.open("left").onsuccess = (event) => { event.target.result.close(); done(); }; });
}"""
FOUND = """async () => [document.cookie.includes("left"), localStorage.left ?? "", sessionStorage.left ?? "", window.name,
  await caches.has("left"), (await indexedDB.databases()).some((each) => each.name === "left"),
  (await navigator.permissions.query({name: "geolocation"})).state, matchMedia("(prefers-color-scheme: dark)").matches, innerWidth]"""


def test_nothing_that_was_left_behind_reaches_the_next_person(rooms, live):
    room = rooms.take({})
    before = room.open(390, 844)
    before.goto("/accounts/login/")
    before.evaluate(LEAVE)
    before.emulate_media(color_scheme="dark")
    room.context.grant_permissions(["geolocation"])
    assert before.evaluate(FOUND) == [True, "1", "1", "1", True, True, "granted", True, 390]
    rooms.give_back({}, room)

    assert rooms.take({}) is room
    after = room.open(1440, 900)
    assert room.context.cookies() == []
    after.goto("/accounts/login/")
    assert after.evaluate(FOUND) == [False, "", "", "", False, False, "prompt", False, 1440]

    with pytest.raises(AssertionError, match="own=True"):
        room.context.route("**", lambda route: route.abort())
    after.clock.install()
    with pytest.raises(AssertionError, match="own=True"):
        rooms.give_back({}, room)
    room.context.close()

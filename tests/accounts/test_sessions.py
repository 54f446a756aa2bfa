"""How long a session lasts, what ends it, and the page that shows one's own."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Session
from accounts.selectors import sessions_of
from accounts.services import end_sessions
from accounts.services.sessions import session_name
from accounts.sessions import SEEN, STARTED, SessionStore, has_ended
from accounts.tenancy import acting_for
from tests.factories import PASSWORD, make_member

pytestmark = pytest.mark.django_db

HOME = "/o/vale-verde/me/"


@pytest.fixture
def member_of(organization):
    def make(role: str):
        with acting_for(organization.pk):
            return make_member(organization, role, email=f"{role}@vale-verde.example")

    return make


def age(web, **spent: timedelta) -> None:
    """Move the session's instants back, as if that much time had passed."""
    session = web.session
    for name, passed in spent.items():
        session[name] -= passed.total_seconds()
    session.save()


@pytest.mark.parametrize(
    ("role", "spent", "open"),
    [
        ("admin", {SEEN: timedelta(minutes=119), STARTED: timedelta(minutes=119)}, True),
        ("admin", {SEEN: timedelta(minutes=121), STARTED: timedelta(minutes=121)}, False),
        ("admin", {STARTED: timedelta(hours=12, minutes=1)}, False),
        ("representative", {SEEN: timedelta(hours=11), STARTED: timedelta(hours=11)}, True),
        ("representative", {SEEN: timedelta(hours=13), STARTED: timedelta(hours=13)}, False),
        ("representative", {STARTED: timedelta(days=6)}, True),
        ("representative", {STARTED: timedelta(days=7, minutes=1)}, False),
    ],
)
def test_a_session_ends_when_idle_or_old_sooner_for_who_administers(member_of, signed_in, role, spent, open):
    web = signed_in(member_of(role))
    key = web.session.session_key
    age(web, **spent)
    assert web.get(HOME).status_code == (200 if open else 302)
    assert Session.objects.filter(session_key=key).exists() is open


def test_using_a_session_keeps_it_open_and_is_written_once_a_minute(member_of, signed_in):
    web = signed_in(member_of("representative"))
    age(web, **{SEEN: timedelta(seconds=90)})
    before = web.session[SEEN]
    web.get(HOME)
    touched = web.session[SEEN]
    assert touched > before
    web.get(HOME)
    assert web.session[SEEN] == touched


def test_a_session_that_says_nothing_of_its_age_has_ended():
    assert has_ended({}, at=timezone.now())  # type: ignore[arg-type]


def test_a_stored_session_is_read_until_its_day_and_an_unknown_key_opens_none():
    kept = SessionStore()
    kept["word"] = "value"
    kept.save()
    assert SessionStore(kept.session_key)["word"] == "value"
    Session.objects.filter(pk=kept.session_key).update(expire_date=timezone.now() - timedelta(seconds=1))
    for key in (kept.session_key, "a-key-nobody-was-given"):
        late = SessionStore(key)
        assert (dict(late.items()), late.session_key) == ({}, None)


def test_signing_in_gives_the_session_another_key(member_of, web):
    member_of("representative")
    web.get("/accounts/login/")
    session = web.session
    session["planted"] = "by whoever fixed the key"
    session.save()
    web.cookies["session"] = fixed = session.session_key
    web.post("/accounts/login/", {"login": "representative@vale-verde.example", "password": PASSWORD})
    assert web.session.session_key != fixed
    assert not Session.objects.filter(session_key=fixed).exists()


def test_the_row_names_person_browser_and_instants_and_the_page_never_shows_the_key(member_of, web):
    ana = member_of("representative")
    credentials = {"login": "representative@vale-verde.example", "password": PASSWORD}
    web.post("/accounts/login/", credentials, headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})
    row = sessions_of(ana.user_id, at=timezone.now()).get()
    assert (row.user_id, row.user_agent) == (ana.user_id, "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
    assert timezone.now() - row.started_at < timedelta(minutes=1)
    page = web.get(HOME).content.decode()
    assert "Firefox · Windows" in page
    assert row.session_key not in page


def test_one_session_is_ended_by_its_name_and_only_ones_own(member_of, signed_in):
    ana, bruno = member_of("representative"), member_of("manager")
    here, there, theirs = signed_in(ana), signed_in(ana), signed_in(bruno)
    end = f"{HOME}sessions/end/"
    here.post(end, {"session": session_name(theirs.session.session_key)})
    assert theirs.get(HOME).status_code == 200
    here.post(end, {"session": session_name(here.session.session_key)})
    assert here.get(HOME).status_code == 200
    here.post(end, {"session": session_name(there.session.session_key)})
    assert there.get(HOME).status_code == 302
    third = signed_in(ana)
    here.post(end)
    assert (third.get(HOME).status_code, here.get(HOME).status_code) == (302, 200)


def test_changing_the_password_ends_the_other_sessions_and_keeps_this_one(member_of, signed_in):
    ana = member_of("representative")
    here, there = signed_in(ana), signed_in(ana)
    stolen = there.session.session_key
    new = "another long secret"
    changed = here.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert changed.status_code == 302
    assert (here.get(HOME).status_code, there.get(HOME).status_code) == (200, 302)
    assert not Session.objects.filter(session_key=stolen).exists()


@pytest.mark.parametrize(("password", "taken"), [("short", False), ("password1234", False), ("x" * 129, False), ("uma frase curta", True)])
def test_passwords_are_12_to_128_characters_and_not_a_common_one(member_of, signed_in, password, taken):
    web = signed_in(member_of("representative"))
    answer = web.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": password, "password2": password})
    assert (answer.status_code == 302) is taken


def test_signing_out_leaves_nothing_to_use_again(member_of, signed_in):
    web = signed_in(member_of("representative"))
    cookie = web.cookies["session"].value
    web.post("/accounts/logout/")
    web.cookies["session"] = cookie
    assert web.get(HOME).status_code == 302


def test_ending_sessions_of_one_person_touches_nobody_elses(member_of, signed_in):
    ana, bruno = member_of("representative"), member_of("manager")
    signed_in(ana), signed_in(ana)
    other = signed_in(bruno)
    assert end_sessions(ana.user_id) == 2
    assert other.get(HOME).status_code == 200

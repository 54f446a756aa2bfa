"""The audit trail as a page: words for every kind, filters and pages that lose nothing, guarded files, a proof that names the break."""

import ast
import functools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts import trail
from accounts.models import AuditCheck, AuditEvent
from accounts.selectors.trail import Place, TrailFilter, trail_events
from accounts.services import Actor
from accounts.services.audit import Event, record_events
from accounts.services.settings import SECTIONS
from accounts.services.verify import request_check, run_check
from accounts.tenancy import acting_for
from accounts.verify_words import break_words
from rotation.services.settings import ACTION as ROTATION_SETTINGS
from tests.factories import ClientFactory, RepresentativeFactory, make_member

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
URL = "/o/vale-verde/audit/"
APPS = ("accounts", "clients", "portfolio", "rotation")


@functools.cache
def written_kinds() -> set[str]:
    """Every kind the source records: text constants of that form inside any call that records, ``prefix.*`` where the end is computed."""
    found = set()
    for app in APPS:
        for file in Path(settings.BASE_DIR, app).rglob("*.py"):
            if "migrations" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Assign):
                    records = any(getattr(target, "id", "") == "action" for target in node.targets)
                elif isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    records = "record" in name or name in {"Event", "_keep_consent", "_written"}
                else:
                    continue
                if not records:
                    continue
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        text = part.value
                    elif isinstance(part, ast.JoinedStr):
                        text = "".join(each.value if isinstance(each, ast.Constant) else "*" for each in part.values)
                    else:
                        continue
                    if re.fullmatch(r"[a-z]+\.([a-z_]+|\*)", text):
                        found.add(text)
    return found | set(SECTIONS) | {ROTATION_SETTINGS}  # the settings name their kind once, in a table


def test_every_kind_of_event_that_is_recorded_has_words():
    known, written = trail.known_kinds(), written_kinds()
    assert len(written) > 70
    silent = {kind for kind in written if not (any(each.startswith(kind[:-1]) for each in known) if kind.endswith("*") else kind in known)}
    assert silent == set()


def test_no_kind_has_words_that_nothing_records():
    """A renamed event would keep a sentence nobody can ever read."""
    written = written_kinds()
    computed = tuple(kind[:-1] for kind in written if kind.endswith("*"))
    spoken = {kind for kind in trail.known_kinds() if kind not in written and not kind.startswith(computed)}
    assert spoken == {"membership.restored"}  # written by former versions, and trails are kept


@pytest.fixture
def people(organization):
    with acting_for(organization.pk):
        return {role: make_member(organization, role, name=role.title()) for role in ("admin", "manager", "representative", "auditor")}


def write(organization, people, n: int = 120) -> None:
    """``n`` events in batches that share their instant, by two people and a task, about clients, a rule and the company."""
    with acting_for(organization.pk):
        ana, bruno = RepresentativeFactory(name="Ana"), RepresentativeFactory(name="Bruno")
        client = ClientFactory(name="Empório Serra")
        for batch in range(n // 40):
            events = [
                Event(f"client:{client.pk}", "client.transferred", {"representative": ana.pk}, {"representative": bruno.pk}, "=1+1")
            ] * 20
            events += [Event(f"membership:{people['manager'].pk}", "membership.changed", {"role": "manager"}, {"role": "auditor"})] * 10
            record_events(events, by=Actor(people["admin"]), at=AT + timedelta(days=batch))
            record_events(
                [Event("rule:7", "rule.halted", {"active": True}, {"active": False})] * 10, by=Actor(label="task rotation.watch"), at=AT
            )


@pytest.mark.django_db
def test_pages_give_every_event_once_newest_first(organization, people):
    write(organization, people)
    with acting_for(organization.pk):
        seen, after = [], None
        while page := trail_events(TrailFilter(), organization, after=after, size=7):
            seen += page
            after = Place.parse(str(Place(page[-1].at, page[-1].pk)))
        expected = list(AuditEvent.objects.order_by("-at", "-id").values_list("pk", flat=True))
    assert [each.pk for each in seen] == expected and len(expected) == 120


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "n"),
    [
        ({"kind": "client.transferred"}, 60),
        ({"group": "people"}, 30),
        ({"who": "admin"}, 90),
        ({"who": "admin", "group": "moves"}, 60),
        ({"who": "representative"}, 0),
        ({"since": "2026-03-05", "until": "2026-03-05"}, 30),
        ({"q": "emporio"}, 60),
        ({"q": "manager", "kind": "membership.changed"}, 30),
        ({"q": "nobody of that name"}, 0),
        ({"about": "rule:7"}, 30),
        ({"kind": "no.such"}, 120),
    ],
)
def test_each_filter_and_their_meeting(organization, people, query, n):
    write(organization, people)
    with acting_for(organization.pk):
        from clients.models import Client
        from clients.services.words import refresh_words

        refresh_words(list(Client.objects.values_list("pk", flat=True)), new=True)
        if "who" in query:
            query = query | {"who": str(people[query["who"]].pk)}
        wanted = TrailFilter.parse(query)
        assert len(trail_events(wanted, organization, size=500)) == n
        assert TrailFilter.parse(wanted.query) == wanted


@pytest.mark.django_db
def test_a_page_costs_the_same_queries_for_three_events_and_for_fifty(organization, people, signed_in):
    web = signed_in(people["admin"])
    write(organization, people, n=40)
    web.get(URL)
    with CaptureQueriesContext(
        connection,
    ) as few:
        web.get(URL + "?about=rule:7&since=2026-03-04")
    with CaptureQueriesContext(connection) as many:
        page = web.get(URL).content.decode()
    assert len(many) - len(few) <= 4 and len(many) <= 24  # names of one sort of thing a query, whichever sorts the page holds
    assert "Transferiu o cliente" in page and "Empório Serra" in page and "Sistema" in page
    write(organization, people, n=120)
    with CaptureQueriesContext(connection) as more:
        web.get(URL)
    assert len(more) <= len(many)


@pytest.mark.django_db
def test_every_way_of_reading_walks_an_index_from_its_end_and_sorts_nothing(organization, people):
    """With plans that sort or scan priced out, none is left: the order of the indexes is the order of the page."""
    write(organization, people, n=40)
    admin = people["admin"].pk
    ways = [TrailFilter(), TrailFilter(actor=admin), TrailFilter(actor=admin, group="people"), TrailFilter(since=AT.date())]
    plans = []
    with acting_for(organization.pk), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        for way in [*ways, TrailFilter(kind="rule.halted")]:
            with CaptureQueriesContext(connection) as made:
                trail_events(way, organization, after=Place(AT + timedelta(9), 1))
            cursor.execute("EXPLAIN " + made[-1]["sql"])
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert [plan for plan in plans if "Seq Scan" in plan or "Index Cond" not in plan] == []
    assert [plan for plan in plans[:-1] if "Sort" in plan] == []
    # Kind by kind, each from its own end: the ends alone are merged.
    assert plans[-1].count("Sort") == 1 + plans[-1].count("Sort Key") and plans[-1].index("Sort") < plans[-1].index("Nested Loop")


@pytest.mark.django_db
@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("auditor", 200), ("manager", 404), ("representative", 404)])
def test_only_administration_and_audit_read_it(people, signed_in, role, status):
    web = signed_in(people[role])
    assert web.get(URL).status_code == status
    assert web.get(URL + "export.csv").status_code == status
    assert web.post(URL + "verify/").status_code == (302 if status == 200 else 404)


@pytest.mark.django_db
def test_a_file_holds_the_filter_is_harmless_and_is_an_event_itself(organization, people, signed_in):
    write(organization, people, n=40)
    answer = signed_in(people["admin"]).get(URL + "export.csv?group=moves")
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 21 and "Transferiu o cliente" in lines[1] and "'=1+1" in lines[1]
    masked = signed_in(people["auditor"]).get(URL + "export.csv?group=moves").content.decode("utf-8-sig")
    assert "1+1" not in masked and masked.count("Transferiu o cliente") == 20
    with acting_for(organization.pk):
        assert AuditEvent.objects.filter(action="audit.exported").values_list("after__rows", flat=True).count() == 2


@pytest.mark.django_db
def test_many_rows_leave_only_after_the_person_proved_who_they_are(organization, people, signed_in, monkeypatch):
    monkeypatch.setattr("accounts.exporting.MANY_ROWS", 5)
    write(organization, people, n=40)
    web = signed_in(people["admin"])
    assert urlsplit(web.get(URL + "export.xlsx")["Location"]).path == "/accounts/reauthenticate/"
    assert web.get(URL + "export.xlsx?about=rule:99").status_code == 200


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestVerification:
    def check(self, organization, people) -> AuditCheck:
        with acting_for(organization.pk):
            asked = request_check(by=people["auditor"], at=datetime.now(UTC))
        run_check(asked.pk, organization.pk)
        with acting_for(organization.pk):
            return AuditCheck.objects.get(pk=asked.pk)

    def test_a_trail_nobody_touched_holds_and_the_check_is_recorded(self, organization, people, monkeypatch):
        monkeypatch.setattr("accounts.services.verify.PAGE", 7)  # many pages, streams cut in the middle
        write(organization, people, n=40)
        found = self.check(organization, people)
        assert (found.state, found.checked, found.events, found.place) == ("holds", 40, 40, "")
        with acting_for(organization.pk):
            event = AuditEvent.objects.get(action="audit.verified")
        assert (event.actor_id, event.after) == (people["auditor"].pk, {"events": 40, "result": "holds"})

    def test_a_slice_that_ends_goes_on_where_it_was(self, organization, people, monkeypatch):
        monkeypatch.setattr("accounts.services.verify.PAGE", 7)
        monkeypatch.setattr("accounts.services.verify.SLICE_SECONDS", -1)
        monkeypatch.setattr("accounts.services.verify.send_on_commit", lambda *ids, **kwargs: None)
        write(organization, people, n=40)
        found, slices = self.check(organization, people), 1
        while found.state == "waiting":
            run_check(found.pk, organization.pk)
            slices += 1
            with acting_for(organization.pk):
                found.refresh_from_db()
        assert (found.state, found.checked) == ("holds", 40) and slices > 3

    @pytest.mark.parametrize(
        ("act", "says"),
        [
            ("UPDATE accounts_auditevent SET reason = 'other' WHERE stream = 'rule:7' AND seq = 4", "registro 4 de rule:7: foi alterado"),
            ("DELETE FROM accounts_auditevent WHERE stream = 'rule:7' AND seq = 4", "registro 4 de rule:7: falta"),
        ],
    )
    def test_the_first_break_is_named(self, organization, people, act, says):
        write(organization, people, n=40)
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_auditevent DISABLE TRIGGER USER")
            try:
                cursor.execute(act)
            finally:
                cursor.execute("ALTER TABLE accounts_auditevent ENABLE TRIGGER USER")
        found = self.check(organization, people)
        assert found.state == "broken"
        assert break_words(found.place, found.what) == says

    def test_twenty_clicks_are_one_check_and_a_silent_one_is_taken_over(self, organization, people):
        now = datetime.now(UTC)
        with acting_for(organization.pk):
            first = request_check(by=people["admin"], at=now - timedelta(minutes=3))
            AuditCheck.objects.filter(pk=first.pk).update(state="running", heartbeat_at=now)
            assert request_check(by=people["admin"], at=now).pk == first.pk
            AuditCheck.objects.filter(pk=first.pk).update(heartbeat_at=now - timedelta(minutes=5))
            second = request_check(by=people["admin"], at=now)
            first.refresh_from_db()
        assert second.pk != first.pk and first.state == "failed"

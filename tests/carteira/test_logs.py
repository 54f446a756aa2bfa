"""Log lines: one object each, with the numbers of the work at hand, and nothing of what people wrote."""

import io
import json
import logging
import os
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from celery.app.trace import trace_task
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from django.test import Client as Web

from accounts.errors import ChangedMeanwhile
from accounts.request_id import _current
from accounts.tenancy import acting_for
from accounts.tenancy.tasks import TenantTask
from carteira.celery import app
from carteira.logs import JsonFormatter, NoRoutine, TextFormatter, describe
from tests.factories import ClientFactory, make_member

REPOSITORY = Path(__file__).resolve().parents[2]
PLANTED = {
    "name": "Genoveva",
    "e-mail": "genoveva.prado@recanto.example",
    "tax id": "11.222.333/0001-81",
    "bare tax id": "11222333000181",
    "new tax id": "12.ABC.345/01DE-35",
    "person's tax id": "529.982.247-25",
    "token": "crt_4f9d2b7a61c84e0fb1",
}
EVERYTHING = " ".join(PLANTED.values())


def record(name="clients.imports", level=logging.INFO, msg="imported", args=(), error=None, **extra) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord(name, level, __file__, 1, msg, args, exc_info)
    vars(made).update(extra)
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def written(*args, **kwargs) -> dict:
    (line,) = JsonFormatter().format(record(*args, **kwargs)).splitlines()
    return json.loads(line)


def found(text: str) -> list[str]:
    """Which of the planted values stand in a text."""
    return [kind for kind, value in PLANTED.items() if value.lower() in text.lower() or quote(value).lower() in text.lower()]


def test_a_line_is_one_object_with_its_instant_in_utc():
    line = JsonFormatter().format(record(msg="two\nlines", created=1_764_000_000.25, fields={"ms": 7, "run": None}))
    assert line.count("\n") == 0
    assert json.loads(line) == {
        "time": "2025-11-24T16:00:00.250Z",
        "level": "info",
        "logger": "clients.imports",
        "message": "two\nlines",
        "ms": 7,
    }


def test_the_same_line_for_a_person_is_short():
    made = record(msg="request", fields={"route": "home", "status": 200, "ms": 7, "task_id": "4c0e"})
    assert TextFormatter().format(made) == "info    request route=home status=200 ms=7"


@pytest.mark.parametrize(
    ("name", "level", "msg", "args", "said"),
    [
        ("rotation.services", logging.INFO, "organization %s is busy", (7,), "organization 7 is busy"),
        (
            "gunicorn.error",
            logging.INFO,
            "Listening at: %s (%s)",
            ("http://127.0.0.1:8000", 12),
            "Listening at: http://127.0.0.1:8000 (12)",
        ),
        ("gunicorn.error", logging.ERROR, "Error handling request %s", (f"/x?q={EVERYTHING}",), "Error handling request …"),
        ("gunicorn.error", logging.WARNING, f"Invalid request from ip=10.0.0.1: {EVERYTHING}", (), "Invalid request from ip=10.0.0.1"),
        ("gunicorn.error", logging.ERROR, "Worker (pid:%s) was sent %s!", (12, "SIGKILL"), "Worker (pid:12) was sent SIGKILL!"),
        ("django.request", logging.ERROR, "%s: %s", ("Internal Server Error", f"/accounts/{EVERYTHING}/"), "…: …"),
        ("a.library", logging.WARNING, "%d of %s", (EVERYTHING, 3), "…"),
        ("celery.worker.consumer.connection", logging.ERROR, "cannot connect to %s", ("redis://:**@h",), "cannot connect to redis://:**@h"),
        (
            "celery.app.trace",
            logging.ERROR,
            "Task %(name)s[%(id)s] %(description)s: %(exc)s %(args)s",
            ({"name": "a.sweep", "id": "1f", "description": "raised", "exc": EVERYTHING, "args": f"[{EVERYTHING}]"},),
            "Task a.sweep[1f] raised: … …",
        ),
        (
            "accounts.services",
            logging.WARNING,
            "not sent: %s",
            (raised(OSError(101, "Unreachable", EVERYTHING)),),
            "not sent: OSError Unreachable",
        ),
    ],
)
def test_a_sentence_stays_and_what_a_library_fills_in_does_not(name, level, msg, args, said):
    assert written(name, level, msg, args)["message"] == said


def test_what_looks_personal_is_hidden_even_in_our_own_words():
    recognisable = [value for kind, value in PLANTED.items() if kind not in {"name", "token"}]
    assert written(msg=f"a {' b '.join(recognisable)} /clients/?q=x&token=y c")["message"] == "a … b … b … b … b … /clients/?… c"
    hashed = "9f" * 20 + "11222333000181" + "a" * 10
    assert written("carteira.audit", msg=f"audit sealed hash={hashed}")["message"] == f"audit sealed hash={hashed}"


def test_an_exception_is_its_type_and_its_places_and_so_is_its_cause():
    error = raised(RuntimeError(EVERYTHING), raised(ChangedMeanwhile(EVERYTHING)))
    line = written(level=logging.ERROR, msg="failed", error=error)
    assert line["error"] == "RuntimeError"
    heads = [place for place in line["traceback"] if not place.startswith("  ")]
    assert heads == ["RuntimeError", "caused by ChangedMeanwhile changed_meanwhile"]
    assert [place.rpartition(":")[0] for place in line["traceback"] if place.startswith("  ")] == ["  tests/carteira/test_logs.py"] * 2
    assert found(json.dumps(line)) == found(TextFormatter().format(record(error=error))) == []
    assert EVERYTHING in TextFormatter(texts=True).format(record(error=error))  # DEBUG, at a terminal


@pytest.mark.django_db
def test_a_broken_constraint_is_named(acting):
    ClientFactory(code="C-1")
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        ClientFactory(code="C-1")
    assert describe(caught.value) == "IntegrityError 23505 clients_client client_code"


@pytest.mark.django_db
def test_a_value_the_database_refused_is_not_quoted():
    with pytest.raises(DataError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::int", [EVERYTHING])
    assert set(found(str(caught.value))) == set(PLANTED)
    line = written(error=caught.value)
    assert (line["error"], found(json.dumps(line))) == ("DataError 22P02", [])


def test_what_is_wrong_with_the_installation_is_said_in_full():
    assert describe(ImproperlyConfigured("Set SECRET_KEY.")) == "ImproperlyConfigured Set SECRET_KEY."
    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect(host="127.0.0.1", port=1, user="carteira_app", password=PLANTED["token"])
    error = raised(OperationalError(str(caught.value)), caught.value)
    assert "port 1 failed" in describe(error)
    assert found(describe(error)) == []


def test_a_refused_address_says_its_kind_only():
    error = raised(DisallowedHost(f"Invalid HTTP_HOST header: '{EVERYTHING}'."))
    line = written("django.security.DisallowedHost", logging.ERROR, str(error), error=error)
    assert (line["message"], found(json.dumps(line))) == ("DisallowedHost", [])


# Requests and tasks, through the whole stack.


@pytest.fixture
def lines():
    """Everything any logger writes meanwhile, at any level, as the file of logs would hold it."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def accesses(lines) -> list[dict]:
    return [line for line in lines() if line["logger"] == "carteira.access"]


@pytest.fixture
def genoveva(organization):
    with acting_for(organization.pk):
        return make_member(organization, "manager", name=PLANTED["name"], email=PLANTED["e-mail"])


@pytest.mark.django_db
def test_each_request_is_one_line_of_numbers(genoveva, signed_in, lines):
    web = signed_in(genoveva)
    answer = web.get("/o/vale-verde/notices/")
    (line,) = accesses(lines)
    assert 0 < line.pop("queries") < 30 and line.pop("ms") >= 0 and line.pop("time")
    assert line == {
        "level": "info",
        "logger": "carteira.access",
        "message": "request",
        "request_id": answer.headers["X-Request-ID"],
        "method": "GET",
        "route": "accounts:notices",
        "status": 200,
        "organization_id": genoveva.organization_id,
        "membership_id": genoveva.id,
    }


@pytest.mark.django_db
def test_the_line_counts_every_query_of_its_request(genoveva, signed_in, lines):
    web = signed_in(genoveva)
    with connection.execute_wrapper(counted := Counted()):
        web.get("/o/vale-verde/notices/")
    assert accesses(lines)[0]["queries"] == counted.n > 3


class Counted:
    n = 0

    def __call__(self, execute, *args):
        self.n += 1
        return execute(*args)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status", "route"),
    [
        ("/healthz", 200, "healthz"),
        ("/o/vale-verde/notices/", 302, "accounts:notices"),  # a middleware sent the person to sign in
        ("/nowhere/", 404, None),
        ("/static/nothing.css", 404, "static"),
        ("/accounts/login/?q=%00", 400, "account_login"),
    ],
)
def test_a_request_answered_early_has_its_line_too(web, lines, path, status, route):
    assert web.get(path).status_code == status
    (line,) = accesses(lines)
    assert (line["status"], line.get("route"), "organization_id" in line) == (status, route, False)


def test_only_what_went_well_all_the_time_is_left_out_at_a_terminal(web, lines, caplog):
    with caplog.at_level(logging.INFO, logger="carteira.access"):
        web.get("/healthz")
        web.get("/static/nothing.css")
        shown = [NoRoutine().filter(each) for each in caplog.records if each.name == "carteira.access"]
    assert shown == [False, True]


@pytest.mark.django_db
@pytest.mark.urls("tests.carteira.urls")
def test_nothing_a_person_wrote_or_is_called_reaches_the_log(genoveva, signed_in, web, lines, caplog):
    """Body, query, path and headers hold every planted value, for pages that work, refuse, break, and warn."""
    member = signed_in(genoveva)
    member.raise_request_exception = web.raise_request_exception = False
    headers = {
        "User-Agent": EVERYTHING,
        "Referer": f"https://elsewhere.example/?{EVERYTHING}",
        "Authorization": f"Bearer {PLANTED['token']}",
    }
    query = {"q": EVERYTHING, "token": PLANTED["token"]}
    statuses = []
    for browser in (member, web):
        for path in (
            "/o/vale-verde/me/",
            "/o/vale-verde/clients/",
            "/accounts/login/",
            f"/accounts/password/reset/key/1-{PLANTED['token']}/",
            f"/try/{PLANTED['token']}/",
            f"/nowhere/{EVERYTHING}/",
            "/o/vale-verde/try/value/",
        ):
            statuses += [browser.get(path, query, headers=headers).status_code]
            body = {"name": EVERYTHING, "login": PLANTED["e-mail"], "password": PLANTED["token"], "email": PLANTED["e-mail"]}
            statuses += [browser.post(f"{path}?q={EVERYTHING}", body, headers=headers).status_code]
        statuses += [browser.get("/", headers={"Host": PLANTED["e-mail"]}).status_code]
    strict = Web(HTTP_HOST="localhost", enforce_csrf_checks=True)
    statuses += [strict.post("/accounts/login/", body, headers=headers, secure=True).status_code]
    assert {200, 302, 400, 403, 404, 500} <= set(statuses)

    made = lines()
    assert len(accesses(lines)) == len(statuses)
    assert {"carteira.access", "django.request", "tests.library", "accounts.views.errors"} <= {line["logger"] for line in made}
    assert {line["error"].split()[0] for line in made if "error" in line} >= {"RuntimeError", "DataError"}
    assert set(found(caplog.text)) == set(PLANTED)  # in whose usual format all of it would have been written
    leaks = [(line["logger"], found(json.dumps(line, ensure_ascii=False))) for line in made]
    assert [leak for leak in leaks if leak[1]] == []


@pytest.mark.django_db
@pytest.mark.urls("tests.carteira.urls")
def test_lines_written_during_a_request_carry_its_numbers(genoveva, signed_in, lines):
    web = signed_in(genoveva)
    web.raise_request_exception = False
    number = web.get("/o/vale-verde/try/value/").headers["X-Request-ID"]
    (line,) = [line for line in lines() if line["logger"] == "django.request"]
    assert (line["request_id"], line["organization_id"], line["membership_id"]) == (number, genoveva.organization_id, genoveva.id)
    assert line["traceback"][0].startswith("DataError 22P02")


# Tasks.


@app.task(name="tests.careless", base=TenantTask)
def careless(run_id: int, *, organization_id: int, name: str = "") -> str:
    """Logs its number, and returns or raises what it was given."""
    logging.getLogger("rotation.tests").info("run %s", run_id)
    if run_id < 0:
        raise ValueError(name)
    return name


@app.task(name="tests.tick")
def tick() -> None:
    """Has nothing to do."""


def told(lines) -> list[dict]:
    """The lines of tasks, without the instants."""
    return [
        {name: value for name, value in line.items() if name not in {"time", "ms", "task_id", "traceback"}}
        for line in lines()
        if line["logger"] in {"carteira.tasks", "rotation.tests", "celery.app.trace"}
        and line["level"] != "debug"
        and "succeeded" not in line["message"]
    ]


def test_a_task_is_two_lines_with_its_ids_and_what_it_says_between_them_has_them_too(lines):
    done = careless.apply(args=[41], kwargs={"organization_id": 7, "name": EVERYTHING})
    ids = {"task": "tests.careless", "run": 41, "organization_id": 7}
    assert told(lines) == [
        {"level": "info", "logger": "carteira.tasks", "message": "task begins", **ids},
        {"level": "info", "logger": "rotation.tests", "message": "run 41", **ids},
        {"level": "info", "logger": "carteira.tasks", "message": "task ends", **ids, "state": "success"},
    ]
    ours = [line for line in lines() if line["logger"] == "carteira.tasks"]
    assert [line["task_id"] for line in ours] == [done.id] * 2
    assert "ms" in ours[1]
    assert found(json.dumps(lines())) == []


def test_a_task_that_fails_says_where_and_not_with_what(lines, caplog):
    careless.apply(args=[-1], kwargs={"organization_id": 7, "name": EVERYTHING})
    ids = {"task": "tests.careless", "run": -1, "organization_id": 7}
    assert told(lines)[2:] == [
        {"level": "error", "logger": "celery.app.trace", "message": told(lines)[2]["message"], **ids, "error": "ValueError"},
        {"level": "error", "logger": "carteira.tasks", "message": "task ends", **ids, "state": "failure", "error": "ValueError"},
    ]
    (place,) = [line["traceback"] for line in lines() if "traceback" in line]
    assert place[1].startswith("  tests/carteira/test_logs.py:") and place[1].endswith(" careless")
    assert (set(found(caplog.text)), found(json.dumps(lines()))) == (set(PLANTED), [])


def test_after_a_task_lines_are_nobodys(lines):
    careless.apply(args=[41], kwargs={"organization_id": 7})
    logging.getLogger("rotation.tests").info("later")
    assert told(lines)[-1] == {"level": "info", "logger": "rotation.tests", "message": "later"}


def test_a_tick_without_work_is_for_machines_only(lines, caplog):
    tick.apply()
    careless.apply(args=[41], kwargs={"organization_id": 7})
    shown = [(each.message, NoRoutine().filter(each)) for each in caplog.records if each.name == "carteira.tasks"]
    assert shown == [("task begins", False), ("task ends", False), ("task begins", False), ("task ends", True)]
    assert [line["message"] for line in lines() if line.get("task") == "tests.tick" and line["logger"] == "carteira.tasks"] == [
        "task begins",
        "task ends",
    ]


def test_a_task_names_the_request_that_sent_it(lines):
    queue = f"logs-{uuid.uuid4().hex}"
    token = _current.set("request-number-1")
    try:
        careless.apply_async(args=[41], kwargs={"organization_id": 7}, queue=queue)
    finally:
        _current.reset(token)
    with app.connection_for_read() as broker, broker.SimpleQueue(queue) as waiting:
        message = waiting.get(timeout=5)
        message.ack()
        waiting.queue.delete()
    assert message.headers["request_id"] == "request-number-1"
    trace_task(careless, "an-id", message.payload[0], message.payload[1], {"id": "an-id", **message.headers}, app=app)
    assert [line.get("request_id") for line in told(lines)] == ["request-number-1"] * 3


LISTENING = """
import logging
from gunicorn.config import Config
from gunicorn.glogging import Logger
gunicorn = Logger(Config())  # as it is when the application loads: with a handler of its own
import django
django.setup()
from carteira.celery import app
app.log.setup(loglevel="WARNING")  # as a worker does
logging.getLogger("carteira.audit").info("sealed")
logging.getLogger("kombu").info("quiet")
logging.getLogger("django.request").warning("Not Found: %s", "/Genoveva/")
logging.getLogger("django.server").error('"%s" 500', "GET /?q=Genoveva")
gunicorn.error("Error handling request %s", "/?q=Genoveva")
"""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, [("carteira.audit", "sealed"), ("gunicorn.error", "Error handling request …")]),
        ({"LOG_FORMAT": "text"}, ["info    sealed", "error   Error handling request …"]),
    ],
)
def test_every_process_writes_alike_json_where_nobody_sits(given, said):
    environment = {name: value for name, value in os.environ.items() if name != "LOG_FORMAT"}
    environment |= {"DJANGO_SETTINGS_MODULE": "carteira.settings", **given}
    done = subprocess.run([sys.executable, "-c", LISTENING], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert (lines if given else [(each["logger"], each["message"]) for each in map(json.loads, lines)]) == said

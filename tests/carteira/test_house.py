"""The files a newcomer and an operator start from: locks, Procfile, containers, tasks, translations."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from honcho.environ import parse_procfile

from carteira.celery import app, broker_url, schedule
from carteira.messages import compile_messages

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def requirements(lock: str) -> dict[str, list[str]]:
    """Each pinned package of a lock with its hashes."""
    text = (REPOSITORY / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return {line.split()[0]: re.findall(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_with_hashes_and_no_index_is_named(lock):
    pinned = requirements(lock)
    assert len(pinned) > 50
    assert [name for name, hashes in pinned.items() if "==" not in name or not hashes] == []
    assert re.findall(r"(?i)https?:|file:|index-url|find-links|/opt/|localhost", (REPOSITORY / lock).read_text()) == []


def test_the_tests_run_with_the_very_packages_that_people_get():
    runtime, development = (requirements(lock) for lock in LOCKS)
    assert {name: development.get(name) for name in runtime} == runtime


@pytest.mark.parametrize(("source", "lock"), [("requirements.in", LOCKS[0]), ("requirements-dev.in", LOCKS[1])])
def test_everything_asked_for_is_locked(source, lock):
    asked = [
        re.split(r"[\[=<>]", line)[0].lower() for line in (REPOSITORY / source).read_text().splitlines() if re.match(r"[A-Za-z]", line)
    ]
    locked = {name.split("==")[0] for name in requirements(lock)}
    assert [name for name in asked if name not in locked] == []


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())


def environment_of_containers(tmp_path) -> dict[str, str]:
    made = subprocess.run(["sh", str(REPOSITORY / "docker/make-env")], capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in made.splitlines())


def test_containers_run_what_the_procfile_runs(compose):
    def words(command) -> list[str]:
        text = command if isinstance(command, str) else command[-1]
        text = text.replace("$$", "$").removeprefix("exec ")
        return re.sub(r"\$\{(\w+):-[^}]*\}", r"${\1}", text).replace("${LOG_LEVEL}", "WARNING").replace("${HEAVY_WORKERS}", "1").split()

    processes = parse_procfile((REPOSITORY / "Procfile").read_text()).processes
    assert {name: words(command) for name, command in processes.items()} == {
        name: words(compose["services"][name]["command"]) for name in processes
    }


def test_every_container_is_watched_and_keeps_its_data(compose):
    services = compose["services"]
    assert set(services) == {"web", "worker", "heavy", "beat", "migrate", "postgres", "redis"}
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["migrate"]
    assert {volume.split(":")[0] for service in services.values() for volume in service["volumes"] if not volume.startswith(".")} == set(
        compose["volumes"]
    )
    for service in services.values():
        for volume in service["volumes"]:
            if volume.startswith("./"):
                assert (REPOSITORY / volume.split(":")[0]).exists()


def test_the_containers_environment_holds_what_settings_demand_and_nothing_unknown(compose, tmp_path):
    made = environment_of_containers(tmp_path)
    settings = (REPOSITORY / "carteira/settings.py").read_text()
    demanded = set(re.findall(r'env\("(\w+)"(?:, cast=\w+)?\)', settings))
    known = set(re.findall(r'env\("(\w+)"', settings)) | set(
        re.findall(r"\$\{?(\w+_PASSWORD)", (REPOSITORY / "docker/roles.sh").read_text())
    )
    known |= {"POSTGRES_PASSWORD", "REDIS_PASSWORD"}  # of the two servers' own images
    assert demanded >= {"SECRET_KEY", "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"}
    assert demanded <= set(made) <= known
    assert made["OWNER_PASSWORD"] in made["DATABASE_OWNER_URL"] and made["APP_PASSWORD"] in made["DATABASE_URL"]
    assert environment_of_containers(tmp_path)["SECRET_KEY"] != made["SECRET_KEY"]


def test_a_task_that_still_runs_is_never_handed_out_again():
    conf = app.conf
    waits = [
        conf.visibility_timeout,
        conf.broker_transport_options["visibility_timeout"],
        conf.result_backend_transport_options["visibility_timeout"],
    ]
    assert waits == [900, 900, 900] and conf.task_time_limit == 300 and conf.task_soft_time_limit == 240
    assert (conf.task_acks_late, conf.worker_prefetch_multiplier, conf.task_ignore_result, conf.task_reject_on_worker_lost) == (
        True,
        1,
        True,
        False,
    )
    assert conf.accept_content == ["json"]


def test_beat_sends_each_tick_only_as_long_as_it_is_the_latest():
    made = schedule({"a.sweep": 60, "a.seal": "03:10"})
    assert made["a.sweep"] == {"task": "a.sweep", "schedule": 60.0, "options": {"expires": 60.0}}
    assert (made["a.seal"]["schedule"].hour, made["a.seal"]["schedule"].minute) == ({3}, {10})


def test_every_tick_of_beat_is_a_task_that_exists(settings):
    app.loader.import_default_modules()
    assert [name for name in settings.BEAT if name not in app.tasks] == []


@pytest.mark.parametrize(
    ("redis_url", "celery_url"),
    [
        ("redis://:p@host:6379/1", "redis://:p@host:6379/1"),
        ("unix://:p@/a/run/redis.sock?db=0", "redis+socket://:p@/a/run/redis.sock?virtual_host=0"),
    ],
)
def test_celery_reaches_the_same_redis(redis_url, celery_url):
    assert broker_url(redis_url) == celery_url


def test_translations_are_compiled_once_and_again_when_they_change(tmp_path):
    source = tmp_path / "en/LC_MESSAGES/django.po"
    source.parent.mkdir(parents=True)
    source.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Clientes"\nmsgstr "Clients"\n')
    assert compile_messages(tmp_path) == [source.with_suffix(".mo")]
    assert compile_messages(tmp_path) == []
    assert b"Clients" in source.with_suffix(".mo").read_bytes()


def test_a_broken_catalogue_is_named(tmp_path):
    source = tmp_path / "es/LC_MESSAGES/django.po"
    source.parent.mkdir(parents=True)
    source.write_text('msgid "Clientes"\nthis is no catalogue\n')
    with pytest.raises(ValueError, match=str(source)):
        compile_messages(tmp_path)
    assert list(source.parent.iterdir()) == [source]


def test_a_heartbeat_that_was_never_heard_is_a_failure(settings):
    command = [sys.executable, "-m", "carteira.heartbeat", "nobody"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "nobody has been silent for inf s")


def test_the_pages_load_before_any_organization_is_known():
    """The server loads them before the first request; a query at import would only show itself there."""
    code = "import django; django.setup(); import carteira.urls"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "carteira.settings"},
        capture_output=True,
        text=True,
    )
    assert loaded.returncode == 0, loaded.stderr

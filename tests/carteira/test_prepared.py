"""A start waits for preparation unless nothing it is made from has changed."""

import pytest

from carteira.prepared import is_prepared, stamp, state_of_sources


@pytest.fixture
def sources(tmp_path):
    for name in ("clients/migrations/0001_initial.py", "static/css/base.css", "locale/en/LC_MESSAGES/django.po", "carteira/settings.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("before")
    return tmp_path


@pytest.mark.parametrize("name", ["clients/migrations/0002_more.py", "static/js/new.js", "carteira/settings.py", "requirements.lock"])
def test_a_changed_or_new_source_is_another_state(sources, name):
    before = state_of_sources(sources)
    assert state_of_sources(sources) == before
    (sources / name).parent.mkdir(parents=True, exist_ok=True)
    (sources / name).write_text("after, and longer")
    assert state_of_sources(sources) != before


def test_a_variable_that_changes_what_is_prepared_is_another_state(sources, monkeypatch):
    monkeypatch.delenv("DEMO", raising=False)
    before = state_of_sources(sources)
    monkeypatch.setenv("DEMO", "false")
    assert state_of_sources(sources) != before


def test_prepared_is_what_came_to_its_end_with_its_static_files_there(tmp_path, monkeypatch):
    monkeypatch.setenv("CARTEIRA_DATA", str(tmp_path))
    assert not is_prepared()
    stamp().write_text(state_of_sources())
    assert not is_prepared()  # static files were taken away
    (tmp_path / "static").mkdir()
    assert is_prepared()
    stamp().write_text("of another day")
    assert not is_prepared()

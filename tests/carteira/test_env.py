"""Settings' one door to the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from carteira.env import boolean, database, env, one_of, words


def test_a_missing_variable_is_named(monkeypatch):
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(ImproperlyConfigured, match=r"^Set NOT_THERE \(or NOT_THERE_FILE\): it has no default"):
        env("NOT_THERE")


def test_a_malformed_variable_is_named_with_what_it_should_be(monkeypatch):
    monkeypatch.setenv("DEBUG", "perhaps")
    with pytest.raises(ImproperlyConfigured, match=r"^DEBUG is malformed: use true or false\.$"):
        env("DEBUG", "false", cast=boolean)


def test_a_mounted_secret_is_read_without_its_line_end(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.delenv("KEY", raising=False)
    monkeypatch.setenv("KEY_FILE", str(tmp_path / "secret"))
    assert env("KEY") == "s3cret"


def test_a_mounted_secret_that_cannot_be_read_is_named(monkeypatch):
    monkeypatch.delenv("KEY", raising=False)
    monkeypatch.setenv("KEY_FILE", "/nowhere/secret")
    with pytest.raises(ImproperlyConfigured, match=r"^KEY_FILE names /nowhere/secret, which cannot be read"):
        env("KEY")


def test_one_of_a_few_words_in_any_case_and_no_other(monkeypatch):
    assert one_of("json", "text")(" JSON ") == "json"
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match=r"^LOG_FORMAT is malformed: use json or text\.$"):
        env("LOG_FORMAT", "json", cast=one_of("json", "text"))


def test_words_drop_blanks():
    assert words(" a, ,b,") == ["a", "b"]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("postgresql://u:p%40ss@db:5433/name?sslmode=require", ("name", "u", "p@ss", "db", "5433", {"sslmode": "require"})),
        ("postgresql://u:p@/name?host=%2Frun%2Fpg&port=5432", ("name", "u", "p", "/run/pg", "5432", {})),
        ("postgres://u@db/name", ("name", "u", "", "db", "", {})),
    ],
)
def test_a_database_address_becomes_settings(url, parts):
    made = database(url)
    assert tuple(made[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")) == parts


@pytest.mark.parametrize("url", ["mysql://u:p@h/name", "postgresql://u:p@h", "not an address"])
def test_another_kind_of_address_is_refused(url):
    with pytest.raises(ValueError, match="expected postgresql://"):
        database(url)

"""``manage.py`` among other commands of a shell."""

import signal
import subprocess
import sys
from pathlib import Path

import psycopg2
import pytest
from django.db import OperationalError, connection, transaction

from carteira.away import told_in_a_sentence

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_reader_that_has_read_enough_ends_a_command_without_a_traceback():
    command = [sys.executable, "manage.py", "help", "--commands"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 128 + signal.SIGPIPE


def test_a_server_that_is_away_is_one_sentence_and_no_traceback():
    with pytest.raises(SystemExit) as ended, told_in_a_sentence():
        psycopg2.connect("postgresql://carteira_app:secret@127.0.0.1:1/carteira")

    sentence = str(ended.value.code)  # a text: sys.exit prints it and leaves with 1
    assert sentence.startswith("PostgreSQL cannot be used: ") and "\n" not in sentence
    assert "DATABASE_URL" in sentence and "secret" not in sentence


@pytest.mark.django_db
def test_what_a_server_that_is_there_refuses_stays_an_error():
    with pytest.raises(OperationalError), told_in_a_sentence(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(2)")

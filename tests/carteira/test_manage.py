"""``manage.py`` among other commands of a shell."""

import signal
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_reader_that_has_read_enough_ends_a_command_without_a_traceback():
    command = [sys.executable, "manage.py", "help", "--commands"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 128 + signal.SIGPIPE

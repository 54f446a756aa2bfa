#!/usr/bin/env python
"""Django's command line; starts the embedded servers first where no other server is named."""

import os
import signal
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
    from carteira.embedded import ensure_environment

    ensure_environment()
    from django.core.management import execute_from_command_line

    from carteira.away import told_in_a_sentence

    try:
        with told_in_a_sentence():
            execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read, as ``head`` does, has read enough. What is still buffered must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)


if __name__ == "__main__":
    main()

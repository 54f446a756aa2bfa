#!/usr/bin/env python
"""Django's command line; starts the embedded servers first where no other server is named."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
    from carteira.embedded import ensure_environment

    ensure_environment()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

"""What has to be true before the first page: translations, static files, tables, a role that is bound, the demonstration.

Run by ``make run`` in a process of its own, so that the supervisor stays small: ``python -m carteira.prepare``.
"""

import io
import os
import sys
from pathlib import Path

from carteira.away import told_in_a_sentence
from carteira.embedded import ensure_environment
from carteira.env import boolean, env
from carteira.messages import compile_messages
from carteira.prepared import is_prepared, stamp, state_of_sources


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
    ensure_environment()
    same = is_prepared()
    if not same:
        stamp().unlink(missing_ok=True)
        compile_messages()

    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.core.management.base import SystemCheckError

    try:
        django.setup()
        from django.conf import settings

        if not same:
            Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
            call_command("collectstatic", interactive=False, verbosity=0)
        with told_in_a_sentence():
            call_command("migrate", database="owner", interactive=False, verbosity=1 if sys.stdout.isatty() else 0)
            call_command("check", databases=["default"], stdout=io.StringIO())
            if env("DEMO", "true", cast=boolean):
                call_command("load_demo")
        stamp().write_text(state_of_sources())
    except (CommandError, SystemCheckError, ImproperlyConfigured) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

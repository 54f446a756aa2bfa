"""``manage.py create_organization SLUG --name N``: a new, empty tenant."""

import getpass
import os

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import DomainError
from accounts.services import add_member, create_organization


class Command(BaseCommand):
    help = "Creates a new, empty organization, and its first administrator when --admin is given."

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", default="America/Sao_Paulo")
        parser.add_argument("--currency", default="BRL")
        parser.add_argument("--language", default="pt-br", choices=["pt-br", "es", "en"])
        parser.add_argument(
            "--admin", metavar="EMAIL", help="the first administrator; the password is asked for, or read from ADMIN_PASSWORD"
        )

    def handle(self, *args, **options):
        try:
            organization = create_organization(
                options["slug"],
                name=options["name"],
                time_zone=options["timezone"],
                currency=options["currency"],
                language=options["language"],
            )
            if options["admin"]:
                password = os.environ.get("ADMIN_PASSWORD") or getpass.getpass(f"Password of {options['admin']}: ")
                add_member(organization, email=options["admin"], name=options["admin"].split("@")[0], role="admin", password=password)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{organization.name}: {organization.slug}")

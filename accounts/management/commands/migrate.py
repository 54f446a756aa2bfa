"""``migrate`` runs as the owner, and as nobody else: the application's role must own no table."""

from django.core.management.base import CommandError
from django.core.management.commands import migrate

from accounts.tenancy.migrating import constraints_in_place


class Command(migrate.Command):
    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args, **options):
        if options["database"] != "owner":
            raise CommandError("Migrations run on the owner's connection only: leave --database out, or say --database owner.")
        with constraints_in_place():
            return super().handle(*args, **options)

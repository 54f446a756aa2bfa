"""``migrate`` runs as the owner, and as nobody else: the application's role must own no table."""

from contextlib import nullcontext

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from accounts.models import Organization
from accounts.tenancy.migrating import constraints_in_place, each_model_alone


class Command(migrate.Command):
    def add_arguments(self, parser):
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args, **options):
        if options["database"] != "owner":
            raise CommandError("Migrations run on the owner's connection only: leave --database out, or say --database owner.")
        empty = Organization._meta.db_table not in connections["owner"].introspection.table_names()
        no_data = empty or options["migration_name"] == "zero"
        with constraints_in_place(), each_model_alone() if no_data else nullcontext():
            return super().handle(*args, **options)

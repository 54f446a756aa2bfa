"""``manage.py verify_audit [--organization SLUG]``: recompute every chain; exit 1 and name the first break."""

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from accounts.management.organizations import UnknownOrganization, organization_from_slug, organization_ids
from accounts.models import AuditEvent, AuditSeal, Organization
from accounts.services.seals import audit_breaks, take_time
from accounts.tenancy import tenant_atomic
from portfolio.models import Ownership
from portfolio.services.proof import ledger_breaks


class Command(BaseCommand):
    help = "Recomputes every audit chain, every seal and the ownership ledger; exits 1 and names the first break."

    def add_arguments(self, parser):
        parser.add_argument("--organization", metavar="SLUG", help="only this one; every organization when left out")

    def handle(self, *args, **options):
        slug = options["organization"]
        try:
            ids = [organization_from_slug(slug).pk] if slug else organization_ids()
        except UnknownOrganization as error:
            raise CommandError(str(error)) from error
        for organization_id in ids:
            self._verify(organization_id)

    def _verify(self, organization_id: int) -> None:
        nested = connection.in_atomic_block
        with tenant_atomic(organization_id):
            if not nested:
                with connection.cursor() as cursor:
                    # One instant for every table: work that goes on meanwhile must not look like a break.
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            take_time()
            name = Organization.objects.get(pk=organization_id).slug
            for broken in (*self._first(audit_breaks()), *self._first(ledger_breaks())):
                raise CommandError(f"{name}: {broken}", returncode=1)
            events, rows, seals = AuditEvent.objects.count(), Ownership.objects.count(), AuditSeal.objects.count()
        self.stdout.write(f"{name}: {events} audit events, {rows} ownership rows, {seals} seals hold.")

    @staticmethod
    def _first(breaks):
        for each in breaks:
            yield each
            return

"""``manage.py rebuild_projections [--organization SLUG] [--check]``: projections from facts again, or a proof that they agree."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.management.organizations import organization_from_slug, organization_ids
from accounts.models import Organization
from accounts.selectors import local_day
from accounts.tenancy import tenant_atomic
from clients.services import differences, rebuild_projections


class Command(BaseCommand):
    help = "Recomputes what clients' orders add up to. With --check it only compares, and exits 1 where something differs."

    def add_arguments(self, parser):
        parser.add_argument("--organization", metavar="SLUG", help="one organization; by default all")
        parser.add_argument("--check", action="store_true", help="compare and change nothing")

    def handle(self, *args, **options):
        found = self._organizations(options["organization"])
        # Of all organizations the operator reads; of one, whoever works there.
        with translation.override(found[0].language if options["organization"] else None):
            self._rebuild(found, options)

    def _rebuild(self, organizations: list[Organization], options: dict[str, Any]) -> None:
        wrong = []
        for organization in organizations:
            if options["check"]:
                found = differences(organization)
                self.stdout.write(
                    _(
                        "%(slug)s: %(activity)d clientes, %(months)d com meses, %(silences)d com silêncios"
                        " e %(abc)d com classe ABC diferentes dos fatos."
                    )
                    % {"slug": organization.slug, **vars(found)}
                )
                if found:
                    wrong.append(f"{organization.slug} ({', '.join(map(str, found.client_ids))})")
            else:
                n = rebuild_projections(organization, as_of=local_day(organization, at=timezone.now()))
                self.stdout.write(_("%(slug)s: %(n)d clientes recalculados.") % {"slug": organization.slug, "n": n})
        if wrong:
            raise CommandError(
                _("As projeções diferem dos fatos em %(where)s. Rode rebuild_projections sem --check para refazê-las.")
                % {"where": "; ".join(wrong)}
            )

    def _organizations(self, slug: str | None) -> list[Organization]:
        if slug:
            try:
                return [organization_from_slug(slug)]
            except DomainError as refusal:
                raise CommandError(str(refusal)) from refusal
        found = []
        for organization_id in organization_ids():
            with tenant_atomic(organization_id):
                found.append(Organization.objects.get(pk=organization_id))
        return found

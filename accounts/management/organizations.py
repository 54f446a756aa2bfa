"""Finding the organization a command works for. The application's role sees none until one is active."""

from django.db import connection
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import Organization
from accounts.tenancy import tenant_atomic


class UnknownOrganization(DomainError):
    """No organization that is not suspended has that slug."""

    code = "unknown_organization"


def organization_ids() -> list[int]:
    """Ids of every organization that is not suspended, in order: what a scheduler or an all-tenants command may know."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM organizations_due()")
        return [row[0] for row in cursor.fetchall()]


def organization_from_slug(slug: str) -> Organization:
    """The organization with that slug, read inside its own walls; the block that uses it opens ``tenant_atomic`` again.

    Raises
    ------
    UnknownOrganization
        Nobody has the slug, or the organization is suspended.
    """
    for organization_id in organization_ids():
        with tenant_atomic(organization_id):
            found = Organization.objects.filter(pk=organization_id, slug=slug).first()
        if found:
            return found
    sentence = _("Nenhuma organização ativa tem o identificador “%(slug)s”. Confira como está escrito; create_organization cria uma.")
    raise UnknownOrganization(sentence % {"slug": slug})

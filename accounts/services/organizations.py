"""Founding organizations and letting people in. Runs on the owner's connection: no organization exists to act for yet."""

from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import Membership, Organization, Role, Team, User
from accounts.models.people import normalized_email
from accounts.tenancy import tenant_atomic


class OrganizationRefused(DomainError):
    """The organization's name, address, zone or currency is not usable; the sentence names which."""

    code = "organization_refused"


@transaction.atomic(using="owner")
def create_organization(slug: str, *, name: str, using: str = "owner", **fields) -> Organization:
    """A new, empty tenant.

    Parameters
    ----------
    fields : any of time_zone, currency, language, country, is_demo, require_second_factor, warn_days, inactive_days, lost_days

    Raises
    ------
    OrganizationRefused
        A value is not valid or the slug is taken.
    """
    organization = Organization(slug=slug, name=name, **fields)
    try:
        organization.full_clean(validate_constraints=False)
    except ValidationError as error:
        raise OrganizationRefused("; ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())) from error
    if Organization.objects.using(using).filter(slug=slug).exists():
        raise OrganizationRefused(_("Já existe uma organização com o endereço “%(slug)s”.") % {"slug": slug})
    organization.save(using=using)
    return organization


@transaction.atomic(using="owner")
def add_member(
    organization: Organization,
    *,
    email: str,
    name: str,
    role: str,
    password: str | None = None,
    hashed_password: str | None = None,
    team: Team | None = None,
    using: str = "owner",
) -> Membership:
    """Give a person a role in the organization, making their sign-in when there is none. Calling it again changes nothing.

    ``hashed_password`` (of ``make_password``) serves who gives many people the same one.
    """
    if role not in Role.values:
        raise OrganizationRefused(_("Papel desconhecido: %(role)s.") % {"role": role})
    with connections[using].cursor() as cursor:
        # Two calls for one new address must not make two sign-ins.
        cursor.execute("LOCK TABLE accounts_user IN SHARE ROW EXCLUSIVE MODE")
    user = User.objects.using(using).filter(email_norm=normalized_email(email)).first()
    if user is None:
        user = User(email=email.strip())
        if password:
            user.set_password(password)
        elif hashed_password:
            user.password = hashed_password
        else:
            user.set_unusable_password()
        user.save(using=using)
    with tenant_atomic(organization.pk, using=using):
        membership, _created = Membership.objects.using(using).get_or_create(
            organization=organization, user=user, defaults={"name": name, "role": role, "team": team}
        )
    return membership

"""``manage.py create_organization SLUG --name N``: a new, empty tenant."""

import getpass
import os
import sys

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError
from accounts.models import User
from accounts.models.people import normalized_email
from accounts.services import add_member, create_organization
from accounts.settings_forms import COUNTRIES


class Command(BaseCommand):
    help = "Creates a new, empty organization, and its first administrator when --admin is given."

    def add_arguments(self, parser):
        parser.add_argument("slug")
        parser.add_argument("--name", required=True)
        parser.add_argument("--timezone", default="America/Sao_Paulo")
        parser.add_argument("--currency", default="BRL")
        parser.add_argument("--language", default="pt-br", choices=["pt-br", "es", "en"])
        parser.add_argument("--country", default="BR", choices=COUNTRIES, help="whose holidays, tax ids and states: BR when left out")
        parser.add_argument(
            "--admin", metavar="EMAIL", help="the first administrator; the password is asked for, or read from ADMIN_PASSWORD"
        )

    def handle(self, *args, **options):
        email = (options["admin"] or "").strip()
        password = _password_for(email) if email else None
        try:
            with transaction.atomic(using="owner"):  # an organization nobody can enter is worth nothing
                organization = create_organization(
                    options["slug"],
                    name=options["name"],
                    time_zone=options["timezone"],
                    currency=options["currency"],
                    language=options["language"],
                    country=options["country"],
                )
                if email:
                    add_member(organization, email=email, name=email.split("@")[0], role="admin", password=password)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{organization.name}: {organization.slug}")


def _password_for(email: str) -> str | None:
    """What the first administrator is to sign in with; None for who signs in already, in another organization.

    Raises
    ------
    CommandError
        The address is none, the password is too weak, or there is neither a terminal to ask at nor ADMIN_PASSWORD.
    """
    try:
        validate_email(email)
        if User.objects.using("owner").filter(email_norm=normalized_email(email)).exists():
            return None
        password = os.environ.get("ADMIN_PASSWORD")
        if not password:
            if not sys.stdin.isatty():
                raise CommandError(
                    _("Falta a senha de %(email)s: informe-a em ADMIN_PASSWORD ou rode o comando em um terminal.") % {"email": email}
                )
            password = getpass.getpass(_("Senha de %(email)s: ") % {"email": email})
        validate_password(password)
    except ValidationError as error:
        raise CommandError(f"{email}: {' '.join(error.messages)}") from error
    return password

"""Whether a member must set up a second factor before entering an organization that requires one."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Organization
from accounts.selectors import local_day
from accounts.sessions import SECOND_FACTOR

ASKED_BY = "second_factor_asked_by"  # of the session: the name of the organization that let nobody in without one
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def requires_second_factor(organization: Organization) -> bool:
    """Every member of an organization that says so, from the day it names; never of a demonstration, whose passwords are published."""
    if not organization.require_second_factor or organization.is_demo:
        return False
    since = organization.second_factor_from
    return since is None or local_day(organization, at=timezone.now()) >= since


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the member of this request must set up a second factor first.

    Asked of the database until there is one, then remembered by the session; removing a factor ends that memory.
    """
    if not requires_second_factor(request.organization) or request.session.get(SECOND_FACTOR):  # type: ignore[attr-defined]
        return False
    if not is_mfa_enabled(request.user, FACTORS):
        return True
    request.session[SECOND_FACTOR] = True
    return False

"""What the pages of the office share: who may come in, and who may write."""

from django.http import HttpRequest

from accounts.models import Role
from accounts.views.common import ADMINS, OFFICE, only, paged
from accounts.views.common import is_partial as partial

__all__ = ["ADMINS", "OFFICE", "only", "paged", "partial", "writes"]


def writes(request: HttpRequest) -> bool:
    return request.membership.role == Role.ADMIN  # type: ignore[attr-defined]

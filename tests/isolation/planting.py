"""One row of every tenant model, so that a table added tomorrow is walked too."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Membership, Organization, User
from accounts.tenancy import identity_atomic, tenant_atomic
from accounts.tenancy.models import TenantModel

TENANT_MODELS = sorted((m for m in apps.get_models() if issubclass(m, TenantModel)), key=lambda m: m._meta.label)


def plant(organization: Organization, canary: str, *, number: int | None = None) -> dict[type[models.Model], models.Model]:
    """A row of each tenant model in ``organization``; every free text holds ``canary``. Call with no tenant active.

    With ``number`` every row has that id, so that one number in an address means a row whatever table it is looked up in.
    """
    planted: dict[type[models.Model], models.Model] = {}
    with tenant_atomic(organization.pk):
        for model in TENANT_MODELS:
            _row(model, organization, canary, planted, {} if number is None else {"id": number})
    return planted


def _row(model: type[models.Model], organization: Organization, canary: str, planted: dict, known: dict) -> models.Model:
    if model in planted:
        return planted[model]
    if model is Membership:
        with identity_atomic(email=f"{canary}@example.com"):
            user = User.objects.create_user(email=f"{canary}@example.com", password="x" * 16)
        planted[model] = Membership.objects.create(**known, organization=organization, user=user, role="manager", name=canary)
        return planted[model]
    values: dict = {"organization": organization} | known
    for field in model._meta.concrete_fields:
        if field.name in {"id", "organization"} or isinstance(field, models.GeneratedField):
            continue
        if field.remote_field:
            if field.remote_field.model is not model and not field.null:
                values[field.name] = _row(field.remote_field.model, organization, canary, planted, known)
        elif not field.null and field.default is models.NOT_PROVIDED and not getattr(field, "auto_now_add", False):
            values[field.name] = _value(field, canary)
    values |= AGREEING.get(model.__name__, {})
    planted[model] = model.objects.create(**values)
    return planted[model]


# Where constraints tie columns to each other.
AGREEING: dict[str, dict] = {
    "Ownership": {"seq": 1, "source": "import"},
    "Holdout": {"drawn_on": date(2026, 1, 1), "until_on": date(2026, 4, 1)},
    "SaveWarning": {"warned_on": date(2026, 1, 1), "due_on": date(2026, 1, 11)},
    "Outcome": {"drawn_on": date(2026, 1, 1), "until_on": date(2026, 4, 1)},
    "Campaign": {"started_on": date(2026, 1, 1), "ends_on": date(2026, 3, 2), "state": "running"},
    "Goal": {"month": date(2026, 1, 1)},
    "Plan": {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 3, 31)},
    "Request": {"until_on": date(2026, 2, 1)},
    "QuietPeriod": {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 1, 8)},
    "Absence": {"starts_on": date(2026, 1, 1), "ends_on": date(2026, 1, 8)},
}


def _value(field: models.Field, canary: str):
    if field.choices:
        return field.choices[0][0]
    match field:
        case models.UUIDField():
            return uuid.uuid4()
        case models.BooleanField():
            return False
        case ArrayField():
            return []
        case models.JSONField():
            return {"word": canary}
        case models.DecimalField():
            return Decimal(1)
        case models.IntegerField() | models.FloatField():
            return 1
        case models.DateTimeField():
            return datetime(2026, 1, 5, tzinfo=UTC)
        case models.DateField():
            return date(2026, 1, 5)
        case models.EmailField():
            return f"{canary}@example.com"
        case models.CharField() | models.TextField():
            return canary[: field.max_length or 200]
    raise TypeError(f"no value for {field.model.__name__}.{field.name}: add its type here")

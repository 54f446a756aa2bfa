"""System checks: a tenant table without its walls, or a role that could see over them, stops the boot."""

from django.apps import apps
from django.core.checks import Error, Tags, register
from django.db import connections

from accounts.tenancy.constraints import TenantFK, TenantKey, TenantPolicy
from accounts.tenancy.models import TenantForeignKey, TenantModel


@register(Tags.models)
def tenant_models_have_their_walls(app_configs, **kwargs):
    """E002 to E005: key, policy and composite foreign keys of every tenant model, and no plain key between two."""
    errors = []
    for model in apps.get_models():
        if not issubclass(model, TenantModel):
            continue
        constraints = model._meta.constraints
        if not any(isinstance(each, TenantKey) for each in constraints):
            errors.append(Error("no TenantKey: list tenant_walls(...) in Meta.constraints", obj=model, id="tenancy.E002"))
        if not any(isinstance(each, TenantPolicy) for each in constraints):
            errors.append(Error("no TenantPolicy: list tenant_walls(...) in Meta.constraints", obj=model, id="tenancy.E003"))
        keyed = {each.field for each in constraints if isinstance(each, TenantFK)}
        for field in model._meta.concrete_fields:
            target = field.remote_field and field.remote_field.model
            if not target or not isinstance(target, type) or not issubclass(target, TenantModel):
                continue
            if not isinstance(field, TenantForeignKey):
                errors.append(Error(f"{field.name}: use TenantForeignKey between tenant models", obj=model, id="tenancy.E004"))
            elif field.name not in keyed:
                errors.append(Error(f"{field.name}: name it in tenant_walls(...)", obj=model, id="tenancy.E005"))
        for field in model._meta.many_to_many:
            errors.append(Error(f"{field.name}: write the through model of a many-to-many", obj=model, id="tenancy.E006"))
    return errors


# Superuser, BYPASSRLS, membership in another role, or owning a tenant table: each lets a role see over the walls.
_ROLE = """
SELECT rolsuper, rolbypassrls,
       EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid),
       EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
               WHERE c.relkind IN ('r', 'p') AND c.relowner = pg_roles.oid AND NOT a.attisdropped)
  FROM pg_roles WHERE rolname = current_user
"""


def role_faults(using: str = "default") -> list[str]:
    """What lets the connection's role see over the walls; an empty list when nothing does."""
    with connections[using].cursor() as cursor:
        cursor.execute(_ROLE)
        superuser, bypasses, member, owns = cursor.fetchone()
    faults = {
        "is a superuser": superuser,
        "bypasses row security": bypasses,
        "is a member of another role": member,
        "owns a tenant table": owns,
    }
    return [fault for fault, present in faults.items() if present]


@register(Tags.database)
def application_role_is_bound(app_configs, databases=None, **kwargs):
    """E001: run with ``check --database default`` by web, worker and beat before they serve."""
    if "default" not in (databases or []):
        return []
    return [
        Error(f"the application's database role {fault}", hint="Connect as a role made as the installation page says.", id="tenancy.E001")
        for fault in role_faults()
    ]

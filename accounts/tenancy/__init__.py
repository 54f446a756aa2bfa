"""The walls between organizations: connection context, table constraints, managers, middleware, checks."""

from accounts.tenancy.context import (
    NoTenant,
    TenantMismatch,
    acting_for,
    active_organization_id,
    identity_atomic,
    tenant_atomic,
)

__all__ = ["NoTenant", "TenantMismatch", "acting_for", "active_organization_id", "identity_atomic", "tenant_atomic"]

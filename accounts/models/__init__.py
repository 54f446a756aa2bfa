from accounts.models.audit import AuditEvent, AuditSeal
from accounts.models.messaging import ConsumedEvent, IdempotencyKey, Notice, OutboxEvent, ThrottleCounter
from accounts.models.organization import Organization
from accounts.models.people import ApiToken, Membership, Role, Team, User
from accounts.models.representative import Absence, Representative
from accounts.models.session import Session

__all__ = [
    "Absence",
    "ApiToken",
    "AuditEvent",
    "AuditSeal",
    "ConsumedEvent",
    "IdempotencyKey",
    "Membership",
    "Notice",
    "Organization",
    "OutboxEvent",
    "Representative",
    "Role",
    "Session",
    "Team",
    "ThrottleCounter",
    "User",
]

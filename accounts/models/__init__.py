from accounts.models.audit import AuditCheck, AuditEvent, AuditSeal
from accounts.models.export import ExportJob
from accounts.models.invitation import Invitation
from accounts.models.messaging import ConsumedEvent, IdempotencyKey, Notice, OutboxEvent, ThrottleCounter
from accounts.models.organization import Organization
from accounts.models.people import ApiToken, Membership, Role, Team, User
from accounts.models.representative import Absence, Representative
from accounts.models.session import Session

__all__ = [
    "Absence",
    "ApiToken",
    "AuditCheck",
    "AuditEvent",
    "AuditSeal",
    "ConsumedEvent",
    "ExportJob",
    "IdempotencyKey",
    "Invitation",
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

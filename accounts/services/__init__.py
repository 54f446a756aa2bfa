from accounts.services.audit import Actor, record_event, record_events
from accounts.services.members import LastAdministrator, OwnMembership, deactivate_membership, rename_membership
from accounts.services.messaging import notify, send_to_outbox
from accounts.services.organizations import add_member, create_organization
from accounts.services.sessions import end_session, end_sessions

__all__ = [
    "Actor",
    "LastAdministrator",
    "OwnMembership",
    "add_member",
    "create_organization",
    "deactivate_membership",
    "end_session",
    "end_sessions",
    "notify",
    "record_event",
    "record_events",
    "rename_membership",
    "send_to_outbox",
]

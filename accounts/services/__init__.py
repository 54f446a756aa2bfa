from accounts.services.audit import Actor, record_event, record_events
from accounts.services.messaging import notify, send_to_outbox
from accounts.services.organizations import add_member, create_organization

__all__ = ["Actor", "add_member", "create_organization", "notify", "record_event", "record_events", "send_to_outbox"]

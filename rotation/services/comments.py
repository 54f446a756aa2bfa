"""Words about a proposal: they decide nothing, and stand in its history among the decisions."""

from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event
from rotation.errors import EmptyComment
from rotation.models import Decision, Proposal

MOST_LETTERS = 500


@transaction.atomic
def comment(proposal: Proposal, text: str, *, by: Membership, at: datetime) -> Decision:
    """Write one comment; at most 500 letters are kept. The proposal, decided or not, stays as it is.

    Raises
    ------
    NotAllowed
        Only administration and management write; auditors read.
    EmptyComment
        There are no words.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active:
        raise NotAllowed(_("Só administração e gerência comentam propostas."))
    words = text.replace("\0", "").strip()[:MOST_LETTERS]
    if not words:
        raise EmptyComment(_("Escreva o comentário antes de enviar."))
    made = Decision.objects.create(
        organization_id=proposal.organization_id,
        proposal=proposal,
        batch=uuid4(),
        action=Decision.Action.COMMENT,
        by=by,
        at=at,
        note=words,
        from_state=proposal.state,
        to_state=proposal.state,
        from_receiver_id=proposal.to_representative_id,
        to_receiver_id=proposal.to_representative_id,
    )
    record_event(f"run:{proposal.run_id}", "proposals.comment", by=Actor(by), after={"proposal": proposal.pk, "decision": made.pk})
    return made

"""First ownerships, begun in the statement that writes their clients: what files of thousands of clients need.

There is no head of a chain to find, nobody to take a client from, no order to credit and no task to hand over; and the mirrored
representative is written with the client instead of changing it right after.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection

from accounts.arrays import array
from accounts.services import Actor
from accounts.tenancy import active_organization_id
from portfolio.models import Ownership
from portfolio.services.digest import Occasion
from portfolio.services.transfer import Standing, Transfer, announce, locked_representatives

# Representatives are locked after the clients and in the order of their ids, as everywhere; whoever is not locked begins nothing,
# and the client's own key then refuses the whole statement.
BEGINS = """
held AS (
  SELECT id FROM accounts_representative
   WHERE organization_id = %(organization)s AND id IN (SELECT representative_id FROM written WHERE created) ORDER BY id FOR KEY SHARE
), begun AS (
  INSERT INTO portfolio_ownership (organization_id, client_id, representative_id, seq, started_on, source, reason,
                                   actor_id, actor_label, recorded_at, previous_hash, hash, closing_hash)
  SELECT %(organization)s, w.id, w.representative_id, 1, %(begins_on)s, 'import', '', %(actor)s, %(label)s, %(at)s, '', '', ''
    FROM written w JOIN held ON held.id = w.representative_id WHERE w.created ORDER BY w.id
)"""
_OWNED = """
SELECT id, representative_id, CASE WHEN trade_name = '' THEN name ELSE trade_name END FROM clients_client
 WHERE organization_id = %s AND id = ANY(%s::bigint[]) AND representative_id IS NOT NULL ORDER BY id
"""


def facts_of_beginning(*, on: date, by: Actor, at: datetime) -> dict[str, Any]:
    """The parameters of ``BEGINS``."""
    return {"begins_on": on, "actor": by.id, "label": by.label, "at": at}


def tell_of_first_owners(client_ids: Sequence[int], *, on: date, by: Actor, at: datetime) -> None:
    """Audit events, notices and the outbox row of ownerships begun with their clients, in the transaction that wrote both.

    Parameters
    ----------
    client_ids : clients made in this transaction, of which nothing was recorded before; those without an owner are passed over
    at : the instant ``BEGINS`` was given: an event says when its row was recorded
    """
    organization_id = active_organization_id()
    with connection.cursor() as cursor:
        cursor.execute(_OWNED, [organization_id, array(client_ids)])
        rows = cursor.fetchall()
    if not rows:
        return
    people = locked_representatives(organization_id, {row[1] for row in rows}, set(), on=on, check_room=False, check_absence=False)
    announce(
        [Transfer(client_id, to_id) for client_id, to_id, _name in rows],
        [Standing(name, False, None, 0, None) for _client_id, _to_id, name in rows],
        people,
        by=by,
        source=Ownership.Source.IMPORT,
        on=on,
        at=at,
        occasion=Occasion(),
        first=True,
    )

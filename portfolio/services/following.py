"""What waits to be done for a client goes with it when somebody else begins to answer for it."""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from accounts.arrays import array
from accounts.services import Actor, record_events
from accounts.services.audit import Event
from accounts.tenancy import active_organization_id

# Only what the former representative was to do: a colleague's task stays theirs.
_FOLLOW = """
UPDATE portfolio_task t SET owner_id = m.to_id, version = t.version + 1
  FROM unnest(%(clients)s::bigint[], %(froms)s::bigint[], %(tos)s::bigint[]) AS m(client_id, from_id, to_id)
 WHERE t.organization_id = %(organization)s AND t.client_id = m.client_id AND t.owner_id = m.from_id
   AND t.done_at IS NULL AND t.cancelled_at IS NULL
RETURNING t.id, m.from_id, m.to_id
"""


def hand_over_tasks(moves: Iterable[tuple[int, int | None, int | None]], *, by: Actor) -> int:
    """Give the open tasks of clients that changed hands to who answers for them now; returns how many.

    One statement, and one more for the audit events where there were any. The receiver is told of the client already.

    Parameters
    ----------
    moves : (client, membership that answered, membership that answers); one without a sign-in has no tasks, or gets none
    """
    known = [(client, gave, takes) for client, gave, takes in moves if gave and takes and gave != takes]
    if not known:
        return 0
    clients, froms, tos = zip(*known, strict=True)
    values: dict[str, Any] = {"organization": active_organization_id(), "clients": array(clients), "froms": array(froms), "tos": array(tos)}
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, values)
        handed = sorted(cursor.fetchall())
    record_events((Event(f"task:{pk}", "task.handed_over", {"owner": gave}, {"owner": takes}) for pk, gave, takes in handed), by=by)
    return len(handed)

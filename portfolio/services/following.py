"""What waits to be done for a client goes with it when somebody else begins to answer for it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
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


# The receiver's sign-in; where it has none, and the giver's has ended, whoever moves the clients keeps the promises.
_OWNERS = """
SELECT m.client_id, gave.membership_id,
       coalesce(CASE WHEN takes.is_active THEN takes.id END, CASE WHEN NOT former.is_active THEN %(by)s END)
  FROM unnest(%(clients)s::bigint[], %(froms)s::bigint[], %(tos)s::bigint[]) AS m(client_id, from_id, to_id)
  JOIN accounts_representative gave ON gave.organization_id = %(organization)s AND gave.id = m.from_id
  JOIN accounts_membership former ON former.organization_id = %(organization)s AND former.id = gave.membership_id
  JOIN accounts_representative receiver ON receiver.organization_id = %(organization)s AND receiver.id = m.to_id
  LEFT JOIN accounts_membership takes ON takes.organization_id = %(organization)s AND takes.id = receiver.membership_id
"""
_VISITS = """
UPDATE portfolio_visit v SET representative_id = m.to_id, position = NULL, version = v.version + 1
  FROM unnest(%(clients)s::bigint[], %(froms)s::bigint[], %(tos)s::bigint[]) AS m(client_id, from_id, to_id)
 WHERE v.organization_id = %(organization)s AND v.client_id = m.client_id AND v.representative_id = m.from_id
   AND v.visited_at IS NULL AND v.cancelled_at IS NULL AND v.planned_on >= %(on)s
RETURNING v.id, v.client_id, m.to_id
"""


def follow(moves: Sequence[tuple[int, int | None, int]], *, by: Actor, on: date, at: datetime) -> None:
    """What a transfer by a person takes along beside the tasks between two sign-ins: visits planned from ``on``, and the tasks
    of whoever has no sign-in any more. A constant number of statements.

    Opportunities and contacts are the client's own and go with it.

    Parameters
    ----------
    moves : (client, representative who answered, representative who answers); clients are locked by the transfer
    """
    known = [move for move in moves if move[1] is not None]
    if not known:
        return
    clients, froms, tos = zip(*known, strict=True)
    values: dict[str, Any] = {"organization": active_organization_id(), "clients": array(clients), "froms": array(froms), "tos": array(tos)}
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS, {**values, "by": by.id})
        owners = cursor.fetchall()
        cursor.execute(_VISITS, {**values, "on": on})
        visits = sorted(cursor.fetchall())
    hand_over_tasks(owners, by=by)
    events = [Event(f"visit:{visit}", "visit.handed_over", after={"client": client, "representative": to}) for visit, client, to in visits]
    record_events(events, by=by, at=at)

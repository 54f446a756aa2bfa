"""The days of last visit and last contact on ClientActivity, which the clients app keeps the row of and cannot know."""

from collections.abc import Sequence

from django.db import connection

from accounts.tenancy import active_organization_id

# A contact is a visit or an interaction with somebody; a visit still planned is neither, nor is a note to oneself.
_CONTACT_DAYS = """
WITH days AS (
    SELECT wanted AS client_id,
           (SELECT max(visited_on) FROM portfolio_visit v WHERE v.organization_id = %(organization)s AND v.client_id = wanted) AS visit,
           (SELECT max(happened_on) FROM portfolio_interaction i
             WHERE i.organization_id = %(organization)s AND i.client_id = wanted AND i.kind <> 'note') AS interaction
      FROM unnest(%(clients)s::bigint[]) AS wanted)
UPDATE clients_clientactivity a SET last_visit_on = d.visit, last_contact_on = greatest(d.visit, d.interaction)
  FROM days d
 WHERE a.organization_id = %(organization)s AND a.client_id = d.client_id
   AND (a.last_visit_on, a.last_contact_on) IS DISTINCT FROM (d.visit, greatest(d.visit, d.interaction))
"""


def refresh_contact_days(client_ids: Sequence[int]) -> int:
    """Recompute last visit and last contact of these clients from visits and interactions; returns how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(_CONTACT_DAYS, {"organization": active_organization_id(), "clients": sorted(set(client_ids))})
        return cursor.rowcount

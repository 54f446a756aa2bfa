"""What became of each client in a span, on which day: from the silences that ended, or from every order day.

Under limits shorter than the silences kept (``SHORTEST_SILENCE``) order days are read, a pass over a year and more of them.

A client is lost beyond the limit, once discarded, and while a person has declared it so: then it is neither active nor inactive by its
silence, and crosses nothing; an order brings it back.
"""

from clients.models.activity import SHORTEST_SILENCE
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures.declared import DECLARED, stood_on
from portfolio.selectors.figures.span import People

# Those who stood declared lost on the eve of the span, and those declared within it, each on the first such day.
_SAID = f"""{DECLARED}, held AS (
    SELECT DISTINCT client_id FROM declared WHERE lost_on < %(since)s AND end_on >= %(since)s
), quit AS (
    SELECT client_id, min(lost_on) AS day FROM declared WHERE lost_on >= %(since)s GROUP BY client_id
)"""  # noqa: S608 - constants

# Rows of (client_id, what, day) in "event", where ``what`` is one of the events of ``Movement``, or one of its counts at the start.
_BY_DAYS = f"""{_SAID},
day AS (
    SELECT client_id, ordered_on AS day FROM clients_order
     WHERE organization_id = %(organization)s AND ordered_on >= %(since)s - %(lost)s AND ordered_on <= %(until)s AND status <> 'cancelled'
     GROUP BY client_id, ordered_on HAVING sum(net_cents) > 0
), step AS (
    SELECT client_id, day, lag(day) OVER one AS previous, lead(day) OVER one AS next
      FROM day WINDOW one AS (PARTITION BY client_id ORDER BY day)
), seen AS (
    SELECT client_id, max(day) FILTER (WHERE day < %(since)s) AS last_before,
           min(day + %(inactive)s) FILTER (WHERE day + %(inactive)s BETWEEN %(since)s AND %(until)s
                                             AND (next IS NULL OR next > day + %(inactive)s)
                                             AND NOT {stood_on("step.client_id", "day + %(inactive)s")}) AS inactivated_on,
           min(day + %(lost)s) FILTER (WHERE day + %(lost)s BETWEEN %(since)s AND %(until)s
                                         AND (next IS NULL OR next > day + %(lost)s)) AS lost_on,
           min(day) FILTER (WHERE day >= %(since)s AND day > previous + %(inactive)s) AS won_back_on,
           min(day) FILTER (WHERE day >= %(since)s AND previous IS NULL) AS began_on
      FROM step GROUP BY client_id
), client AS (
    SELECT c.id AS client_id, c.discarded_on, a.first_on, s.last_before, s.inactivated_on, s.lost_on,
           least(CASE WHEN a.first_on < s.began_on THEN s.began_on ELSE s.won_back_on END, d.back_on) AS won_back_on,
           quit.day AS quit_on, c.id IN (SELECT client_id FROM held) AS held
      FROM clients_client c JOIN clients_clientactivity a ON a.organization_id = %(organization)s AND a.client_id = c.id
      LEFT JOIN seen s ON s.client_id = c.id LEFT JOIN quit ON quit.client_id = c.id
      LEFT JOIN (SELECT client_id, min(back_on) AS back_on FROM declared WHERE back_on >= %(since)s GROUP BY 1) d ON d.client_id = c.id
     WHERE c.organization_id = %(organization)s AND a.first_on <= %(until)s AND (c.discarded_on IS NULL OR c.discarded_on >= %(since)s)
), event AS (
    SELECT client_id, 'customers' AS what, %(before)s::date AS day FROM client
               WHERE last_before >= %(since)s - %(lost)s AND NOT held
    UNION ALL SELECT client_id, 'active', %(before)s FROM client WHERE last_before >= %(since)s - %(inactive)s AND NOT held
    UNION ALL SELECT client_id, 'inactive', %(before)s FROM client
               WHERE first_on < %(since)s AND (last_before IS NULL OR last_before < %(since)s - %(inactive)s OR held)
    UNION ALL SELECT client_id, 'inactivated', inactivated_on FROM client
               WHERE last_before >= %(since)s - %(inactive)s AND NOT held AND (discarded_on IS NULL OR inactivated_on < discarded_on)
    UNION ALL SELECT client_id, 'lost', least(lost_on, quit_on, discarded_on) FROM client
               WHERE last_before >= %(since)s - %(lost)s AND NOT held
                 AND (lost_on IS NOT NULL OR quit_on IS NOT NULL OR discarded_on <= %(until)s)
    UNION ALL SELECT client_id, 'won_back', won_back_on FROM client WHERE discarded_on IS NULL OR won_back_on < discarded_on
    UNION ALL SELECT client_id, 'new', first_on FROM client
               WHERE first_on >= %(since)s AND (discarded_on IS NULL OR first_on < discarded_on)
)"""  # noqa: S608 - constants

# The clients that left, each on its day; the silence every client was in on the eve, of those inactive then (``since_on``: its last
# order day); those that may have reached a limit in the span. A silence still lasting is that since the last order.
_SILENT = f"""{_SAID},
gone AS (
    SELECT id AS client_id, discarded_on FROM clients_client WHERE organization_id = %(organization)s AND discarded_on IS NOT NULL
), silent AS (
    SELECT client_id, since_on FROM clients_clientsilence
     WHERE organization_id = %(organization)s AND until_on >= %(since)s AND since_on < %(since)s - %(inactive)s
    UNION ALL
    SELECT client_id, last_on FROM clients_clientactivity WHERE organization_id = %(organization)s AND last_on < %(since)s - %(inactive)s
), quiet AS (
    SELECT client_id, since_on, until_on FROM clients_clientsilence
     WHERE organization_id = %(organization)s AND until_on > %(since)s
       AND since_on BETWEEN %(since)s - %(lost)s AND %(until)s - %(inactive)s
    UNION ALL
    SELECT client_id, last_on, 'infinity' FROM clients_clientactivity
     WHERE organization_id = %(organization)s AND last_on BETWEEN %(since)s - %(lost)s AND %(until)s - %(inactive)s
), fell AS (
    SELECT client_id, min(since_on) AS since_on FROM quiet
     WHERE since_on >= %(since)s - %(inactive)s AND until_on > since_on + %(inactive)s
       AND NOT {stood_on("quiet.client_id", "quiet.since_on + %(inactive)s")} GROUP BY client_id
), stopped AS (
    SELECT client_id, min(since_on) AS since_on FROM quiet
     WHERE since_on <= %(until)s - %(lost)s AND until_on > since_on + %(lost)s GROUP BY client_id
), back AS (
    SELECT client_id, min(until_on) AS day FROM (
        SELECT client_id, until_on FROM clients_clientsilence
         WHERE organization_id = %(organization)s AND until_on BETWEEN %(since)s AND %(until)s AND until_on > since_on + %(inactive)s
        UNION ALL SELECT client_id, back_on FROM declared WHERE back_on >= %(since)s) came
     GROUP BY client_id
)"""  # noqa: S608 - constants
# Those that had bought before the span; every silence ends after the year 1, which the index is told by.
_KNOWN = """
SELECT client_id FROM clients_clientsilence
 WHERE organization_id = %(organization)s AND since_on IS NULL AND until_on < %(since)s AND until_on > '0001-01-01'"""
_BEYOND = "SELECT client_id FROM silent WHERE since_on < %(since)s - %(lost)s"
# A silence begun before the span speaks of a client active at the start, of a customer; one begun within it need not.
_EVENTS = f"""
    SELECT client_id, 'inactivated' AS what, since_on + %(inactive)s AS day FROM fell LEFT JOIN gone USING (client_id)
     WHERE (since_on < %(since)s OR client_id IN ({_KNOWN}) AND client_id NOT IN (SELECT client_id FROM silent))
       AND client_id NOT IN (SELECT client_id FROM held) AND (discarded_on IS NULL OR since_on + %(inactive)s < discarded_on)
    UNION ALL SELECT client_id, 'lost', least(since_on + %(lost)s, quit.day, discarded_on)
      FROM stopped FULL JOIN quit USING (client_id) LEFT JOIN gone USING (client_id)
     WHERE client_id NOT IN (SELECT client_id FROM held)
       AND (since_on < %(since)s OR client_id IN ({_KNOWN}) AND client_id NOT IN ({_BEYOND}))
       AND (discarded_on IS NULL OR discarded_on >= %(since)s)
    UNION ALL SELECT client_id, 'lost', discarded_on FROM gone
     WHERE discarded_on BETWEEN %(since)s AND %(until)s AND client_id IN ({_KNOWN}) AND client_id NOT IN ({_BEYOND})
       AND client_id NOT IN (SELECT client_id FROM stopped UNION ALL SELECT client_id FROM quit UNION ALL SELECT client_id FROM held)
    UNION ALL SELECT client_id, 'won_back', day FROM back LEFT JOIN gone USING (client_id) WHERE discarded_on IS NULL OR day < discarded_on
    UNION ALL SELECT client_id, 'new', until_on FROM clients_clientsilence LEFT JOIN gone USING (client_id)
     WHERE organization_id = %(organization)s AND since_on IS NULL AND until_on BETWEEN %(since)s AND %(until)s
       AND (discarded_on IS NULL OR until_on < discarded_on)"""  # noqa: S608 - constants of this module
_AT_START = f"""
    SELECT client_id, 'known', %(before)s::date FROM ({_KNOWN}) known LEFT JOIN gone USING (client_id)
     WHERE discarded_on IS NULL OR discarded_on >= %(since)s
    UNION ALL SELECT client_id, CASE WHEN since_on < %(since)s - %(lost)s THEN 'beyond' ELSE 'inactive' END, %(before)s
      FROM silent LEFT JOIN gone USING (client_id) WHERE discarded_on IS NULL OR discarded_on >= %(since)s
    UNION ALL SELECT client_id, CASE WHEN client_id IN (SELECT client_id FROM silent) THEN 'held' ELSE 'declared' END, %(before)s
      FROM held LEFT JOIN gone USING (client_id)
     WHERE client_id IN ({_KNOWN}) AND client_id NOT IN ({_BEYOND}) AND (discarded_on IS NULL OR discarded_on >= %(since)s)"""  # noqa: S608
# What a movement counts, of the rows in "credited".
_OF_DAYS = ("customers", "active", "inactive", "inactivated", "lost", "won_back", "new")


def kept(limits: Limits) -> bool:
    """Whether the silences kept tell who crossed these limits."""
    return limits.inactive >= SHORTEST_SILENCE


def credited_events(limits: Limits, people: People, *, at_start: bool = False, each: bool = True) -> str:
    """CTEs that end in "credited": rows of (client_id, what, representative_id), given ``asked`` and the days of the limits.

    The ledger is asked who answered on the day only where somebody's are wanted (``people``), or each one's own (``each``).
    ``at_start`` adds a row for each client and what it was on the eve; ``counts`` adds them up.
    """
    days = _BY_DAYS if not kept(limits) else f"{_SILENT}, event AS ({_EVENTS}{' UNION ALL' + _AT_START if at_start else ''})"
    if people is None and not each:
        return f"{days}, credited AS (SELECT client_id, what, NULL::bigint AS representative_id FROM event WHERE day IS NOT NULL)"  # noqa: S608
    return f"""{days}, credited AS (
    SELECT e.client_id, e.what, w.representative_id FROM event e
      LEFT JOIN portfolio_ownership w ON w.organization_id = %(organization)s AND w.client_id = e.client_id
            AND w.started_on <= e.day AND (w.ended_on IS NULL OR w.ended_on > e.day)
     WHERE e.day IS NOT NULL
)"""  # noqa: S608 - constants


def counts(limits: Limits) -> str:
    """The columns of ``Movement``, counted over "credited" with ``at_start``."""
    number = {what: f"count(*) FILTER (WHERE what = '{what}')" for what in (*_OF_DAYS, "known", "beyond", "held", "declared")}
    if kept(limits):
        number["customers"] = f"{number['known']} - {number['beyond']} - {number['held']} - {number['declared']}"
        number["inactive"] += f" + {number['beyond']} + {number['declared']}"
        number["active"] = f"{number['known']} - ({number['inactive']})"
    return ", ".join(number[what] for what in _OF_DAYS)

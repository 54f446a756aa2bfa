"""The invariants of runs, proposals and ownership as one SQL question: what holds after every step, kill and restore."""

from dataclasses import dataclass

from django.db import connection

from accounts.tenancy import active_organization_id


@dataclass(frozen=True)
class Violation:
    """A broken invariant (its number in the design, I1 to I12, or ``tally``), and the row that shows it."""

    invariant: str
    detail: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.detail}"


# I6 shows in the ledger: an applied proposal's row follows exactly the seq, and the owner, it was computed from.
# I9 is the engine's (same inputs, same proposals), and has its own tests. I11 is these, asked after every kill.
_SQL = """
WITH org AS (SELECT %(organization)s::bigint AS id),
run AS (SELECT r.* FROM rotation_run r, org WHERE r.organization_id = org.id),
proposal AS (SELECT p.* FROM rotation_proposal p, org WHERE p.organization_id = org.id),
own AS (SELECT o.* FROM portfolio_ownership o, org WHERE o.organization_id = org.id),
client AS (SELECT c.* FROM clients_client c, org WHERE c.organization_id = org.id),
applied AS (
  SELECT p.id, p.client_id, p.run_id, p.from_representative_id, p.to_representative_id, p.expected_seq, p.facts,
         o.seq, o.representative_id AS owner, o.started_on, before.representative_id AS former, before.ended_on AS former_end
    FROM proposal p
    LEFT JOIN own o ON o.proposal_id = p.id
    LEFT JOIN own before ON before.client_id = o.client_id AND before.seq = o.seq - 1
   WHERE p.state = 'applied'),
counted AS (
  SELECT run_id, state, coalesce(from_representative_id, 0) AS from_id, rule_version_id,
         CASE WHEN state = 'proposed' THEN (to_representative_id, postponed_at IS NOT NULL, caveats <> '{}', abc)::text END AS undecided,
         to_representative_id IS NOT NULL AS placed, count(*) AS n, sum(net_12m_cents) AS cents,
         count(km_to) AS n_to, sum(round(km_to * 1000)) AS m_to, count(km_from + km_to) AS n_from,
         sum(round(km_from * 1000)) FILTER (WHERE km_to IS NOT NULL) AS m_from
    FROM proposal GROUP BY 1, 2, 3, 4, 5, 6),
tally AS (
  SELECT run_id, state, from_representative_id AS from_id, nullif(rule_version_id, 0) AS rule_version_id,
         CASE WHEN state = 'proposed' THEN (nullif(to_representative_id, 0), postponed, caution, abc)::text END AS undecided,
         placed, sum(n) AS n, sum(net_12m_cents) AS cents, sum(n_to) AS n_to, sum(m_to) AS m_to, sum(n_from) AS n_from,
         sum(m_from) AS m_from
    FROM rotation_proposaltally t, org WHERE t.organization_id = org.id GROUP BY 1, 2, 3, 4, 5, 6)

SELECT 'I1', format('runs of rule set %%s on %%s: attempt %%s follows one that was not cancelled', rule_set, as_of, attempt)
  FROM (SELECT *, lag(state) OVER (PARTITION BY rule_set, as_of ORDER BY attempt) AS earlier FROM run WHERE kind = 'rotation') r
 WHERE earlier NOT IN ('cancelled', 'failed')
UNION ALL
SELECT 'I2', format('client %%s has %%s open proposals', client_id, count(*))
  FROM proposal WHERE state IN ('proposed', 'approved') GROUP BY client_id HAVING count(*) > 1
UNION ALL
SELECT 'I3', format('client %%s has %%s open ownerships', client_id, count(*))
  FROM own WHERE ended_on IS NULL GROUP BY client_id HAVING count(*) > 1
UNION ALL
SELECT 'I3', format('client %%s: seq %%s has no row before it that ended by %%s', client_id, seq, started_on)
  FROM (SELECT *, lag(seq) OVER w AS seq_before, lag(ended_on) OVER w AS end_before FROM own
        WINDOW w AS (PARTITION BY client_id ORDER BY seq)) o
 WHERE seq <> coalesce(seq_before, 0) + 1 OR seq_before IS NOT NULL AND (end_before IS NULL OR end_before > started_on)
UNION ALL
SELECT 'I4', format('applied proposal %%s has no ownership', id) FROM applied WHERE seq IS NULL
UNION ALL
SELECT 'I4', format('ownership of client %%s #%%s names proposal %%s, which is %%s',
                    o.client_id, o.seq, o.proposal_id, coalesce(p.state, 'unknown'))
  FROM own o LEFT JOIN proposal p ON p.id = o.proposal_id
 WHERE o.proposal_id IS NOT NULL AND (p.state IS DISTINCT FROM 'applied' OR p.client_id <> o.client_id)
UNION ALL
SELECT 'I5', format('client %%s names representative %%s, its open ownership %%s', c.id, c.representative_id, o.representative_id)
  FROM client c LEFT JOIN own o ON o.client_id = c.id AND o.ended_on IS NULL
 WHERE c.representative_id IS DISTINCT FROM o.representative_id
UNION ALL
SELECT 'I6', format('proposal %%s was computed from representative %%s #%%s and moved from %%s #%%s',
                    id, from_representative_id, expected_seq, former, seq - 1)
  FROM applied
 WHERE seq IS NOT NULL AND (seq <> expected_seq + 1 OR owner <> to_representative_id
    OR from_representative_id IS NOT NULL AND (former IS DISTINCT FROM from_representative_id OR former_end <> started_on))
UNION ALL
SELECT 'I7', format('proposal %%s moved client %%s to representative %%s, who had left on %%s', a.id, a.client_id, t.id, t.valid_to)
  FROM applied a JOIN accounts_representative t ON t.organization_id = %(organization)s AND t.id = a.owner
 WHERE t.valid_to < a.started_on
UNION ALL
SELECT 'I8', format('run %%s is %%s: %%s of %%s proposals are closed', r.id, r.state, n.closed, r.n_proposed)
  FROM run r CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.state IN ('applied', 'stale', 'rejected', 'expired')) AS closed,
           count(*) FILTER (WHERE p.state IN ('proposed', 'approved')) AS open FROM proposal p WHERE p.run_id = r.id) n
 WHERE r.state IN ('applied', 'expired', 'cancelled') AND (n.open > 0 OR n.closed <> r.n_proposed)
UNION ALL
SELECT 'I10', format('ownership of client %%s #%%s has %%s audit events', o.client_id, o.seq, e.n)
  FROM own o CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM accounts_auditevent a
     WHERE a.organization_id = o.organization_id AND a.stream = 'client:' || o.client_id
       AND a.action IN ('client.transferred', 'ownership.recorded') AND (a.after->>'seq')::int = o.seq) e
 WHERE e.n <> 1
UNION ALL
SELECT 'I10', format('client %%s moved by proposal %%s is in %%s outbox messages', a.client_id, a.id, m.n)
  FROM applied a CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM accounts_outboxevent b
     WHERE b.organization_id = %(organization)s AND b.topic = 'clients.transferred' AND b.payload->>'occasion' = 'run:' || a.run_id
       AND b.payload->'clients' @> to_jsonb(a.client_id)) m
 WHERE %(outbox)s AND m.n <> 1
UNION ALL
SELECT 'I12', format('reversal %%s did not give client %%s back to representative %%s',
                     back.run_id, back.client_id, p.from_representative_id)
  FROM applied back JOIN run r ON r.id = back.run_id AND r.kind = 'reversal'
  JOIN proposal p ON p.id = (back.facts->>'reverses')::bigint
 WHERE back.owner IS DISTINCT FROM p.from_representative_id OR p.run_id <> r.reverses_id OR p.state <> 'applied'
UNION ALL
SELECT 'tally', format('run %%s: %%s %%s proposals of representative %%s, %%s in the tally, or their sums differ',
                       run_id, coalesce(sum(wrote), 0), state, from_id, coalesce(sum(kept), 0))
  FROM (
    SELECT run_id, state, from_id, rule_version_id, undecided, placed, n AS wrote, 0 AS kept, cents, n_to, m_to, n_from, m_from
      FROM counted
    UNION ALL
    SELECT run_id, state, from_id, rule_version_id, undecided, placed, 0, n, -cents, -n_to, -m_to, -n_from, -m_from FROM tally) rows_of_both
 GROUP BY run_id, state, from_id, rule_version_id, undecided, placed
HAVING sum(wrote) <> sum(kept) OR sum(cents) <> 0 OR sum(n_to) <> 0 OR coalesce(sum(m_to), 0) <> 0
    OR sum(n_from) <> 0 OR coalesce(sum(m_from), 0) <> 0
"""


def violations(*, outbox: bool = True) -> list[Violation]:
    """Every broken invariant of the active organization; an empty list when all hold. One statement.

    Parameters
    ----------
    outbox : also ask that each move is in exactly one outbox message (I10); leave out where old messages were purged,
        and on large histories, where it costs a look at every message a move
    """
    with connection.cursor() as cursor:
        cursor.execute(_SQL, {"organization": active_organization_id(), "outbox": outbox})
        return [Violation(*row) for row in cursor.fetchall()]

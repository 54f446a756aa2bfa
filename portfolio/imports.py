"""The kinds of file portfolio takes: past ownership and visits. Registered in ``PortfolioConfig.ready``."""

from django.utils.translation import gettext as _
from psycopg2 import sql

from clients.imports import register, values
from clients.imports.kinds.base import Column, Kind, Tally
from clients.imports.stage import Stage
from clients.services import refresh_clients
from portfolio.projections import refresh_contact_days
from portfolio.services.history import PastOwnership, record_history

S = sql.SQL


@register
class OwnershipHistory(Kind):
    """Who answered for which client, from which day to which; appended to the ledger, which is never rewritten."""

    name = "ownership"
    spread_by = "client_code"
    follows_aliases = False  # the ledger of a client merged into another stays its own
    offers = (
        Column("client_code", values.text(60), must=True, filled=True),
        Column("representative_code", values.text(40), must=True, filled=True),
        Column("started_on", values.day(), "date", must=True, filled=True),
        Column("ended_on", values.day(null=True), "date"),
        Column("reason", values.text(300)),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["client_code", "representative_code", "started_on"])
        stage.refuse_unknown_clients()
        stage.refuse_unknown_representatives()
        gone = stage.run("DELETE FROM staged WHERE started_on > %(as_of)s RETURNING line, started_on::text", as_of=self.context.as_of)
        stage.refuse(gone, "started_on", _("ainda não chegou; o histórico vai até hoje"))
        rows = stage.run(
            S(
                "SELECT s.line, c.id, r.id, s.started_on, {ended}, {reason} FROM staged s"
                " JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
                " JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.code = s.representative_code ORDER BY s.line"
            ).format(
                ended=S("s.ended_on" if "ended_on" in self.present else "NULL::date"),
                reason=S("s.reason" if "reason" in self.present else "''"),
            )
        )
        line_of = {(client, representative, started): line for line, client, representative, started, _ended, _reason in rows}
        past = [PastOwnership(*row[1:]) for row in rows]
        result = record_history(past, by=self.context.by, at=self.context.at)
        for row, code in result.refused:
            line = line_of[row.client_id, row.representative_id, row.started_on]
            stage.refuse([(line, row.started_on.isoformat())], "started_on", _reason(code))
        refresh_clients(sorted(result.recredited), as_of=self.context.as_of)
        return Tally(len(result.created), len(result.closed), len(result.unchanged), merged)


def _reason(code: str) -> str:
    return {
        "days_out_of_order": _("o período termina antes de começar"),
        "overlaps": _(
            "começa antes do último dia já registrado para o cliente, e o histórico não é reescrito; "
            "mande os donos passados antes do atual, em ordem de dia"
        ),
        "already_owner": _("o vendedor já atende o cliente nesse período"),
    }.get(code, code)


# What other systems call the four outcomes; a word none of them says is kept as it is.
_OUTCOMES = {
    "sale": "order sale sold pedido venda vendeu com_pedido positivado vendio",
    "no_sale": "no_sale no_order sem_pedido sem_venda nao_vendeu não_vendeu nao_positivado não_positivado sin_venta sin_pedido",
    "absent": "absent ausente nao_estava não_estava no_estaba",
    "closed": "closed fechado cerrado",
}
_OUTCOME_OF = {word: outcome for outcome, words in _OUTCOMES.items() for word in words.split()}


def _outcome(value: str, place: values.Place) -> str:
    """One of the product's own outcomes where the word is known for it."""
    word = values.text(40)(value, place)
    return _OUTCOME_OF.get("_".join(word.casefold().split()), word)


@register
class Visits(Kind):
    """Visits done; known by client, representative and instant, so that the same file twice stores each once."""

    name = "visits"
    spread_by = "client_code"
    offers = (
        Column("client_code", values.text(60), must=True, filled=True),
        Column("representative_code", values.text(40), must=True, filled=True),
        Column("visited_at", values.instant, "timestamptz", must=True, filled=True),
        Column("outcome", _outcome),
        Column("no_sale_reason", values.text(120)),
        Column("note", values.text(4_000)),
        Column("next_contact_on", values.day(null=True), "date"),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["client_code", "representative_code", "visited_at"])
        stage.refuse_unknown_clients()
        stage.refuse_unknown_representatives()
        texts = ("outcome", "no_sale_reason", "note")
        stored: dict[str, sql.Composable] = {
            name: sql.Identifier("s", name) for name in (*texts, "next_contact_on") if name in self.present
        }
        stored |= {
            "client_id": sql.Identifier("c", "id"),
            "representative_id": sql.Identifier("r", "id"),
            "visited_at": sql.Identifier("s", "visited_at"),
            "visited_on": S("(s.visited_at AT TIME ZONE {})::date").format(sql.Literal(self.context.organization.time_zone)),
        }
        # The key a device would have made: the same visit has the same one, whichever file brings it.
        made = S("md5(concat_ws('|', 'visit', c.id, r.id, extract(epoch FROM s.visited_at)))::uuid")
        written = stage.upsert(
            "portfolio_visit",
            key=["id_made"],
            key_values=[made],
            source=S(
                "staged s JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
                " JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.code = s.representative_code"
            ),
            values=stored,
            defaults={**{name: S("''") for name in texts}, "received_at": S("now()")},
        )
        staged = stage.run("SELECT count(*) FROM staged")[0][0]
        clients = stage.run(
            "SELECT DISTINCT c.id FROM staged s JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
        )
        if written:
            refresh_contact_days([row[0] for row in clients])
        created = sum(new for _id, new in written)
        return Tally(created, len(written) - created, staged - len(written), merged)

"""Client companies, the words they are found by, and the representatives the file names for them."""

from typing import Any

from django.utils import timezone
from psycopg2 import sql

from clients.imports import values
from clients.imports.kinds.base import Column, Kind, Tally, register
from clients.imports.kinds.own_fields import also_updated, write_own_fields
from clients.imports.kinds.people import sent, tally_of
from clients.imports.ledger import Ledger, ledger
from clients.imports.stage import Stage
from clients.services import begin_clients
from clients.services.statistics import MANY, look_again_at_parties
from clients.services.words import refresh_words
from clients.signals import owners_named

S = sql.SQL
STORED = (
    "name",
    "trade_name",
    "tax_id",
    "segment",
    "size",
    "address",
    "city",
    "ibge_code",
    "state",
    "latitude",
    "longitude",
    "phone",
    "email",
    "tags",
    "hold",
    "blocked",
)
SEARCHED = frozenset(("name", "trade_name", "tax_id", "phone"))
# A prospect registered by hand goes by its tax id until the ERP's own code comes, and is then that client: not a second one.
ADOPT = """
UPDATE clients_client c SET code = s.client_code FROM staged s
 WHERE c.organization_id = %(organization)s AND s.tax_id <> '' AND c.code = 'P-' || s.tax_id
   AND NOT EXISTS (SELECT FROM clients_client o WHERE o.organization_id = %(organization)s AND o.code = s.client_code)
"""
OWNERS_NAMED = """staged s LEFT JOIN accounts_representative r
    ON r.organization_id = %(organization)s AND r.code = s.representative_code"""


@register
class Clients(Kind):
    """``representative_code`` names the owner; an empty cell leaves the owner as it is."""

    name = "clients"
    spread_by = "client_code"
    follows_aliases = False
    fields_of = "client"
    offers = (
        Column("client_code", values.text(60), must=True, filled=True),
        Column("name", values.text(200), must=True, filled=True),
        Column("trade_name", values.text(200)),
        Column("tax_id", values.tax_id),
        Column("segment", values.text(60)),
        Column("size", values.text(30)),
        Column("address", values.text(200)),
        Column("city", values.text(80)),
        Column("ibge_code", values.ibge_code),
        Column("state", values.state),
        Column("latitude", values.coordinate(90), "float8"),
        Column("longitude", values.coordinate(180), "float8"),
        Column("phone", values.text(30)),
        Column("email", values.email),
        Column("representative_code", values.text(40)),
        Column("tags", values.several(40), "varchar[]"),
        Column("hold", values.flag, "boolean"),
        Column("blocked", values.flag, "boolean"),
    )

    def load(self, stage: Stage) -> Tally:
        merged = stage.merge_repeats(["client_code"])
        if "tax_id" in self.present:
            stage.run(ADOPT)
        if "representative_code" in self.present:
            stage.refuse_unknown_representatives()
        stored = sent(self, STORED)
        if "tax_id" in self.present:
            # A CNPJ's first eight characters name the company, the rest its branch; other countries' ids have no such part.
            brazilian = self.context.place.country == "BR"
            stored["tax_id_root"] = S("left(s.tax_id, 8)") if brazilian else S("''")
        no = S("false")
        defaults: dict[str, sql.Composable] = {name: S("''") for name in STORED if name not in ("latitude", "longitude", "tags")}
        defaults |= {"tags": S("'{}'::varchar[]"), "hold": no, "blocked": no, "key_account": no, "tax_id_root": S("''")}
        defaults |= {"state_tax_id": S("''"), "custom_fields": S("'{}'::jsonb"), "discard_reason": S("''"), "created_at": S("now()")}
        told: dict[str, Any] = {"on": self.context.as_of, "by": self.context.by, "at": timezone.now()}
        first = ledger() if "representative_code" in self.present else None
        written = self._write(stage, stored, defaults, first, told)
        tally = also_updated(tally_of(stage, written, merged), written, write_own_fields(self, stage))
        created = sorted(each for each, new in written if new)
        if len(created) >= MANY:
            look_again_at_parties()
        begin_clients(created, as_of=self.context.as_of)
        if first:
            first.tell(created, **told)
        refresh_words(created, new=True)
        if self.present & SEARCHED:
            refresh_words(sorted(each for each, new in written if not new))
        if "representative_code" in self.present:
            self._name_owners(stage)
        return tally

    def _write(
        self,
        stage: Stage,
        stored: dict[str, sql.Composable],
        defaults: dict[str, sql.Composable],
        first: Ledger | None,
        told: dict[str, Any],
    ) -> list[tuple[int, bool]]:
        """New clients come with the owner the file names, mirror and ledger in one statement; those on record keep theirs for now."""
        source, beside, facts = None, None, {}
        if first:
            defaults = defaults | {"representative_id": S("r.id")}
            source, beside, facts = S(OWNERS_NAMED), S(first.begins), first.facts(**told)
        key = [sql.Identifier("s", "client_code")]
        return stage.upsert(
            "clients_client",
            key=["code"],
            key_values=key,
            values=stored,
            defaults=defaults,
            source=source,
            beside=beside,
            beside_reads=["representative_id"],
            facts=facts,
        )

    def _name_owners(self, stage: Stage) -> None:
        """Tell portfolio of owners the file names that are not those on record."""
        rows = stage.run(
            "SELECT c.id, r.id FROM staged s"
            " JOIN clients_client c ON c.organization_id = %(organization)s AND c.code = s.client_code"
            " JOIN accounts_representative r ON r.organization_id = %(organization)s AND r.code = s.representative_code"
            " WHERE c.representative_id IS DISTINCT FROM r.id ORDER BY c.id"
        )
        if rows:
            owners_named.send(sender=type(self), rows=rows, on=self.context.as_of, by=self.context.by)

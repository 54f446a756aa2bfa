"""Which rows go along when one client is taken into another, and the statements that move them and bring them back.

Every table with a key to a client goes along, one added tomorrow too, but those named here. A row that would break a uniqueness of
its table (a second credit figure of one day, a second waiting visit of one) stays where it is: nothing is overwritten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models import UniqueConstraint
from django.db.models.sql import Query

from accounts.tenancy.constraints import AppendOnly
from accounts.tenancy.models import TenantModel
from clients.models import Client, ClientActivity, ClientMerge, ClientMonth, ClientScore, ClientSilence, ClientWord
from portfolio.models import Ownership
from rotation.models import Holdout, Proposal, SaveWarning

# Projections are made anew. The ledger, a run's proposals and draws tell what was true of the client they name, and stay with it.
STAY = {ClientActivity, ClientMonth, ClientScore, ClientSilence, ClientWord, ClientMerge, Ownership, Proposal, Holdout, SaveWarning}


@dataclass(frozen=True)
class Along:
    """What moving a row changes beside its client; SQL of the moved table, aliased ``m``.

    ``loose`` columns are set by machinery and do not count as touched by somebody; ``returns`` is what must hold of the noted row ``c``
    for it to go back.
    """

    where: str = ""
    returns: str = ""
    sets: str = ""
    restores: str = ""
    before: str = "NULL::jsonb"
    loose: tuple[str, ...] = ()


_NAMESAKE = """FROM clients_contact a JOIN clients_contact k ON k.organization_id = a.organization_id AND k.name = a.name
                  AND k.client_id = %(survivor)s
           WHERE a.organization_id = %(organization)s AND a.id = {contact} AND a.client_id = %(absorbed)s"""
SPECIAL: dict[str, Along] = {
    "clients_order": Along(
        sets=", came_under_id = CASE WHEN m.ordered_on < %(on)s THEN coalesce(m.came_under_id, %(absorbed)s) ELSE m.came_under_id END",
        restores=", came_under_id = (c.before->>'came_under_id')::bigint",
        before="jsonb_build_object('came_under_id', came_under_id)",
        loose=("representative_id", "came_under_id"),
    ),
    # What is kept of a person goes where the person goes, or to the namesake the survivor has, unless that one says it itself. Contacts
    # stand before this table in the order of names, there and back.
    "clients_customvalue": Along(
        where=f""" AND (contact_id IS NULL OR EXISTS (
           SELECT FROM clients_contact k WHERE k.organization_id = %(organization)s AND k.id = contact_id AND k.client_id = %(survivor)s)
         OR EXISTS (SELECT {_NAMESAKE.format(contact="contact_id")} AND NOT EXISTS (
           SELECT FROM clients_customvalue o
            WHERE o.organization_id = %(organization)s AND o.contact_id = k.id AND o.field_id = clients_customvalue.field_id)))""",  # noqa: S608 - a constant of this module
        sets=f", contact_id = coalesce((SELECT k.id {_NAMESAKE.format(contact='m.contact_id')}), m.contact_id)",
        restores=", contact_id = (c.before->>'contact_id')::bigint",
        returns="""AND (c.before->>'contact_id' IS NULL OR EXISTS (
           SELECT FROM clients_contact k WHERE k.organization_id = %(organization)s AND k.id = (c.before->>'contact_id')::bigint
              AND k.client_id = %(absorbed)s))""",
        before="jsonb_build_object('contact_id', contact_id)",
    ),
    "portfolio_task": Along(
        # What the former representative was still to do, the one who answers now is to do.
        sets=", owner_id = CASE WHEN %(to_member)s::bigint IS NOT NULL AND m.owner_id = %(from_member)s::bigint"
        " AND m.done_at IS NULL AND m.cancelled_at IS NULL THEN %(to_member)s::bigint ELSE m.owner_id END",
        restores=", owner_id = (c.before->>'owner_id')::bigint",
        before="jsonb_build_object('owner_id', owner_id)",
    ),
    "rotation_request": Along(where=" AND state = 'open'"),
    "rotation_outcome": Along(where=" AND measured_at IS NULL"),
}


def moving_tables() -> Iterator[tuple[type[models.Model], models.ForeignKey]]:
    """Each model whose rows go along, with its key to the client; in the order of their tables' names."""
    found = []
    for model in apps.get_models():
        if not issubclass(model, TenantModel) or model in STAY or any(isinstance(each, AppendOnly) for each in model._meta.constraints):
            continue
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.remote_field.model is Client and field.name != "came_under":
                found.append((model, field))
    yield from sorted(found, key=lambda each: each[0]._meta.db_table)


def special(model: type[models.Model]) -> Along:
    return SPECIAL.get(model._meta.db_table, Along())


def move_statement(model: type[models.Model], key: models.ForeignKey) -> str:
    """Give the absorbed client's rows to the survivor and note each. Parameters: organization, merge, survivor, absorbed, on, members."""
    table, column, along = model._meta.db_table, key.column, special(model)
    return f"""
WITH chosen AS (
  SELECT id, {along.before} AS before FROM {table}
   WHERE organization_id = %(organization)s AND {column} = %(absorbed)s{along.where}{_no_clash(model, key)}
), moved AS (
  UPDATE {table} m SET {column} = %(survivor)s{along.sets} FROM chosen c
   WHERE m.organization_id = %(organization)s AND m.id = c.id
  RETURNING m.id, c.before, {digest(model, key)} AS digest
)
INSERT INTO clients_mergedrow (organization_id, merge_id, "table", row_id, before, digest)
SELECT %(organization)s, %(merge)s, '{table}', id, before, digest FROM moved"""  # noqa: S608 - names of our own models


def return_statement(model: type[models.Model], key: models.ForeignKey) -> str:
    """Give back the rows nobody touched since; the ids of those that stay. Parameters: organization, merge, survivor, absorbed."""
    table, column = model._meta.db_table, key.column
    return f"""
WITH c AS (
  SELECT row_id, before, digest FROM clients_mergedrow
   WHERE organization_id = %(organization)s AND merge_id = %(merge)s AND "table" = '{table}'
), returned AS (
  UPDATE {table} m SET {column} = %(absorbed)s{special(model).restores} FROM c
   WHERE m.organization_id = %(organization)s AND m.id = c.row_id AND m.{column} = %(survivor)s AND {digest(model, key)} = c.digest
     {special(model).returns}
  RETURNING m.id
)
SELECT row_id FROM c WHERE row_id NOT IN (SELECT id FROM returned) ORDER BY row_id"""  # noqa: S608 - names of our own models


def digest(model: type[models.Model], key: models.ForeignKey) -> str:
    """What a row says beside whose it is."""
    left_out = "".join(f" - '{name}'" for name in (key.column, *special(model).loose))
    return f"md5((to_jsonb(m){left_out})::text)"


def _no_clash(model: type[models.Model], key: models.ForeignKey) -> str:
    return "".join(
        _clash(model, key, constraint)
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint) and key.name in constraint.fields
    )


def _clash(model: type[models.Model], key: models.ForeignKey, constraint: UniqueConstraint) -> str:
    table, others = model._meta.db_table, [name for name in constraint.fields if name not in ("organization", key.name)]
    columns = [model._meta.get_field(name).column for name in others]  # type: ignore[union-attr]
    equal = "IS NOT DISTINCT FROM" if constraint.nulls_distinct is False else "="
    same = "".join(f" AND o.{column} {equal} {table}.{column}" for column in columns)
    condition = _condition(model, constraint)
    return f"""
     AND NOT coalesce(({condition}) AND EXISTS (
       SELECT FROM (SELECT * FROM {table} WHERE organization_id = %(organization)s AND {key.column} = %(survivor)s AND ({condition})) o
        WHERE true{same}), false)"""  # noqa: S608 - names of our own models


def _condition(model: type[models.Model], constraint: UniqueConstraint) -> str:
    """The constraint's condition as the database has it, or "true"."""
    if constraint.condition is None:
        return "true"
    query = Query(model=model, alias_cols=False)
    statement, params = query.build_where(constraint.condition).as_sql(query.get_compiler(connection=connection), connection)
    with connection.cursor() as cursor:
        text: Any = cursor.cursor.mogrify(statement, params)
    return text.decode().replace("%", "%%")

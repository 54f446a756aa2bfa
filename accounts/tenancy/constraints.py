"""The tenant's walls as model constraints, so that ``makemigrations`` carries them like any other.

``TenantKey`` makes (organization_id, id) the primary key, ``TenantFK`` pairs a foreign key with the
organization (foreign keys are checked with row security off, so a plain one would accept another
organization's row), ``TenantPolicy`` enables and forces row security, ``AppendOnly`` refuses every
change by trigger. They are listed in ``Meta.constraints`` through ``tenant_walls``.
"""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ACTIVE_ORGANIZATION = "(SELECT current_setting('app.organization_id')::bigint)"
NAMED_ORGANIZATION = "(SELECT nullif(current_setting('app.organization_id', true), '')::bigint)"
NAMED_USER = "(SELECT nullif(current_setting('app.user_id', true), '')::bigint)"
NAMED_EMAIL = "(SELECT nullif(current_setting('app.login_email', true), ''))"
NAMED_TOKEN = "(SELECT nullif(current_setting('app.token_hash', true), ''))"


class SqlConstraint(models.BaseConstraint):
    """A constraint that is only SQL; validation in forms is left to the database."""

    first = False

    def up(self, table: str, model: type[models.Model]) -> str:
        raise NotImplementedError

    def down(self, table: str, model: type[models.Model]) -> str:
        raise NotImplementedError

    def constraint_sql(self, model, schema_editor: BaseDatabaseSchemaEditor):
        # Called while CREATE TABLE is being written: the statement waits for the end of the migration.
        # Keys go in front, so that every foreign key finds the key it names, whatever the order of tables.
        sql = self.up(schema_editor.quote_name(model._meta.db_table), model)
        if self.first:
            schema_editor.deferred_sql.insert(0, sql)
        else:
            schema_editor.deferred_sql.append(sql)
        return None

    def create_sql(self, model, schema_editor: BaseDatabaseSchemaEditor):
        sql = self.up(schema_editor.quote_name(model._meta.db_table), model)
        if self.first:
            return sql
        schema_editor.deferred_sql.append(sql)
        return None

    def remove_sql(self, model, schema_editor: BaseDatabaseSchemaEditor):
        return self.down(schema_editor.quote_name(model._meta.db_table), model)

    def validate(self, model, instance, exclude=None, using="default"):
        return None

    def deconstruct(self) -> tuple[str, tuple, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | self.arguments()

    def arguments(self) -> dict[str, Any]:
        return {}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.deconstruct() == other.deconstruct()  # type: ignore[attr-defined]

    __hash__ = models.BaseConstraint.__hash__


class TenantKey(SqlConstraint):
    """PRIMARY KEY (organization_id, id); ``id`` stays Django's primary key."""

    first = True

    def up(self, table, model):
        plain = f"{model._meta.db_table}_pkey"
        return (
            f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{plain}" CASCADE, '
            f'ADD CONSTRAINT "{self.name}" PRIMARY KEY (organization_id, id)'
        )

    def down(self, table, model):
        plain = f"{model._meta.db_table}_pkey"
        return f'ALTER TABLE {table} DROP CONSTRAINT "{self.name}" CASCADE, ADD CONSTRAINT "{plain}" PRIMARY KEY (id)'


class TenantFK(SqlConstraint):
    """FOREIGN KEY (organization_id, <field>_id); immediate, so that the error reaches the view and not the commit.

    Parameters
    ----------
    unless : str
        Another field of the same table, to the same model and with a key of its own, that mostly names the same row. The key then
        stands on a column the database derives, empty while both say the same: what the other's key has proved is not
        asked twice, and where they part each is checked as ever.
    """

    def __init__(self, *, field: str, name: str, unless: str = "", violation_error_code=None, violation_error_message=None) -> None:
        self.field, self.unless = field, unless
        super().__init__(name=name, violation_error_code=violation_error_code, violation_error_message=violation_error_message)

    def arguments(self):
        return {"field": self.field, **({"unless": self.unless} if self.unless else {})}

    def up(self, table, model):
        field = model._meta.get_field(self.field)
        target = field.remote_field.model._meta.db_table
        column, derived = field.column, ""
        if self.unless:
            column, other = self._apart(model), model._meta.get_field(self.unless).column
            derived = (
                f'ADD COLUMN "{column}" bigint GENERATED ALWAYS AS '
                f'(CASE WHEN "{field.column}" IS DISTINCT FROM "{other}" THEN "{field.column}" END) STORED, '
            )
        return (
            f'ALTER TABLE {table} {derived}ADD CONSTRAINT "{self.name}" FOREIGN KEY (organization_id, "{column}") '
            f'REFERENCES "{target}" (organization_id, id) ON DELETE NO ACTION DEFERRABLE INITIALLY IMMEDIATE'
        )

    def down(self, table, model):
        derived = f', DROP COLUMN IF EXISTS "{self._apart(model)}"' if self.unless else ""
        return f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{self.name}"{derived}'

    def _apart(self, model: type[models.Model]) -> str:
        return model._meta.get_field(self.field).column.removesuffix("_id") + "_apart_id"  # type: ignore[union-attr]


class TenantPolicy(SqlConstraint):
    """Row security, enabled and forced.

    Parameters
    ----------
    quiet : bool
        Tables read before any organization is known (membership, token): a missing organization hides rows
        instead of being an error.
    column : str
        The column compared with the active organization; ``id`` for the organization table itself.
    also : tuple of (name, command, condition)
        Further policies, such as a person seeing the memberships that are their own.
    """

    def __init__(
        self,
        *,
        name: str,
        quiet: bool = False,
        column: str = "organization_id",
        also: tuple = (),
        violation_error_code=None,
        violation_error_message=None,
    ) -> None:
        self.quiet, self.column, self.also = quiet, column, tuple(tuple(policy) for policy in also)
        super().__init__(name=name, violation_error_code=violation_error_code, violation_error_message=violation_error_message)

    def arguments(self):
        changed = {}
        if self.quiet:
            changed["quiet"] = True
        if self.column != "organization_id":
            changed["column"] = self.column
        if self.also:
            changed["also"] = self.also
        return changed

    def up(self, table, model):
        statements = [f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY", f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"]
        if self.column:
            condition = f"{self.column} = {NAMED_ORGANIZATION if self.quiet else ACTIVE_ORGANIZATION}"
            statements.append(f'CREATE POLICY "{self.name}" ON {table} USING ({condition}) WITH CHECK ({condition})')
        for name, command, condition in self.also:
            statements.append(f'CREATE POLICY "{name}" ON {table} FOR {command} USING ({condition})')
        return ";\n".join(statements)

    def down(self, table, model):
        names = [*([self.name] if self.column else []), *(policy[0] for policy in self.also)]
        drops = [f'DROP POLICY IF EXISTS "{name}" ON {table}' for name in names]
        return ";\n".join([*drops, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"])


class AppendOnly(SqlConstraint):
    """UPDATE, DELETE and TRUNCATE are refused by trigger, for the owner too."""

    def up(self, table, model):
        return f"""
CREATE OR REPLACE FUNCTION carteira_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation'; END $$;
CREATE TRIGGER "{self.name}" BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION carteira_append_only();
CREATE TRIGGER "{self.name}_truncate" BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION carteira_append_only()"""

    def down(self, table, model):
        return f'DROP TRIGGER IF EXISTS "{self.name}" ON {table}; DROP TRIGGER IF EXISTS "{self.name}_truncate" ON {table}'


def tenant_walls(
    label: str, *foreign_keys: str, quiet: bool = False, also: tuple = (), unless: dict[str, str] | None = None
) -> list[models.BaseConstraint]:
    """The constraints every tenant table carries: key, policy and one composite key per tenant foreign key.

    Parameters
    ----------
    label : short name of the table, unique in the project; constraint names start with it
    foreign_keys : names of the model's ``TenantForeignKey`` fields
    unless : field -> the field whose key covers it while both name the same row (see ``TenantFK``)
    """
    apart = unless or {}
    return [
        TenantKey(name=f"{label}_pk"),
        TenantPolicy(name=f"{label}_tenant", quiet=quiet, also=also),
        *(TenantFK(field=field, name=f"{label}_{field}_fk", unless=apart.get(field, "")) for field in foreign_keys),
    ]

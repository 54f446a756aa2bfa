"""Comparisons the ORM does not have."""

from typing import Any

from django.db.models import Lookup

from accounts.arrays import array


class AnyOf(Lookup):
    """``column = ANY(array)``: one parameter, where ``IN`` has one an id."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, values = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s::bigint[])", (*values, array(self.rhs))

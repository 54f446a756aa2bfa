"""Migrating without making every model anew for each constraint."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


@contextmanager
def constraints_in_place() -> Iterator[None]:
    """Inside, an added or removed constraint or index is noted on the historical model that has it.

    Django makes the model's class anew, and with it every class related to it: here each is related to all others, and of a first
    ``migrate`` 15 parts in 16 went into a hundred such rounds. What a class says of its constraints is read by nothing but
    the schema editor, from the class itself.
    """
    originals = {name: getattr(ProjectState, name) for name in ("_append_option", "_remove_option")}

    def append(self: ProjectState, app_label: str, model_name: str, option_name: str, obj: Any) -> None:
        options = self.models[app_label, model_name].options
        options[option_name] = [*options[option_name], obj]
        _note(self, app_label, model_name, option_name)

    def remove(self: ProjectState, app_label: str, model_name: str, option_name: str, obj_name: str) -> None:
        options = self.models[app_label, model_name].options
        options[option_name] = [obj for obj in options[option_name] if obj.name != obj_name]
        _note(self, app_label, model_name, option_name)

    ProjectState._append_option, ProjectState._remove_option = append, remove
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(ProjectState, name, original)


@contextmanager
def each_model_alone() -> Iterator[None]:
    """Inside, a changed model's historical class is made anew by itself, not with every class related to it.

    Here each is related to all others through the organization: of a first ``migrate`` nine parts in ten went into that. What is
    left behind are relations that lead to the former class of a model. The schema editor takes table, column and type from
    it, which are the same; a migration of data might not, so this is for a database that has none, or shall have none.
    """
    original = ProjectState._find_reload_model

    def alone(self: ProjectState, app_label: str, model_name: str, delay: bool = False) -> set[tuple[str, str]]:
        return {(app_label, model_name.lower())}

    ProjectState._find_reload_model = alone
    try:
        yield
    finally:
        ProjectState._find_reload_model = original


def _note(state: ProjectState, app_label: str, model_name: str, option_name: str) -> None:
    if "apps" not in state.__dict__:  # no class is made yet
        return
    meta = state.apps.get_model(app_label, model_name)._meta
    setattr(meta, option_name, list(state.models[app_label, model_name].options[option_name]))
    meta._expire_cache()


class OrganizationCarried(Operation):
    """A ``TenantModel`` becomes a ``TenantDetail``: its own foreign key to the organization goes.

    ``AlterField`` would do the same, and make every historical class anew for it: each is related to all others.
    """

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name.lower()

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        fields = state.models[app_label, self.model_name].fields
        fields["organization"] = field = fields["organization"].clone()
        field.db_constraint = False
        if "apps" in state.__dict__:
            state.apps.get_model(app_label, self.model_name)._meta.get_field("organization").db_constraint = False

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        for name in schema_editor._constraint_names(model, ["organization_id"], foreign_key=True):
            schema_editor.execute(schema_editor._delete_fk_sql(model, name))

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        key = schema_editor._create_fk_sql(model, model._meta.get_field("organization"), "_fk_%(to_table)s_%(to_column)s")
        schema_editor.execute(key)

    def describe(self) -> str:
        return f"Let {self.model_name}'s required key carry its organization"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.model_name}_carries_organization"

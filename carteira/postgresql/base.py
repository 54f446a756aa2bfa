"""Django's PostgreSQL engine for tables whose database key is (organization_id, id)."""

from django.db.backends.postgresql import base, features


class DatabaseFeatures(features.DatabaseFeatures):
    def allows_group_by_selected_pks_on_model(self, model):
        # PostgreSQL accepts GROUP BY id only where id alone is the primary key.
        return not any(field.attname == "organization_id" for field in model._meta.concrete_fields)


class DatabaseWrapper(base.DatabaseWrapper):
    features_class = DatabaseFeatures

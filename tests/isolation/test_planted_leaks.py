"""The isolation tests themselves are tried: each known kind of leak is planted, and must be found.

The leak is made on the owner's connection inside a transaction that is rolled back, and the check that should find it
runs on that same connection (as the application's role, where rows matter).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections, models, transaction
from django.utils import timezone

from accounts.models import ExportJob
from accounts.services import exports
from accounts.tenancy import NoTenant, tenant_atomic
from accounts.tenancy.checks import tenant_models_have_their_walls
from accounts.tenancy.models import TenantForeignKey, TenantManager, TenantModel
from clients.imports.jobs import refused_file_of
from clients.models import Client, ImportJob
from portfolio import photos
from tests.factories import ClientFactory
from tests.isolation import test_catalogue as catalogue

pytestmark = pytest.mark.django_db(databases=["default", "owner"], transaction=True)


@contextmanager
def planted(*statements: str) -> Iterator[None]:
    """The statements in force on the owner's connection while the block runs, and never committed."""
    with transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        yield
        transaction.set_rollback(True, using="owner")


CATALOGUE_LEAKS: dict[str, tuple[str, Callable[[], None]]] = {
    "policy dropped": (
        "DROP POLICY client_tenant ON clients_client",
        catalogue.test_every_tenant_policy_has_the_exact_form,
    ),
    "policy widened": (
        "DROP POLICY client_tenant ON clients_client; CREATE POLICY client_tenant ON clients_client USING (true)",
        catalogue.test_every_tenant_policy_has_the_exact_form,
    ),
    "second policy": (
        "CREATE POLICY open_door ON clients_order FOR SELECT USING (true)",
        catalogue.test_only_membership_and_token_have_a_second_policy,
    ),
    "row security off": (
        "ALTER TABLE clients_client DISABLE ROW LEVEL SECURITY",
        catalogue.test_row_security_is_enabled_and_forced_on_every_tenant_table_and_on_identity_tables,
    ),
    "force off": (
        "ALTER TABLE clients_client NO FORCE ROW LEVEL SECURITY",
        catalogue.test_row_security_is_enabled_and_forced_on_every_tenant_table_and_on_identity_tables,
    ),
    "owner's view": (
        "CREATE VIEW everybody AS SELECT * FROM clients_client",
        catalogue.test_views_run_as_their_reader_and_definer_functions_are_the_known_ones,
    ),
    "materialized view": (
        "CREATE MATERIALIZED VIEW everybody AS SELECT 1 AS one",
        catalogue.test_views_run_as_their_reader_and_definer_functions_are_the_known_ones,
    ),
    "definer function": (
        "CREATE FUNCTION everybody() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM clients_client'",
        catalogue.test_views_run_as_their_reader_and_definer_functions_are_the_known_ones,
    ),
    "single-column foreign key": (
        "CREATE UNIQUE INDEX client_id_alone ON clients_client (id);"
        "ALTER TABLE clients_contact ADD CONSTRAINT plain_fk FOREIGN KEY (client_id) REFERENCES clients_client (id)",
        catalogue.test_no_foreign_key_between_tenant_tables_leaves_the_organization_out_and_all_are_validated,
    ),
    "unique without organization": (
        "CREATE UNIQUE INDEX code_alone ON clients_client (code)",
        catalogue.test_no_unique_index_of_a_tenant_table_leaves_the_organization_out,
    ),
    "table without walls": (
        "CREATE TABLE clients_forgotten (id bigint PRIMARY KEY, organization_id bigint)",
        catalogue.test_row_security_is_enabled_and_forced_on_every_tenant_table_and_on_identity_tables,
    ),
}


@pytest.mark.parametrize("leak", CATALOGUE_LEAKS)
def test_the_catalogue_checks_find(leak):
    statement, check = CATALOGUE_LEAKS[leak]
    check()
    with planted(statement), pytest.raises(AssertionError):
        check()
    check()


def test_the_grants_check_finds_truncate():
    def check() -> None:
        catalogue.test_the_application_may_not_truncate_nor_change_history_nor_write_migrations(settings)

    check()
    with planted(f'GRANT TRUNCATE ON clients_client TO "{settings.DATABASES["default"]["USER"]}"'), pytest.raises(AssertionError):
        check()


def test_a_plain_manager_is_held_by_row_security(organization, other):
    """The second layer stands when the first is forgotten."""
    with tenant_atomic(other.pk):
        ClientFactory()
    everyone = models.Manager()
    everyone.model, everyone.name = Client, "everyone"
    with tenant_atomic(organization.pk):
        assert everyone.get_queryset().count() == 0


def test_row_security_off_is_held_by_the_manager(organization, other):
    """The first layer stands when the second is forgotten."""
    with tenant_atomic(other.pk):
        ClientFactory()
    with connections["owner"].cursor() as cursor:  # committed: the application's connection must see it
        cursor.execute("ALTER TABLE clients_client DISABLE ROW LEVEL SECURITY")
    try:
        with tenant_atomic(organization.pk), connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM clients_client")
            assert cursor.fetchone() == (1,)  # the leak is real
            assert Client.objects.count() == 0
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE clients_client ENABLE ROW LEVEL SECURITY")


def test_a_task_without_a_tenant_is_refused(organization):
    with pytest.raises(NoTenant):
        Client.objects.count()


@pytest.mark.parametrize("leads_there", ["../{other}/imports/a/theirs.csv", "{root}/{other}/imports/a/theirs.csv"])
def test_a_files_place_that_leads_to_another_organizations_opens_nothing(organization, other, settings, tmp_path, leads_there):
    """A row of one's own whose place was written wrong: its file is not there, rather than somebody else's."""
    settings.MEDIA_ROOT = tmp_path
    place, at = leads_there.format(other=other.pk, root=tmp_path), timezone.now()
    for pk in (organization.pk, other.pk):
        folder = tmp_path / str(pk) / "imports" / "a"
        folder.mkdir(parents=True)
        for name in ("theirs.csv", "own.csv"):
            (folder / name).write_text("canary")
    kept = {"organization": organization, "state": "done"}
    named = str(tmp_path / str(organization.pk) / place)

    assert exports.file_of(ExportJob(**kept, stored_as=place, expires_at=at + timedelta(1)), at=at) is None
    assert refused_file_of(ImportJob(organization=organization, refused_file=named)) is None
    assert photos.path_of(place, organization_id=organization.pk) is None
    own = exports.file_of(ExportJob(**kept, stored_as="imports/a/own.csv", expires_at=at + timedelta(1)), at=at)
    assert own and own.read_text() == "canary"


def test_every_model_that_names_an_organization_is_a_tenant_model_with_the_tenant_manager():
    for model in apps.get_models():
        if any(field.attname == "organization_id" for field in model._meta.concrete_fields):
            assert issubclass(model, TenantModel), model
            assert isinstance(model._default_manager, TenantManager), model
            assert isinstance(model._base_manager, TenantManager), model


def test_the_system_check_finds_a_model_without_walls_and_a_plain_foreign_key():
    class Loose(TenantModel):
        client = TenantForeignKey(Client, models.PROTECT, related_name="+")
        owner = models.ForeignKey(Client, models.PROTECT, related_name="+")

        class Meta:
            app_label = "clients"
            managed = False

    try:
        found = {error.id for error in tenant_models_have_their_walls(None) if error.obj is Loose}
    finally:
        del apps.all_models["clients"]["loose"]
        apps.clear_cache()
    assert found == {"tenancy.E002", "tenancy.E003", "tenancy.E004", "tenancy.E005"}
    assert tenant_models_have_their_walls(None) == []

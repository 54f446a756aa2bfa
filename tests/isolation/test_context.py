"""``tenant_atomic`` and ``identity_atomic``: what they open, what they close, what they refuse."""

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Membership, User
from accounts.tenancy import NoTenant, TenantMismatch, active_organization_id, identity_atomic, tenant_atomic
from clients.models import Client
from tests.factories import ClientFactory, make_member


def named() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.organization_id', true)")
        return cursor.fetchone()[0] or ""


def test_the_context_ends_with_its_block(organization):
    with tenant_atomic(organization.pk):
        assert active_organization_id() == organization.pk
        assert named() == str(organization.pk)
    assert named() == ""
    with pytest.raises(NoTenant):
        active_organization_id()


def test_another_organization_inside_is_refused_and_the_outer_goes_on(organization, other):
    with tenant_atomic(organization.pk):
        with pytest.raises(TenantMismatch), tenant_atomic(other.pk):
            pass
        assert named() == str(organization.pk)
        assert Client.objects.count() == 0


def test_the_same_organization_may_nest(organization):
    with tenant_atomic(organization.pk):
        with tenant_atomic(organization.pk):
            ClientFactory()
        assert named() == str(organization.pk)
        assert Client.objects.count() == 1


def test_an_exception_inside_leaves_no_context_and_no_rows(organization):
    with pytest.raises(RuntimeError), tenant_atomic(organization.pk):
        ClientFactory()
        raise RuntimeError
    assert named() == ""
    with tenant_atomic(organization.pk):
        assert Client.objects.count() == 0


def test_a_failed_statement_in_a_savepoint_keeps_the_context(organization):
    with tenant_atomic(organization.pk):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert named() == str(organization.pk)
        ClientFactory()


def test_a_rollback_that_was_asked_for_still_closes_the_context(organization):
    with transaction.atomic():
        with tenant_atomic(organization.pk):
            ClientFactory()
            transaction.set_rollback(True)
        assert named() == ""
    with tenant_atomic(organization.pk):
        assert Client.objects.count() == 0


def test_a_thread_and_a_callback_start_without_a_tenant(organization):
    seen = []

    def look() -> None:
        try:
            active_organization_id()
        except NoTenant:
            seen.append("no tenant")

    with tenant_atomic(organization.pk):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == ["no tenant"]


@pytest.mark.django_db(transaction=True)
def test_on_commit_callbacks_start_without_a_tenant(organization):
    seen = []

    def look() -> None:
        try:
            active_organization_id()
        except NoTenant:
            seen.append("no tenant")

    with tenant_atomic(organization.pk):
        transaction.on_commit(look)
    assert seen == ["no tenant"]


def test_a_person_sees_only_the_sign_in_they_name(organization):
    with tenant_atomic(organization.pk):
        ana, bruno = make_member(organization, email="ana@example.com"), make_member(organization, email="bruno@example.com")
    assert User.objects.count() == 0
    with identity_atomic(user_id=ana.user_id):
        assert list(User.objects.values_list("email", flat=True)) == ["ana@example.com"]
        assert list(Membership.identities.values_list("user_id", flat=True)) == [ana.user_id]
    with identity_atomic(email=" Bruno@Example.com "):
        assert list(User.objects.values_list("email", flat=True)) == ["bruno@example.com"]
    assert User.objects.count() == 0
    with identity_atomic(user_id=ana.user_id), pytest.raises(DatabaseError), transaction.atomic():
        User.objects.filter(pk=ana.user_id).update(id=bruno.user_id + 99)


def test_identity_names_nothing_else(db):
    with pytest.raises(ValueError, match="not \\['role'\\]"), identity_atomic(role="admin"):
        pass

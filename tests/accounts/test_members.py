"""Ending a member's access."""

import pytest
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.models import ApiToken, AuditEvent, Membership
from accounts.selectors import membership_in
from accounts.services import LastAdministrator, OwnMembership, deactivate_membership
from accounts.tenancy import acting_for, identity_atomic
from tests.factories import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(acting):
    return {role: make_member(acting, role) for role in ("admin", "manager", "representative")}


def test_deactivating_ends_membership_sessions_and_tokens_at_once(acting, people, signed_in):
    ana, admin = people["representative"], people["admin"]
    web = signed_in(ana)
    at = timezone.now()
    token = ApiToken.objects.create(organization=acting, membership=ana, name="t", prefix="p", token_hash="h", expires_at=at)
    deactivate_membership(ana, admin, at=at)
    ana.refresh_from_db()
    token.refresh_from_db()
    assert (ana.is_active, ana.deactivated_at, token.revoked_at) == (False, at, at)
    event = AuditEvent.objects.get(stream=f"membership:{ana.pk}")
    assert (event.action, event.actor_id) == ("membership.deactivated", admin.pk)
    assert (event.before, event.after) == (
        {"active": True, "role": "representative"},
        {"active": False, "tokens_revoked": 1, "sessions_ended": 1},
    )
    deactivate_membership(ana, admin)
    assert AuditEvent.objects.filter(stream=f"membership:{ana.pk}").count() == 1
    assert "_auth_user_id" not in web.session


@pytest.mark.parametrize("role", ["manager", "representative"])
def test_only_who_administers_may(people, role):
    with pytest.raises(NotAllowed):
        deactivate_membership(people["admin"], people[role])


def test_nobody_ends_their_own_access(people):
    with pytest.raises(OwnMembership):
        deactivate_membership(people["admin"], people["admin"])


def test_the_last_administrator_stays_even_when_the_caller_is_no_longer_one(acting, people):
    second = make_member(acting, "admin", email="second@vale-verde.example")
    deactivate_membership(second, people["admin"])
    # ``second`` still holds the row it read before: the locks show what it is now.
    with pytest.raises(NotAllowed):
        deactivate_membership(people["admin"], second)
    assert Membership.objects.filter(role="admin", is_active=True).count() == 1


def test_a_member_of_another_organization_is_out_of_reach(organization, other):
    with acting_for(other.pk):
        theirs = make_member(other, "representative")
    with acting_for(organization.pk):
        admin = make_member(organization, "admin")
        with pytest.raises(NotAllowed):
            deactivate_membership(theirs, admin)
    with acting_for(other.pk):
        theirs.refresh_from_db()
        assert theirs.is_active


def test_last_administrator_is_a_refusal_with_its_own_code():
    assert (LastAdministrator.code, OwnMembership.code) == ("last_administrator", "own_membership")


def test_the_profile_renames_without_writing_the_name_into_the_trail(organization, signed_in):
    with acting_for(organization.pk):
        ana = make_member(organization, "auditor", name="Ana")
    signed_in(ana).post("/o/vale-verde/me/", {"name": "Ana Prado", "language": "", "theme": ""})
    with acting_for(organization.pk):
        ana.refresh_from_db()
        event = AuditEvent.objects.get(stream=f"membership:{ana.pk}")
        assert (ana.name, event.before, event.after) == ("Ana Prado", {}, {"fields": ["name"]})
        assert len(event.request_id) == 16


def test_the_membership_of_a_request_is_the_row_itself_with_its_organization(organization, other, django_assert_num_queries):
    with acting_for(organization.pk):
        member = make_member(organization, "manager")
    with identity_atomic(user_id=member.user_id):
        with django_assert_num_queries(1):
            found = membership_in(organization.slug, user_id=member.user_id)
            company = found.organization
        expected = Membership.identities.select_related("organization").get(pk=member.pk)
        for one, same in ((found, expected), (company, expected.organization)):
            assert {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields} == {
                field.attname: getattr(same, field.attname) for field in same._meta.concrete_fields
            }
        assert membership_in(other.slug, user_id=member.user_id) is None

"""People let in and out: roles that keep an administrator, invitations that tell nothing, teams without circles."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client as Web
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Invitation, Membership, OutboxEvent, Team
from accounts.selectors.people import PeopleFilter, people, team_choices
from accounts.services import LastAdministrator, OwnMembership, deactivate_membership
from accounts.services.invitations import InvitationRefused, invitation_link, invite, revoke, send_again
from accounts.services.members import RoleRefused, StillHolds, change_membership, restore_access
from accounts.services.outbox import relay
from accounts.services.representatives import RepresentativeRefused, save_representative
from accounts.services.teams import TeamRefused, remove_team, save_team
from accounts.tenancy import acting_for, identity_atomic
from tests.factories import PASSWORD, ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
NEW, OLD = "nova@fora.example", "ana@rio-claro.example"
PEOPLE = "/o/vale-verde/people/"


@pytest.fixture
def admin(organization):
    with acting_for(organization.pk):
        return make_member(organization, "admin", name="Helena")


@pytest.fixture
def proved(signed_in, admin, web):  # ``web`` forgets the tries of other tests
    """The administrator's browser, the password just given."""
    browser = signed_in(admin)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


def invited(organization, admin, email=NEW, *, role="representative", at=None) -> Invitation:
    with acting_for(organization.pk):
        return invite(email=email, name="Nova Pessoa", role=role, team=None, by=admin, at=at or timezone.now())


def path_of(invitation: Invitation) -> str:
    return re.sub(r"^https?://[^/]+", "", invitation_link(invitation))


class TestRoles:
    def test_a_changed_role_ends_the_sessions_and_is_told_with_what_it_was(self, organization, admin, signed_in):
        with acting_for(organization.pk):
            ana, team = make_member(organization, "representative"), TeamFactory(name="Interior")
        web = signed_in(ana)
        with acting_for(organization.pk):
            change_membership(ana, role="manager", team=team, by=admin)
            event = AuditEvent.objects.get(action="membership.changed")
        assert (event.before, event.after) == (
            {"role": "representative", "team": None},
            {"role": "manager", "team": team.pk, "sessions_ended": 1},
        )
        assert web.get("/o/vale-verde/notices/")["Location"].startswith("/accounts/login/")

    def test_nobody_changes_their_own_role_and_one_administrator_always_stays(self, organization, admin):
        with acting_for(organization.pk):
            second, ana = make_member(organization, "admin", email="b@x.example"), make_member(organization, "representative")
            with pytest.raises(OwnMembership):
                change_membership(admin, role="auditor", team=None, by=admin)
            with pytest.raises(NotAllowed):
                change_membership(admin, role="auditor", team=None, by=ana)
            change_membership(second, role="auditor", team=None, by=admin)
            with pytest.raises(NotAllowed):  # who was an administrator a moment ago is none under the lock
                change_membership(admin, role="auditor", team=None, by=second)
            Membership.objects.filter(pk=second.pk).update(role="admin", is_active=False)
            second.refresh_from_db()
            with pytest.raises((LastAdministrator, NotAllowed)):
                change_membership(admin, role="auditor", team=None, by=second)
            with pytest.raises(RoleRefused, match="sem equipe"):
                change_membership(ana, role="manager", team=None, by=admin)
            assert Membership.objects.filter(role="admin", is_active=True).get() == admin

    def test_who_still_answers_for_clients_keeps_the_access_until_they_are_divided(self, organization, admin, proved):
        with acting_for(organization.pk):
            ana = make_member(organization, "representative", name="Ana")
            held = RepresentativeFactory(code="V-04", name="Ana", membership=ana)
            client = ClientFactory(representative=held)
            with pytest.raises(StillHolds) as refusal:
                deactivate_membership(ana, admin)
            assert (refusal.value.representative, refusal.value.n_clients) == (held, 1)
        page = proved.get(f"{PEOPLE}members/{ana.pk}/end/").content.decode()
        assert "V-04 Ana ainda atende 1 cliente" in page and "Encerrar o acesso agora" not in page
        assert proved.post(f"{PEOPLE}members/{ana.pk}/end/").status_code == 409
        with acting_for(organization.pk):
            client.representative = None
            client.save()
            deactivate_membership(ana, admin)
            ana.refresh_from_db()
            assert not ana.is_active
            restore_access(ana, by=admin)
            ana.refresh_from_db()
            assert (ana.is_active, ana.deactivated_at) == (True, None)
            assert AuditEvent.objects.filter(stream=f"membership:{ana.pk}").values_list("action", flat=True).order_by("seq")[1] == (
                "membership.reactivated"
            )

    def test_a_manager_lets_a_representative_in_again_and_nobody_else(self, organization, admin):
        with acting_for(organization.pk):
            lead, ana, vera = (make_member(organization, role) for role in ("manager", "representative", "auditor"))
            for person in (ana, vera):
                deactivate_membership(person, admin)
            assert restore_access(ana, by=lead).is_active
            with pytest.raises(NotAllowed, match="Só a administração"):
                restore_access(vera, by=lead)
            deactivate_membership(lead, admin)
            with pytest.raises(NotAllowed):
                restore_access(ana, by=lead)  # as read before the own access was ended


class TestInvitations:
    def test_an_invited_person_sets_a_password_and_is_in(self, organization, admin, web):
        made = invited(organization, admin)
        with acting_for(organization.pk):
            relay(at=timezone.now())
            kept = str(OutboxEvent.objects.get(topic="invitation").payload)
        (message,) = mail.outbox
        (link,) = re.findall(r"https?://\S+", message.body)
        assert (message.to, link) == ([NEW], invitation_link(made)) and link.rstrip("/").rsplit("/", 1)[1] not in kept
        path = path_of(made)
        assert NEW in web.get(path).content.decode()
        short = web.post(path, {"name": "Nova", "password": "short"})
        assert short.status_code == 422 and not Membership.identities.exists()

        answer = web.post(path, {"name": "Nova Silva", "password": "uma frase bem comprida"})

        assert answer["Location"] == "/o/vale-verde/"
        assert web.get("/o/vale-verde/me/").status_code == 200
        with acting_for(organization.pk):
            member = Membership.objects.get(name="Nova Silva")
            assert (member.role, member.is_active) == ("representative", True)
            event = AuditEvent.objects.get(action="invitation.accepted")
            assert (event.actor_id, event.after["membership"]) == (member.pk, member.pk)
            assert NEW not in str(list(AuditEvent.objects.values_list("before", "after")))
        for browser in (web, Web(HTTP_HOST="localhost")):  # once
            assert browser.get(path).status_code == 404

    def test_who_signs_in_elsewhere_enters_with_that_sign_in_and_nobody_else_can(self, organization, other, admin, signed_in, web):
        with acting_for(other.pk):
            ana = make_member(other, "representative", email=OLD)
            bruno = make_member(other, "representative", email="bruno@rio-claro.example")
        made = invited(organization, admin, OLD.upper(), role="auditor")
        path = path_of(made)
        page = web.get(path).content.decode()
        assert "Entre, e o convite se abre" in page and "password" not in page
        web.post(path, {"name": "x", "password": "uma frase bem comprida"})  # a password cannot be set over an existing sign-in
        with identity_atomic(email=OLD):
            ana.user.refresh_from_db()
        assert ana.user.check_password(PASSWORD)
        assert signed_in(bruno).post(path).status_code == 403
        assert signed_in(ana).post(path)["Location"] == "/o/vale-verde/"
        with acting_for(organization.pk):
            assert Membership.objects.get(user_id=ana.user_id).role == "auditor"

    def test_the_administrator_learns_nothing_of_who_signs_in_elsewhere(self, organization, other, proved):
        with acting_for(other.pk):
            make_member(other, "representative", email=OLD)
        answers = []
        for email in (OLD, NEW):
            answer = proved.post(f"{PEOPLE}invite/", {"email": email, "name": "Pessoa", "role": "auditor"})
            page = proved.get(PEOPLE).content.decode().replace(email, "")
            answers.append((answer.status_code, answer["Location"], page.count("Pessoa") > 0))
        assert answers[0] == answers[1] == (302, PEOPLE, True)

    @pytest.mark.parametrize("how", ["revoked", "sent anew", "expired", "forged", "another organization's"])
    def test_a_link_that_is_over_says_the_same_whatever_the_reason(self, organization, other, admin, web, how):
        now = timezone.now()
        made = invited(organization, admin, at=now - timedelta(days=8) if how == "expired" else now)
        path = path_of(made)
        with acting_for(organization.pk):
            if how == "revoked":
                revoke(made, by=admin, at=now)
            elif how == "sent anew":
                again = send_again(made, by=admin, at=now)
                assert path_of(again) != path and web.get(path_of(again)).status_code == 200
        if how == "forged":
            path = path[:-3] + ("AA/" if not path.endswith("AA/") else "BB/")
        if how == "another organization's":
            made.organization_id = other.pk
            path = path_of(made)
        answer = web.get(path)
        assert answer.status_code == 404 and "Este convite não vale mais" in answer.content.decode()
        assert "Vale Verde" not in answer.content.decode()
        assert web.post(path, {"name": "x", "password": "uma frase bem comprida"}).status_code == 404
        with acting_for(organization.pk):
            assert Membership.objects.count() == 1

    def test_members_are_not_invited_mails_are_counted_and_one_invitation_is_open(self, organization, admin):
        with acting_for(organization.pk):
            member = make_member(organization, "auditor", email="aud@vale-verde.example")
            with pytest.raises(InvitationRefused, match="já é da equipe"):
                invite(email="AUD@vale-verde.example ", name="x", role="auditor", team=None, by=admin, at=timezone.now())
            with pytest.raises(NotAllowed):
                invite(email=NEW, name="x", role="auditor", team=None, by=member, at=timezone.now())
        for _ in range(5):
            invited(organization, admin, "seis@fora.example")
        with pytest.raises(InvitationRefused, match="5 convites"):
            invited(organization, admin, "seis@fora.example")
        with acting_for(organization.pk):
            assert Invitation.objects.get().sendings == 5

    def test_somebody_who_left_comes_back_as_the_same_member(self, organization, admin, signed_in):
        with acting_for(organization.pk):
            ana = make_member(organization, "representative", email="volta@vale-verde.example")
            deactivate_membership(ana, admin)
        made = invited(organization, admin, "volta@vale-verde.example", role="auditor")
        signed_in(ana).post(path_of(made))
        with acting_for(organization.pk):
            ana.refresh_from_db()
        assert (ana.is_active, ana.deactivated_at, ana.role) == (True, None, "auditor")

    def test_inviting_and_roles_ask_first_who_sits_there(self, signed_in, admin):
        web = signed_in(admin)
        for path in ("invite/", f"members/{admin.pk}/end/"):
            assert web.get(PEOPLE + path)["Location"].startswith("/accounts/reauthenticate/")
        assert web.post(f"{PEOPLE}members/{admin.pk}/", {"role": "auditor"})["Location"].startswith("/accounts/reauthenticate/")


class TestTeams:
    def test_a_tree_is_made_moved_and_has_no_circles(self, acting, admin):
        south = save_team("Sul", parent=None, by=admin)
        city = save_team("Capital", parent=south, by=admin)
        shop = save_team("Centro", parent=city, by=admin)
        with pytest.raises(TeamRefused, match="abaixo dela mesma"):
            save_team("Sul", parent=shop, by=admin, team=south)
        with pytest.raises(TeamRefused, match="abaixo dela mesma"):
            save_team("Sul", parent=south, by=admin, team=south)
        with pytest.raises(TeamRefused, match="Já existe"):
            save_team("capital".title(), parent=None, by=admin)
        save_team("Centro velho", parent=south, by=admin, team=shop)
        assert [name for _pk, name in team_choices()] == ["Sul", "\u2003Capital", "\u2003Centro velho"]
        assert [name for _pk, name in team_choices(without=south)] == []
        with pytest.raises(TeamRefused, match="ainda tem"):
            remove_team(south, by=admin)
        remove_team(shop, by=admin)
        assert Team.objects.count() == 2
        with pytest.raises(NotAllowed):
            save_team("Outra", parent=None, by=make_member(acting, "manager"))

    def test_a_tree_has_a_height(self, acting, admin):
        team = None
        for n in range(8):
            team = save_team(f"N{n}", parent=team, by=admin)
        with pytest.raises(TeamRefused, match="níveis demais"):
            save_team("N8", parent=team, by=admin)


class TestRepresentatives:
    FORM = {
        "code": "V-09", "name": "Bruno Lima", "contract_type": "autonomous", "base_city": "Bauru", "base_state": "sp",
        "latitude": "-22.3", "longitude": "-49.06", "regions": "sp, MG", "segments": "Padaria", "capacity_clients": "120",
        "receive_ceiling": "5", "visits_per_day": "7", "commission": "4.5",
    }  # fmt: skip

    def test_one_is_registered_changed_and_told_without_personal_words(self, organization, admin, proved):
        answer = proved.post(f"{PEOPLE}representatives/new/", self.FORM)
        with acting_for(organization.pk):
            from accounts.models import Representative

            kept = Representative.objects.get(code="V-09")
            assert answer["Location"] == f"{PEOPLE}{kept.pk}/"
            assert (kept.regions, kept.base_state, float(kept.commission_rate)) == (["SP", "MG"], "SP", 0.045)
            assert (kept.receive_ceiling, kept.give_ceiling) == (5, None)
            assert "Bruno" not in str(AuditEvent.objects.get(action="representative.created").after)
        page = proved.get(answer["Location"]).content.decode()
        assert 'value="-22.3"' in page and 'value="4.5"' in page
        assert proved.post(answer["Location"], self.FORM).status_code == 302
        proved.post(answer["Location"], self.FORM | {"capacity_clients": "90", "receive_ceiling": "", "give_ceiling": "0"})
        with acting_for(organization.pk):
            (event,) = AuditEvent.objects.filter(action="representative.changed")
            assert event.before == {"capacity_clients": 120, "receive_ceiling": 5, "give_ceiling": None}
            assert event.after == {"capacity_clients": 90, "receive_ceiling": None, "give_ceiling": 0}

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"code": "V-01"}, "já é de outro vendedor"),
            ({"longitude": ""}, "ou nenhuma das duas"),
            ({"valid_from": "2026-05-02", "valid_to": "2026-05-01"}, "O fim vem antes"),
            ({"latitude": "91"}, "90"),
            ({"give_ceiling": "-1"}, "maior ou igual a 0"),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field_and_keeps_what_was_typed(self, organization, proved, change, says):
        with acting_for(organization.pk):
            RepresentativeFactory(code="V-01")
        answer = proved.post(f"{PEOPLE}representatives/new/", self.FORM | change)
        page = answer.content.decode()
        assert answer.status_code == 422 and says in page and "Bruno Lima" in page

    def test_one_sign_in_stands_for_one_representative(self, acting, admin):
        ana = make_member(acting, "representative")
        RepresentativeFactory(membership=ana)
        with pytest.raises(RepresentativeRefused, match="outro código"):
            save_representative({"membership": ana}, by=admin, representative=RepresentativeFactory())


class TestLists:
    def test_people_are_found_by_word_role_team_and_second_factor(self, organization, admin):
        with acting_for(organization.pk):
            team = TeamFactory()
            make_member(organization, "manager", name="João Conceição", email="jc@x.example", team=team)
            gone = make_member(organization, "auditor", name="Bia")
            deactivate_membership(gone, admin)
            for query, names in [
                ({"q": "conceicao"}, ["João Conceição"]),
                ({"q": "JC@X"}, ["João Conceição"]),
                ({"role": "admin"}, ["Helena"]),
                ({"team": str(team.pk)}, ["João Conceição"]),
                ({"state": "ended"}, ["Bia"]),
                ({"factor": "none"}, ["Helena", "João Conceição"]),
                ({"q": "%"}, []),
            ]:
                assert [row.name for row in people(PeopleFilter.parse(query)).rows] == names

    def test_the_second_factor_of_another_organizations_people_is_not_read(self, organization, other, admin):
        with acting_for(other.pk):
            make_member(other, "admin", name="Alheia")
        with acting_for(organization.pk), connection.cursor() as cursor:
            cursor.execute("SELECT membership_id FROM carteira_members()")
            assert cursor.fetchall() == [(admin.pk,)]

    @pytest.mark.parametrize("path", ["", "representatives/", "teams/"])
    def test_a_page_costs_the_same_for_one_row_and_for_many(self, organization, admin, proved, path):
        def add(n):
            with acting_for(organization.pk):
                for _ in range(n):
                    team = TeamFactory()
                    member = make_member(organization, "representative", email=f"{team.pk}@x.example", team=team)
                    ClientFactory(representative=RepresentativeFactory(team=team, membership=member))

        add(1)
        proved.get(PEOPLE + path)
        with CaptureQueriesContext(connection) as few:
            assert proved.get(PEOPLE + path).status_code == 200
        add(3)
        with CaptureQueriesContext(connection) as many:
            assert proved.get(PEOPLE + path).status_code == 200
        assert len(few) == len(many)

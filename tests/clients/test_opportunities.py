"""Opportunities: opened, moved, won, lost, and who sees them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Role
from clients.models import Opportunity, OpportunityMove
from clients.selectors.opportunities import SHOWN_EACH, board, opportunities_visible_to
from clients.services.opportunities import OpportunityRefused, change_opportunity, move_opportunity, open_opportunity
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)  # still the 21st in the organization
DAY = date(2026, 11, 21)


@pytest.fixture
def scene(acting):
    seller = make_member(acting, Role.REPRESENTATIVE)
    client = ClientFactory(representative=RepresentativeFactory(membership=seller))
    return client, seller


def test_an_opportunity_lives_through_its_stages_and_each_is_kept(scene):
    client, seller = scene
    chance = open_opportunity(client, title=" Linha nova ", value_cents=150_000, by=seller, at=NOW)
    assert (chance.title, chance.stage, chance.stage_since) == ("Linha nova", "contact", DAY)
    chance = move_opportunity(chance, to="proposal", by=seller, at=NOW, seen="contact")
    chance = move_opportunity(chance, to="lost", by=seller, at=NOW + timedelta(days=3), loss_reason="Preço")
    assert (chance.closed_on, chance.loss_reason) == (DAY + timedelta(days=3), "Preço")
    chance = move_opportunity(chance, to="negotiation", by=seller, at=NOW + timedelta(days=9))  # it opens again
    assert (chance.closed_on, chance.loss_reason, chance.stage_since) == (None, "", DAY + timedelta(days=9))
    chance = move_opportunity(chance, to="won", by=seller, at=NOW + timedelta(days=10))
    move_opportunity(chance, to="won", by=seller, at=NOW + timedelta(days=11))  # there already
    moves = OpportunityMove.objects.order_by("pk").values_list("from_stage", "to_stage", "moved_on")
    assert list(moves) == [
        ("", "contact", DAY),
        ("contact", "proposal", DAY),
        ("proposal", "lost", DAY + timedelta(days=3)),
        ("lost", "negotiation", DAY + timedelta(days=9)),
        ("negotiation", "won", DAY + timedelta(days=10)),
    ]
    assert AuditEvent.objects.filter(stream=f"opportunity:{chance.pk}").count() == 5


def test_what_cannot_be_is_refused_and_changes_nothing(scene, acting):
    client, seller = scene
    chance = open_opportunity(client, title="Linha nova", by=seller, at=NOW)
    with pytest.raises(OpportunityRefused):
        move_opportunity(chance, to="lost", by=seller, at=NOW, loss_reason="  ")
    with pytest.raises(OpportunityRefused):
        move_opportunity(chance, to="heaven", by=seller, at=NOW)
    with pytest.raises(OpportunityRefused):
        open_opportunity(client, title=" ", by=seller, at=NOW)
    with pytest.raises(OpportunityRefused):
        open_opportunity(client, title="Já ganha", by=seller, at=NOW, stage="won")
    with pytest.raises(OpportunityRefused):
        change_opportunity(chance, title="x", value_cents=-1, expected_on=None, source="", by=seller)
    move_opportunity(chance, to="qualified", by=seller, at=NOW)
    with pytest.raises(ChangedMeanwhile):
        move_opportunity(chance, to="proposal", by=seller, at=NOW, seen="contact")
    for member in (make_member(acting, Role.REPRESENTATIVE), make_member(acting, Role.AUDITOR)):
        with pytest.raises(NotAllowed):
            move_opportunity(chance, to="won", by=member, at=NOW)
        with pytest.raises(NotAllowed):
            change_opportunity(chance, title="x", value_cents=None, expected_on=None, source="", by=member)
    assert list(Opportunity.objects.values_list("stage", "title")) == [("qualified", "Linha nova")]


def test_the_board_shows_what_one_reaches_those_stopped_longest_first(acting, django_assert_num_queries):
    team, seller = TeamFactory(), make_member(acting, Role.REPRESENTATIVE)
    manager, auditor = make_member(acting, Role.MANAGER, team=team), make_member(acting, Role.AUDITOR)
    mine = ClientFactory(representative=RepresentativeFactory(membership=seller, team=team))
    far, gone = ClientFactory(representative=RepresentativeFactory()), ClientFactory(discarded_on=DAY)

    def chance(client, stage: str, days: int, **fields) -> Opportunity:
        return Opportunity.objects.create(client=client, title=f"{days}", stage=stage, stage_since=DAY - timedelta(days=days), **fields)

    for days in range(SHOWN_EACH + 2):
        chance(mine, "contact", days, value_cents=100)
    chance(mine, "proposal", 3)
    chance(far, "contact", 400, value_cents=5)
    chance(gone, "contact", 500)
    chance(mine, "lost", 2, closed_on=DAY - timedelta(days=2), loss_reason="Preço")
    chance(mine, "won", 100, closed_on=DAY - timedelta(days=100))
    with django_assert_num_queries(3):
        columns = board(seller, as_of=DAY)
    assert [(column.stage, column.count, column.cents, len(column.rows)) for column in columns] == [
        ("contact", SHOWN_EACH + 2, 100 * (SHOWN_EACH + 2), SHOWN_EACH),
        ("qualified", 0, 0, 0),
        ("proposal", 1, 0, 1),
        ("negotiation", 0, 0, 0),
    ]
    assert columns[0].rows[0].title == str(SHOWN_EACH + 1) and columns[0].more == 2
    assert [(column.stage, column.count) for column in board(seller, as_of=DAY, closed=True)] == [("won", 0), ("lost", 1)]
    assert board(manager, as_of=DAY)[0].count == SHOWN_EACH + 2
    assert board(auditor, as_of=DAY)[0].count == SHOWN_EACH + 3
    assert board(auditor, as_of=DAY, representative=far.representative_id)[0].count == 1
    assert board(seller, as_of=DAY, representative=far.representative_id)[0].count == 0
    assert opportunities_visible_to(seller).count() == SHOWN_EACH + 5

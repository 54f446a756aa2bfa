"""Whose clients a member reaches: one's own, those covered while the absence lasts, and those one works with beside another."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from accounts.models import Absence, Representative, Role, Team
from accounts.selectors import local_day
from clients.models import Client, Colleague
from clients.selectors import clients_visible_to
from clients.selectors.visibility import reach_of
from tests.factories import ClientFactory, RepresentativeFactory, make_member


@pytest.fixture
def ana(acting):
    return RepresentativeFactory(membership=make_member(acting, Role.REPRESENTATIVE, name="Ana"))


@pytest.fixture
def bruno(acting):
    return RepresentativeFactory(membership=make_member(acting, Role.REPRESENTATIVE, name="Bruno"))


def seen_by(representative) -> set[Client]:
    return set(clients_visible_to(representative.membership))


@pytest.mark.parametrize(("starts", "ends", "sees"), [(0, 1, True), (-3, 0, False), (1, 4, False), (-3, 4, True)])
def test_cover_reaches_the_clients_on_the_days_of_the_absence_only(acting, ana, bruno, starts, ends, sees):
    own, covered, foreign = ClientFactory(representative=ana), ClientFactory(representative=bruno), ClientFactory()
    today = local_day(acting, at=timezone.now())
    days = {"starts_on": today + timedelta(starts), "ends_on": today + timedelta(ends)}
    Absence.objects.create(organization=acting, representative=bruno, cover=ana, **days)
    assert seen_by(ana) == ({own, covered} if sees else {own})
    assert seen_by(bruno) == {covered}
    assert foreign not in seen_by(ana)


def test_a_colleague_reaches_the_client_and_no_other_of_its_representative(acting, ana, bruno):
    own, beside, other = ClientFactory(representative=ana), ClientFactory(representative=bruno), ClientFactory(representative=bruno)
    Colleague.objects.create(
        organization=acting, client=beside, membership=ana.membership, part="after_sales", since=local_day(acting, at=timezone.now())
    )
    assert seen_by(ana) == {own, beside}
    assert other not in seen_by(ana)


def test_reach_costs_one_query(acting, ana, django_assert_num_queries):
    with django_assert_num_queries(1):
        reach_of(ana.membership)


def test_a_manager_reaches_the_teams_clients_and_nobodys_is_no_teams(acting, ana, bruno, monkeypatch, django_assert_num_queries):
    """Named one by one, as a list, or, where the teams are all there is, as whoever has somebody."""
    north, south = Team.objects.create(name="Norte"), Team.objects.create(name="Sul")
    boss = make_member(acting, Role.MANAGER, name="Chefe", team=north)
    for representative, team in ((ana, north), (bruno, south)):
        Representative.objects.filter(pk=representative.pk).update(team=team)
    hers, his, nobodys = ClientFactory(representative=ana), ClientFactory(representative=bruno), ClientFactory(representative=None)
    for short in (50, 0):
        monkeypatch.setattr("clients.selectors.visibility.SHORT", short)
        assert set(clients_visible_to(boss)) == {hers}
        assert set(Client.objects.filter(Q(pk__in=clients_visible_to(boss)) | Q(pk=nobodys.pk))) == {hers, nobodys}
    Representative.objects.filter(pk=bruno.pk).update(team=None)
    assert (reach_of(boss).whole, set(clients_visible_to(boss))) == (False, {hers})
    Team.objects.filter(pk=south.pk).update(parent=north)
    Representative.objects.filter(pk=bruno.pk).update(team=south)
    with django_assert_num_queries(2):
        reach = reach_of(boss)
    assert (reach.whole, reach.representatives) == (True, sorted([ana.pk, bruno.pk]))
    assert set(clients_visible_to(boss)) == {hers, his}
    other = make_member(acting, Role.MANAGER, name="Outra")
    assert (reach_of(other).representatives, set(clients_visible_to(other))) == ([], set())

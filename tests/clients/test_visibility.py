"""Whose clients a member reaches: one's own, those covered while the absence lasts, and those one works with beside another."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Absence, Role
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

"""Past ownership and visits, from files."""

from datetime import date

import pytest

from accounts.tenancy import acting_for
from clients.models import Client, ClientActivity, Order
from portfolio.models import Ownership, Visit
from tests.clients.conftest import counts, refused_rows, take  # noqa: F401 - a fixture

HISTORY = """client_code,representative_code,started_on,ended_on,reason
C1,V2,2025-06-01,,troca
C1,V1,2025-01-01,2025-06-01,início
C2,V1,2025-01-01,2025-03-01,
"""


@pytest.fixture
def companies(take):  # noqa: F811
    take("representatives", "representative_code,name\nV1,Ana\nV2,Bruno\n")
    take("clients", "client_code,name\nC1,Um\nC2,Dois\n")
    take("orders", "order_code,client_code,ordered_on,amount\nP1,C1,2025-05-31,10\nP2,C1,2025-06-01,20\nP3,C2,2025-04-01,30\n")


def test_history_is_recorded_in_order_of_its_days_and_orders_are_credited_by_it(take, organization, companies):  # noqa: F811
    result = take("ownership", HISTORY)

    assert counts(result) == (3, 0, 0, 0, 0)
    with acting_for(organization.pk):
        rows = Ownership.objects.order_by("client__code", "seq").values_list(
            "client__code", "representative__code", "started_on", "ended_on"
        )
        assert list(rows) == [
            ("C1", "V1", date(2025, 1, 1), date(2025, 6, 1)),
            ("C1", "V2", date(2025, 6, 1), None),
            ("C2", "V1", date(2025, 1, 1), date(2025, 3, 1)),
        ]
        assert dict(Client.objects.values_list("code", "representative__code")) == {"C1": "V2", "C2": None}
        assert dict(Order.objects.values_list("code", "representative__code")) == {"P1": "V1", "P2": "V2", "P3": None}
    assert counts(take("ownership", HISTORY)) == (0, 0, 3, 0, 0)


def test_history_that_would_rewrite_the_ledger_is_refused_with_its_line(take, organization, companies):  # noqa: F811
    take("ownership", HISTORY)

    result = take("ownership", HISTORY.splitlines()[0] + "\nC1,V1,2025-02-01,2025-02-15,\nC9,V1,2025-01-01,,\nC2,V1,2099-01-01,,\n")

    assert counts(result) == (0, 0, 0, 0, 3)
    assert [(row["line"], row["column"]) for row in refused_rows(result)] == [
        ("2", "started_on"),
        ("3", "client_code"),
        ("4", "started_on"),
    ]
    with acting_for(organization.pk):
        assert Ownership.objects.count() == 3


def test_past_owners_sent_after_the_present_one_are_told_in_which_order_to_come(take, organization, companies):  # noqa: F811
    take("clients", "client_code,name,representative_code\nC1,Um,V2\n")

    [refused] = refused_rows(take("ownership", HISTORY.splitlines()[0] + "\nC1,V1,2025-01-01,2025-06-01,\n"))

    assert "mande os donos passados antes do atual" in refused["reason"]


def test_the_same_visits_twice_are_stored_once(take, organization, companies):  # noqa: F811
    text = "client_code,representative_code,visited_at,outcome\nC1,V1,2026-02-28T23:30:00-03:00,order\nC1,V1,2026-02-10 09:00,absent\n"

    assert counts(take("visits", text)) == (2, 0, 0, 0, 0)
    assert counts(take("visits", text)) == (0, 0, 2, 0, 0)
    assert counts(take("visits", text.replace("absent", "no_sale"))) == (0, 1, 1, 0, 0)

    with acting_for(organization.pk):
        assert list(Visit.objects.order_by("visited_at").values_list("visited_on", "outcome")) == [
            (date(2026, 2, 10), "no_sale"),
            (date(2026, 2, 28), "sale"),  # as a visit typed here says it
        ]
    other = "client_code,representative_code,visited_at,outcome\nC1,V1,2026-02-11 09:00,Não vendeu\nC1,V1,2026-02-12 09:00,Degustação\n"
    assert counts(take("visits", other)) == (2, 0, 0, 0, 0)
    with acting_for(organization.pk):
        assert set(Visit.objects.values_list("outcome", flat=True)) == {"no_sale", "sale", "Degustação"}
        activity = ClientActivity.objects.get(client__code="C1")
        assert (activity.last_visit_on, activity.last_contact_on) == (date(2026, 2, 28), date(2026, 2, 28))

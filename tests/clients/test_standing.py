"""Contracts and credit, imported."""

from datetime import date

import pytest

from accounts.tenancy import acting_for
from clients.models import Contract, CreditEvent, CreditSnapshot
from tests.clients.conftest import counts, refused_rows

CLIENTS = "client_code,name\nC1,Açaí do Pará\nC2,Bazar Dois\n"
CONTRACTS = """contract_code,client_code,starts_on,ends_on,amount,period,orders_expected
K1,C1,2025-04-01,2026-03-31,"12.000,00",anual,não
K2,C2,01/01/2026,30/06/2026,,semestral,
"""
CREDIT = """client_code,observed_on,score,overdue_amount,restrictions,event
C1,2026-02-01,710,0,0,
C1,2026-03-01,540,"1.250,40",2,Protesto 3º cartório
C1,2026-03-01,540,"1.250,40",2,Ação de cobrança
C2,2026-03-01,,,,Troca de sócios
"""


@pytest.fixture
def companies(take):
    take("clients", CLIENTS)


def test_contracts_come_with_what_they_expect(take, organization, companies):
    assert counts(take("contracts", CONTRACTS)) == (2, 0, 0, 0, 0)
    assert counts(take("contracts", CONTRACTS)) == (0, 0, 2, 0, 0)
    with acting_for(organization.pk):
        rows = Contract.objects.order_by("code").values_list("client__code", "ends_on", "amount_cents", "period", "orders_expected")
        assert list(rows) == [
            ("C1", date(2026, 3, 31), 1_200_000, "yearly", False),
            ("C2", date(2026, 6, 30), None, "half_yearly", True),
        ]


def test_a_renewed_contract_is_changed_in_place(take, organization, companies):
    take("contracts", CONTRACTS)

    assert counts(take("contracts", "contract_code,client_code,starts_on,ends_on\nK1,C1,2025-04-01,2027-03-31\n")) == (0, 1, 0, 0, 0)
    with acting_for(organization.pk):
        contract = Contract.objects.get(code="K1")
        assert (contract.ends_on, contract.amount_cents, contract.orders_expected) == (date(2027, 3, 31), 1_200_000, False)


def test_contracts_that_cannot_be_are_refused_by_line(take, companies):
    text = (
        "contract_code,client_code,starts_on,ends_on,period\nK1,C9,2026-01-01,2026-02-01,anual\n"
        "K2,C1,2026-02-01,2026-01-01,\nK3,C1,2026-01-01,2026-02-01,lunar\n"
    )

    result = take("contracts", text)

    assert counts(result) == (0, 0, 0, 0, 3)
    assert [row["contract_code"] for row in refused_rows(result)] == ["K1", "K2", "K3"]


def test_credit_keeps_one_row_of_figures_a_day_and_every_event(take, organization, companies):
    first = take("credit", CREDIT)

    assert counts(first) == (4, 0, 0, 0, 0)
    assert first.more == {"snapshots": 2, "events": 3}
    assert counts(take("credit", CREDIT)) == (0, 0, 4, 0, 0)
    with acting_for(organization.pk):
        rows = CreditSnapshot.objects.order_by("observed_on").values_list("client__code", "score", "overdue_cents", "restrictions")
        assert list(rows) == [("C1", 710, 0, 0), ("C1", 540, 125_040, 2)]
        assert set(CreditEvent.objects.values_list("client__code", "event")) == {
            ("C1", "Protesto 3º cartório"), ("C1", "Ação de cobrança"), ("C2", "Troca de sócios"),
        }  # fmt: skip


def test_a_figure_corrected_later_replaces_that_days(take, organization, companies):
    take("credit", CREDIT)

    assert counts(take("credit", "client_code,observed_on,score\nC1,2026-03-01,600\n")) == (0, 1, 0, 0, 0)
    with acting_for(organization.pk):
        assert CreditSnapshot.objects.get(observed_on=date(2026, 3, 1)).score == 600


def test_credit_from_the_future_negative_or_told_twice_is_refused(take, companies):
    text = (
        "client_code,observed_on,score,overdue_amount,event\nC1,2026-03-03,500,1,\nC1,2026-02-01,500,-1,\n"
        "C2,2026-02-01,500,1,Protesto\nC2,2026-02-01,501,1,Cobrança\n"
    )

    result = take("credit", text)

    assert counts(result) == (1, 0, 0, 0, 3)
    assert [row["observed_on"] for row in refused_rows(result)] == ["2026-03-03", "2026-02-01", "2026-02-01"]

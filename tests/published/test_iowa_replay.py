"""A real wholesaler, week by week: among as many flags as a rule by days, the model's are more often truly silent."""

import pytest

from bench.backtest import iowa
from tests.published.shared import SHARED, published


@pytest.mark.faults
def test_as_many_flags_as_thirty_days_and_at_least_27_of_100_truly_silent():
    """ENGINE.md section 9: 0.27 at least, where thirty days without an order reach 0.17."""
    published("iowa_wholesale/orders_2012_2020.csv.gz")
    said = []
    found = iowa(SHARED, said.append)
    beside = found["day_rule"]
    assert abs(beside["days"] - 30) <= 1 and abs(beside["flagged"] / found["flagged"] - 1) < 0.06
    assert beside["precision"] == pytest.approx(0.17, abs=0.01)
    assert found["precision"] >= 0.27
    assert found["lead_days"] > beside["lead_days"]

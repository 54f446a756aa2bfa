"""Columns that do not fit are refused by name; digests follow content."""

import numpy as np
import pytest

from rotation.engine.errors import EngineError, FactsError, MissingColumn
from rotation.engine.facts import Facts

from .builders import facts, representatives


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"client_id": [2, 2, 3]}, "not_sorted", "client_id"),
        ({"owner": [0, 1]}, "wrong_shape", "owner"),
        ({"lat": np.zeros(4)}, "wrong_shape", "lat"),
        ({"inactive_days": np.zeros(2)}, "wrong_shape", "inactive_days"),
        ({"former_start": [0, 2, 1, 2], "former_representative": [0, 0], "former_ended_on": [1, 1]}, "not_sorted", "former_start"),
        ({"former_start": [0, 1, 1, 2], "former_representative": [0], "former_ended_on": [1, 1]}, "wrong_shape", "former_start"),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_name(change, code, column):
    with pytest.raises(FactsError) as refused:
        facts(3, **change)
    assert (refused.value.code, refused.value.params["column"]) == (code, column)


def test_a_required_column_is_missed_by_name():
    with pytest.raises(MissingColumn) as refused:
        facts(1, net_12m=None)
    assert refused.value.params["column"] == "net_12m"
    assert issubclass(EngineError, ValueError)


def test_the_digest_follows_content_and_nothing_else():
    assert facts(3).digest() == facts(3, owner=np.full(3, -1, np.int8)).digest()
    assert facts(3).digest() != facts(3, owner=[-1, -1, 0]).digest()
    assert facts(3).digest() != facts(3, ufs=("SP",)).digest()
    assert representatives(2).digest() == representatives(2, regions=[set(), set()]).digest()
    assert representatives(2, regions=[{2, 1}, ()]).digest() == representatives(2, regions=[{1, 2}, ()]).digest()


def test_taking_rows_keeps_each_clients_own_lists():
    clients = facts(
        3,
        former_start=[0, 2, 2, 3],
        former_representative=[4, 5, 6],
        former_ended_on=[1, 2, 3],
        tags_start=[0, 1, 3, 3],
        tags_code=[0, 1, 2],
        tags=("a", "b", "c"),
    )
    some = clients.take(np.array([2, 0]))
    assert isinstance(some, Facts)
    assert (some.client_id.tolist(), some.former_start.tolist(), some.former_representative.tolist()) == ([1, 3], [0, 2, 3], [4, 5, 6])
    assert (some.tags_start.tolist(), some.tags_code.tolist(), some.tags) == ([0, 1, 1], [0], ("a", "b", "c"))

"""The bench of predictions: its measures worked by hand, the books it reads, and the design page's numbers on real orders."""

import gzip
import json

import numpy as np
import pytest

from bench import prediction
from bench.books import day_number, read_book
from bench.measures import auc, average_precision, brier, calibration_error, false_alarms_at_recall, interval, mean_over, precision_at_top

from .shared import published

SCORE = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.3, 0.2, 0.1, 0.1, 0.0])
CAME = np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 0], float)


def test_measures_worked_by_hand():
    # 21 pairs of a silent and a buying client; ties count half: 7 + 6.5 + 4.5
    assert auc(SCORE, CAME) == pytest.approx(18 / 21)
    # thresholds .9 (1 of 1), .8 (2 of 3), .3 (3 of 6)
    assert average_precision(SCORE, CAME) == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)
    assert brier(SCORE, CAME) == pytest.approx(np.mean((SCORE - CAME) ** 2))
    assert [precision_at_top(SCORE, CAME, share) for share in (0.1, 0.2, 0.3)] == pytest.approx([1, 0.75, 2 / 3])
    assert [false_alarms_at_recall(SCORE, CAME, recall) for recall in (0.3, 0.6, 0.8)] == pytest.approx([0, 1 / 3, 0.5])
    assert calibration_error(SCORE, CAME, groups=2) == pytest.approx((abs(0.64 - 2 / 5) + abs(0.14 - 1 / 5)) / 2)
    assert np.isnan([auc(SCORE, CAME * 0), average_precision(SCORE, CAME * 0), calibration_error(SCORE[:5], CAME[:5])]).all()


def test_a_mean_over_cut_offs_and_its_interval_by_client():
    luck = np.random.default_rng(4)
    client, cut = np.tile(np.arange(300), 2), np.repeat([10, 20], 300)
    score = luck.random(600)
    came = (luck.random(600) < score).astype(float)
    mean = mean_over(brier, score, came, cut)
    assert mean == pytest.approx((brier(score[:300], came[:300]) + brier(score[300:], came[300:])) / 2)
    low, high = interval(brier, score, came, cut, client, draws=200)
    assert low < mean < high
    # a client is drawn with all its cut-offs: saying everything twice narrows nothing
    twice = [np.tile(column, 2) for column in (score, came, client)]
    wide = interval(brier, twice[0], twice[1], np.r_[cut, cut + 5], twice[2], draws=200)
    assert wide[1] - wide[0] == pytest.approx(high - low, rel=0.25)


ORDERS = """invoice,customer_id,invoice_ts,amount_gbp
1,b,2020-01-02 10:00:00,10.50
2,b,2020-01-02 11:00:00,-0.25
3,a,2020-01-05 09:00:00,3
4,,2020-01-05 09:00:00,8
5,a,2020-01-01 09:00:00,-3
"""
LINES = """invoice,stock_code,quantity,invoice_ts,unit_price_gbp,customer_id
1,X,2,2020-01-02 10:00,1.50,b
1,X,1,2020-01-02 10:00,1.50,b
1,Y,1,2020-01-02 10:00,2.00,b
"""


def test_a_book_is_read_by_its_header(tmp_path):
    packed = tmp_path / "orders.csv.gz"
    packed.write_bytes(gzip.compress(ORDERS.encode()))
    made = read_book(packed)
    assert (np.diff(made.start).tolist(), made.net_cents.tolist()) == ([1, 1], [1025, 300])
    assert made.day.tolist() == [day_number("2020-01-02"), day_number("2020-01-05")]
    (tmp_path / "clients.csv").write_text("client_id,name\nc,none\na,some\n")
    named = read_book(packed, tmp_path / "clients.csv")
    assert (np.diff(named.start).tolist(), named.net_cents.tolist()) == ([0, 1], [300])
    (tmp_path / "lines.csv").write_text(LINES)
    lines = read_book(tmp_path / "lines.csv")
    assert (lines.net_cents.tolist(), lines.products.tolist()) == ([650], [2])


@pytest.mark.parametrize(("text", "says"), [
    ("name,date,amount\n", "none of client_id, customer_id"),
    ("client_id,date\n", "neither an amount nor"),
    ("client_id,date,amount\na,2020-01-01,1\na,soon,2\n", "line 3"),
])  # fmt: skip
def test_a_book_that_cannot_be_read_says_where(tmp_path, text, says):
    book = tmp_path / "book.csv"
    book.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_book(book)


def bench(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["bench.prediction", *map(str, arguments)])
    code = prediction.main()
    told = capsys.readouterr()
    return code, told.out, told.err


def test_any_book_is_scored_from_the_command_line(tmp_path, monkeypatch, capsys):
    luck = np.random.default_rng(6)
    rows = ["client_id,date,amount"]
    for i in range(60):
        at = np.datetime64("2020-01-01") + int(luck.integers(0, 60))
        end = at + int(luck.exponential(300))
        while at < min(end, np.datetime64("2020-12-20")):
            rows.append(f"{i},{at},{luck.integers(10, 90)}.00")
            at += int(luck.integers(5, 35))
    rows.append("60,2020-12-20,5.00")
    book = tmp_path / "book.csv"
    book.write_text("\n".join(rows))
    asked = ("--orders", book, "--cutoffs", "2020-07-01, 2020-12-01", "--horizon", "60", "--recent", "60", "--draws", "20", "--json")
    code, out, err = bench(monkeypatch, capsys, *asked)
    found = json.loads(out)
    assert (code, found["cutoffs"], found["methods"]) == (0, 1, ["mixture"])
    assert "2020-12-01 had not closed" in err
    assert set(found["contenders"]["default"]) == {*prediction.RANKING, *prediction.CHANCE}
    value, low, high = found["contenders"]["default"]["auc"]
    assert low <= value <= high
    assert bench(monkeypatch, capsys, *asked[:-3])[1].count("default") >= 1
    code, out, err = bench(monkeypatch, capsys, "--orders", tmp_path / "absent.csv", "--cutoffs", "2020-07-01")
    assert (code, out) == (1, "") and "is not here" in err


def test_an_unknown_setting_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit):
        bench(monkeypatch, capsys, "nowhere")
    assert "iowa_42" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["online_retail", pytest.param("iowa_42", marks=pytest.mark.faults)])
def test_the_default_reaches_the_design_pages_numbers(name):
    setting = next(setting for setting in prediction.SETTINGS if setting.name == name)
    published(str(setting.orders.relative_to(prediction.SHARED)))
    found = prediction.evaluate(setting, draws=0)
    default, lost = found["contenders"]["default"], found["auc_lost_by_25_clients"]
    assert found["methods"] == ["blend"] and lost <= 0.01
    for measure, aim in setting.aims.items():
        sign, bound = aim.split()
        assert default[measure][0] >= float(bound) if sign == ">=" else default[measure][0] <= float(bound)

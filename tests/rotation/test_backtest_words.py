"""What a test of the past says aloud: simple fractions that are right, and grammar that follows the number."""

import pytest
from django.utils import translation

from rotation.backtest_words import comparison, fraction, lead_words, sentences

RESULT = {
    "cutoffs": 53,
    "cadence": "week",
    "per_cutoff": [{"cutoff": "2025-08-04", "flagged": 20}, *({"cutoff": "2026-08-03", "flagged": 2} for _ in range(52))],
    "flagged": 124,
    "false_alarms": 31,
    "false_alarm_rate": 0.25,
    "stopped": 100,
    "missed": 10,
    "missed_held": 0,
    "coverage": 0.9,
    "lead_days": 34,
    "horizon_days": 90,
    "at_stake_cents": 120_000_000,
    "upper_bound_cents": 12_000_000,
    "lift": 0.1,
    "day_rule": {"days": 75, "false_alarm_rate": 0.4},
}


def said(**changes):
    with translation.override("pt-br"):
        return sentences({**RESULT, **changes}, "BRL")


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, (0, 1)),
        (0.001, (1, 1000)),
        (0.03, (1, 30)),
        (0.24, (1, 4)),
        (0.49, (1, 2)),
        (0.66, (2, 3)),
        (0.91, (9, 10)),
        (0.995, (199, 200)),
        (1, (1, 1)),
    ],
)
def test_a_share_is_the_nearest_fraction_people_say_and_never_none_or_all_of_some(share, expected):
    assert fraction(share) == expected


def test_the_whole_of_it_read_aloud():
    assert [each.replace("\u00a0", " ") for each in said()] == [
        "Em 12 meses esta regra teria avisado de 9 em cada 10 clientes que pararam, 34 dias antes.",
        "1 em cada 4 avisos teria sido à toa: o cliente comprou sozinho em até 90 dias.",
        "Contar só os dias sem compra, com o mesmo número de avisos (75 dias), erraria 40%; esta regra, 25%.",
        "No primeiro giro seriam 20 avisos; depois, cerca de 2 por semana.",
        "Com os que silenciaram mesmo estavam em jogo R$ 1,2 mi por ano; se 10% voltassem (suposto), seriam no máximo R$ 120 mil.",
    ]


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"lead_days": -3.5}, "mas só 4 dias depois."),
        ({"lead_days": 0}, "no dia em que pararam."),
        ({"lead_days": 1}, "1 dia antes."),
        ({"coverage": 1, "missed": 0}, "de todos os clientes que pararam"),
        ({"coverage": 0.5}, "de metade dos clientes"),
        ({"coverage": 0, "missed": 100, "lead_days": None}, "não teria avisado a tempo de nenhum dos 100 clientes"),
        ({"stopped": 0, "missed": 0, "coverage": None, "lead_days": None}, "nenhum cliente que esta regra olha parou"),
    ],
)
def test_the_first_sentence_follows_the_numbers(changes, first):
    assert first in said(**changes)[0]


def test_what_was_held_and_what_was_in_vain():
    assert "Dos 10 que não viu, 4 estavam protegidos pela própria regra." in said(missed_held=4)
    assert "Dos 10 que não viu, 1 estava protegido pela própria regra." in said(missed_held=1)
    assert "3 em cada 4 avisos teriam sido à toa" in said(false_alarm_rate=0.75)[1]
    assert said(flagged=0, false_alarms=0, false_alarm_rate=None, at_stake_cents=0)[1:] == ["Não teria avisado de ninguém."]
    assert said(cutoffs=0, per_cutoff=[]) == ["Ainda nenhuma data deste período tem desfecho conhecido."]


def test_two_versions_and_the_lead_in_a_word():
    with translation.override("pt-br"):
        parts = {"only_new": {"flagged": 52, "false_alarms": 13}, "only_old": {"flagged": 3}}
        assert comparison({"compared": parts}, "v7").endswith(
            "52 silêncios que só esta veria, 3 que só aquela viu. Dos novos, 25% seriam à toa."
        )
        assert lead_words({"lead_days": -4}) == "4 dias depois" and lead_words({"lead_days": 1}) == "1 dia"
        assert lead_words({"lead_days": None}) == "–" and lead_words(None) == ""

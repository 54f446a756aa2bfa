"""The pairs against a plain double loop, and the reasons where there are none."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.engine.geometry import chord_km, haversine_km, points
from rotation.engine.pairs import REASONS, eligible_pairs, recovery_factor, room_for

from .builders import TODAY, facts, representatives, rule
from .test_pipeline import sorted_world, world


def test_distances_of_known_cities():
    # São Paulo (Sé) to Rio de Janeiro (centre) is about 361 km; a degree of the equator 111.195 km
    assert haversine_km(-23.5503, -46.6339, -22.9068, -43.1729) == pytest.approx(360.7, abs=1)
    assert haversine_km(0, 0, 0, 1) == pytest.approx(111.195, abs=0.001)


def one(made_rule, clients, reps, room=None):
    room = np.full(len(reps), 5) if room is None else np.asarray(room)
    return eligible_pairs(clients, reps, np.arange(len(clients)), np.full(len(clients), 1000.0), room, made_rule, TODAY)


def test_value_falls_with_distance_and_rises_with_team_segment_and_record():
    clients = facts(1, owner=[4], lat=[0.0], lon=[0.0], segment=[0], segments=("food",))
    reps = representatives(
        5,
        team=[1, 2, 2, 2, 1],
        lat=np.zeros(5),
        lon=[0, 0, 0.9, 0, 5],
        segments=[(), {0}, (), (), ()],
        received=[0, 0, 0, 80, 20],
        recovered=[0, 0, 0, 40, 0],
    )
    wants = rule(receivers={"same_region": False, "same_segment": True, "prefer_team": True, "not_former_within_days": 0, "max_km": 300})
    found = one(wants, clients, reps)
    share = 0.4
    record = (40 + 20 * share) / (80 + 20) / share
    km = haversine_km(0, 0, 0, 0.9)
    assert found.representative.tolist() == [0, 1, 2, 3]
    assert found.value.tolist() == [1200, 1200, round(1000 * np.exp(-km / 100)), round(1000 * record)]
    assert recovery_factor(reps).tolist() == pytest.approx([1, 1, 1, record, 0.5])


def test_unknown_coordinates_count_as_same_city_or_region_alone():
    clients = facts(2, lat=[np.nan, np.nan], lon=[np.nan, np.nan], city=[7, -1], uf=[0, 0], ufs=("SP", "RJ"))
    reps = representatives(3, lat=[0.0, 0.0, 0.0], lon=[0.0, 0.0, 0.0], city=[7, 8, 7], regions=[{0}, {0}, {1}])
    found = one(rule(receivers={"same_region": False, "max_km": 50, "not_former_within_days": 0}), clients, reps)
    assert list(zip(found.client.tolist(), found.representative.tolist(), strict=True)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert np.isnan(found.km).all()
    near, far = round(1000 * np.exp(-0.1)), round(1000 * np.exp(-0.5))
    assert found.value.tolist() == [near, far, near, far, far]


@pytest.mark.parametrize(
    ("reason", "columns", "rep_columns", "room"),
    [
        ("no_receiver", {}, {"active": [False]}, [0]),
        ("no_receiver", {"owner": [0]}, {}, [5]),
        ("no_region", {"uf": [0]}, {"regions": [{1}]}, [5]),
        ("no_region", {"uf": [-1]}, {"regions": [{1}]}, [5]),
        ("no_segment", {"segment": [0]}, {"segments": [{1}]}, [5]),
        ("too_far", {"lat": [0.0], "lon": [0.0]}, {"lat": [0.0], "lon": [1.0]}, [5]),
        ("cooling_off", {"former_start": [0, 1], "former_representative": [0], "former_ended_on": [TODAY - 364]}, {}, [5]),
        ("no_room", {"former_start": [0, 1], "former_representative": [0], "former_ended_on": [TODAY - 365]}, {}, [0]),
    ],
)
def test_no_pair_says_which_condition_left_nobody(reason, columns, rep_columns, room):
    clients = facts(1, **{"uf": [0], "segment": [0], "ufs": ("SP", "RJ"), "segments": ("a", "b"), **columns})
    wants = rule(receivers={"max_km": 100})
    found = one(wants, clients, representatives(1, **rep_columns), room)
    assert (len(found), REASONS[found.why[0]]) == (0, reason)


def test_room_is_the_smallest_of_capacity_share_and_own_ceiling():
    reps = representatives(
        6,
        capacity=[50, 50, 50, 3, 50, 50],
        holds=[0, 48, 60, 0, 0, 0],
        receive_ceiling=[-1, -1, -1, -1, 2, -1],
        absent=[False] * 5 + [True],
    )
    made = rule(limits={"receive_share": 0.1})
    assert room_for(made, reps).tolist() == [5, 2, 0, 1, 2, 0]
    assert room_for(made, reps, received=np.full(6, 1)).tolist() == [4, 1, 0, 0, 1, 0]


def plainly(made_rule, clients, reps, room, stake, keep):
    """Every pair, one at a time, as the design page words it."""
    wants, found = made_rule.receivers, {}
    record = recovery_factor(reps)
    for i in range(len(clients)):
        worth = []
        for j in range(len(reps)):
            if not reps.active[j] or (reps.absent is not None and reps.absent[j]) or room[j] <= 0 or clients.owner[i] == j:
                continue
            if wants.same_region and reps.regions[j] and int(clients.uf[i]) not in reps.regions[j]:
                continue
            if wants.same_segment and reps.segments[j] and int(clients.segment[i]) not in reps.segments[j]:
                continue
            inside = slice(clients.former_start[i], clients.former_start[i + 1])
            pairs = zip(clients.former_representative[inside], clients.former_ended_on[inside], strict=True)
            if any(who == j and TODAY - ended < wants.not_former_within_days for who, ended in pairs):
                continue
            km = float(haversine_km(clients.lat[i], clients.lon[i], reps.lat[j], reps.lon[j]))
            if np.isnan(km):
                if reps.regions[j] and int(clients.uf[i]) not in reps.regions[j] and wants.max_km is not None:
                    continue
                km = wants.max_km or 100.0
            elif wants.max_km is not None and km > wants.max_km:
                continue
            bonus = 1.2 if int(clients.segment[i]) in reps.segments[j] else 1.0
            if wants.prefer_team and clients.owner[i] >= 0 and reps.team[clients.owner[i]] == reps.team[j]:
                bonus *= 1.2
            worth.append((record[j] * bonus * np.exp(-km / 100), j))
        best = sorted(worth, key=lambda pair: (-pair[0], pair[1]))[:keep]
        for factor, j in best:
            found[i, j] = stake[i] * factor
    return found


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([None, 60, 200]), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_pairs_equal_a_plain_double_loop(seed, strict, max_km, keep):
    clients, reps = sorted_world(*world(seed, n=60), np.arange(60), np.arange(9))
    wants = {"same_region": strict, "same_segment": strict, "max_km": max_km, "not_former_within_days": 300, "prefer_team": strict}
    made = rule(receivers=wants)
    r = np.random.default_rng(seed)
    room, stake = r.integers(0, 3, 9), r.random(60) * 1e6
    found = eligible_pairs(clients, reps, np.arange(60), stake, room, made, TODAY, keep)
    expected = plainly(made, clients, reps, room, stake, keep)
    got = dict(zip(zip(found.client.tolist(), found.representative.tolist(), strict=True), found.value.tolist(), strict=True))
    assert got.keys() == expected.keys()
    assert all(abs(got[pair] - expected[pair]) <= 0.51 for pair in got)
    assert ((found.why >= 0) == (np.diff(found.start) == 0)).all()
    order = list(zip(found.client.tolist(), found.representative.tolist(), strict=True))
    assert order == sorted(order)
    # the same where the map is cut, as it is for receivers by the hundred
    with patch("rotation.engine.pairs.FEW", 0):
        cut = eligible_pairs(clients, reps, np.arange(60), stake, room, made, TODAY, keep)
    for name in ("start", "representative", "value", "km", "why"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(found, name))


def test_chords_measure_the_same_distances_as_the_haversine():
    r = np.random.default_rng(1)
    lat, lon = np.append(r.uniform(-90, 90, 200), [-23.5, -23.5, np.nan]), np.append(r.uniform(-180, 180, 200), [-46.6, -46.6, 10.0])
    lat[:50], lon[:50] = -23.5 + r.normal(0, 0.01, 50), -46.6 + r.normal(0, 0.01, 50)
    there = points(lat, lon)
    km = chord_km(there, there)
    expected = haversine_km(lat[:, None], lon[:, None], lat, lon)
    near = expected < 15_000
    assert np.isnan(km[-1]).all() and np.isnan(km[:, -1]).all()
    assert np.abs(km - expected)[near].max() < 1e-6
    assert np.nanmax(np.abs(km - expected)) < 1e-3
    assert km[200, 201] == 0

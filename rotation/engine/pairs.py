"""Which representative may receive which client, and what the pair is worth (ENGINE.md sections 3 "Money" and 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .facts import Array, Facts, Representatives
from .geometry import chord_km, haversine_km, points
from .rules import Limits, Rule

KEEP = 20
NEAR = 8192  # clients whose rows are closed up together
REASONS = ("no_receiver", "no_region", "no_segment", "too_far", "cooling_off", "no_room")
NO_RECEIVER, NO_REGION, NO_SEGMENT, TOO_FAR, COOLING_OFF, NO_ROOM = range(len(REASONS))

KM_SCALE = 100.0
SEGMENT_BONUS = 0.2
TEAM_BONUS = 0.2
PRIOR_RECEIVED = 20.0
SAME_CITY_KM = 10.0
BLOCK = 1_000_000  # cells of one distance block: 8 MB a temporary
FEW = 2 * KEEP  # receivers so few that looking at all of them costs less than cutting the map to look at fewer


@dataclass(frozen=True, eq=False)
class Pairs:
    """Eligible pairs, sorted by client, then representative.

    ``start`` (k + 1,): the pairs of client i are ``[start[i]:start[i + 1]]``; ``client`` and ``representative``
    (n_pairs,) are positions, the first among the clients looked at; ``value`` (n_pairs,) int64 cents; ``km``
    (n_pairs,) float32, NaN unknown. ``why`` (k,) says for a client without pairs which condition left nobody, as a
    position in ``REASONS``; -1 elsewhere.
    """

    start: Array
    client: Array
    representative: Array
    value: Array
    km: Array
    why: Array

    @property
    def n_clients(self) -> int:
        return len(self.start) - 1

    def __len__(self) -> int:
        return len(self.client)


def room_for(rule: Rule, representatives: Representatives, received: Array | int = 0) -> NDArray[np.int64]:
    """Clients each representative may still take in this run, shape (n_representatives,).

    The smallest of free capacity, the rule's share of capacity (at least one), and the representative's own ceiling.
    Clients leaving in the same run free nothing: a manager may refuse them. ``received`` is what earlier rules of the
    run already gave. Inactive or absent representatives have none.
    """
    capacity = representatives.capacity.astype(np.int64)
    free = capacity - representatives.holds
    share = most_received(rule.limits, capacity, representatives.receive_ceiling)
    room = np.maximum(np.minimum(free, share) - received, 0)
    room[~_valid(representatives)] = 0
    return room


def most_received(limits: Limits, capacity: Array, ceiling: Array | None = None) -> NDArray[np.int64]:
    """Clients each representative may receive in one run whatever is free, shape (n_representatives,): the rule's share of its capacity (at
    least one), and its own ``ceiling`` where that is not negative."""
    share = np.maximum(np.floor(limits.receive_share * capacity + 1e-9).astype(np.int64), 1)
    return share if ceiling is None else np.where(ceiling >= 0, np.minimum(share, ceiling), share)


def give_for(rule: Rule, representatives: Representatives, given: Array | int = 0) -> NDArray[np.int64]:
    """Clients each owner may lose in this run, shape (n_representatives,): a share of those held, at least one.

    Owners who left are not protected: their clients need someone.
    """
    share = np.maximum(np.floor(rule.limits.give_share * representatives.holds.astype(np.float64) + 1e-9).astype(np.int64), 1)
    if representatives.give_ceiling is not None:
        share = np.where(representatives.give_ceiling >= 0, np.minimum(share, representatives.give_ceiling), share)
    give = np.maximum(share - given, 0)
    give[~representatives.active] = np.iinfo(np.int64).max // 4
    return give


def recovery_factor(representatives: Representatives) -> NDArray[np.float64]:
    """How each representative recovers received clients against the average, shrunk by 20 average cases, 0.5 to 2."""
    if representatives.received is None or representatives.recovered is None:
        return np.ones(len(representatives))
    return recovery_factors(representatives.received, representatives.recovered)


def recovery_factors(received: Array, recovered: Array) -> NDArray[np.float64]:
    """The same from counts alone, shape (n,): clients received, and those of them who bought again."""
    received, recovered = received.astype(float), recovered.astype(float)
    if received.sum() <= 0 or recovered.sum() <= 0:
        return np.ones(len(received))
    share = recovered.sum() / received.sum()
    return np.clip((recovered + PRIOR_RECEIVED * share) / (received + PRIOR_RECEIVED) / share, 0.5, 2.0)


def eligible_pairs(
    facts: Facts, representatives: Representatives, rows: Array, stake_cents: Array, room: Array, rule: Rule, as_of: int, keep: int = KEEP
) -> Pairs:
    """The best ``keep`` eligible representatives of each client.

    Parameters
    ----------
    rows : shape (k,), rising positions in ``facts``
    stake_cents : shape (k,), float64 cents
        At stake times lift; the pair is worth that times recovery, segment, team and distance.
    room : shape (n_representatives,), clients
    as_of : day, for the cooling-off of former owners

    Returns
    -------
    Pairs
        Exact: the coarse cells only leave out representatives that cannot be among a client's best ``keep``.

    Raises
    ------
    MissingColumn
        The rule demands the same region, segment or a cooling-off and the column was not given.
    """
    search = _Search(facts, representatives, rows, rule, as_of, room > 0)
    # rows of one width while searching, a client's pairs from the left: no sort of millions afterwards
    width = min(keep, max(len(search.usable), 1))
    representative = np.full((len(rows), width), -1, np.int32)
    value = np.zeros((len(rows), width), np.int64)
    km = np.zeros((len(rows), width), np.float32)
    for members in search.groups():
        for clients, best, factor, distance in search.best(members, keep):
            factor *= stake_cents.take(clients)[:, None]
            np.rint(factor, out=factor)
            if best.shape[1] == width:
                # whole rows: half the time of parts of rows
                representative[clients], km[clients], value[clients] = best, distance, factor
                continue
            here = slice(0, best.shape[1])
            representative[clients, here], km[clients, here], value[clients, here] = best, distance, factor
    counts = np.count_nonzero(representative >= 0, axis=1)
    start = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    representative, value, km = _closed_up((representative, value, km), start)
    return Pairs(
        start=start,
        client=np.repeat(np.arange(len(rows), dtype=np.int32), counts),
        representative=representative,
        value=value,
        km=km,
        why=search.why_none(np.flatnonzero(counts == 0)),
    )


def _closed_up(tables: tuple[Array, ...], start: Array) -> list[Array]:
    """Rows of one width without their empty cells, where the first table is negative, one after the other.

    A few thousand rows at a time stay in the processor's cache: a seventh of the time of all at once.
    """
    closed = [np.empty(int(start[-1]), table.dtype) for table in tables]
    for first in range(0, len(tables[0]), NEAR):
        some = slice(first, first + NEAR)
        kept = np.flatnonzero(tables[0][some] >= 0)
        here = slice(int(start[first]), int(start[first]) + len(kept))
        for table, out in zip(tables, closed, strict=True):
            table[some].reshape(-1).take(kept, out=out[here], mode="clip")
    return closed


def _valid(representatives: Representatives) -> Array:
    absent = representatives.absent
    return representatives.active if absent is None else representatives.active & ~absent


class _Search:
    """The tables one search needs, and the blocks it works in."""

    def __init__(self, facts: Facts, reps: Representatives, rows: Array, rule: Rule, as_of: int, has_room: Array) -> None:
        k, m = len(rows), len(reps)
        wants = rule.receivers
        self.rule, self.rows, self.reps = rule, rows, reps
        self.valid = _valid(reps)
        self.usable = np.flatnonzero(self.valid & has_room)
        self.has_room = has_room
        self.owner = facts.owner[rows]
        self.team_of_owner = np.append(reps.team, -2)[self.owner]  # -2: nobody's team

        if wants.same_region or facts.region is not None or facts.uf is not None:
            codes, words = facts.region_codes("receivers.same_region")
            self.region = codes[rows]
            self.serves = _served(reps.regions, max(len(words), int(self.region.max(initial=-1)) + 1))
        else:
            self.region = np.full(k, -1, np.int32)
            self.serves = np.ones((1, m), bool)
        if any(reps.segments):
            self.segment = facts.need("segment", "receivers.same_segment")[rows]
            size = max(len(facts.segments), int(self.segment.max(initial=-1)) + 1)
            self.specialist = _served(reps.segments, size, everyone=False)
            self.takes = self.specialist | np.array([not codes for codes in reps.segments])
        else:
            self.segment = np.full(k, -1, np.int32)
            self.specialist, self.takes = np.zeros((1, m), bool), np.ones((1, m), bool)

        unknown = np.full(max(k, m), np.nan)
        self.lat = facts.lat[rows] if facts.lat is not None else unknown[:k]
        self.lon = facts.lon[rows] if facts.lon is not None else unknown[:k]
        self.rep_lat = reps.lat if reps.lat is not None else unknown[:m]
        self.rep_lon = reps.lon if reps.lon is not None else unknown[:m]
        self.point, self.rep_point = points(self.lat, self.lon), points(self.rep_lat, self.rep_lon)
        self.placed = ~(np.isnan(self.lat) | np.isnan(self.lon))
        self.rep_placed = ~(np.isnan(self.rep_lat) | np.isnan(self.rep_lon))
        self.city = facts.city[rows] if facts.city is not None else np.full(k, -1, np.int32)
        self.rep_city = reps.city if reps.city is not None else np.full(m, -1, np.int32)

        self.max_km = np.inf if wants.max_km is None else float(wants.max_km)
        self.unknown_km = KM_SCALE if wants.max_km is None else float(wants.max_km)
        self.log_recovery = np.log(recovery_factor(reps))
        self.cooling_client, self.cooling_rep = self._cooling(facts, rows, as_of)
        self.cooling_start = np.searchsorted(self.cooling_client, np.arange(k + 1))
        self.most_cooling = int(np.diff(self.cooling_start).max(initial=0))

    def _cooling(self, facts: Facts, rows: Array, as_of: int) -> tuple[Array, Array]:
        """(position among rows, representative) of every former owner still cooling off, sorted by position."""
        days = self.rule.receivers.not_former_within_days
        if days == 0:
            return np.empty(0, np.int64), np.empty(0, np.int32)
        start = facts.need("former_start", "receivers.not_former_within_days")
        representative = facts.need("former_representative", "receivers.not_former_within_days")
        ended_on = facts.need("former_ended_on", "receivers.not_former_within_days")
        length = start[rows + 1] - start[rows]
        client = np.repeat(np.arange(len(rows)), length)
        inside = np.repeat(start[rows] - np.concatenate(([0], np.cumsum(length)[:-1])), length) + np.arange(len(client))
        recent = (as_of - ended_on[inside].astype(np.int64) < days) & (representative[inside] >= 0)
        return client[recent], representative[inside][recent]

    def groups(self) -> list[Array]:
        """Clients of one region, segment and stretch of map: the pruning of one group serves all its members."""
        k = len(self.rows)
        if k == 0 or len(self.usable) == 0:
            return []
        words = (self.region.astype(np.int64) + 1) * (int(self.segment.max(initial=0)) + 2) + self.segment + 1
        wide = self.placed & self._choice_is_wide(words)
        for degrees in (0.5, 1.0, 2.0, 4.0, 8.0):
            cell = np.where(self.placed, np.floor((np.nan_to_num(self.lat) + 90) / degrees), 0).astype(np.int64)
            cell = cell * 1000 + np.where(self.placed, np.floor((np.nan_to_num(self.lon) + 180) / degrees), 999).astype(np.int64)
            cell = np.where(wide, cell, 0)
            cell = np.where(self.placed, cell, -1 - self.city.astype(np.int64) - 1)
            _, key = np.unique(words * 2_000_000 + cell, return_inverse=True)
            if key.max() + 1 <= max(k / 40, 64):
                break
        order = np.argsort(key, kind="stable")
        cuts = np.flatnonzero(np.diff(key[order])) + 1
        return np.split(order, cuts)

    def _choice_is_wide(self, words: Array) -> NDArray[np.bool_]:
        """Whether more than a few may receive a client for its region and segment, shape (k,); ``words`` tells those pairs apart."""
        _, first, group = np.unique(words, return_index=True, return_inverse=True)
        fits = np.ones((len(first), len(self.usable)), bool)
        if self.rule.receivers.same_region:
            fits &= self.serves[self.region[first]][:, self.usable]
        if self.rule.receivers.same_segment:
            fits &= self.takes[self.segment[first]][:, self.usable]
        return (fits.sum(axis=1) > FEW)[group]

    def best(self, members: Array, keep: int) -> Iterator[tuple[Array, Array, Array, Array]]:
        """Blocks of one group's best pairs: clients (c,), representatives (c, at most ``keep``) rising and -1 where there is
        no more, their factors and km."""
        candidates, bonus = self._prune(members, keep)
        if len(candidates) == 0:
            return
        size = max(BLOCK // len(candidates), 1)
        for i in range(0, len(members), size):
            yield self._block(members[i : i + size], candidates, bonus, keep)

    def _prune(self, members: Array, keep: int) -> tuple[Array, Array]:
        """Usable representatives that could be among the best ``keep`` of any member, with their log factor but distance."""
        one = members[0]
        region, segment = self.region[one], self.segment[one]
        reps = self.usable
        wants = self.rule.receivers
        fits = np.ones(len(reps), bool)
        in_region = self.serves[region, reps]
        if wants.same_region:
            fits &= in_region
        if wants.same_segment:
            fits &= self.takes[segment, reps]
        reps, in_region = reps[fits], in_region[fits]
        bonus = self.log_recovery[reps] + np.log1p(SEGMENT_BONUS) * self.specialist[segment, reps]
        if not self.placed[one]:
            same_city = (self.rep_city[reps] == self.city[one]) & (self.city[one] >= 0)
            near = same_city | in_region if np.isfinite(self.max_km) else np.ones(len(reps), bool)
            return reps[near], bonus[near]
        lat, lon = self.lat[members], self.lon[members]
        centre = lat.mean(), lon.mean()
        radius = haversine_km(*centre, lat, lon).max()
        km = haversine_km(*centre, self.rep_lat[reps], self.rep_lon[reps])
        known = self.rep_placed[reps]
        low = np.where(known, np.maximum(km - radius, 0), min(SAME_CITY_KM, self.unknown_km))
        high = np.where(known, km + radius, self.unknown_km)
        # rounding must not shut out a pair that sits exactly on the limit
        near = ~known | (low <= self.max_km + 1e-6)
        team = np.log1p(TEAM_BONUS) if wants.prefer_team else 0.0
        certain = known & (high <= self.max_km)
        floor = np.sort((bonus - high / KM_SCALE)[certain])
        spare = keep + 1 + self.most_cooling
        if len(floor) > spare:
            near &= bonus + team - low / KM_SCALE >= floor[-spare] - 1e-9
        return reps[near], bonus[near]

    def _km(self, clients: Array, reps: Array) -> tuple[Array, Array, Array]:
        """Known km (NaN), km to reckon with, and whether distance allows the pair; shape (clients, reps)."""
        km = chord_km(self.point[:, clients], self.rep_point[:, reps])
        unknown = np.isnan(km)
        if not unknown.any():
            return km, km, km <= self.max_km
        same_city = (self.rep_city[reps] == self.city[clients, None]) & (self.city[clients, None] >= 0)
        reckoned = np.where(unknown, np.where(same_city, min(SAME_CITY_KM, self.unknown_km), self.unknown_km), km)
        if not np.isfinite(self.max_km):
            return km, reckoned, np.ones(km.shape, bool)
        with np.errstate(invalid="ignore"):
            allowed = np.where(unknown, same_city | self.serves[self.region[clients]][:, reps], km <= self.max_km)
        return km, reckoned, allowed

    def _block(self, clients: Array, reps: Array, bonus: Array, keep: int) -> tuple[Array, Array, Array, Array]:
        km, reckoned, allowed = self._km(clients, reps)
        score = bonus - reckoned / KM_SCALE
        if self.rule.receivers.prefer_team:
            score += np.log1p(TEAM_BONUS) * (self.reps.team[reps] == self.team_of_owner[clients, None])
        score[~allowed | (reps == self.owner[clients, None])] = -np.inf
        self._forbid_former(score, clients, reps)
        if len(reps) > keep:
            # a stable sort of what ties at the edge: the lower id stays, on every machine
            worst = np.partition(score, -keep, axis=1)[:, -keep]
            kept = score >= worst[:, None]
            unclear = np.flatnonzero(np.count_nonzero(kept, axis=1) > keep)
            if len(unclear):
                first = np.argsort(-score[unclear], axis=1, kind="stable")[:, :keep]
                kept[unclear] = False
                kept[unclear[:, None], first] = True
            at = np.flatnonzero(kept)
            score, km = score.reshape(-1).take(at).reshape(-1, keep), km.reshape(-1).take(at).reshape(-1, keep)
            best = reps.take(at % len(reps)).reshape(-1, keep)
        else:
            best = np.broadcast_to(reps, score.shape)
        if not score.min(initial=0) > -np.inf:
            best = np.where(score > -np.inf, best, -1)
        return clients, best, np.exp(score), km

    def _forbid_former(self, score: Array, clients: Array, reps: Array) -> None:
        if self.most_cooling == 0:
            return
        length = self.cooling_start[clients + 1] - self.cooling_start[clients]
        total = int(length.sum())
        if total == 0:
            return
        row = np.repeat(np.arange(len(clients)), length)
        inside = np.repeat(self.cooling_start[clients] - np.concatenate(([0], np.cumsum(length)[:-1])), length) + np.arange(total)
        column = np.full(len(self.reps), -1, np.int64)
        column[reps] = np.arange(len(reps))
        at = column[self.cooling_rep[inside]]
        score[row[at >= 0], at[at >= 0]] = -np.inf

    def why_none(self, without: Array) -> NDArray[np.int8]:
        """The first condition that leaves nobody, for the clients that have no pair."""
        why = np.full(len(self.rows), -1, np.int8)
        reps = np.flatnonzero(self.valid)
        size = max(BLOCK // max(len(reps), 1), 1)
        for i in range(0, len(without), size):
            clients = without[i : i + size]
            left = np.broadcast_to(reps != self.owner[clients, None], (len(clients), len(reps))).copy()
            reason = np.full(len(clients), NO_ROOM, np.int8)
            reason[~left.any(axis=1)] = NO_RECEIVER
            settled = ~left.any(axis=1)
            for code, allowed in self._stages(clients, reps, left):
                left &= allowed
                now = ~left.any(axis=1) & ~settled
                reason[now] = code
                settled |= now
            why[clients] = reason
        return why

    def _stages(self, clients: Array, reps: Array, left: Array):
        wants = self.rule.receivers
        if wants.same_region:
            yield NO_REGION, self.serves[self.region[clients]][:, reps]
        if wants.same_segment:
            yield NO_SEGMENT, self.takes[self.segment[clients]][:, reps]
        if np.isfinite(self.max_km):
            yield TOO_FAR, self._km(clients, reps)[2]
        cooling = np.zeros(left.shape)
        self._forbid_former(cooling, clients, reps)
        yield COOLING_OFF, cooling == 0


def _served(sets: tuple[frozenset[int], ...], n_codes: int, everyone: bool = True) -> NDArray[np.bool_]:
    """Does each representative serve each code? Shape (n_codes + 1, n_representatives); the last row is "unknown".

    An empty set is no restriction: it serves every code, the unknown one too, when ``everyone``.
    """
    table = np.zeros((n_codes + 1, len(sets)), bool)
    for column, codes in enumerate(sets):
        if not codes:
            table[:, column] = everyone
        else:
            table[[code for code in codes if 0 <= code < n_codes], column] = True
    return table

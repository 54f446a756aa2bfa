"""A rule replayed on the past: whom it would have flagged, cut-off by cut-off, and what became of them (ENGINE.md section 8).

What a caller uses::

    cutoffs = cutoffs_between(first, last, "week")
    test = Backtest([rule], past, facts, representatives, cutoffs, known_until=day)
    while test.step():
        ...                                  # test.done of len(cutoffs); test.result(0) may be asked at any moment
    proof = test.result(0, whole=True)       # plain JSON, with the rule by days alone beside it

Each cut-off sees what had happened by that day and nothing later. Several rules share the cut-offs, the facts and the scores,
so that two versions are compared on the same ground. A client is flagged once for each silence. Only cut-offs whose
horizon has closed are judged; those after them are counted as ``open_cutoffs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from .evaluate import Columns, population_and_flags
from .facts import NO_DAY, Array, Facts, Representatives
from .guards import check_guards
from .judging import EPOCH, Alone, Fate, FlagColumns, Flags, Judged, Silences, by_cutoff, by_month, by_owner, judge, next_order_on, totals
from .limiting import Queue, limits_replayed
from .past import Past
from .replay import Moment, Replay, last_orders, not_replayed, replayed_guards, uses_probabilities
from .rules import Rule
from .scoring import at_stake_cents, score

SAMPLE = 20
Cadence = Literal["week", "month"]


@dataclass(frozen=True, eq=False)
class Risk:
    """What a model said on a cut-off; float64 of shape (n,), NaN for prospects. ``method`` names who answered."""

    p_silent: Array
    p_cross: Array
    method: str


class Predictor(Protocol):
    """Answers for one cut-off from what was known on it; None where it cannot, and the day rule answers."""

    def __call__(self, moment: Moment, horizon: int) -> Risk | None: ...


def cutoffs_between(first: date, last: date, cadence: Cadence) -> NDArray[np.int64]:
    """Days from ``first`` up to ``last``, a week or a calendar month apart; the 31st becomes a short month's last day."""
    if cadence == "week":
        return np.arange((first - EPOCH).days, (last - EPOCH).days + 1, 7, dtype=np.int64)
    days: list[int] = []
    months = first.year * 12 + first.month - 1
    while True:
        begin = date(months // 12, months % 12 + 1, 1)
        following = date((months + 1) // 12, (months + 1) % 12 + 1, 1)
        day = min(begin + timedelta(days=first.day - 1), following - timedelta(days=1))
        if day > last:
            return np.array(days, np.int64)
        days.append((day - EPOCH).days)
        months += 1


class _Watch:
    """What one rule gathers while the cut-offs pass."""

    def __init__(self, rule: Rule, n: int, silences: Silences) -> None:
        self.rule = rule
        self.guards = replayed_guards(rule)
        self.flagged_for = np.full(n, NO_DAY - 1, np.int64)  # the silence each client was last flagged for
        self.population = np.zeros(n, bool)
        self.rows: list[tuple[Array, int, Array, Array, Array]] = []
        self.matching = np.zeros(n, bool)  # on the last cut-off, flagged before or not
        self.silences = silences
        self.free: list[Array] = []  # packed: in the population and not held, per cut-off
        self.longest = np.full(n, -1, np.int64)
        self.of_silence = np.full(n, NO_DAY, np.int64)
        self.ended: list[Array] = []
        self.methods: dict[str, int] = {}
        self.held = 0
        self.queue = Queue(rule, n)
        self.seen = np.zeros(n, bool)

    def look(self, k: int, moment: Moment, risk: Risk | None, silences: slice, closed: bool) -> None:
        """One cut-off; ``silences`` are those that reached their limit since the one before."""
        facts, as_of = moment.facts, moment.as_of
        if risk is not None:
            facts = facts.with_columns(p_silent=risk.p_silent, p_cross=risk.p_cross)
        scores = score(facts, as_of, self.rule.value.horizon_days)
        method = scores.method if risk is None else risk.method
        self.methods[method] = self.methods.get(method, 0) + 1
        population, flagged = population_and_flags(self.rule, Columns(facts, moment.representatives, scores, as_of))
        population, flagged = population & moment.exist, flagged & moment.exist
        rows = np.flatnonzero(population)
        free = np.zeros(len(facts), bool)
        free[rows] = check_guards(self.guards, facts, moment.representatives, rows, as_of).code < 0
        self.held += int((flagged & ~free).sum())
        matching = flagged & free
        last_on = facts.last_on.astype(np.int64)
        fresh = np.flatnonzero(matching & (self.flagged_for != last_on))
        self.flagged_for[fresh] = last_on[fresh]
        waiting = self.queue.waiting_now(matching, last_on)  # the fresh among them: who was never flagged for this silence never went
        stake = at_stake_cents(scores, self.rule.value.margin_rate, waiting, facts.client_id)
        self.rows.append((fresh, k, last_on[fresh], facts.owner[fresh], stake[np.searchsorted(waiting, fresh)]))
        self.queue.take(k, waiting, last_on, facts.owner, stake, moment.representatives, len(rows))
        self.matching = matching
        # the limit came between two cut-offs: looked at on either is looked at
        client = self.silences.client[silences]
        self.silences.watched[silences] = (self.population | population)[client]
        self.silences.held[silences] = (flagged & ~free)[client]
        self.population = population
        self.seen |= population
        if closed:
            self._remember_silence(free, last_on, facts.x >= 0, as_of)

    def _remember_silence(self, free: Array, last_on: Array, ordered: Array, as_of: int) -> None:
        """How long each silence had grown when it was last looked at and free: what a rule by days would have seen."""
        ended = (last_on != self.of_silence) & (self.longest >= 0)
        self.ended.append(self.longest[ended])
        self.longest[last_on != self.of_silence] = -1
        self.of_silence = last_on
        free = free & ordered
        self.longest[free] = as_of - last_on[free]
        self.free.append(np.packbits(free))


class Backtest:
    """Rules replayed together.

    Parameters
    ----------
    rules : at least one; the first is the one asked about, the others are compared with it
    past, facts, representatives : see ``Replay``
    cutoffs : rising days, at least one
    known_until : the last day whose orders are all known; a horizon that ends after it has not closed
    predictor : answers where a rule uses probabilities; without one the day rule does

    Raises
    ------
    FactsError
        A column a rule needs is absent.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        past: Past,
        facts: Facts,
        representatives: Representatives,
        cutoffs: Array,
        *,
        known_until: int,
        predictor: Predictor | None = None,
    ) -> None:
        self.past, self.cutoffs, self.known_until = past, np.asarray(cutoffs, np.int64), known_until
        self.representatives, self.client_id = representatives, facts.client_id
        self.predictor = predictor
        self.horizon = max(rule.value.horizon_days for rule in rules)
        self.closed = int(np.searchsorted(self.cutoffs, known_until - self.horizon, side="right"))
        self.done = 0
        self._replay = Replay(past, facts, representatives, self.cutoffs, list(rules))
        reached = [Silences.reached(past, np.asarray(facts.inactive_days), self.cutoffs) for _ in rules]
        self._ends = np.searchsorted(reached[0].cutoff, np.arange(len(self.cutoffs)), side="right")
        self._watches = [_Watch(rule, len(facts), silences) for rule, silences in zip(rules, reached, strict=True)]

    def step(self) -> bool:
        """Look at one more cut-off; False when there is none left."""
        k = self.done
        if k >= len(self.cutoffs):
            return False
        moment = self._replay.advance()
        risks: dict[int, Risk | None] = {}
        silences = slice(int(self._ends[k - 1]) if k else 0, int(self._ends[k]))
        for watch in self._watches:
            horizon, risk = watch.rule.value.horizon_days, None
            if self.predictor is not None and uses_probabilities(watch.rule):
                if horizon not in risks:
                    risks[horizon] = self.predictor(moment, horizon)
                risk = risks[horizon]
            watch.look(k, moment, risk, silences, k < self.closed)
        self.done += 1
        return self.done < len(self.cutoffs)

    def matching(self, rule: int = 0) -> NDArray[np.bool_]:
        """Who matched on the last cut-off looked at, flagged before or not; shape (n,): what a run of that day flags."""
        return self._watches[rule].matching

    def flags(self, rule: int = 0) -> Flags:
        """Every flag so far, those of open cut-offs included."""
        return Flags.of(self._watches[rule].rows)

    def judged(self, rule: int = 0) -> Judged:
        """What became of the flags of the closed cut-offs looked at so far."""
        watch = self._watches[rule]
        return judge(
            self.past, self.cutoffs[: min(self.done, self.closed)], watch.rule.value.horizon_days, self.flags(rule), watch.silences
        )

    def limited(self, rule: int = 0) -> Judged:
        """What became of those that the run's ceilings would have let through, of the closed cut-offs looked at so far."""
        watch = self._watches[rule]
        flags = Flags.of(watch.queue.rows)
        return judge(self.past, self.cutoffs[: min(self.done, self.closed)], watch.rule.value.horizon_days, flags, watch.silences)

    def _limits(self, rule: int, load: list[dict[str, Any]]) -> dict[str, Any]:
        """The same in numbers; adds to each row of ``load`` what would have been proposed of that representative's clients."""
        watch, judged = self._watches[rule], self.limited(rule)
        mine = {row["representative"]: row for row in by_owner(judged, len(self.representatives))}
        for row in load:
            found = mine.get(row["representative"], {})
            row |= {"proposed": found.get("flagged", 0), "most_proposed": found.get("most", 0)}
        kept, left = limits_replayed(watch.rule)
        each = np.bincount(judged.flags.cutoff, minlength=1)
        return {
            "kept": kept,
            "left": left,
            "proposed": len(judged.flags),
            "false_alarms": int(judged.ordered.sum()),
            "most": int(each.max()),
            "waiting": watch.queue.waiting[len(judged.cutoffs) - 1] if len(judged.cutoffs) else 0,
        }

    def result(self, rule: int = 0, *, whole: bool = False) -> dict[str, Any]:
        """Numbers of the cut-offs looked at so far, as plain JSON; ``whole`` adds the rule by days with as many flags."""
        watch, judged = self._watches[rule], self.judged(rule)
        guards, today = not_replayed(watch.rule)
        flags = self.flags(rule)
        per_cutoff = by_cutoff(judged)
        later = np.bincount(flags.cutoff, minlength=self.done)[len(per_cutoff) : self.done]
        load = by_owner(judged, len(self.representatives))
        limits = self._limits(rule, load)
        made = {
            "cutoffs": len(per_cutoff),
            **totals(judged, watch.rule.value.lift),
            "horizon_days": watch.rule.value.horizon_days,
            "clients": int(watch.seen.sum()),
            "held": watch.held,
            "score_methods": watch.methods,
            "not_replayed": guards,
            "as_today": today,
            "per_cutoff": per_cutoff,
            "per_month": by_month(judged),
            "open_cutoffs": [
                {"cutoff": (EPOCH + timedelta(days=int(day))).isoformat(), "flagged": int(count)}
                for day, count in zip(self.cutoffs[len(per_cutoff) : self.done], later, strict=True)
            ],
            "limits": limits,
            "load": [
                {**row, "representative": int(self.representatives.id[row["representative"]]) if row["representative"] >= 0 else None}
                for row in load
            ],
            "sample": self._sample(judged, np.arange(len(judged.flags))),
        }
        if whole:
            made["day_rule"] = self._day_rule(watch, len(judged.flags))
        return made

    def compared(self) -> dict[str, Any]:
        """Rule 0 against rule 1: flags of the same silence by both, by one alone, and how many of each were false alarms."""
        new, old = self.judged(0), self.judged(1)
        also_old, also_new = np.isin(new.flags.key(), old.flags.key()), np.isin(old.flags.key(), new.flags.key())

        def part(judged: Judged, rows: Array) -> dict[str, Any]:
            alarms = int((judged.ordered & rows).sum())
            return {"flagged": int(rows.sum()), "false_alarms": alarms, "sample": self._sample(judged, np.flatnonzero(rows))}

        return {
            "both": {"flagged": int(also_old.sum()), "false_alarms": int((new.ordered & also_old).sum())},
            "only_new": part(new, ~also_old),
            "only_old": part(old, ~also_new),
        }

    def flag_columns(self) -> FlagColumns:
        """Every flag of the first rule so far, then those the second alone made, each with what came of it."""
        parts = [self._flag_columns(0, Alone.NEW)]
        if len(self._watches) > 1:
            old = self._flag_columns(1, Alone.OLD)
            parts.append(old.where(old.alone == Alone.OLD))
        whole = FlagColumns(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(FlagColumns)))
        return whole.where(np.lexsort((whole.flagged_on, whole.client, -whole.stake_cents)))

    def _flag_columns(self, rule: int, mine: Alone) -> FlagColumns:
        flags, horizon = self.flags(rule), self._watches[rule].rule.value.horizon_days
        on = self.cutoffs[flags.cutoff] if len(flags) else np.empty(0, np.int64)
        then = next_order_on(self.past, flags.client, on)
        known = flags.cutoff < self.closed
        alone = np.full(len(flags), Alone.BOTH, np.int64)
        if len(self._watches) > 1:
            # as the comparison counts: a closed cut-off's beside those of closed ones
            other, judged = self.flags(1 - rule).key(), self.judged(1 - rule).flags.key()
            alone[~np.where(known, np.isin(flags.key(), judged), np.isin(flags.key(), other))] = mine
        fate = np.where(~known, Fate.OPEN, np.where(then <= on + horizon, Fate.ORDERED, Fate.SILENT)).astype(np.int64)
        stake = np.round(flags.stake_cents).astype(np.int64)
        return FlagColumns(self.client_id[flags.client].astype(np.int64), on, flags.last_on, then, stake, fate, alone)

    def _sample(self, judged: Judged, rows: Array) -> list[dict[str, Any]]:
        """The flags with most at stake, then by client."""
        flags = judged.flags
        best = rows[np.lexsort((flags.client[rows], -flags.stake_cents[rows]))][:SAMPLE]
        return [
            {
                "client": int(self.client_id[flags.client[i]]),
                "cutoff": (EPOCH + timedelta(days=int(judged.cutoffs[flags.cutoff[i]]))).isoformat(),
                "days_since_last": int(judged.cutoffs[flags.cutoff[i]] - flags.last_on[i]) if flags.last_on[i] != NO_DAY else None,
                "silent": not bool(judged.ordered[i]),
                "at_stake_cents": round(float(flags.stake_cents[i])),
            }
            for i in best
        ]

    def _day_rule(self, watch: _Watch, wanted: int) -> dict[str, Any] | None:
        """The number of days that flags as many (the nearest there is), on the same population and guards; None for none."""
        longest = np.concatenate([*watch.ended, watch.longest[watch.longest >= 0]])
        longest = np.sort(longest[longest > 0])[::-1]
        if not wanted or not len(longest):
            return None
        at = int(longest[min(wanted, len(longest)) - 1])
        # of all the numbers of days that flag the same silences, the longest speaks for them
        nearest = [at, *longest[longest > at][-1:].tolist()]
        counts = {days: int((longest >= days).sum()) for days in nearest}
        days = min(counts, key=lambda each: (abs(counts[each] - wanted), each))
        judged = self._judged_by_days(watch, days)
        found = totals(judged, watch.rule.value.lift)
        for name in ("at_stake_cents", "lift", "upper_bound_cents"):
            del found[name]  # no value was put on these flags
        return {"days": days, **found}

    def _judged_by_days(self, watch: _Watch, days: int) -> Judged:
        """What a rule of so many days would have flagged among those the watched rule looked at and did not hold."""
        n, rows = len(self.client_id), []
        flagged_for = np.full(n, NO_DAY - 1, np.int64)
        cutoffs = self.cutoffs[: len(watch.free)]
        for k, last_on in enumerate(last_orders(self.past, cutoffs)):
            free = np.unpackbits(watch.free[k], count=n).astype(bool)
            fresh = np.flatnonzero(free & (last_on != NO_DAY) & (cutoffs[k] - last_on >= days) & (flagged_for != last_on))
            flagged_for[fresh] = last_on[fresh]
            rows.append((fresh, k, last_on[fresh], np.full(len(fresh), -1), np.zeros(len(fresh))))
        return judge(self.past, cutoffs, watch.rule.value.horizon_days, Flags.of(rows), watch.silences)

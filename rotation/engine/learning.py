"""Second stage of a prediction: what this organization's own closed windows teach about silence (ENGINE.md section 3).

A window is a past day and what came in the horizon after it. It is used once it has closed, and what is said in it rests on
earlier days only: the mixture that speaks there was fitted no later than its day. Days are on a fixed grid, so the same
windows serve every later day, and a prediction made from kept windows equals one made alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .facts import Array
from .history import OrderHistory
from .logistic import Logistic, chance, fit_logistic, logit
from .models import TooFewClients
from .silence import Silence
from .timeline import FEATURES, Timeline, View

Floats = NDArray[np.float64]
EVERY, FIT_EVERY = 30, 90  # days between cut-offs, and between the mixtures that speak at them
CUT_OFFS = 24  # two years: older ways of buying taught less (AP .407 against .413 with all nine years of a wholesaler's)
FIRST_CUT_AFTER = 60  # days of orders before there is anything to tell clients apart by
LEARN_WITHIN = 365  # days of silence: those gone for longer say nothing of who is about to go
LEARN_AT_MOST, FIT_PAST_AT_MOST = 10_000, 4_000  # clients a cut-off, chosen by id
CLIENTS_NEEDED, LAPSES_NEEDED, RETURNS_NEEDED = 200, 100, 100
PRIOR_SD = 0.5
MOST_WEIGHT = 2 / 3
GROUPS, GROUP_AT_LEAST, CALIBRATION_WINDOWS = 10, 10, 6
_DAYS = 1 << 24  # more than any day: client and day in one number
COLUMNS = (*FEATURES, "p_silent", "p_silent_soon", "p_alive")


@dataclass(frozen=True, eq=False)
class Window:
    """Clients at one cut-off and what came: ``columns`` (m, len(COLUMNS)), ``silent`` (m,), ``said`` (m,) log odds of the mixture."""

    view: View
    columns: Floats
    silent: NDArray[np.bool_]
    said: Floats


@dataclass(frozen=True, eq=False)
class SecondVoice:
    """What was learnt by one day: ``model`` None where too little had happened, and ``basis`` why, in plain JSON."""

    model: Logistic | None
    weight: float
    basis: dict[str, Any]

    def log_odds(self, columns: Array, said: Array) -> Floats:
        """Of silence, both voices together: columns (m, len(COLUMNS)), ``said`` (m,) the mixture's; shape (m,)."""
        if self.model is None:
            return said
        return self.weight * self.model.log_odds(columns) + (1.0 - self.weight) * said


class Past:
    """The closed windows of one organization for one horizon, each computed once."""

    def __init__(self, history: OrderHistory, horizon: int) -> None:
        self.history, self.horizon = history, horizon
        self.timeline = Timeline(history)
        self.first = int(history.day.min()) if len(history.day) else None
        self._first_days = np.sort(history.day[history.start[:-1][np.diff(history.start) > 0]])
        self._views: dict[int, View] = {}
        self._windows: dict[int, Window | None] = {}
        self._models: dict[int, Logistic] = {}
        self._fits: dict[int, Silence | None] = {}

    def cut_offs(self, as_of: int) -> list[int]:
        """Days of the grid whose windows had closed by ``as_of``, latest first."""
        if self.first is None:
            return []
        latest = (as_of - self.horizon) // EVERY * EVERY
        return list(range(latest, self.first + FIRST_CUT_AFTER - 1, -EVERY))

    def columns(self, view: View, silence: Silence) -> tuple[Floats, Floats]:
        """What both stages know of the view's clients: columns (m, len(COLUMNS)) and the mixture's log odds (m,).

        ``silence`` speaks of the same clients on the same day.
        """
        said = logit(silence.p_silent(self.horizon))
        soon, alive = logit(silence.p_silent(max(1, self.horizon // 3))), logit(silence.p_alive())
        return np.column_stack((view.features, said, soon, alive)), said

    def view(self, cut: int) -> View:
        """The clients of one cut-off that something can be learnt from."""
        if cut not in self._views:
            self._views[cut] = self.timeline.on(cut, self.horizon, LEARN_WITHIN, LEARN_AT_MOST)
        return self._views[cut]

    def window(self, cut: int) -> Window | None:
        """The window of one cut-off, or None where too few had ordered by then."""
        if cut not in self._windows:
            self._windows[cut] = self._look(cut)
        return self._windows[cut]

    def learn(self, as_of: int) -> SecondVoice:
        """The second voice from windows closed by ``as_of``."""
        cuts = self.cut_offs(as_of)[:CUT_OFFS]
        found = {
            "clients": int(np.searchsorted(self._first_days, as_of, side="right")),
            "lapses": self._spells(cuts, True),
            "returns": self._spells(cuts, False),
        }
        needed = {"clients": CLIENTS_NEEDED, "lapses": LAPSES_NEEDED, "returns": RETURNS_NEEDED}
        basis: dict[str, Any] = {"used": False, "cut_offs": len(cuts), **found}
        basis |= {f"{counted}_needed": least for counted, least in needed.items()}
        for counted, least in needed.items():
            if found[counted] < least:
                return SecondVoice(None, 0.0, basis | {"reason": f"few_{counted}"})
        windows = [window for window in map(self.window, cuts) if window is not None]
        model = self._model(cuts[0], windows)
        told = min(found["lapses"], found["returns"])
        weight = min(told / (told + LAPSES_NEEDED), MOST_WEIGHT)
        coefficients = {name: round(float(value), 4) for name, value in zip(COLUMNS, model.coefficients, strict=True)}
        learnt = {"used": True, "rows": sum(len(w.silent) for w in windows), "weight": round(weight, 4), "coefficients": coefficients}
        return SecondVoice(model, weight, basis | learnt)

    def calibration(self, as_of: int, limit: Array) -> dict[str, Any] | None:
        """What was said and what came, in windows that do not overlap, latest first; None below ten clients a group.

        Looked at are the clients that were not inactive on the day: ``limit`` (n,) days. In each window spoke what had been
        learnt by its own day, and nothing later.
        """
        apart = -(-self.horizon // EVERY)
        said, came, told = [], [], []
        for cut in self.cut_offs(as_of)[::apart][:CALIBRATION_WINDOWS]:
            window = self.window(cut)
            if window is None:
                continue
            voice = self.learn(cut)
            of = window.view.since < limit[window.view.rows]
            said.append(chance(voice.log_odds(window.columns, window.said))[of])
            came.append(window.silent[of])
            told.append(
                {"as_of": cut, "second_voice": voice.model is not None, "clients": int(of.sum()), "silent": int(window.silent[of].sum())}
            )
        n = sum(map(len, said))
        if n < GROUPS * GROUP_AT_LEAST:
            return None
        groups = _groups(np.concatenate(said), np.concatenate(came))
        error = sum(g["n"] * abs(g["predicted"] - g["observed"]) for g in groups) / n
        return {"horizon": self.horizon, "clients": n, "error": round(error, 4), "groups": groups, "windows": told}

    def _spells(self, cuts: list[int], silent: bool) -> int:
        """Spells of silence that went on (or ended with an order), each counted once however many windows tell of it."""
        keys = []
        for view in map(self.view, cuts):
            of = self.timeline.came_silent(view, self.horizon) == silent
            keys.append(view.rows[of] * _DAYS + (view.as_of - view.since)[of])
        return len(np.unique(np.concatenate(keys))) if keys else 0

    def _model(self, latest: int, windows: list[Window]) -> Logistic:
        if latest not in self._models:
            columns = np.concatenate([w.columns for w in windows])
            silent = np.concatenate([w.silent for w in windows])
            # windows overlap: a spell of silence is told several times, and should weigh once
            self._models[latest] = fit_logistic(columns, silent, weight=min(1.0, EVERY / self.horizon), prior_sd=PRIOR_SD)
        return self._models[latest]

    def _look(self, cut: int) -> Window | None:
        silence = self._speaker(cut)
        if silence is None:
            return None
        view = self.view(cut)
        few = self.history if len(view.rows) == len(self.history) else self.history.take(view.rows)
        columns, said = self.columns(view, silence.about(few, cut))
        return Window(view, columns, self.timeline.came_silent(view, self.horizon), said)

    def _speaker(self, cut: int) -> Silence | None:
        """The mixture that speaks at a cut-off: fitted on its day, or up to ``FIT_EVERY`` days before it in a longer history."""
        on = cut // FIT_EVERY * FIT_EVERY
        if self.first is None or on < self.first + 2 * FIT_EVERY:
            on = cut
        if on not in self._fits:
            try:
                self._fits[on] = Silence.fitted(self.history, on, at_most=FIT_PAST_AT_MOST)
            except TooFewClients:
                self._fits[on] = None
        return self._fits[on]


def _groups(said: Floats, came: Array) -> list[dict[str, Any]]:
    """Ten groups of equal size, from the lowest chance to the highest."""
    order = np.argsort(said, kind="stable")
    parts = zip(np.array_split(said[order], GROUPS), np.array_split(came[order], GROUPS), strict=True)
    return [{"predicted": round(float(p.mean()), 4), "observed": round(float(c.mean()), 4), "n": len(p)} for p, c in parts]

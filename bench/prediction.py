"""How good the predictions are: asked on past days with what was known then, against what came.

    python -m bench.prediction                                  # the settings of the design page, on the shared data
    python -m bench.prediction iowa_42                          # one of them
    python -m bench.prediction --orders FILE [--clients FILE] --cutoffs 2019-03-31,2019-09-30 --horizon 90 --recent 180
    python -m bench.prediction --speed                          # CPU seconds of fits and scores, beside a plain floor

A client counts at a cut-off when its last order is at most ``--recent`` days old; it went silent when no valid order came in
the horizon. Every measure is the mean over the cut-offs; brackets hold 95% of bootstrap draws of clients, each with all its
cut-offs. ``--json`` prints one JSON line a setting instead of tables. What files may look like: bench/books.py.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

# matrices here are a few numbers wide: sharing them between threads costs more than it brings
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.books import SHARED, day_number, read_book
from bench.measures import CHANCE, RANKING, auc, interval, mean_over
from rotation.engine.learning import Past
from rotation.engine.logistic import chance
from rotation.engine.models import MIN_CLIENTS, TooFewClients, fit_single
from rotation.engine.prediction import OrderHistory, Predictor
from rotation.engine.silence import CALENDAR, Silence

QUARTERS = [f"{year}-{day}" for year in range(2014, 2020) for day in ("03-31", "06-30", "09-30")]
SMALL, SMALL_DRAWS = 25, 10


@dataclass(frozen=True)
class Setting:
    """One question asked on several days; ``aims`` are the numbers of the design page, ``inactive`` the fixed rule's days."""

    name: str
    orders: Path
    cutoffs: tuple[str, ...]
    horizon: int
    recent: int
    clients: Path | None = None
    inactive: int = 90
    aims: dict[str, str] = field(default_factory=dict)


IOWA, ONLINE = SHARED / "iowa_wholesale/orders_2012_2020.csv.gz", SHARED / "online_retail/invoices_2009-12_2010-12.csv.gz"
SETTINGS = (
    Setting(
        "online_retail", ONLINE, ("2010-05-31", "2010-06-30", "2010-07-31", "2010-08-31", "2010-09-10"), 90, 180,
        aims={"auc": ">= 0.730", "brier": "<= 0.210"},
    ),
    # every second quarter's end from 2015-03-31 to 2019-09-30
    Setting(
        "iowa_42", IOWA, tuple(QUARTERS[3::2]), 42, 42,
        aims={"auc": ">= 0.90", "average_precision": ">= 0.40", "calibration_error": "<= 0.015"},
    ),
    Setting("iowa_90", IOWA, tuple(QUARTERS), 90, 45),
)  # fmt: skip


@dataclass
class Answers:
    """Scores of one contender over all cut-offs; ``chance`` where the score claims to be one."""

    chance: bool
    scores: list[np.ndarray] = field(default_factory=list)


def contenders() -> dict[str, Answers]:
    names = {"fixed days": False, "recency / cycle": False, "MBG/NBD": True, "mixture": True, "mixture, clock": True}
    return {name: Answers(claims) for name, claims in {**names, "second voice": True, "default": True}.items()}


def ask(history: OrderHistory, predictor: Predictor, past: Past, as_of: int, setting: Setting) -> tuple[dict[str, np.ndarray], str]:
    """Every contender's score of every client on one day, and the method that answered by default."""
    known, horizon = history.statistics(as_of, setting.horizon), setting.horizon
    since = (as_of - known.last_on).astype(float)
    cycle = np.where(np.isfinite(known.median_gap), known.median_gap, np.nanmedian(known.median_gap))
    made = predictor.on(as_of, inactive_days=setting.inactive, calibrate=False)
    scores = {"fixed days": since, "recency / cycle": since / np.maximum(cycle, 1.0), "default": made.p_silent}
    try:
        silence = Silence.fitted(history, as_of)
    except TooFewClients:
        return {**scores, **dict.fromkeys(("MBG/NBD", "mixture", "mixture, clock", "second voice"), made.p_silent)}, made.method
    by_days = CALENDAR.purchases(as_of, history.start, history.day, history.client_id)
    scores["MBG/NBD"] = fit_single(by_days).p_silent(by_days, horizon)
    scores["mixture, clock"] = silence.p_silent(horizon)
    scores["mixture"] = scores["mixture, clock"]
    if silence.seasonal:
        scores["mixture"] = Silence.in_days(history, as_of).p_silent(horizon)
    voice = past.learn(as_of)
    scores["second voice"] = scores["mixture, clock"].copy()
    if voice.model is not None:
        view = past.timeline.on(as_of, horizon)
        columns, _ = past.columns(view, silence.about(history.take(view.rows), as_of))
        scores["second voice"][view.rows] = chance(voice.model.log_odds(columns))
    return scores, made.method


def drawn_small(history: OrderHistory, as_of: int, setting: Setting, of: np.ndarray, came: np.ndarray, luck: np.random.Generator) -> float:
    """AUC of a mixture fitted to few clients drawn at random, mean of some draws, asked about everybody."""
    ordered = np.flatnonzero(history.statistics(as_of).x >= 0)
    seen = []
    for _ in range(SMALL_DRAWS):
        few = history.take(luck.choice(ordered, min(SMALL, len(ordered)), replace=False))
        seen.append(auc(Silence.fitted(few, as_of).about(history, as_of).p_silent(setting.horizon)[of], came))
    return float(np.mean(seen))


def evaluate(setting: Setting, draws: int) -> dict:
    """All contenders over all cut-offs, as plain JSON."""
    history = read_book(setting.orders, setting.clients)
    predictor = Predictor(history, horizon=setting.horizon)
    past = predictor.past
    luck = np.random.default_rng(1)
    table, methods = contenders(), []
    came, cut, client, small, full = [], [], [], [], []
    began = process_time()
    for text in setting.cutoffs:
        as_of = day_number(text)
        known = history.statistics(as_of)
        of = (known.x >= 0) & (as_of - known.last_on <= setting.recent)
        silent = (~history.ordered_within(as_of, setting.horizon))[of].astype(float)
        if as_of + setting.horizon > int(history.day.max()):
            print(f"{setting.name}: the window of {text} had not closed by the last order; left out", file=sys.stderr)
            continue
        scores, method = ask(history, predictor, past, as_of, setting)
        for name, answers in table.items():
            answers.scores.append(scores[name][of])
        methods.append(method)
        came.append(silent)
        cut.append(np.full(len(silent), as_of))
        client.append(history.client_id[of])
        if (known.x >= 0).sum() >= MIN_CLIENTS and 0 < silent.sum() < len(silent):
            small.append(drawn_small(history, as_of, setting, of, silent, luck))
            full.append(auc(scores["mixture, clock"][of], silent))
    if not came:
        raise ValueError(f"{setting.orders}: no cut-off has a closed window")
    facts = [np.concatenate(column) for column in (came, cut, client)]
    made = {name: measured(np.concatenate(answers.scores), answers.chance, *facts, draws) for name, answers in table.items()}
    return {
        "setting": setting.name,
        "orders": setting.orders.name,
        "horizon": setting.horizon,
        "recent": setting.recent,
        "cutoffs": len(came),
        "rows": len(facts[0]),
        "base_rate": round(float(facts[0].mean()), 4),
        "methods": sorted(set(methods)),
        "aims": setting.aims,
        "contenders": made,
        "auc_lost_by_25_clients": round(float(np.mean(full) - np.mean(small)), 4) if full else None,
        "seconds": round(process_time() - began, 1),
    }


def measured(score: np.ndarray, claims: bool, came: np.ndarray, cut: np.ndarray, client: np.ndarray, draws: int) -> dict:
    made = {}
    for name, measure in {**RANKING, **(CHANCE if claims else {})}.items():
        made[name] = [round(mean_over(measure, score, came, cut), 4)]
        if draws:
            made[name] += [round(edge, 4) for edge in interval(measure, score, came, cut, client, draws=draws)]
    return made


def show(found: dict) -> None:
    asked = f"last order at most {found['recent']} days ago, horizon {found['horizon']} days, {found['cutoffs']} cut-offs"
    print(f"\n{found['setting']}: {asked}; {found['rows']} rows, {found['base_rate']:.1%} silent; by {', '.join(found['methods'])}")
    names = [*RANKING, *CHANCE]
    heads = ("AUC", "avg. precision", "precision top 10%", "false alarms, 80% caught", "Brier", "calibration error")
    print(f"{'':16s}" + "".join(f"{head:>26s}" for head in heads))
    for contender, measures in found["contenders"].items():
        cells = []
        for name in names:
            value = measures.get(name)
            brackets = f" [{value[1]:.3f}, {value[2]:.3f}]" if value and len(value) == 3 else ""
            cells.append(f"{value[0]:.4f}{brackets}" if value else "-")
        print(f"{contender:16s}" + "".join(f"{cell:>26s}" for cell in cells))
    for name, aim in found["aims"].items():
        print(f"aim: {name} {aim}; default {found['contenders']['default'][name][0]:.4f}")
    if found["auc_lost_by_25_clients"] is not None:
        print(f"AUC lost by a mixture fitted to {SMALL} clients at random: {found['auc_lost_by_25_clients']:.4f} (aim <= 0.01)")
    print(f"{found['seconds']} s of CPU")


def settings_of(options: argparse.Namespace) -> list[Setting]:
    if options.orders:
        cutoffs = tuple(day.strip() for day in options.cutoffs.split(","))
        return [Setting(options.orders.name, options.orders, cutoffs, options.horizon, options.recent, options.clients, options.inactive)]
    known = {setting.name: setting for setting in SETTINGS}
    unknown = [name for name in options.settings if name not in known]
    if unknown:
        raise ValueError(f"no setting called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in options.settings] or list(SETTINGS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="*", help="online_retail, iowa_42, iowa_90; all when none is named")
    parser.add_argument("--orders", type=Path)
    parser.add_argument("--clients", type=Path, help="only these clients, all of them")
    parser.add_argument("--cutoffs", default="", help="days, YYYY-MM-DD, separated by commas")
    parser.add_argument("--horizon", type=int, default=90)
    parser.add_argument("--recent", type=int, default=180, help="clients whose last order is at most so many days old")
    parser.add_argument("--inactive", type=int, default=90)
    parser.add_argument("--draws", type=int, default=100, help="bootstrap draws; 0 for none")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        from bench.prediction_speed import main as speed

        return speed()
    if options.orders and not options.cutoffs:
        parser.error("--orders needs --cutoffs")
    code = 0
    try:
        asked = settings_of(options)
    except ValueError as wrong:
        parser.error(str(wrong))
    for setting in asked:
        if not setting.orders.exists():
            cure = "" if options.orders else " (set CARTEIRA_SHARED)"
            print(f"{setting.name}: {setting.orders} is not here; skipped{cure}", file=sys.stderr)
            code = 1 if options.orders else code
            continue
        try:
            found = evaluate(setting, options.draws)
        except (OSError, ValueError) as wrong:
            print(f"{setting.name}: {wrong}", file=sys.stderr)
            code = 1
            continue
        if options.json:
            print(json.dumps(found), flush=True)
        else:
            show(found)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""A year's goal shared out by person and month, as a first proposal to be mended by hand. No Django, no clock.

The method, in four steps; everything is worked out anew from the monthly history of each person, complete months only.

1. **Season.** The history is cut backwards into years of twelve months. Within each, a month's ratio is the team's value over the mean
   month of that year. A calendar month's index is the mean of its ratios, drawn to 1 as if one more year had shown no season at all
   (``SEASON_PULL``): one year is half believed, three years three quarters. The twelve indices are then made to average 1.
2. **Share.** A person weighs what their mean month was over the last twelve. Where they were not there for all of them, the mean month
   of the others joins in: with n of twelve months it counts as ``3 (1 - n / 12)`` months more. A whole year stands as it is; whoever
   has no history gets a mean share.
3. **Cells.** Each cell's part of the total is weight times index.
4. **Rounding.** By largest remainder, so that cells are whole and add up exactly to the total. Equal remainders: earlier people and
   months first.

A team that grew within a year looks as if it had a season; the pull halves that, and the table is there to be mended.
Of the mix, which is a mean and does not add up, the "total" is the mean wanted times the cells, so that the cells average it exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

SEASON_PULL = 1  # years without a season
SHARE_PULL = 3  # months of a mean share, for whoever has no month of their own
YEAR = 12

History = Mapping[tuple[int, date], int]  # (person, first day of the month) -> value; a month without a value was nothing


@dataclass(frozen=True)
class Past:
    """What a proposal rests on: values by person and month, of people beyond those asked for too, who make the season.

    ``last``: the latest complete month, ``n_months`` of which up to it are known; ``known``: of the twelve months up to it, how many
    each person has been there for, the latest ones. A person not named there has no history.
    """

    history: History
    known: Mapping[int, int]
    last: date
    n_months: int
    is_mean: bool = False  # values are means, which make no sum: the team's is the mean of those there are

    def totals(self) -> list[int]:
        """The team's value of each known month, the latest first."""
        by_month: dict[date, list[int]] = {}
        for (_person, month), value in self.history.items():
            by_month.setdefault(month, []).append(value)
        found = [by_month.get(month_back(self.last, back), [0]) for back in range(self.n_months)]
        return [round(sum(values) / len(values)) if self.is_mean else sum(values) for values in found]


def month_back(month: date, n: int) -> date:
    """The first day of the month ``n`` before."""
    whole = month.year * 12 + month.month - 1 - n
    return date(whole // 12, whole % 12 + 1, 1)


def season_of(totals: Sequence[int], last: date) -> dict[int, Fraction]:
    """Index of each calendar month, mean 1.

    Parameters
    ----------
    totals : the team's value of each complete month, the latest first: ``totals[0]`` is that of ``last``
    last : the latest complete month
    """
    ratios: dict[int, list[Fraction]] = {month: [] for month in range(1, 13)}
    for begin in range(0, len(totals), YEAR):
        year = totals[begin : begin + YEAR]
        mean = Fraction(sum(year), len(year))
        if mean <= 0:
            continue
        for n, value in enumerate(year, begin):
            ratios[month_back(last, n).month].append(Fraction(max(value, 0)) / mean)
    index = {month: (sum(found, Fraction(SEASON_PULL))) / (len(found) + SEASON_PULL) for month, found in ratios.items()}
    mean = Fraction(sum(index.values()), YEAR)
    return {month: value / mean for month, value in index.items()}


def weights_of(past: Past, people: Sequence[int]) -> dict[int, Fraction]:
    """Each person's mean month of the last twelve, drawn to the mean of the others where they were not there for all of them."""
    own = {}
    for person in people:
        n = min(past.known.get(person, 0), YEAR)
        values = [max(past.history.get((person, month_back(past.last, back)), 0), 0) for back in range(n)]
        own[person] = (n, Fraction(sum(values), n) if n else Fraction(0))
    levels = [level for n, level in own.values() if n]
    mean = sum(levels, Fraction(0)) / len(levels) if levels else Fraction(1)
    found = {}
    for person, (n, level) in own.items():
        pull = Fraction(SHARE_PULL * (YEAR - n), YEAR)
        found[person] = (n * level + pull * mean) / (n + pull)
    return found


def parts_of(past: Past, people: Sequence[int], months: Sequence[date]) -> dict[tuple[int, date], Fraction]:
    """What each cell would bring at last year's level: weight times index. All alike where nothing is known of anybody."""
    season, weight = season_of(past.totals(), past.last), weights_of(past, people)
    parts = {(person, month): weight[person] * season[month.month] for person in people for month in months}
    return parts if any(parts.values()) else dict.fromkeys(parts, Fraction(1))


def expected_total(past: Past, people: Sequence[int], months: Sequence[date]) -> int:
    """What the months would bring at last year's level, rounded. With a whole year behind everyone and twelve months ahead, that
    is the sum of the last twelve months itself; 0 where there is no history.
    """
    if not any(past.history.values()):
        return 0
    return round(sum(parts_of(past, people, months).values(), Fraction(0)))


def spread_goal(past: Past, people: Sequence[int], months: Sequence[date], total: int) -> dict[tuple[int, date], int]:
    """Share ``total`` out over people and months (each its first day), by the method above.

    Parameters
    ----------
    total : in the measure's unit; for a mean, the mean times the cells

    Returns
    -------
    dict
        Whole cells by (person, month) that add up to ``total`` exactly. Without people or months there are none.

    Raises
    ------
    ValueError
        The total is negative.
    """
    if total < 0:
        raise ValueError(f"a goal is not negative: {total}")
    return largest_remainder(parts_of(past, people, months), total)


def largest_remainder(parts: Mapping[tuple[int, date], Fraction], total: int) -> dict[tuple[int, date], int]:
    """Whole numbers in proportion to ``parts`` that add up to ``total``; equal remainders go to the earlier keys."""
    whole = sum(parts.values(), Fraction(0))
    if not whole:
        return dict.fromkeys(parts, 0)
    exact = {key: part * total / whole for key, part in parts.items()}
    cells = {key: int(value) for key, value in exact.items()}
    order = sorted(exact, key=lambda key: cells[key] - exact[key])  # stable: the greatest remainder first
    for key in order[: total - sum(cells.values())]:
        cells[key] += 1
    return cells

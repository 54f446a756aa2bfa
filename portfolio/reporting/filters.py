"""What the address of a report asks for: months, team, representative, segment of clients."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Representative, Role, Team
from accounts.selectors import representatives_visible_to, team_ids_under
from clients.models import Client
from clients.selectors import ClientFilter, Limits
from clients.selectors.choices import list_choices
from clients.selectors.matching import matching
from clients.selectors.segments import segments_for
from portfolio.selectors.goals import month_of, previous_month
from portfolio.selectors.reports.scope import Scope, end_of, months_until

PERIODS: dict[str, Promise] = {
    "month": _("Este mês"),
    "last": _("Mês passado"),
    "3": _("Últimos 3 meses"),
    "6": _("Últimos 6 meses"),
    "12": _("Últimos 12 meses"),
    "year": _("Este ano"),
}
DEFAULT = "3"
OWN = "own"  # months of one's own, named by "from" and "to"
LONGEST = 36  # months a period of one's own may last
_MONTH = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True)
class ReportFilter:
    """``period`` is one of PERIODS, or "" where ``first`` and ``until`` (first days of months) say it.

    ``segment``: "c:" and a segment of the register, or "s:" and the number of a saved one.
    """

    period: str = DEFAULT
    first: date | None = None
    until: date | None = None
    team: int | None = None
    rep: int | None = None
    segment: str = ""

    @classmethod
    def parse(cls, query: Mapping[str, Any]) -> "ReportFilter":
        """Unknown or malformed values are dropped, so that an old bookmark still opens."""

        def number(name: str) -> int | None:
            text = str(query.get(name, ""))
            return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None

        period, first, until = str(query.get("period", "")), month_in(query.get("from")), month_in(query.get("to"))
        if period not in PERIODS:
            period = "" if (first and until) or period == OWN else DEFAULT
        if period:
            first = until = None
        elif first and until:
            first, until = min(first, until), max(first, until)
            first = max(first, months_until(until, LONGEST)[0])
        segment = str(query.get("segment", ""))[:70]
        return cls(period, first, until, number("team"), number("rep"), segment if segment[:2] in ("c:", "s:") else "")

    def days(self, today: date) -> tuple[date, date]:
        """First and last day, both included; never later than today."""
        month = month_of(today)
        if not self.period and self.first and self.until:
            return self.first, max(self.first, min(end_of(self.until), today))
        if self.period == "last":
            return previous_month(month), end_of(previous_month(month))
        if self.period == "year":
            return month.replace(month=1), today
        n = {"month": 1, "3": 3, "6": 6, "12": 12}.get(self.period, 3)
        return months_until(today, n)[0], today

    def told(self) -> dict[str, Any]:
        """The address's parameters, without what goes without saying."""
        found: dict[str, Any] = {}
        if self.period and self.period != DEFAULT:
            found["period"] = self.period
        if not self.period and self.first and self.until:
            found |= {"from": f"{self.first:%Y-%m}", "to": f"{self.until:%Y-%m}"}
        found |= {"team": self.team, "rep": self.rep, "segment": self.segment}
        return {name: value for name, value in found.items() if value not in (None, "")}

    def query(self, **changes: Any) -> str:
        """The query string of this filter with ``changes``."""
        return urlencode(replace(self, **changes).told())

    def fixed(self, today: date) -> "ReportFilter":
        """The same with its months named, so that an address opened later shows what it showed today."""
        first, last = self.days(today)
        return replace(self, period="", first=month_of(first), until=month_of(last))

    @property
    def narrows(self) -> bool:
        return bool(self.team or self.rep or self.segment)


@dataclass(frozen=True)
class Choices:
    """What the choosers offer one member: (value, label)."""

    months: list[date]
    teams: list[tuple[int, str]]
    representatives: list[tuple[int, str]]
    segments: list[tuple[str, str]]
    saved: list[tuple[str, str]]


@dataclass(frozen=True)
class Asked:
    """A filter as it applies to one reader: the days and clients it means, and the people by id."""

    wanted: ReportFilter
    scope: Scope
    people: dict[int, Representative]  # those the scope looks at, by code
    choices: Choices
    limits: Limits


def asked_of(query: Mapping[str, Any], member: Membership, *, today: date) -> Asked:
    """The filter of an address as the member may see it: whoever is out of their reach is not there. Five queries, however much data.

    A team, a representative or a saved segment the member does not find is dropped, as a malformed one is.
    """
    wanted = ReportFilter.parse(query)
    people = list(representatives_visible_to(member).select_related("team").order_by("code", "pk"))
    teams = _teams(member)
    if wanted.team not in dict(teams):
        wanted = replace(wanted, team=None)
    if wanted.rep not in {each.pk for each in people}:
        wanted = replace(wanted, rep=None)
    under = set(team_ids_under(wanted.team)) if wanted.team else None
    looked_at = [each for each in people if (under is None or each.team_id in under) and wanted.rep in (None, each.pk)]
    everyone = member.role in (Role.ADMIN, Role.AUDITOR)
    reach = None if everyone else [each.pk for each in people]
    saved = [(f"s:{segment.pk}", segment) for segment in segments_for(member)]
    segments = [(f"c:{name}", name) for name in list_choices(reach)[1]]
    if not wanted.period and not (wanted.first and wanted.until):
        wanted = wanted.fixed(today)
    clients, wanted = _narrowed(wanted, member, dict(saved), today)
    first, last = wanted.days(today)
    scope = Scope(
        first,
        last,
        tuple(each.pk for each in looked_at),
        nobody=everyone and not wanted.team and not wanted.rep,
        clients=clients,
    )
    choices = Choices(
        months_until(today, LONGEST)[::-1],
        teams,
        [(each.pk, str(each)) for each in people if under is None or each.team_id in under],
        segments,
        [(key, segment.name) for key, segment in saved],
    )
    return Asked(wanted, scope, {each.pk: each for each in looked_at}, choices, Limits.of(member.organization))


def _narrowed(wanted: ReportFilter, member: Membership, saved: dict[str, Any], today: date) -> tuple[QuerySet[Client] | None, ReportFilter]:
    if wanted.segment.startswith("c:"):
        return Client.objects.filter(segment=wanted.segment[2:]), wanted
    if wanted.segment in saved:
        definition = ClientFilter.parse(saved[wanted.segment].definition)
        return matching(Client.objects.all(), definition, as_of=today, limits=Limits.of(member.organization)), wanted
    return None, replace(wanted, segment="")


def _teams(member: Membership) -> list[tuple[int, str]]:
    teams = Team.objects.order_by("name")
    if member.role == Role.MANAGER:
        teams = teams.filter(pk__in=team_ids_under(member.team_id))
    return list(teams.values_list("pk", "name"))


def month_in(text: Any) -> date | None:
    match = _MONTH.fullmatch(str(text or ""))
    if not match or not 2000 <= int(match[1]) <= 2200 or not 1 <= int(match[2]) <= 12:
        return None
    return date(int(match[1]), int(match[2]), 1)

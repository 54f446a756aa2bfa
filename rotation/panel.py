"""What the panel was asked for, as data: which months, which team or representative; from a query string and back to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts.models import Membership, Representative, Role, Team
from accounts.selectors import representatives_visible_to, team_ids_under
from accounts.templatetags.formats import month_year
from clients.selectors.lifecycle import Limits
from portfolio.selectors.figures import MonthOfSales, People, Span, sales_by_month
from portfolio.selectors.goals import month_of, next_month, previous_month
from rotation.selectors.waiting import Waiting, waiting_for

PERIODS = ("month", "quarter", "year", "span")
FARTHEST = timedelta(days=3_660)  # months farther back than this are a slip of the address
MOST_MONTHS = 24
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)


def back(month: date, n: int) -> date:
    """The first day of the month ``n`` before."""
    for _each in range(n):
        month = previous_month(month)
    return month


def _month(text: Any, today: date) -> date | None:
    match = _MONTH.fullmatch(str(text or ""))
    try:
        month = date(int(match[1]), int(match[2]), 1) if match else None
    except ValueError:
        return None
    return month if month and month <= today and today - month <= FARTHEST else None


def _number(text: Any) -> int | None:
    return int(text) if text and str(text).isascii() and str(text).isdigit() and len(str(text)) < 16 else None


@dataclass(frozen=True)
class Asked:
    """The months and whose figures. What is unknown or malformed in the address falls back, so that an old bookmark opens."""

    member: Membership
    today: date
    period: str
    month: date  # the last one
    first: date
    team: Team | None
    representative: Representative | None

    @classmethod
    def of(cls, member: Membership, query: Mapping[str, Any], *, today: date) -> "Asked":
        """Two queries at most, beside those of the reach: the team and the representative asked for, where within it."""
        month = _month(query.get("month"), today) or month_of(today)
        period = str(query.get("period") or "month")
        period = period if period in PERIODS else "month"
        first = {
            "month": month,
            "quarter": back(month, (month.month - 1) % 3),
            "year": back(month, 11),
            "span": max(min(_month(query.get("from"), today) or month, month), back(month, MOST_MONTHS - 1)),
        }[period]
        if period == "quarter":
            month = min(next_month(next_month(first)), month_of(today))
        team = representative = None
        if (number := _number(query.get("team"))) is not None:
            team = teams_visible_to(member).filter(pk=number).first()
        if (number := _number(query.get("rep"))) is not None:
            representative = representatives_visible_to(member).filter(pk=number).first()
        return cls(member, today, period, month, first, team, representative)

    @cached_property
    def span(self) -> Span:
        return Span.months(self.first, self.month, as_of=self.today)

    @cached_property
    def reach(self) -> People:
        """Representatives the member sees: None for all, clients of nobody included."""
        if self.member.role in (Role.ADMIN, Role.AUDITOR):
            return None
        return sorted(representatives_visible_to(self.member).values_list("pk", flat=True))

    @cached_property
    def people(self) -> People:
        """Whose figures are asked for: one person's, a team's with those below it, or all within reach."""
        if self.representative:
            return [self.representative.pk]
        if self.team:
            under = representatives_visible_to(self.member).filter(team_id__in=team_ids_under(self.team.pk))
            return sorted(under.values_list("pk", flat=True))
        return self.reach

    @property
    def limits(self) -> Limits:
        return Limits.of(self.member.organization)

    @property
    def until_now(self) -> bool:
        """Whether the days asked for reach today."""
        return self.span.until == self.today

    @property
    def year(self) -> Span:
        """The twelve months up to the last one: what the charts over time show, whatever the period."""
        return Span.months(back(self.month, 11), self.month, as_of=self.today)

    @cached_property
    def months_sold(self) -> list[MonthOfSales]:
        """Sales of the thirteen months up to the last one: twelve of them whole, whatever the day. One query, however often asked."""
        return sales_by_month(Span.months(back(self.month, 12), self.month, as_of=self.today), self.people)

    @cached_property
    def waiting(self) -> Waiting:
        """What waits for this member."""
        return waiting_for(self.member, self.people, on=self.today)

    def query(self, **changes: Any) -> str:
        """The query string of this page with ``changes`` (None takes one away)."""
        told: dict[str, Any] = {"period": self.period, "month": f"{self.month:%Y-%m}", "from": f"{self.first:%Y-%m}"}
        told |= {"team": self.team and self.team.pk, "rep": self.representative and self.representative.pk} | changes
        if told["period"] == "month":
            told.pop("period")
        if told.get("period") != "span":
            told.pop("from")
        if told["month"] == f"{self.today:%Y-%m}":
            told.pop("month")
        return urlencode({name: value for name, value in told.items() if value not in (None, "")})

    @property
    def period_words(self) -> str:
        """The months, in words: "novembro de 2026", or first to last."""
        if self.first == self.month:
            return month_year(self.month)
        return _("%(first)s a %(last)s") % {"first": month_year(self.first), "last": month_year(self.month)}

    @property
    def whose_words(self) -> str:
        if self.representative:
            return str(self.representative)
        if self.team:
            return _("equipe %(team)s") % {"team": self.team}
        return _("todas as equipes") if self.reach is None else _("sua equipe")


def teams_visible_to(member: Membership) -> Any:
    """The teams whose figures the member may ask for: all, or one's own and those below."""
    if member.role in (Role.ADMIN, Role.AUDITOR):
        return Team.objects.all()
    return Team.objects.filter(pk__in=team_ids_under(member.team_id))

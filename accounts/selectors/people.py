"""Members, invitations and teams as the administration sees them; what the list shows of sign-ins comes from one definer function."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Invitation, Membership, Organization, Representative, Role, Team
from accounts.tenancy import active_organization_id

PAGE = 50
MOST_TEXT = 64
STATES = ("active", "ended", "all")


@dataclass(frozen=True)
class PeopleFilter:
    """Which members: by words of name or e-mail, role, team, second factor, and whether their access goes on."""

    q: str = ""
    role: str = ""
    team: int | None = None
    factor: str = ""  # "none": who has no second factor
    state: str = "active"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "PeopleFilter":
        """The filter a querystring names; what is no filter of ours is left out."""
        role, state, page, team = query.get("role", ""), query.get("state", ""), query.get("page", ""), query.get("team", "")
        return cls(
            q=query.get("q", "").replace("\0", "").strip()[:MOST_TEXT],
            role=role if role in Role.values else "",
            team=int(team) if team.isascii() and team.isdigit() and len(team) < 16 else None,
            factor="none" if query.get("factor") == "none" else "",
            state=state if state in STATES else "active",
            page=min(int(page), 2_000) if page.isascii() and page.isdigit() and len(page) < 6 and int(page) else 1,
        )

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.role or self.team or self.factor or self.state != "active")

    @property
    def query(self) -> dict[str, str]:
        """The parameters that name this filter, without the page."""
        named = {"q": self.q, "role": self.role, "team": self.team, "factor": self.factor}
        return {key: str(value) for key, value in named.items() if value} | ({"state": self.state} if self.state != "active" else {})


@dataclass(frozen=True)
class Person:
    """One member as a row of the list."""

    id: int
    name: str
    email: str
    role: str
    team: str
    is_active: bool
    deactivated_at: datetime | None
    seen_at: datetime | None
    authenticator: bool
    passkeys: int
    representative_id: int | None
    representative: str

    @property
    def role_word(self) -> str:
        return str(Role(self.role).label)

    @property
    def has_second_factor(self) -> bool:
        return self.authenticator or self.passkeys > 0


@dataclass(frozen=True)
class People:
    """A page of members, how many the filter holds, and how many active ones have no second factor."""

    rows: list[Person]
    total: int
    without_factor: int = 0


_ROWS = """
SELECT m.id, m.name, s.email, m.role, coalesce(t.name, ''), m.is_active, m.deactivated_at, m.seen_at, s.authenticator, s.passkeys,
       r.id, coalesce(r.code || ' ' || r.name, ''), count(*) OVER ()
  FROM accounts_membership m
  JOIN carteira_members() s ON s.membership_id = m.id
  LEFT JOIN accounts_team t ON t.organization_id = m.organization_id AND t.id = m.team_id
  LEFT JOIN accounts_representative r ON r.organization_id = m.organization_id AND r.membership_id = m.id
 WHERE m.organization_id = %(organization)s AND {where}
 ORDER BY m.is_active DESC, lower(m.name), m.id LIMIT %(size)s OFFSET %(skip)s
"""
_PLAIN = r"lower(regexp_replace(normalize({}, NFKD), '[\u0300-\u036f]', '', 'g'))"


def people(wanted: PeopleFilter, *, size: int = PAGE) -> People:
    """Members of the filter by name, a page of them; two queries."""
    where, parameters = _where(wanted)
    parameters |= {"organization": active_organization_id(), "size": size, "skip": (wanted.page - 1) * size}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(where=where), parameters)
        rows = cursor.fetchall()
        cursor.execute(
            """SELECT count(*) FROM accounts_membership m JOIN carteira_members() s ON s.membership_id = m.id
                WHERE m.organization_id = %s AND m.is_active AND NOT s.authenticator AND s.passkeys = 0""",
            [active_organization_id()],
        )
        without = cursor.fetchone()[0]
    return People([Person(*row[:-1]) for row in rows], rows[0][-1] if rows else 0, without)


def _where(wanted: PeopleFilter) -> tuple[str, dict[str, Any]]:
    conditions, parameters = ["true"], dict[str, Any]()
    if wanted.q:
        conditions.append(f"(strpos({_PLAIN.format('m.name')}, {_PLAIN.format('%(q)s')}) > 0 OR strpos(s.email, lower(%(q)s)) > 0)")
        parameters["q"] = wanted.q
    if wanted.role:
        conditions.append("m.role = %(role)s")
        parameters["role"] = wanted.role
    if wanted.team:
        conditions.append("(m.team_id = %(team)s OR r.team_id = %(team)s)")
        parameters["team"] = wanted.team
    if wanted.factor:
        conditions.append("m.is_active AND NOT s.authenticator AND s.passkeys = 0")
    if wanted.state != "all":
        conditions.append("m.is_active" if wanted.state == "active" else "NOT m.is_active")
    return " AND ".join(conditions), parameters


def person(membership_id: int) -> Person | None:
    """One member as the list shows them, or None; one query."""
    with connection.cursor() as cursor:
        parameters = {"organization": active_organization_id(), "size": 1, "skip": 0, "id": membership_id}
        cursor.execute(_ROWS.format(where="m.id = %(id)s"), parameters)
        row = cursor.fetchone()
    return Person(*row[:-1]) if row else None


def addresses_without_factor() -> list[str]:
    """E-mails of active members who have no second factor: who is to be told that one will be asked for."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.email FROM accounts_membership m JOIN carteira_members() s ON s.membership_id = m.id
                WHERE m.organization_id = %s AND m.is_active AND NOT s.authenticator AND s.passkeys = 0 ORDER BY s.email""",
            [active_organization_id()],
        )
        return [row[0] for row in cursor.fetchall()]


def open_invitations() -> QuerySet[Invitation]:
    """Invitations neither accepted nor revoked, expired ones included, newest first."""
    found = Invitation.objects.filter(accepted_at=None, revoked_at=None).select_related("team", "invited_by")
    return found.order_by("-sent_at", "-pk")


def requires_factor_on(organization: Organization) -> bool:
    """Whether the organization asks for a second factor at all, now or from a day on."""
    return organization.require_second_factor and not organization.is_demo


@dataclass(frozen=True)
class TeamNode:
    """A team in its place of the tree."""

    team: Team
    depth: int
    n_members: int = 0
    n_representatives: int = 0
    managers: list[str] = field(default_factory=list)


def team_tree() -> list[TeamNode]:
    """Every team after the one it is under, by name; who leads each and how many stand in it. Three queries."""
    teams = list(Team.objects.order_by("name", "pk"))
    members: dict[int, list[tuple[str, str]]] = {}
    for team_id, role, name in Membership.objects.filter(is_active=True).exclude(team=None).values_list("team_id", "role", "name"):
        members.setdefault(team_id, []).append((role, name))
    representatives: dict[int, int] = {}
    for team_id in Representative.objects.exclude(team=None).values_list("team_id", flat=True):
        representatives[team_id] = representatives.get(team_id, 0) + 1
    under: dict[int | None, list[Team]] = {}
    for team in teams:
        under.setdefault(team.parent_id, []).append(team)
    found: list[TeamNode] = []

    def descend(parent: int | None, depth: int) -> None:
        for team in under.get(parent, []):
            inside = members.get(team.pk, [])
            managers = sorted(name for role, name in inside if role == Role.MANAGER)
            found.append(TeamNode(team, depth, len(inside), representatives.get(team.pk, 0), managers))
            descend(team.pk, depth + 1)

    descend(None, 0)
    return found


def team_choices(*, without: Team | None = None) -> list[tuple[int, str]]:
    """Teams to choose from, indented as the tree; those under ``without`` and itself are left out."""
    choices: list[tuple[int, str]] = []
    hidden_from: int | None = None
    for node in team_tree():
        if hidden_from is not None and node.depth > hidden_from:
            continue
        hidden_from = None
        if without is not None and node.team.pk == without.pk:
            hidden_from = node.depth
            continue
        choices.append((node.team.pk, "\u2003" * node.depth + node.team.name))
    return choices

"""Representatives as the administration sees them: who they are, what they carry, who signs in as them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Membership, Representative
from accounts.services.members import Holding
from clients.models import Client

PAGE = 50
MOST_TEXT = 64
STATES = ("serving", "ended", "all")


@dataclass(frozen=True)
class RepresentativeFilter:
    """Which representatives: by words of name, code or city, team, contract, and whether they serve on the day."""

    q: str = ""
    team: int | None = None
    contract: str = ""
    state: str = "serving"
    page: int = 1

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "RepresentativeFilter":
        """The filter a querystring names; what is no filter of ours is left out."""
        team, page, state, contract = (query.get(name, "") for name in ("team", "page", "state", "contract"))
        return cls(
            q=query.get("q", "").replace("\0", "").strip()[:MOST_TEXT],
            team=int(team) if team.isascii() and team.isdigit() and len(team) < 16 else None,
            contract=contract if contract in Representative.Contract.values else "",
            state=state if state in STATES else "serving",
            page=min(int(page), 2_000) if page.isascii() and page.isdigit() and len(page) < 6 and int(page) else 1,
        )

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.team or self.contract or self.state != "serving")

    @property
    def query(self) -> dict[str, str]:
        """The parameters that name this filter, without the page."""
        named = {"q": self.q, "team": self.team, "contract": self.contract}
        return {key: str(value) for key, value in named.items() if value} | ({"state": self.state} if self.state != "serving" else {})


def representatives_of(wanted: RepresentativeFilter, *, on: date) -> QuerySet[Representative]:
    """Representatives of the filter by code, each with its team, its member and ``n_clients`` not discarded; one query."""
    own = Client.objects.filter(representative=OuterRef("pk"), discarded_on=None).order_by()
    held = own.values("representative").annotate(n=Count("pk")).values("n")
    found = Representative.objects.select_related("team", "membership").annotate(n_clients=Coalesce(Subquery(held), 0))
    if wanted.q:
        words = Q(name__icontains=wanted.q) | Q(code__icontains=wanted.q) | Q(base_city__icontains=wanted.q)
        found = found.filter(words)
    if wanted.team:
        found = found.filter(team_id=wanted.team)
    if wanted.contract:
        found = found.filter(contract_type=wanted.contract)
    ended = Q(valid_to__lte=on)
    if wanted.state != "all":
        found = found.filter(ended) if wanted.state == "ended" else found.exclude(ended)
    return found.order_by("code", "pk")


def clients_held(membership: Membership) -> Iterator[Holding]:
    """How many clients each representative of the member still answers for; what keeps their access from ending."""
    for representative in Representative.objects.filter(membership_id=membership.pk):
        yield Holding(representative, Client.objects.filter(representative=representative, discarded_on=None).count())


def free_members(representative: Representative | None) -> QuerySet[Membership]:
    """Active members no other representative stands for, by name: who may be linked to this one."""
    taken: Any = Representative.objects.exclude(membership=None)
    if representative is not None:
        taken = taken.exclude(pk=representative.pk)
    return Membership.objects.filter(is_active=True).exclude(pk__in=taken.values("membership_id")).order_by("name", "pk")


def client_segments() -> list[str]:
    """Segments clients have, to offer; one query."""
    found = Client.objects.exclude(segment="").order_by("segment").values_list("segment", flat=True).distinct()
    return list(found[:200])

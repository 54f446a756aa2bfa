"""The filter of the review: what the address says, and the rows it stands for."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.db.models import Case, F, OrderBy, Q, QuerySet, Value, When
from django.http import QueryDict

from rotation.models import Proposal

State = Proposal.State

PENDING = Q(state=State.PROPOSED, postponed_at=None)
CAUTION = Q(caveats__len__gt=0)
TABS: dict[str, Q] = {
    "pending": PENDING,
    "high": PENDING & Q(abc="A"),
    "caution": PENDING & CAUTION,
    "postponed": Q(state=State.PROPOSED, postponed_at__isnull=False),
    "approved": Q(state=State.APPROVED),
    "rejected": Q(state=State.REJECTED),
    "applied": Q(state=State.APPLIED),
    "stale": Q(state=State.STALE),
    "expired": Q(state=State.EXPIRED),
    "all": Q(),
}


def in_tab(tab: str, *, state: str, postponed: bool, caution: bool, abc: str) -> bool:
    """What ``TABS`` asks of a row, for rows already counted by these four."""
    pending = state == State.PROPOSED and not postponed
    if tab in ("pending", "high", "caution"):
        return pending and (tab != "high" or abc == "A") and (tab != "caution" or caution)
    if tab == "postponed":
        return state == State.PROPOSED and postponed
    return tab == "all" or state == tab


SORTS = {
    "value": "value_cents",
    "revenue": "net_12m_cents",
    "days": "days_since_last",
    "client": "client__name_key",
}
NULLABLE = {"days_since_last"}
GROUPS = {"rule": "rule_version", "from": "from_representative", "to": "to_representative", "none": ""}
SIZES = (25, 50, 100)
VIEWS = ("list", "map", "load")
MOST_VALUES = 20
MOST_TEXT = 64
NOBODY = 0  # stands for "no representative" among the origins

Box = tuple[float, float, float, float]  # south, west, north, east, in degrees


@dataclass(frozen=True)
class ReviewFilter:
    """What of a run is asked for, as its address says it. Unknown values are left out, never an error."""

    tab: str = "pending"
    rules: tuple[int, ...] = ()  # ids of rule versions
    from_ids: tuple[int, ...] = ()  # NOBODY for clients without a representative
    to_ids: tuple[int, ...] = ()
    caveats: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    text: str = ""
    box: Box | None = None  # an area of the map: clients without coordinates lie outside every one
    order: str = "-value"
    group: str = "rule"
    size: int = 50
    view: str = "list"

    @classmethod
    def parse(cls, query: QueryDict) -> "ReviewFilter":
        """Read the filter from a querystring: tab, rule, from, to, caveat, uf, q, box, order, group, size, view."""
        order = query.get("order", "-value")
        size = query.get("size", "")
        return cls(
            tab=_known(query.get("tab"), TABS, "pending"),
            rules=_numbers(query.getlist("rule")),
            from_ids=_numbers(query.getlist("from")),
            to_ids=_numbers(query.getlist("to")),
            caveats=tuple(dict.fromkeys(value for value in query.getlist("caveat") if value in Proposal.Caveat.values)),
            states=tuple(dict.fromkeys(value.upper()[:3] for value in query.getlist("uf")[:MOST_VALUES] if value.isalpha())),
            text=" ".join(query.get("q", "").replace("\0", "").split())[:MOST_TEXT],
            box=_box(query.get("box", "")),
            order=order if order.lstrip("-") in SORTS else "-value",
            group=_known(query.get("group"), GROUPS, "rule"),
            size=int(size) if size.isdigit() and int(size) in SIZES else 50,
            view=_known(query.get("view"), VIEWS, "list"),
        )

    @property
    def query(self) -> str:
        """The querystring that parses back to this filter; what is as usual is left out."""
        usual = ReviewFilter()
        pairs = [(name, value) for name, value in self._pairs() if value != getattr(usual, name, None)]
        return urlencode(pairs)

    def _pairs(self) -> Iterable[tuple[str, object]]:
        for name in ("tab", "order", "group", "size", "view"):
            yield name, getattr(self, name)
        for name, values in {
            "rule": self.rules,
            "from": self.from_ids,
            "to": self.to_ids,
            "caveat": self.caveats,
            "uf": self.states,
        }.items():
            yield from ((name, value) for value in values)
        if self.text:
            yield "q", self.text
        if self.box:
            yield "box", self.box_text

    @property
    def box_text(self) -> str:
        """The area as the address writes it, "" for everywhere."""
        return ",".join(str(degrees) for degrees in self.box or ())

    @property
    def narrowed(self) -> bool:
        """Whether anything beyond the tab thins out the rows."""
        return bool(self.rules or self.from_ids or self.to_ids or self.caveats or self.states or self.text or self.box)

    def but(self, **changes: object) -> "ReviewFilter":
        return replace(self, **changes)  # type: ignore[arg-type]

    def apply(self, proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
        """The rows of the tab that pass every part of the filter; unordered."""
        return self.narrow(proposals).filter(TABS[self.tab])

    def narrow(self, proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
        """The rows that pass the filter, whatever their tab."""
        if self.rules:
            proposals = proposals.filter(rule_version__in=self.rules)
        if self.from_ids:
            wanted = Q(from_representative__in=self.from_ids)
            proposals = proposals.filter(wanted | Q(from_representative=None) if NOBODY in self.from_ids else wanted)
        if self.to_ids:
            proposals = proposals.filter(to_representative__in=self.to_ids)
        if self.caveats:
            proposals = proposals.filter(caveats__overlap=list(self.caveats))
        if self.states:
            proposals = proposals.filter(client__state__in=self.states)
        if self.box:
            south, west, north, east = self.box
            proposals = proposals.filter(client__latitude__range=(south, north), client__longitude__range=(west, east))
        if self.text:
            found = Q(client__code__istartswith=self.text)
            for word in without_accents(self.text).split():
                proposals = proposals.filter(found | Q(client__name_key__contains=word))
        return proposals

    @property
    def group_field(self) -> str:
        """The field rows are grouped by, "" for none."""
        return GROUPS[self.group]

    def ordering(self, ranks: Mapping[int, int]) -> list[tuple[str, bool]]:
        """The columns rows are sorted by, each with whether it falls; the last one makes the order total.

        Without ``ranks`` there is one group, and an index serves the order.
        """
        name = self.order.lstrip("-")
        columns = [(SORTS[name], self.order.startswith("-")), ("id", False)]
        return [("rank", False), *columns] if self.group != "none" and ranks else columns

    def ranked(self, proposals: QuerySet[Proposal], ranks: Mapping[int, int]) -> QuerySet[Proposal]:
        """Rows with ``rank``, the place of their group."""
        if self.group == "none" or not ranks:
            return proposals
        field = f"{self.group_field}_id"
        cases = [When(**{field: key, "then": Value(rank)}) for key, rank in ranks.items()]
        return proposals.annotate(rank=Case(*cases, default=Value(len(ranks))))


def page_of(
    proposals: QuerySet[Proposal], columns: list[tuple[str, bool]], *, size: int, after: int | None = None, before: int | None = None
) -> tuple[list[int], bool, bool]:
    """Ids of one page by keyset: the rows after (or before) the row with that id, and whether there are earlier and later ones.

    Rows leave a tab when they are decided; counting pages by offset would then skip as many undecided ones.
    An id that is not in sight begins again from the first page.
    """
    pivot = after or before
    backwards = before is not None and after is None
    start = _values_at(proposals, columns, pivot) if pivot else None
    if start is not None:
        proposals = proposals.filter(_beyond(columns, start, backwards))
    else:
        backwards = False
    ordering = [_direction(column, falls, backwards) for column, falls in columns]
    # Ids first: sorting whole rows, each with its client and representatives, costs twenty times as much.
    ids = list(proposals.order_by(*ordering).values_list("pk", flat=True)[: size + 1])
    more, ids = len(ids) > size, ids[:size]
    if backwards:
        return ids[::-1], more, True
    return ids, start is not None, more


def _values_at(proposals: QuerySet[Proposal], columns: list[tuple[str, bool]], pivot: int) -> list | None:
    # Asked of the whole run, not of the tab: the pivot may have been decided since.
    row = proposals.model.objects.filter(pk=pivot)
    if any(column == "rank" for column, _falls in columns):
        row = row.annotate(rank=proposals.query.annotations["rank"])
    found = row.values_list(*(column for column, _falls in columns)).first()
    return list(found) if found else None


def _beyond(columns: list[tuple[str, bool]], values: list, backwards: bool) -> Q:
    """Rows that come after ``values`` in the order: the first column that differs decides. Blank values come last."""
    beyond, equal = Q(pk__in=[]), Q()
    for (column, falls), value in zip(columns, values, strict=True):
        later = falls == backwards
        if value is None:
            step = Q(**{f"{column}__isnull": False}) if backwards else Q(pk__in=[])
            same = Q(**{f"{column}__isnull": True})
        else:
            step = Q(**{f"{column}__{'gt' if later else 'lt'}": value})
            if not backwards and column in NULLABLE:
                step |= Q(**{f"{column}__isnull": True})
            same = Q(**{column: value})
        beyond |= equal & step
        equal &= same
    return beyond


def _direction(column: str, falls: bool, backwards: bool) -> OrderBy:
    nulls = {} if column not in NULLABLE else {"nulls_first": True} if backwards else {"nulls_last": True}
    return F(column).desc(**nulls) if falls != backwards else F(column).asc(**nulls)


def without_accents(text: str) -> str:
    """The form ``Client.name_key`` has: lower case, no combining marks."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)).lower()


def _known(value: str | None, among: Iterable[str], otherwise: str) -> str:
    return value if value is not None and value in among else otherwise


def _box(text: str) -> Box | None:
    """``south,west,north,east`` in degrees; None for anything that is no area of the earth."""
    parts = text.split(",")
    if len(parts) != 4 or len(text) > 80:
        return None
    try:
        south, west, north, east = (round(float(part), 5) for part in parts)
    except ValueError:
        return None
    return (south, west, north, east) if -90 <= south < north <= 90 and -180 <= west < east <= 180 else None


def _numbers(values: list[str]) -> tuple[int, ...]:
    kept = (int(value) for value in values[:MOST_VALUES] if value.isascii() and value.isdigit() and len(value) < 16)
    return tuple(dict.fromkeys(kept))

"""Companies that never bought: which of them a member looks after, and whether one asked for is registered already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.db.models import F, Q, QuerySet

from clients.models import Client
from clients.selectors import Lifecycle, Limits, lifecycle_filter
from clients.selectors.visibility import Reach, clients_within
from clients.selectors.words import bearing

PAGE = 50
MOST_UNITS = 20  # of one company that are shown


class Prospect(NamedTuple):
    """One row of the list; ``days_left`` of protection: None where there never was any, 0 or less once it is over."""

    pk: int
    name: str
    place: str
    source: str
    channel: str
    owner: str
    registered_on: date | None
    last_contact_on: date | None
    protected_until: date | None
    days_left: int | None


@dataclass(frozen=True)
class ProspectPage:
    rows: Sequence[Prospect]
    after: str  # "" on the last page


def prospects_within(clients: QuerySet[Client], *, as_of: date, limits: Limits, after: str = "") -> ProspectPage:
    """Those of ``clients`` that never bought, whose protection ends first first, 50 a page by keyset; one query."""
    found = clients.filter(lifecycle_filter(Lifecycle.PROSPECT, as_of=as_of, limits=limits))
    day, _bar, last_id = after.rpartition("|")
    if last_id.isascii() and last_id.isdigit() and len(last_id) < 16:
        if not day:
            found = found.filter(protected_until=None, pk__gt=int(last_id))
        else:
            try:
                until = date.fromisoformat(day)
            except ValueError:
                until = date.min
            beyond = Q(protected_until__gt=until) | Q(protected_until=until, pk__gt=int(last_id))
            found = found.filter(beyond | Q(protected_until=None))
    columns: tuple[str, ...] = (
        "id",
        "name",
        "trade_name",
        "city",
        "state",
        "source",
        "channel",
        "representative__code",
        "representative__name",
    )
    columns += ("registered_on", "activity__last_contact_on", "protected_until")
    values = list(found.order_by(F("protected_until").asc(nulls_last=True), "id").values_list(*columns)[: PAGE + 1])
    rows = [
        Prospect(
            pk,
            trade_name or name,
            "/".join(filter(None, (city, state))),
            source,
            channel,
            " ".join(filter(None, (code, person))),
            registered_on,
            contact_on,
            until,
            (until - as_of).days if until else None,
        )
        for pk, name, trade_name, city, state, source, channel, code, person, registered_on, contact_on, until in values[:PAGE]
    ]
    more = len(values) > PAGE
    return ProspectPage(rows, f"{rows[-1].protected_until or ''}|{rows[-1].pk}" if more else "")


@dataclass(frozen=True)
class Known:
    """What is registered of a company: units the member may see, and whether there are others."""

    same: Client | None  # this very tax id, within reach
    same_elsewhere: bool  # this very tax id, with somebody else
    units: Sequence[Client]  # other units within reach
    units_elsewhere: bool

    @property
    def taken(self) -> bool:
        return self.same is not None or self.same_elsewhere

    @property
    def has_units(self) -> bool:
        return bool(self.units) or self.units_elsewhere


def same_company(tax_id: str, *, country: str) -> Q:
    """Clients of the company of that tax id. In Brazil its first eight characters name the company, the rest its unit."""
    if country == "BR":
        return Q(tax_id_root=tax_id[:8])
    return bearing(tax_id.lower(), where="words__") & Q(tax_id=tax_id)


def known_company(tax_id: str, *, country: str, reach: Reach) -> Known:
    """What is registered under that tax id, and under its root; two queries. Nothing of clients out of reach but that they are."""
    everywhere = dict(Client.objects.filter(same_company(tax_id, country=country)).values_list("pk", "tax_id")[:1_000])
    within = clients_within(reach).filter(pk__in=everywhere).select_related("representative").order_by("name_key", "pk")
    seen = list(within) if everywhere else []
    hidden = {pk: tax for pk, tax in everywhere.items() if pk not in {client.pk for client in seen}}
    return Known(
        next((client for client in seen if client.tax_id == tax_id), None),
        tax_id in hidden.values(),
        [client for client in seen if client.tax_id != tax_id][:MOST_UNITS],
        any(tax != tax_id for tax in hidden.values()),
    )

"""How good what came is: how fresh, how whole, who stands here twice, and what of a client nobody has said yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Avg, Q, QuerySet
from django.db.models.functions import Length

from accounts.models import Organization, Representative
from accounts.tenancy import active_organization_id
from clients.models import Client, ClientMerge, ImportJob
from rotation.models import RotationSettings

ORDERS_HOURS = 36  # where neither the organization nor a rule says another limit
OTHERS_DAYS = 31
MANY_REFUSED = 0.05
LOOKED_AT_DAYS = 30
FED = ("orders", "clients", "representatives", "products", "credit", "contracts")
SHOWN_CITIES = 60  # on a map: more would cover it with names


@dataclass(frozen=True)
class Feed:
    """When one kind of file last came; ``stale`` where that is longer ago than its limit, ``refused`` its share of refused lines."""

    kind: str
    at: datetime | None
    job_id: int | None = None
    stale: bool = False
    limit_hours: int = 0
    rows: int = 0
    refused: int = 0

    @property
    def many_refused(self) -> bool:
        return bool(self.rows) and self.refused / self.rows > MANY_REFUSED


@dataclass
class Counts:
    """Each number is that of the rows its list shows."""

    tax_id: int = 0  # groups with the same tax id
    name: int = 0  # groups with the same name in the same city
    branches: int = 0  # roots with several branches: no fault
    owner: int = 0
    place: int = 0
    segment: int = 0
    number: int = 0  # tax id missing or of the wrong length
    base: int = 0  # representatives
    future: int = 0  # orders dated after today
    zero: int = 0  # valid orders of nothing in the last thirty days


def feeds(organization: Organization, *, at: datetime) -> list[Feed]:
    """The kinds that companies send again and again, those that never came too; two queries."""
    hours = RotationSettings.objects.values_list("max_feed_age_hours", flat=True).first() or ORDERS_HOURS
    done = ImportJob.objects.filter(state=ImportJob.State.DONE, kind__in=FED).order_by("kind", "-started_at").distinct("kind")
    last = {job.kind: job for job in done.only("kind", "finished_at", "started_at", "rows", "refused")}
    found = []
    for kind in FED:
        job, limit = last.get(kind), hours if kind == "orders" else 24 * OTHERS_DAYS
        came = (job.finished_at or job.started_at) if job else None
        if kind == "orders" and organization.orders_received_at and (came is None or organization.orders_received_at > came):
            came = organization.orders_received_at  # by another door than a file
        stale = came is not None and at - came > timedelta(hours=limit)
        found.append(Feed(kind, came, job.pk if job else None, stale, limit, job.rows if job else 0, job.refused if job else 0))
    return found


# What one key names several times is found by reading the index once, in its order; the few clients behind it are then looked at.
# Merged and discarded ones do not count, nor groups a person said are several companies.
_TAX_KEYS = """
  SELECT tax_id AS key FROM clients_client
   WHERE organization_id = %(organization)s AND tax_id_root <> '' AND tax_id <> ''
   GROUP BY tax_id_root, tax_id HAVING count(*) > 1"""
_NAME_KEYS = """
  SELECT twin_key AS key FROM clients_client
   WHERE organization_id = %(organization)s AND twin_key <> ''
   GROUP BY twin_key HAVING count(*) > 1"""
_GROUPS = """
SELECT k.key, g.ids
  FROM ({keys}) k
 CROSS JOIN LATERAL (
       SELECT array_agg(c.id ORDER BY c.id) AS ids, count(*) AS n, count(DISTINCT nullif(c.tax_id, '')) AS numbers FROM clients_client c
        WHERE c.organization_id = %(organization)s AND {join} AND c.merged_into_id IS NULL AND c.discarded_on IS NULL) g
  LEFT JOIN clients_distinctclients d ON d.organization_id = %(organization)s AND d.sign = '{sign}' AND d.key = left(k.key, 300)
 WHERE k.key > %(after)s AND g.n > 1 AND (d.clients IS NULL OR NOT g.ids <@ d.clients){also}
 ORDER BY k.key"""
# Saying that a key is not empty is what lets its partial index be asked. One name with as many tax ids as clients is a chain of
# branches, or two companies: nobody stands there twice.
GROUPS = {
    "tax_id": _GROUPS.format(
        keys=_TAX_KEYS, join="c.tax_id_root <> '' AND c.tax_id_root = left(k.key, 8) AND c.tax_id = k.key", sign="tax_id", also=""
    ),
    "name": _GROUPS.format(keys=_NAME_KEYS, join="c.twin_key <> '' AND c.twin_key = k.key", sign="name", also=" AND g.n > g.numbers"),
}
# Without these the planner reads the whole table and sorts it by text, which costs several times the reading of the index.
_IN_ORDER = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashagg = off"
_AS_BEFORE = "SET LOCAL enable_seqscan = on; SET LOCAL enable_hashagg = on"
_BRANCHES = """
SELECT key, NULL FROM (
  SELECT tax_id_root AS key FROM clients_client WHERE organization_id = %(organization)s AND tax_id_root <> ''
   GROUP BY tax_id_root HAVING count(DISTINCT tax_id) > 1) k WHERE key > %(after)s ORDER BY key"""
_COUNTS = f"""
SELECT (SELECT count(*) FROM ({GROUPS["tax_id"]}) g), (SELECT count(*) FROM ({GROUPS["name"]}) g), (SELECT count(*) FROM ({_BRANCHES}) g),
       (SELECT count(*) FROM clients_client c WHERE organization_id = %(organization)s AND representative_id IS NULL
           AND discarded_on IS NULL),
       (SELECT count(*) FROM clients_client c WHERE organization_id = %(organization)s AND latitude IS NULL AND discarded_on IS NULL),
       (SELECT count(*) FROM clients_client c WHERE organization_id = %(organization)s AND segment = '' AND discarded_on IS NULL),
       (SELECT count(*) FROM clients_client c WHERE organization_id = %(organization)s AND length(tax_id) <> 14 AND discarded_on IS NULL
           AND %(brazil)s),
       (SELECT count(*) FROM accounts_representative WHERE organization_id = %(organization)s AND latitude IS NULL
           AND (valid_to IS NULL OR valid_to > %(today)s)),
       (SELECT count(*) FROM clients_order WHERE organization_id = %(organization)s AND ordered_on > %(today)s),
       (SELECT count(*) FROM clients_order WHERE organization_id = %(organization)s AND ordered_on BETWEEN %(since)s AND %(today)s
           AND status = 'valid' AND amount_cents = 0)
"""  # noqa: S608 - constants of this module


def counts(organization: Organization, *, on: date) -> Counts:
    """How many there are of each, as of that day; one query, whatever the number of clients."""
    values: dict[str, Any] = {
        "today": on,
        "since": on - timedelta(days=LOOKED_AT_DAYS),
        "brazil": organization.country == "BR",
        "after": "",
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"organization": active_organization_id(), **values})
        return Counts(*cursor.fetchone())


@dataclass
class Twins:
    """Clients that look like one company: ``key`` is what they share."""

    key: str
    clients: list[Client] = field(default_factory=list)


def twins(sign: str, *, after: str = "", limit: int = 20) -> list[Twins]:
    """Groups by ``tax_id`` or ``name`` (sign), in the order of their keys, from the first above ``after``; two queries."""
    with connection.cursor() as cursor:
        statement = _BRANCHES if sign == "branches" else GROUPS[sign]
        cursor.execute(_IN_ORDER)
        cursor.execute(f"{statement} LIMIT %(limit)s", {"organization": active_organization_id(), "after": after, "limit": limit})
        keys = cursor.fetchall()
        cursor.execute(_AS_BEFORE)
    if sign == "branches":
        rows = _described(Client.objects.filter(tax_id_root__in=[key for key, _ids in keys], merged_into=None, discarded_on=None))
        by_root: dict[str, list[Client]] = {}
        for row in rows:
            by_root.setdefault(row.tax_id_root, []).append(row)
        return [Twins(key, by_root.get(key, [])[:12]) for key, _ids in keys]
    known = {row.pk: row for row in _described(Client.objects.filter(pk__in=[pk for _key, ids in keys for pk in ids[:12]]))}
    return [Twins(key, [known[pk] for pk in ids[:12] if pk in known]) for key, ids in keys]


def _described(rows: QuerySet[Client]) -> QuerySet[Client]:
    return rows.select_related("representative").prefetch_related("activity").order_by("pk")


def unmended(issue: str, organization: Organization) -> QuerySet[Client]:
    """The clients behind one of the counts ``owner``, ``place``, ``segment`` or ``number``, in the order of their ids."""
    conditions = {
        "owner": Q(representative=None),
        "place": Q(latitude=None),
        "segment": Q(segment=""),
        "number": ~Q(length=14) if organization.country == "BR" else Q(pk=None),
    }
    rows = Client.objects.annotate(length=Length("tax_id")) if issue == "number" else Client.objects.all()
    return rows.filter(conditions[issue], discarded_on=None).select_related("representative").order_by("pk")


@dataclass(frozen=True)
class City:
    """Where a city's clients are, in the middle of them: all that a map without tiles can be read by."""

    name: str
    latitude: float
    longitude: float


def cities_around(client: Client) -> tuple[str, list[City]]:
    """Where a map of the client opens, as "latitude,longitude" or "", and the cities of its state, the nearest first; one query.

    It opens on the client's own city where somebody of it has a place, else on its representative's base, else amid its state.
    """
    placed = Client.objects.filter(state=client.state, discarded_on=None, latitude__isnull=False, longitude__isnull=False)
    rows = placed.exclude(city="").values_list("city").annotate(Avg("latitude"), Avg("longitude")).order_by("city")
    cities = [City(*row) for row in rows]
    person = client.representative
    own = next((city for city in cities if city.name.casefold() == client.city.casefold()), None)
    if own is not None:
        at = (own.latitude, own.longitude)
    elif person is not None and person.latitude is not None and person.longitude is not None:
        at = (person.latitude, person.longitude)
    elif cities:
        at = (sum(city.latitude for city in cities) / len(cities), sum(city.longitude for city in cities) / len(cities))
    else:
        return "", []
    cities.sort(key=lambda city: (city.latitude - at[0]) ** 2 + (city.longitude - at[1]) ** 2)
    return f"{at[0]:.5f},{at[1]:.5f}", cities[:SHOWN_CITIES]


def bases_missing(*, on: date) -> QuerySet[Representative]:
    """Representatives at work whose base is not on the map."""
    return Representative.objects.filter(Q(valid_to=None) | Q(valid_to__gt=on), latitude=None).order_by("code")


def merges(*, limit: int = 50) -> Sequence[ClientMerge]:
    """The latest merges, undone ones too."""
    rows = ClientMerge.objects.select_related("survivor", "absorbed", "by", "undone_by").order_by("-merged_at", "-pk")
    return list(rows[:limit])

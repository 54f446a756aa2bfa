"""Reading the audit trail: newest first, filtered, a page at a time, as fast at a million events as at a hundred."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

from accounts import trail
from accounts.models import AuditCheck, AuditEvent, Membership, Organization
from accounts.tenancy import active_organization_id

PAGE = 50
MOST_TEXT = 64
MOST_STREAMS = 60


@dataclass(frozen=True)
class Place:
    """Where a page ended: the instant and id of its last event. Events of one statement share their instant."""

    at: datetime
    id: int

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """``<microseconds since 1970>-<id>``, or None."""
        micros, _dash, number = text.partition("-")
        if not (micros.isascii() and micros.isdigit() and number.isascii() and number.isdigit()) or len(micros) > 17 or len(number) > 18:
            return None
        try:
            return cls(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(micros)), int(number))
        except OverflowError:
            return None

    def __str__(self) -> str:
        return f"{round((self.at - datetime.fromtimestamp(0, UTC)) / timedelta(microseconds=1))}-{self.id}"


@dataclass(frozen=True)
class TrailFilter:
    """What is asked of the trail: who, what kind or group of kinds, from which day to which, and about what."""

    actor: int | None = None
    kind: str = ""
    group: str = ""
    since: date | None = None
    until: date | None = None
    text: str = ""
    stream: str = ""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> "TrailFilter":
        """The filter a querystring names; what is no filter of ours is left out."""
        actor, kind, group = query.get("who", ""), query.get("kind", ""), query.get("group", "")
        stream = query.get("about", "")
        return cls(
            actor=int(actor) if actor.isascii() and actor.isdigit() and len(actor) < 16 else None,
            kind=kind if kind in trail.known_kinds() else "",
            group=group if group in trail.GROUPS else "",
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
            text=query.get("q", "").replace("\0", "").strip()[:MOST_TEXT],
            stream=stream if len(stream) <= 80 and stream.isprintable() else "",
        )

    @property
    def narrows(self) -> bool:
        return self != TrailFilter()

    @property
    def query(self) -> dict[str, str]:
        """The parameters that name this filter."""
        named = {"who": self.actor, "kind": self.kind, "group": self.group, "since": self.since, "until": self.until}
        return {key: str(value) for key, value in (named | {"q": self.text, "about": self.stream}).items() if value}

    def but(self, **changes: object) -> "TrailFilter":
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def kinds(self) -> list[str] | None:
        """The kinds asked for; None for any."""
        return [self.kind] if self.kind else trail.kinds_of(self.group) if self.group else None


_COLUMNS = "id, stream, seq, action, actor_id, actor_label, before, after, reason, at"


def trail_events(wanted: TrailFilter, organization: Organization, *, after: Place | None = None, size: int = PAGE) -> list[AuditEvent]:
    """Events of the filter, newest first, at most ``size``, those beyond ``after`` only.

    Two queries at most beside the finders of the text. Each kind asked for is read from its own end of the index and the ends
    are merged, so that a rare kind costs no walk through a million others.

    Parameters
    ----------
    organization : its zone says which instants the days hold
    """
    asked = _asked(wanted, organization, after, size, _COLUMNS)
    return list(AuditEvent.objects.raw(*asked)) if asked else []


def trail_count(wanted: TrailFilter, organization: Organization, *, most: int) -> int:
    """How many events the filter holds, counted up to ``most``; one query beside the finders of the text."""
    asked = _asked(wanted, organization, None, most, "id, at")
    if asked is None:
        return 0
    sql, parameters = asked
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({sql}) found", parameters)  # noqa: S608 - our own words
        return int(cursor.fetchone()[0])


def _asked(
    wanted: TrailFilter, organization: Organization, after: Place | None, size: int, columns: str
) -> tuple[str, dict[str, Any]] | None:
    """The statement of ``trail_events`` and its parameters; None where nothing can be found."""
    streams = [wanted.stream] if wanted.stream else trail.streams_found(wanted.text)[:MOST_STREAMS] if wanted.text else None
    if streams is not None and not streams:
        return None
    conditions = ["organization_id = %(organization)s"]
    parameters: dict[str, Any] = {"organization": active_organization_id(), "size": size}
    if wanted.since:
        conditions.append("at >= %(since)s")
        parameters["since"] = _midnight(organization, wanted.since)
    if wanted.until:
        conditions.append("at < %(until)s")
        parameters["until"] = _midnight(organization, wanted.until + timedelta(days=1))
    if after:
        conditions.append("(at, id) < (%(after_at)s, %(after_id)s)")
        parameters |= {"after_at": after.at, "after_id": after.id}
    if wanted.actor:
        conditions.append("actor_id = %(actor)s")
        parameters["actor"] = wanted.actor
    if streams is not None:
        conditions.append("stream = ANY(%(streams)s)")
        parameters["streams"] = streams
    where, order = " AND ".join(conditions), "ORDER BY at DESC, id DESC LIMIT %(size)s"
    kinds = wanted.kinds
    if kinds is None:
        sql = f"SELECT {columns} FROM accounts_auditevent WHERE {where} {order}"  # noqa: S608 - our own words
    elif wanted.actor or streams is not None:
        # Already few, or an index that holds the kind beside person and instant.
        parameters["kinds"] = kinds
        sql = f"SELECT {columns} FROM accounts_auditevent WHERE {where} AND action = ANY(%(kinds)s) {order}"  # noqa: S608
    else:
        parameters["kinds"] = kinds
        sql = (
            f"SELECT {columns} FROM unnest(%(kinds)s::varchar[]) AS one(kind) CROSS JOIN LATERAL ("  # noqa: S608
            f"SELECT {columns} FROM accounts_auditevent WHERE {where} AND action = one.kind {order}) each {order}"
        )
    return sql, parameters


def people_in_trail() -> list[tuple[int, str]]:
    """Members to filter by, those deactivated included, by name; one query."""
    return list(Membership.objects.order_by("name", "pk").values_list("pk", "name")[:500])


def last_check() -> AuditCheck | None:
    """The latest verification asked for, with who asked; one query."""
    return AuditCheck.objects.select_related("asked_by").order_by("-asked_at", "-pk").first()


def last_event_seq(stream: str) -> int:
    """How many events the stream holds: a page that shows its subject carries it, to notice what changed meanwhile."""
    with connection.cursor() as cursor:
        query = "SELECT coalesce(max(seq), 0) FROM accounts_auditevent WHERE organization_id = %s AND stream = %s"
        cursor.execute(query, [active_organization_id(), stream])
        return int(cursor.fetchone()[0])


def last_change(stream: str, action: str) -> AuditEvent | None:
    """The latest event of that kind about the subject, with its actor; one query."""
    return AuditEvent.objects.filter(stream=stream, action=action).select_related("actor").order_by("-seq").first()


def _midnight(organization: Organization, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=organization.zone)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if 1900 <= day.year <= 2100 else None

"""The words of a rule: fields, operators, guards, sections, their kinds and limits. Data only."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "carteira.rule/1"

NUMBER_OPS = ("<", "<=", "=", "!=", ">=", ">", "between", "in", "not_in", "is_null")
CHOICE_OPS = ("=", "!=", "in", "not_in", "is_null")
FLAG_OPS = ("=",)
TAG_OPS = ("in", "not_in", "is_null")
OPS = NUMBER_OPS

STATES = ("prospect", "active", "at_risk", "near_inactive", "inactive", "lost", "discarded")
OWNER_STATUSES = ("active", "absent", "leaver", "none")
ABC = ("A", "B", "C")


@dataclass(frozen=True)
class Field:
    """One thing a condition may look at.

    ``kind``: ``number``, ``choice`` (fixed words), ``text`` (the organization's own words), ``id``, ``flag`` or
    ``tags``; ``unit`` tells the editor what to write beside a number.
    """

    name: str
    kind: str
    unit: str = ""
    low: float = 0.0
    high: float = float("inf")
    choices: tuple[str, ...] = ()

    @property
    def ops(self) -> tuple[str, ...]:
        return {"number": NUMBER_OPS, "flag": FLAG_OPS, "tags": TAG_OPS}.get(self.kind, CHOICE_OPS)


_FIELDS = (
    Field("days_since_last", "number", "days"),
    Field("p_silent", "number", "probability", high=1.0),
    Field("p_cross", "number", "probability", high=1.0),
    Field("lateness", "number", "cycles"),
    Field("orders", "number", "order days"),
    Field("state", "choice", choices=STATES),
    Field("net_12m_cents", "number", "cents", low=float("-inf")),
    Field("net_total_cents", "number", "cents", low=float("-inf")),
    Field("abc", "choice", choices=ABC),
    Field("days_since_contact", "number", "days"),
    Field("days_since_visit", "number", "days"),
    Field("days_owned", "number", "days"),
    Field("missed_visits_90d", "number", "visits"),
    Field("owner_load", "number", "share"),
    Field("contract_days_left", "number", "days", low=float("-inf")),
    Field("credit_score", "number", "points", low=float("-inf")),
    Field("overdue_cents", "number", "cents"),
    Field("days_since_credit_event", "number", "days"),
    Field("owner_status", "choice", choices=OWNER_STATUSES),
    Field("median_gap", "number", "days"),
    Field("orders_30d", "number", "order days"),
    Field("orders_90d", "number", "order days"),
    Field("orders_180d", "number", "order days"),
    Field("orders_365d", "number", "order days"),
    Field("segment", "text"),
    Field("region", "text"),
    Field("uf", "text"),
    Field("city", "text"),
    Field("size", "text"),
    Field("tags", "tags"),
    Field("owner", "id"),
    Field("team", "id"),
    Field("key_account", "flag"),
    Field("contract_only", "flag"),
)
FIELDS: dict[str, Field] = {field.name: field for field in _FIELDS}

# guard -> does it take a number of days?
GUARDS: dict[str, bool] = {
    "hold": False,
    "never_rotate": False,
    "blocked": False,
    "discarded": False,
    "key_account": False,
    "open_order": False,
    "open_opportunity": False,
    "owner_absent": False,
    "representative_contract": False,
    "contact_within": True,
    "visit_within": True,
    "new_within": True,
    "owned_less_than": True,
    "moved_within": True,
    "group_within": True,
    "save_window": True,
}

STRATEGIES = ("optimal", "greedy", "round_robin", "weighted", "least_loaded")
CADENCES = ("daily", "weekly", "monthly", "on_event")
EVENTS = ("representative_deactivated",)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
APPROVALS = ("manager", "supervisor", "admin", "two_people")
CAPACITIES = ("clients", "minutes")
STRATA = ("abc", "risk")

MAX_DEPTH = 5
MAX_CONDITIONS = 100
MAX_DAYS = 36_500
MAX_FAIRNESS = 0.5


@dataclass(frozen=True)
class Key:
    """One key of a section: its kind, its default (filled in when absent) and the values it may take."""

    kind: str  # bool, int, float, choice, time, list, abc
    default: object
    low: float = 0.0
    high: float = float("inf")
    choices: tuple[str, ...] = ()
    optional: bool = False  # null allowed
    silent: bool = False  # left out of the definition where null: versions from before the key was known keep their hash


SECTIONS: dict[str, dict[str, Key]] = {
    "receivers": {
        "same_region": Key("bool", True),
        "same_segment": Key("bool", True),
        "max_km": Key("float", None, 0.001, 20_040.0, optional=True),
        "not_former_within_days": Key("int", 365, 0, MAX_DAYS),
        "prefer_team": Key("bool", False),
        "capacity": Key("choice", "clients", choices=CAPACITIES),
    },
    "value": {
        "horizon_days": Key("int", 90, 1, 730),
        # 1.0 counts net revenue until the organization states its margin
        "margin_rate": Key("float", 1.0, 0.0001, 1.0),
        "lift": Key("float", 0.1, 0.0001, 1.0),
    },
    "strategy": {
        "kind": Key("choice", "optimal", choices=STRATEGIES),
        "fairness": Key("float", 0.2, 0.0, MAX_FAIRNESS),
    },
    "limits": {
        "run_share": Key("float", None, 0.0001, 1.0, optional=True),
        "give_share": Key("float", 0.1, 0.0001, 1.0),
        "receive_share": Key("float", 0.1, 0.0001, 1.0),
        "run_max": Key("int", None, 1, 10_000_000, optional=True),
        "team_max": Key("int", None, 1, 10_000_000, optional=True, silent=True),
    },
    "experiment": {
        "share": Key("float", 0.0, 0.0, 0.5),
        "stratify_by": Key("list", ["abc", "risk"], choices=STRATA),
        "exempt": Key("exempt", {}),
    },
    "approval": {
        "mode": Key("choice", "manager", choices=APPROVALS),
        "expires_after_business_days": Key("int", 5, 1, 60),
    },
    "schedule": {
        "cadence": Key("choice", "weekly", choices=CADENCES),
        "weekday": Key("choice", None, choices=WEEKDAYS, optional=True),
        "day": Key("int", None, 1, 28, optional=True),
        "at": Key("time", "06:00"),
        "event": Key("choice", None, choices=EVENTS, optional=True),
    },
    "quality": {
        "max_feed_age_hours": Key("int", 36, 1, 8_760),
        "max_refused_share": Key("float", 0.02, 0.0, 1.0),
    },
}
TOP = ("schema", "name", "population", "trigger", "guards", *SECTIONS)

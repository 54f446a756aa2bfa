"""Rules to begin from: PRODUCT.md section 4 and the four of ENGINE.md section 4. Each is a whole, valid definition.

The names are what the organization's admin will see first and then rename; they are data of the rule, not text of
the program.
"""

from __future__ import annotations

from typing import Any

from .schema import SCHEMA

# preset -> (days to warn, days to inactive); lost after four times the second
PRESET_DAYS: dict[str, tuple[int, int]] = {
    "fast_moving": (30, 60),
    "general": (60, 90),
    "durable": (120, 180),
    "seasonal": (300, 365),
}

_NAMES = {
    "fast_moving": "Giro rápido, 60 dias",
    "general": "Geral, 90 dias",
    "durable": "Indústria durável, 180 dias",
    "seasonal": "Sazonal, 365 dias",
}
_SCHEDULE = {"cadence": "weekly", "weekday": "mon", "at": "06:00"}
_APPROVAL = {"mode": "manager", "expires_after_business_days": 5}


def by_days(inactive_days: int, name: str) -> dict[str, Any]:
    """A rule that flags from ``inactive_days`` without a valid order until the client is lost (four times as many)."""
    return {
        "schema": SCHEMA,
        "name": name,
        "population": {"all": []},
        "trigger": {"all": [{"field": "days_since_last", "op": "between", "value": [inactive_days, 4 * inactive_days - 1]}]},
        "guards": [
            "hold",
            "never_rotate",
            "blocked",
            "discarded",
            "open_order",
            "open_opportunity",
            "contact_within:15",
            "visit_within:15",
            "new_within:90",
            "owned_less_than:90",
            "moved_within:180",
            "representative_contract",
        ],
        "receivers": {"same_region": True, "max_km": 150, "not_former_within_days": 365, "capacity": "clients"},
        "value": {"horizon_days": 90, "lift": 0.1},
        "strategy": {"kind": "optimal", "fairness": 0.2},
        "limits": {"give_share": 0.1, "receive_share": 0.1},
        "experiment": {"share": 0},
        "approval": _APPROVAL,
        "schedule": _SCHEDULE,
        "quality": {"max_feed_age_hours": 36, "max_refused_share": 0.02},
    }


PRESETS: dict[str, dict[str, Any]] = {key: by_days(days[1], _NAMES[key]) for key, days in PRESET_DAYS.items()}

PRESETS["general_with_hold_out"] = {
    "schema": SCHEMA,
    "name": "90 dias, geral",
    "population": {"all": [{"field": "segment", "op": "not_in", "value": ["contract"]}]},
    "trigger": {"all": [{"field": "days_since_last", "op": "between", "value": [90, 359]}]},
    "guards": ["never_rotate", "blocked", "open_opportunity", "contact_within:15", "owned_less_than:90", "moved_within:180"],
    "receivers": {"same_region": True, "max_km": 150, "not_former_within_days": 365, "capacity": "clients"},
    "value": {"horizon_days": 90, "lift": 0.1},
    "strategy": {"kind": "optimal", "fairness": 0.2},
    "limits": {"give_share": 0.1, "receive_share": 0.1},
    "experiment": {"share": 0.3, "stratify_by": ["abc", "risk"], "exempt": {"abc": ["A"]}},
    "approval": _APPROVAL,
    "schedule": _SCHEDULE,
    "quality": {"max_feed_age_hours": 36, "max_refused_share": 0.02},
}
PRESETS["high_risk"] = {
    **PRESETS["general_with_hold_out"],
    "name": "Risco alto, valor primeiro",
    "trigger": {
        "all": [
            {"field": "p_cross", "op": ">=", "value": 0.7},
            {"field": "state", "op": "in", "value": ["at_risk", "near_inactive"]},
        ]
    },
    "guards": ["never_rotate", "save_window:10", "representative_contract", "owned_less_than:90"],
    "limits": {"run_max": 200, "give_share": 0.1},
    "strategy": {"kind": "optimal", "fairness": 0.05},
}
PRESETS["weekly_buyer"] = {
    **PRESETS["general_with_hold_out"],
    "name": "Comprador semanal",
    "population": {"all": [{"field": "median_gap", "op": "<=", "value": 10}]},
    "trigger": {
        "any": [
            {"field": "p_cross", "op": ">=", "value": 0.5},
            {"all": [{"field": "lateness", "op": ">=", "value": 4}, {"field": "days_since_last", "op": ">=", "value": 28}]},
        ]
    },
    "value": {"horizon_days": 42, "lift": 0.1},
    "receivers": {"max_km": 60, "same_region": True, "capacity": "minutes"},
}
PRESETS["leaver"] = {
    **PRESETS["general_with_hold_out"],
    "name": "Saída do vendedor",
    "population": {"all": []},
    "trigger": {"all": [{"field": "owner_status", "op": "in", "value": ["leaver", "none"]}]},
    "guards": [],
    "receivers": {"same_region": True, "prefer_team": True, "not_former_within_days": 0, "capacity": "minutes"},
    "limits": {"give_share": 1.0, "receive_share": 0.3},
    "strategy": {"kind": "optimal", "fairness": 0.5},
    "experiment": {"share": 0},
    "schedule": {"cadence": "on_event", "event": "representative_deactivated"},
}

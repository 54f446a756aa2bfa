"""What the engine may refuse, as data.

Every refusal carries a stable ``code``, the ``path`` of the place that is wrong and its ``params``; the edge that
meets a person turns those three into a sentence in the person's language. ``str(error)`` is the English sentence for
logs and tests. Rooted in ValueError: the engine knows no framework.
"""

from __future__ import annotations

SENTENCES = {
    # the rule's text
    "not_an_object": "{path}: an object is needed here, not {found}",
    "not_a_list": "{path}: a list is needed here, not {found}",
    "unknown_key": "{path}: unknown key; known here: {known}",
    "missing_key": "{path}: this key is required",
    "wrong_schema": "{path}: schema {found} is not one this version reads; use {known}",
    "wrong_type": "{path}: {expected} is needed here, not {found}",
    "out_of_range": "{path}: {value} lies outside {low} to {high}",
    "unknown_choice": "{path}: {value} is not one of {known}",
    "empty_list": "{path}: the list is empty and would match nobody",
    "duplicate": "{path}: {value} is listed twice",
    "bad_time": "{path}: {value} is not a time of day such as 06:00",
    "unknown_field": "{path}: unknown field {field}; known fields: {known}",
    "unknown_op": "{path}: unknown operator {op}; known operators: {known}",
    "op_not_for_field": "{path}: operator {op} does not fit the field {field}; use one of {known}",
    "between_reversed": "{path}: between needs the lower limit first, and {low} > {high}",
    "contradiction": "{path}: no client can satisfy this together with {other}",
    "never_true": "{path}: no client can satisfy this; change the value or leave the condition out",
    "always_held": "{path}: the guard {guard} would keep every client that {other} flags; leave one of them out",
    "discarded_left_out": "{path}: discarded clients are left out of every rule, and this asks for nobody else",
    "nobody_drawn": "{path}: every client the rule can flag is exempt, and nobody would be drawn into the control group",
    "trigger_empty": "{path}: a trigger without conditions would flag every client; give at least one",
    "too_deep": "{path}: conditions nest deeper than {limit} levels",
    "too_many": "{path}: more than {limit} conditions",
    "unknown_guard": "{path}: unknown guard {guard}; known guards: {known}",
    "guard_needs_days": "{path}: guard {guard} needs days, as in {guard}:15",
    "guard_takes_no_days": "{path}: guard {guard} takes no days",
    "weekday_not_for_cadence": "{path}: weekday only goes with the weekly cadence",
    "day_not_for_cadence": "{path}: day only goes with the monthly cadence",
    "event_not_for_cadence": "{path}: event goes with the cadence on_event, and that cadence needs it",
    # the facts
    "missing_column": "column {column} is needed by {needed_by} and was not given",
    "wrong_shape": "column {column} has shape {found}, expected {expected}",
    "not_sorted": "column {column} is not strictly increasing at row {row}",
    "not_a_position": "column {column}: row {row} holds {value}, outside its table of {size} rows",
    "impossible_history": "row {row}: no history of orders gives {found}",
    "not_finite": "client {client}: its value is {value}; the run is refused",
    "negative_value": "pair {row} has the negative value {value}",
    "too_large": "the largest value, {value} cents, is beyond what the solver counts exactly",
}


class EngineError(ValueError):
    """The engine refuses its input; ``code``, ``path`` and ``params`` say what and where."""

    def __init__(self, code: str, path: str = "", **params: object) -> None:
        self.code = code
        self.path = path
        self.params = params
        super().__init__(SENTENCES[code].format(path=path or "rule", **params))


class RuleError(EngineError):
    """A rule's text is wrong at ``path`` (``trigger.all[0].op``)."""


class FactsError(EngineError):
    """A column is absent, badly shaped, out of order, or holds what cannot be computed with."""


class MissingColumn(FactsError):
    """The rule uses a column the caller did not give."""

    def __init__(self, column: str, needed_by: str) -> None:
        super().__init__("missing_column", column=column, needed_by=needed_by)

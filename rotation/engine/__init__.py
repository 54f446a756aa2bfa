"""The rotation engine: arrays in, arrays out. NumPy and SciPy; no Django, no clock, no database.

Words and mathematics: design page ENGINE.md. What a caller uses::

    from rotation.engine.rules import parse_rule, canonical_json, fields_used    # JSON -> Rule (checked, hashed)
    from rotation.engine.presets import PRESETS, PRESET_DAYS, by_days            # definitions to begin from
    from rotation.engine.facts import Facts, Representatives, NO_DAY             # columns, sorted by id
    from rotation.engine.pipeline import propose, propose_many, RESERVES         # one run
    from rotation.engine.explain import UNASSIGNED                               # why some got nobody
    from rotation.engine.features import order_statistics, abc_classes, lifecycle_states, lateness, inactive_on
    from rotation.engine.models import Purchases, fit, next_order, fit_tickets    # chance of silence, dates, tickets
    from rotation.engine.prediction import OrderHistory, predict                  # all of it, for one day, with its reasons
    from rotation.engine.backtest import Backtest, cutoffs_between                # a rule replayed on the past
    from rotation.engine.errors import EngineError, RuleError, FactsError, MissingColumn

    rule = parse_rule(version.definition, accepted=True)              # RuleError: .code, .path, .params
    facts = Facts(client_id=..., owner=..., seq=..., x=..., first_on=..., last_on=..., net_12m=..., ...)
    reps = Representatives(id=..., team=..., active=..., autonomous=..., capacity=..., holds=..., ...)
    outcome = propose(rule, facts, reps, as_of, seed=organization_salt, rule_version_id=version.id)

``as_of`` and every day is an integer of days since 1970-01-01 (``NO_DAY`` for "never"); money is int64 cents; owners
are rows of the representatives (-1 none); words are codes into the vocabularies of ``Facts`` (-1 unknown). Required
columns are the seven above; any other may stay None until a rule needs it (MissingColumn names both).

``outcome.proposals`` (arrays, best first): client, from_representative, to_representative, seq, value_cents,
at_stake_cents, p_silent, factor, km_from, km_to, price_cents, reserve (bits of RESERVES), candidates.{representative,
value_cents, km, cost_cents} of shape (n, 4), the receiver first. ``outcome.flagged``, ``.guard_code`` (position in
``.guard_names``), ``.guard_value``, ``.guard_until_on``, ``.limited``, ``.held_out`` are masks and columns over all
clients; ``.unassigned``, ``.unassigned_why`` (position in UNASSIGNED), ``.unassigned_price_cents`` list who got
nobody; ``.traces`` each condition with what every move showed; ``.preventions`` what would have kept them;
``.summary`` plain JSON for the run's record: counts, objective_cents = value_cents - penalty_cents (fairness), bound_cents, gap,
round_robin_cents and greedy_cents on the objective's measure (their bare value as *_value_cents), seconds, digest.

Order of the modules, each importing only those before it: errors, schema, conditions, rules, presets, facts,
features, scoring, evaluate, guards, geometry, pairs, ceilings, exchange, assignment, strategies, experiment, explain,
pipeline. models/ imports errors and facts alone; history, silence, prediction stand on features and models. replay
(with medians) stands on evaluate's modules, judging on replay, backtest on judging, forecasting on backtest and models.
SciPy is ``import scipy as sp``, its parts named in full where they are used (``sp.optimize.milp``): they load then, not with the
module, because ``sp.optimize`` alone takes longer to load than all of the engine and no page needs it to appear.
Capacity in minutes: packing, programme, chains, minutes, workload, solving. The balance of past runs: ledger. Exact
costs of runners-up: forced.
"""

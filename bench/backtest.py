"""How long a proof on two years of history takes, against the plainest replay there is, measured beside it.

    python -m bench.backtest                # 5,000 clients, weekly cut-offs over 24 months
    SCALE=100000 python -m bench.backtest
    python -m bench.backtest iowa           # a real wholesaler: who was truly silent among as many flags as "30 days"

The floor reads the same order days by the same COPY and, for each cut-off, finds who has been silent for ninety days and was
not flagged for it yet; it knows no population, guards, owners, outcomes or money. Seconds are of CPU, of this process and of
its database connection, reading included; "first" is when the first numbers could be shown, after reading. One thread.
"""

import csv
import gzip
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

MONTHS = 24


def by_days(days: int) -> dict[str, Any]:
    from rotation.engine.presets import PRESETS

    return {**PRESETS["general"], "trigger": {"all": [{"field": "days_since_last", "op": ">=", "value": days}]}}


def rules() -> dict[str, list[dict[str, Any]]]:
    """What is proved: a rule by days, two versions beside each other, the own cycle, a model's chance."""
    late = {**by_days(90), "trigger": {"all": [{"field": "lateness", "op": ">=", "value": 3}]}}
    risk = {**by_days(90), "trigger": {"all": [{"field": "p_cross", "op": ">=", "value": 0.5}]}}
    return {"days": [by_days(90)], "two versions": [by_days(75), by_days(90)], "own cycle": [late], "model": [risk]}


def measure(clients: int) -> None:
    """Seconds of CPU of each kind of rule, and of the floor, on the synthetic organization of that size."""
    import numpy as np
    from django.db import connections

    from accounts.tenancy import tenant_atomic
    from bench.run import spend
    from bench.world import AS_OF, build
    from rotation.engine.backtest import Backtest, cutoffs_between
    from rotation.engine.facts import NO_DAY
    from rotation.engine.forecasting import Forecaster
    from rotation.engine.replay import last_orders, uses_probabilities
    from rotation.selectors.columns import read_columns
    from rotation.selectors.facts import day_number
    from rotation.selectors.past import ORDER_DAYS, ORDER_KINDS
    from rotation.services.backtest import _read, span_of
    from rotation.services.rules import check_definition
    from rotation.services.runs import take_time

    organization = build(clients)
    with connections["owner"].cursor() as cursor:
        for table in ("clients_client", "clients_order", "clients_clientactivity", "portfolio_ownership"):
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    at = datetime.combine(AS_OF, datetime.min.time(), tzinfo=UTC) + timedelta(hours=12)
    with tenant_atomic(organization.pk):
        take_time()
        asked = [check_definition(by_days(90))]
        span = span_of(organization, asked, at=at, first=AS_OF - timedelta(days=730), last=AS_OF)
        reading, read = spend(lambda: _read(organization, asked, span))
    cutoffs = cutoffs_between(span.first, span.last, "week")

    def floor() -> int:
        with tenant_atomic(organization.pk):
            read_columns(ORDER_DAYS, {"organization": organization.pk, "until": span.known_until}, ORDER_KINDS, no_day=NO_DAY)
        flagged_for, flags = np.full(clients, NO_DAY, np.int64), 0
        for k, last_on in enumerate(last_orders(read.past, cutoffs)):
            fresh = (last_on != NO_DAY) & (cutoffs[k] - last_on >= 90) & (flagged_for != last_on)
            flagged_for[fresh] = last_on[fresh]
            flags += int(fresh.sum())
        return flags

    floor_ = min((spend(floor)[0] for _try in range(3)), key=lambda each: each.cpu)
    print(f"{clients:,} clients, {len(read.past.order_day):,} order days, {len(cutoffs)} weekly cut-offs")
    print(f"{'reading':>14}  {reading.cpu:6.2f} s of CPU\n{'floor':>14}  {floor_.cpu:6.2f} s of CPU")
    for name, definitions in rules().items():
        parsed = [check_definition(each) for each in definitions]
        first: list[float] = []

        def prove(parsed: Any = parsed, first: Any = first) -> dict[str, Any]:
            from time import process_time

            began = process_time()
            model = any(uses_probabilities(rule) for rule in parsed)
            test = Backtest(
                parsed,
                read.past,
                read.facts.clients,
                read.facts.representatives,
                cutoffs,
                known_until=day_number(span.known_until),
                predictor=Forecaster(read.past, read.facts.clients.inactive_days) if model else None,
            )
            while test.step():
                if not first and test.done >= 4:
                    test.result(0)
                    first.append(process_time() - began)
            return test.result(0, whole=True)

        spent, found = spend(prove)
        shown = f"{found['flagged']:,} flags, {found['false_alarm_rate'] or 0:.0%} in vain"
        cpu = reading.cpu + spent.cpu
        print(f"{name:>14}  {cpu:6.2f} s of CPU, {cpu / floor_.cpu:5.1f}x floor, first after {first[0]:.2f} s  ({shown})")


def iowa(shared: Path, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Weekly cut-offs of 2014 to 2019 on the real wholesaler: H 42, N 45, the model's chance against days without an order."""
    from rotation.engine.backtest import Backtest, cutoffs_between
    from rotation.engine.forecasting import Forecaster
    from rotation.engine.rules import parse_rule

    past, facts, people = iowa_past(shared / "data/iowa_wholesale/orders_2012_2020.csv.gz")
    cutoffs = cutoffs_between(date(2014, 1, 6), date(2019, 12, 30), "week")
    asked = {"name": "model", "trigger": {"field": "p_silent", "op": ">=", "value": 0.2}, "value": {"horizon_days": 42}}
    test = Backtest(
        [parse_rule(asked)], past, facts, people, cutoffs, known_until=int(past.order_day.max()), predictor=Forecaster(past, 45)
    )
    while test.step():
        pass
    found = test.result(whole=True)
    beside = found["day_rule"]
    say(f"Iowa, {len(past):,} clients, {len(cutoffs)} weekly cut-offs, horizon 42 days, inactive after 45:")
    say(f"  model     {found['flagged']:,} flags, truly silent {found['precision']:.3f}, lead {found['lead_days']} days")
    days, share, lead = beside["days"], beside["precision"], beside["lead_days"]
    say(f"  {days} days   {beside['flagged']:,} flags, truly silent {share:.3f}, lead {lead} days")
    return found


def iowa_past(file: Path) -> tuple[Any, Any, Any]:
    """The wholesaler's order days as the engine's tables; it has neither ledger nor visits."""
    import numpy as np

    from rotation.engine.facts import NO_DAY, Facts, Representatives
    from rotation.engine.past import Past

    summed: dict[tuple[int, int], int] = {}
    epoch = date(1970, 1, 1)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            key = int(row["client_id"]), (date.fromisoformat(row["date"]) - epoch).days
            summed[key] = summed.get(key, 0) + round(float(row["amount_usd"]) * 100)
    keys = np.array(sorted(summed), np.int64)
    ids, client = np.unique(keys[:, 0], return_inverse=True)
    n, none = len(ids), np.empty(0, np.int64)
    never = np.full(n, NO_DAY)
    past = Past(
        client_id=ids,
        order_client=client,
        order_day=keys[:, 1],
        order_cents=np.array([summed[tuple(key)] for key in keys.tolist()], np.int64),
        registered_on=never,
        discarded_on=never,
        owner_moved=none.astype(bool),
        **dict.fromkeys(("visit_client", "visit_day", "contact_client", "contact_day", "owner_client", "owner_representative"), none),
        **dict.fromkeys(("owner_from", "owner_until", "active_from", "active_until", "consent_on"), none),
        **dict.fromkeys(("absent_representative", "absent_from", "absent_until"), none),
    )
    columns = {"owner": np.full(n, -1), "seq": np.zeros(n), "x": np.full(n, -1), "first_on": never, "last_on": never}
    facts = Facts(client_id=ids, net_12m=np.zeros(n), inactive_days=45, warn_days=30, **columns)
    people = Representatives(**dict.fromkeys(("id", "team", "active", "autonomous", "capacity", "holds"), none))
    return past, facts, people


def main() -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    if sys.argv[1:] == ["iowa"]:
        iowa(Path(os.environ.get("CARTEIRA_SHARED", Path(__file__).resolve().parents[1] / "../shared")))
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
    from bench import servers

    servers.start()
    import django

    django.setup()
    measure(int(os.environ.get("SCALE", "5000")))


if __name__ == "__main__":
    main()

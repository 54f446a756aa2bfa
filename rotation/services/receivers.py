"""Whether one representative may receive each of some clients, and what that is worth: the engine's pairs for a person's choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import exp, isnan
from typing import Any

import numpy as np

from accounts.models import Representative
from clients.models import Client
from portfolio.models import Ownership
from rotation.engine.geometry import haversine_km
from rotation.engine.pairs import KM_SCALE, SAME_CITY_KM, SEGMENT_BONUS, TEAM_BONUS
from rotation.engine.rules import Rule as EngineRule
from rotation.selectors.facts import ABSENT_WITHIN_DAYS, absent_ids, is_active_on
from rotation.selectors.ledger import recovery_of
from rotation.selectors.receiving import Filled, Filling

NOT_ACTIVE, ABSENT, OWNER, REGION, SEGMENT, TOO_FAR, FORMER = (
    "receiver_inactive",
    "receiver_absent",
    "owner",
    "no_region",
    "no_segment",
    "too_far",
    "cooling_off",
)


@dataclass(frozen=True)
class Fit:
    """The pair of one proposal and the representative chosen for it; ``refused`` is "" where it may be.

    ``passed`` are the ceilings it stands beyond once this client has come, those sent before it counted.
    """

    refused: str
    value_cents: int = 0
    km: float | None = None
    farther: bool = False
    passed: tuple[Filled, ...] = ()


def fits(
    proposals: Sequence[Mapping[str, Any]],
    to: Representative,
    rules: Mapping[int | None, EngineRule],
    *,
    as_of: date,
    back: bool = False,
) -> dict[int, Fit]:
    """Check ``to`` against every proposal, in the order given: ceilings fill up as it goes, and a person may pass them.

    A constant number of queries.

    Parameters
    ----------
    proposals : rows of ids (id, run_id, client_id, from_representative_id, to_representative_id, rule_version_id), at_stake_cents, lift,
        km_from and the candidates
    rules : rule of each version
    as_of : the day of the decision
    back : ``to`` receives them again because a choice is taken back; nothing is refused
    """
    ids = [row["client_id"] for row in proposals]
    clients = {client.pk: client for client in Client.objects.filter(pk__in=ids).only("state", "segment", "city", "latitude", "longitude")}
    longest = max((rule.receivers.not_former_within_days for rule in rules.values()), default=0)
    ended = dict(
        Ownership.objects.filter(client__in=ids, representative=to, ended_on__gt=as_of - timedelta(days=longest))
        .order_by("ended_on")
        .values_list("client_id", "ended_on")
    )
    filling = Filling(to, ids, {row["run_id"] for row in proposals}, [rule.limits for rule in rules.values()])
    teams = dict(Representative.objects.values_list("pk", "team_id"))
    away = to.pk in absent_ids(first=as_of, last=as_of + timedelta(days=ABSENT_WITHIN_DAYS))
    serves = is_active_on(to, as_of)
    recovery = recovery_of(to, as_of=as_of)
    found = {}
    for row in proposals:
        rule, client = rules[row["rule_version_id"]], clients[row["client_id"]]
        km = _km(client, to)
        refused = (
            (not serves and NOT_ACTIVE)
            or (away and ABSENT)
            or (row["from_representative_id"] == to.pk and OWNER)
            or _place_refused(rule, client, to, km)
            or _former_refused(rule, ended.get(client.pk), as_of)
            or ""
        )
        if refused and not back:
            found[row["id"]] = Fit(refused)
            continue
        if row["to_representative_id"] != to.pk:
            filling.take(row)
        same_team = teams.get(row["from_representative_id"]) == to.team_id is not None
        worth = _value(rule, client, to, km, row["at_stake_cents"] * (row["lift"] or rule.value.lift) * recovery, same_team)
        fit = known_fit(row, to.pk) or Fit("", worth, km, _farther(km, row["km_from"]))
        found[row["id"]] = replace(fit, passed=tuple(filling.passed(row["run_id"], rule.limits)))
    return found


def known_fit(row: Mapping[str, Any], to_id: int) -> Fit | None:
    """The pair as the run computed it, where ``to_id`` is among the proposal's candidates: the numbers people saw."""
    if to_id not in row["candidates"]:
        return None
    i = row["candidates"].index(to_id)
    km = row["candidate_kms"][i]
    return Fit("", row["candidate_values"][i], km, _farther(km, row["km_from"]))


def _farther(km: float | None, km_from: float | None) -> bool:
    return km is not None and km_from is not None and km > km_from


def _km(client: Client, to: Representative) -> float | None:
    places = (client.latitude, client.longitude, to.latitude, to.longitude)
    if None in places:
        return None
    km = float(haversine_km(*(np.float64(each) for each in places)))  # type: ignore[arg-type]
    return None if isnan(km) else km


def _place_refused(rule: EngineRule, client: Client, to: Representative, km: float | None) -> str:
    wants = rule.receivers
    in_region = not to.regions or client.state in to.regions
    if wants.same_region and not in_region:
        return REGION
    if wants.same_segment and to.segments and client.segment not in to.segments:
        return SEGMENT
    if wants.max_km is not None:
        same_city = bool(client.city) and client.city == to.base_city
        if not (same_city or in_region if km is None else km <= wants.max_km):
            return TOO_FAR
    return ""


def _former_refused(rule: EngineRule, ended_on: date | None, as_of: date) -> str:
    if ended_on is None or (as_of - ended_on).days >= rule.receivers.not_former_within_days:
        return ""
    return FORMER


def _value(rule: EngineRule, client: Client, to: Representative, km: float | None, base_cents: float, same_team: bool) -> int:
    """The engine's worth of a pair (ENGINE.md section 3); ``base_cents`` holds lift and past recoveries already."""
    unknown = KM_SCALE if rule.receivers.max_km is None else float(rule.receivers.max_km)
    if km is None:
        km = min(SAME_CITY_KM, unknown) if client.city and client.city == to.base_city else unknown
    factor = exp(-km / KM_SCALE)
    if client.segment and client.segment in to.segments:
        factor *= 1 + SEGMENT_BONUS
    if rule.receivers.prefer_team and same_team:
        factor *= 1 + TEAM_BONUS
    return round(base_cents * factor)

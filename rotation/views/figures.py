"""How a run came about: whom it looked at, whom it left out and why, how good its moves are, and from which facts."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from accounts.models import Membership, Role, Team
from accounts.selectors import team_ids_under
from rotation.models import Run
from rotation.views.common import LEADERS, only, run_or_404
from rotation.views.previewing import UNASSIGNED_WORDS, tally
from rotation.wording import GUARD_NAMES, STRATEGY_WORDS

# So many first orders on one day are a load of old balances, not births (ENGINE.md section 10).
BULK_SHARE = 0.2


@require_GET
@only(LEADERS)
def figures(request: HttpRequest, run: int) -> HttpResponse:
    """The figures the run recorded when it was computed; nothing is worked out anew."""
    found = run_or_404(request, run)
    if found.computed_at is None or found.kind != Run.Kind.ROTATION:
        raise Http404
    summary = found.summary
    quality = summary.get("quality", {})
    bulk = quality.get("first_day_share", 0) > BULK_SHARE
    context = {
        "run": found,
        "rules": _rules(found),
        "full_teams": _full_teams(found, request.membership),  # type: ignore[attr-defined]
        "guards": tally(summary.get("guards", {}), GUARD_NAMES),
        "unassigned": tally(summary.get("unassigned", {}), UNASSIGNED_WORDS),
        "value_cents": summary.get("value_cents", 0),
        "penalty_cents": summary.get("value_cents", 0) - found.objective_cents,
        "round_robin_share": found.round_robin_cents / found.objective_cents if found.objective_cents > 0 else None,
        "greedy_share": summary.get("greedy_cents", 0) / found.objective_cents if found.objective_cents > 0 else None,
        "spread_before": summary.get("load_deviation_before"),
        "spread_after": summary.get("load_deviation_after"),
        "km_before": summary.get("km_before"),
        "km_after": summary.get("km_after"),
        "bulk_share": quality.get("first_day_share") if bulk else None,
        "bulk_day": parse_date(quality.get("first_day") or "") if bulk else None,
        "seconds": summary.get("seconds", {}).get("total"),
        "may_cancel": request.membership.role == Role.ADMIN and found.state == Run.State.AWAITING,  # type: ignore[attr-defined]
    }
    return render(request, "rotation/figures.html", context)


def _full_teams(run: Run, member: Membership) -> list[dict[str, Any]]:
    """Teams that received all a rule lets them, by rule and name, with what one client more there would be worth; a manager's own
    alone. At most two queries."""
    full = [each | {"most": rule["team_max"]} for rule in run.summary.get("rules", []) for each in rule.get("full_teams", [])]
    if not full:
        return []
    teams = Team.objects.filter(pk__in={each["team"] for each in full})
    if member.role == Role.MANAGER:
        teams = teams.filter(pk__in=team_ids_under(member.team_id))
    names = dict(teams.values_list("pk", "name"))
    return sorted((each | {"name": names[each["team"]]} for each in full if each["team"] in names), key=lambda each: each["name"])


def _rules(run: Run) -> list[dict[str, Any]]:
    """Each rule of the run with its own numbers, in its order; one query."""
    own = {each.get("rule_version_id"): each for each in run.summary.get("rules", [])}
    rows = run.rules.select_related("rule_version__rule", "team").order_by("position")
    return [
        {
            "version": row.rule_version,
            "team": row.team if row.side == row.Side.CANARY else None,
            "numbers": own.get(row.rule_version_id, {}),
            "strategy": STRATEGY_WORDS.get(own.get(row.rule_version_id, {}).get("strategy", ""), ""),
        }
        for row in rows
    ]

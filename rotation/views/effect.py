"""The words about a rule's effect and its guard figures, for its own page and the page of its outcome."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.notices import halt_reasons
from accounts.selectors import local_day
from rotation import uplift_words as words
from rotation.models import Rule, RuleVersion
from rotation.selectors.guard_figures import guard_figures
from rotation.selectors.uplift import rule_uplift


def uplift_context(request: HttpRequest, version: RuleVersion) -> dict[str, Any]:
    """The sentences about a rule's effect, for its own page and the page about the effect."""
    seen = rule_uplift(version, as_of=local_day(request.organization, at=timezone.now()))  # type: ignore[attr-defined]
    said: dict[str, Any] = {"uplift": seen, "lift_sentence": words.lift_sentence(seen)}
    if seen.found.sayable:
        said |= {
            "counts_sentence": words.counts_sentence(seen),
            "effect_sentence": words.effect_sentence(seen),
            "money_sentence": words.money_sentence(seen, request.organization.currency),
            "moved_sentence": words.moved_sentence(seen),
            "tone": "ok" if seen.found.low > 0 else "bad" if seen.found.high < 0 else "",
        }
    elif seen.share or seen.ever_drawn:
        said |= {"not_yet_sentence": words.not_yet_sentence(seen), "why_not_yet": words.why_not_yet(seen)}
    if seen.share:
        said["plan_sentence"] = words.plan_sentence(seen)
    return said


def watch_context(found: Rule, versions: list[RuleVersion]) -> dict[str, Any]:
    """Guard figures of the versions that run, and what stopped the rule, if anything did."""
    figures = guard_figures(versions) if versions else {}
    return {
        "watched": [(version, words.figure_lines(figures[version.pk])) for version in versions],
        "halt_reasons": halt_reasons(found.halt) if found.halted_at else [],
    }

"""Setting the goals of a month: what management writes down, cell by cell, with one audit event a representative."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.selectors import representatives_visible_to
from accounts.services import Actor
from accounts.services.audit import Event, record_events
from portfolio.models import Goal

GREATEST = 10**12  # beyond it a target is a slip of the keyboard
Cell = tuple[int, str]  # representative, measure


class GoalRefused(DomainError):
    """A target that cannot be: negative, zero or absurdly great."""

    code = "goal_refused"


@transaction.atomic
def set_goals(month: date, cells: Mapping[Cell, int | None], *, by: Membership) -> int:
    """Write the targets of a month; None takes one away. Cells not named stay. Returns how many changed.

    Parameters
    ----------
    month : its first day
    cells : (representative, measure) -> target in the measure's unit (``Goal.target``)

    Raises
    ------
    NotAllowed
        ``by`` is neither of the administration nor leads every representative named.
    GoalRefused
        A target is not positive, or beyond reason.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active:
        raise NotAllowed(_("Só administração e gerência definem metas."))
    people = sorted({pk for pk, _measure in cells})
    if set(representatives_visible_to(by).filter(pk__in=people).values_list("pk", flat=True)) != set(people):
        raise NotAllowed(_("Você define metas só de vendedores da sua equipe."))
    for (_pk, measure), target in cells.items():
        if target is not None and (not 0 < target <= GREATEST or measure not in Goal.Measure.values):
            raise GoalRefused(_("Uma meta é um número maior que zero."))
    held = {
        (goal.representative_id, goal.measure): goal
        for goal in Goal.objects.select_for_update(no_key=True).filter(month=month, representative_id__in=people).order_by("pk")
    }
    changed = {cell: target for cell, target in cells.items() if target != (held[cell].target if cell in held else None)}
    if not changed:
        return 0
    Goal.objects.filter(pk__in=[held[cell].pk for cell, target in changed.items() if target is None]).delete()
    written = [
        Goal(organization_id=by.organization_id, representative_id=cell[0], month=month, measure=cell[1], target=target, set_by=by)
        for cell, target in sorted(changed.items())
        if target is not None
    ]
    # Two managers at once: the later one's number stands, as with any cell of a shared table.
    Goal.objects.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=["organization", "representative", "month", "measure"],
        update_fields=["target", "set_by"],
    )
    before: dict[int, dict[str, int | None]] = defaultdict(dict)
    after: dict[int, dict[str, int | None]] = defaultdict(dict)
    for cell, target in changed.items():
        before[cell[0]][cell[1]] = held[cell].target if cell in held else None
        after[cell[0]][cell[1]] = target
    events = (
        Event(f"representative:{pk}", "goals.set", {"month": month, **before[pk]}, {"month": month, **after[pk]}) for pk in sorted(after)
    )
    record_events(events, by=Actor(by))
    return len(changed)


@transaction.atomic
def set_goals_of_months(cells: Mapping[tuple[date, int, str], int | None], *, by: Membership) -> int:
    """Write the targets of several months at once, all or none; returns how many changed.

    Parameters
    ----------
    cells : (month, representative, measure) -> target; months by their first day

    Raises
    ------
    NotAllowed, GoalRefused
        As ``set_goals``; nothing of any month is written then.
    """
    by_month: dict[date, dict[Cell, int | None]] = defaultdict(dict)
    for (month, representative, measure), target in cells.items():
        by_month[month][representative, measure] = target
    return sum(set_goals(month, by_month[month], by=by) for month in sorted(by_month))

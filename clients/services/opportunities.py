"""Sales being worked on: opened, moved from stage to stage, won or lost; every move is kept."""

from datetime import date, datetime

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.errors import ChangedMeanwhile, DomainError
from accounts.models import Membership
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from clients.models import Client, Opportunity, OpportunityMove
from clients.services.reach import require_reach

Stage = Opportunity.Stage
CLOSED = frozenset({Stage.WON, Stage.LOST})
# Offered where one is lost; any other words may be given.
LOSS_REASONS: tuple[Promise, ...] = (
    gettext_lazy("Preço"),
    gettext_lazy("Prazo de entrega"),
    gettext_lazy("Condição de pagamento"),
    gettext_lazy("Comprou do concorrente"),
    gettext_lazy("Adiou a compra"),
    gettext_lazy("Não temos o produto"),
)


class OpportunityRefused(DomainError):
    """What was asked of an opportunity cannot be; ``field`` is where."""

    code = "opportunity_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def open_opportunity(
    client: Client,
    *,
    title: str,
    by: Membership,
    at: datetime,
    value_cents: int | None = None,
    expected_on: date | None = None,
    source: str = "",
    stage: str = Stage.CONTACT,
) -> Opportunity:
    """Begin working on a sale with the client, at an open stage.

    Raises
    ------
    NotAllowed
    OpportunityRefused
        No title, a value below zero, or a stage at which nothing begins.
    """
    require_reach(client, by)
    if stage not in Stage.values or stage in CLOSED:
        raise OpportunityRefused(_("Escolha em que etapa a oportunidade está."), field="stage")
    today = local_day(by.organization, at=at)
    made = Opportunity(organization_id=client.organization_id, client=client, stage=stage, stage_since=today)
    _describe(made, title=title, value_cents=value_cents, expected_on=expected_on, source=source)
    made.save()
    _record_move(made, "", by=by, at=at, today=today)
    return made


@transaction.atomic
def change_opportunity(
    opportunity: Opportunity, *, title: str, by: Membership, value_cents: int | None, expected_on: date | None, source: str
) -> Opportunity:
    """Change what is said of an opportunity; its stage is moved apart.

    Raises
    ------
    NotAllowed
    OpportunityRefused
    """
    require_reach(opportunity.client, by)
    locked = Opportunity.objects.select_for_update(no_key=True).get(pk=opportunity.pk)
    before = _facts(locked)
    _describe(locked, title=title, value_cents=value_cents, expected_on=expected_on, source=source)
    if _facts(locked) != before:
        locked.save(update_fields=["title", "value_cents", "expected_on", "source"])
        record_event(f"opportunity:{locked.pk}", "opportunity.changed", by=Actor(by), before=before, after=_facts(locked))
    return locked


@transaction.atomic
def move_opportunity(
    opportunity: Opportunity, *, to: str, by: Membership, at: datetime, seen: str = "", loss_reason: str = ""
) -> Opportunity:
    """Put an opportunity at another stage: forward, back, won, lost with a reason, or open again. At that stage already: nothing.

    Parameters
    ----------
    seen : the stage the person saw; "" when it does not matter

    Raises
    ------
    NotAllowed
    ChangedMeanwhile
        Somebody moved it since it was seen.
    OpportunityRefused
        No such stage, or lost without a reason.
    """
    require_reach(opportunity.client, by)
    locked = Opportunity.objects.select_for_update(no_key=True).get(pk=opportunity.pk)
    if to not in Stage.values:
        raise OpportunityRefused(_("Escolha a etapa."), field="stage")
    if locked.stage == to:
        return locked
    if seen and locked.stage != seen:
        stage = locked.get_stage_display()
        raise ChangedMeanwhile(_("Outra pessoa já a levou para “%(stage)s”. Confira antes de mudar.") % {"stage": stage})
    reason = loss_reason.strip()[:120]
    if to == Stage.LOST and not reason:
        raise OpportunityRefused(_("Diga por que se perdeu."), field="loss_reason")
    came_from, today = locked.stage, local_day(by.organization, at=at)
    locked.stage, locked.stage_since = to, today
    locked.closed_on = today if to in CLOSED else None
    locked.loss_reason = reason if to == Stage.LOST else ""
    locked.save(update_fields=["stage", "stage_since", "closed_on", "loss_reason"])
    _record_move(locked, came_from, by=by, at=at, today=today)
    return locked


def _describe(opportunity: Opportunity, *, title: str, value_cents: int | None, expected_on: date | None, source: str) -> None:
    if not title.strip():
        raise OpportunityRefused(_("Diga o que pode ser vendido."), field="title")
    if value_cents is not None and not 0 <= value_cents < 2**53:
        raise OpportunityRefused(_("O valor não pode ser menor que zero nem passar de trilhões."), field="value")
    opportunity.title, opportunity.value_cents = title.strip()[:120], value_cents
    opportunity.expected_on, opportunity.source = expected_on, source.strip()[:40]


def _facts(opportunity: Opportunity) -> dict:
    return {name: getattr(opportunity, name) for name in ("title", "value_cents", "expected_on", "source")}


def _record_move(opportunity: Opportunity, came_from: str, *, by: Membership, at: datetime, today: date) -> None:
    OpportunityMove.objects.create(
        organization_id=opportunity.organization_id,
        opportunity=opportunity,
        from_stage=came_from,
        to_stage=opportunity.stage,
        moved_at=at,
        moved_on=today,
        by=by,
    )
    record_event(
        f"opportunity:{opportunity.pk}",
        "opportunity.moved" if came_from else "opportunity.opened",
        by=Actor(by),
        before={"stage": came_from} if came_from else {},
        after={"client": opportunity.client_id, "stage": opportunity.stage, "value_cents": opportunity.value_cents},
        reason=opportunity.loss_reason,
    )

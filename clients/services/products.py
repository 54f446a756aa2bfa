"""What people say of a product beside its file: since when its stock stands, and its season."""

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.services import Actor, record_event
from clients.models import Product

MARKERS = frozenset({Role.ADMIN, Role.MANAGER})


class MarkRefused(DomainError):
    """A product cannot be marked as asked; ``field`` is where."""

    code = "mark_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


def may_mark(member: Membership) -> bool:
    """Whether the member says what stands still and what is in season."""
    return member.role in MARKERS


@transaction.atomic
def mark_product(product: Product, *, season: str, stock_since: date | None, by: Membership, on: date) -> Product:
    """Set the product's season and since when its stock stands; a file that brings either column sets it again.

    Parameters
    ----------
    stock_since : None: it does not stand still
    on : the organization's day; stock cannot have come after it

    Raises
    ------
    NotAllowed
    MarkRefused
        A day to come, or a season too long to be one.
    """
    if not may_mark(by):
        raise NotAllowed(_("Quem marca produtos é a gerência ou a administração."))
    season = " ".join(season.split())
    if len(season) > 40:
        raise MarkRefused(_("Use até 40 letras."), field="season")
    if stock_since is not None and stock_since > on:
        raise MarkRefused(_("Use um dia até hoje."), field="stock_since")
    locked = Product.objects.select_for_update(no_key=True).get(pk=product.pk)
    before = {"season": locked.season, "stock_since": locked.stock_since}
    after = {"season": season, "stock_since": stock_since}
    if before != after:
        locked.season, locked.stock_since = season, stock_since
        locked.save(update_fields=["season", "stock_since"])
        record_event(f"product:{locked.pk}", "product.marked", by=Actor(by), before=before, after=after)
    return locked

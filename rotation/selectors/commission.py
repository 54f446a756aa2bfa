"""What moving clients does to the average commission of autonomous representatives (Lei 4.886/65, art. 32 § 7).

The law looks at the mean of the last six months, so the simulation does: what the representative's orders of those months
earned a month, and what it would have been without the clients leaving and with those coming.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import QuerySet, Sum

from accounts.models import Representative
from clients.models import Order
from rotation.models import Proposal
from rotation.selectors.signals import COMMISSION_DAYS

MONTHS = 6


@dataclass(frozen=True)
class Commission:
    """Monthly average of the six months up to the day, in cents: as it was, and as it would have been after the moves."""

    before_cents: int
    after_cents: int

    @property
    def change_cents(self) -> int:
        return self.after_cents - self.before_cents


def commissions(people: Collection[Representative], moves: QuerySet[Proposal], *, as_of: date) -> dict[int, Commission]:
    """The simulation for each autonomous representative among ``people`` with a recorded rate; three queries, or none.

    Parameters
    ----------
    moves : the proposals that would be applied
    as_of : the last of the six months' days, counted as 180
    """
    rates = {person.pk: person.commission_rate for person in people if _on_commission(person)}
    if not rates:
        return {}
    days = (as_of - timedelta(days=COMMISSION_DAYS - 1), as_of)
    earned = dict(
        Order.objects.filter(representative__in=rates, ordered_on__range=days).values_list("representative").annotate(net=Sum("net_cents"))
    )
    within = moves.filter(client__orders__ordered_on__range=days).order_by()
    lost = dict(_net(within, "from_representative", rates))
    gained = dict(_net(within, "to_representative", rates))
    found = {}
    for pk, rate in rates.items():
        base = earned.get(pk, 0)
        found[pk] = Commission(_monthly(base, rate), _monthly(base - lost.get(pk, 0) + gained.get(pk, 0), rate))
    return found


def commission_of_move(
    client_id: int, origin: Representative | None, receivers: Collection[Representative], *, as_of: date
) -> tuple[Commission | None, dict[int, int]]:
    """What one client's move does: to the giver's average, and by how many cents a month to each receiver's.

    Only autonomous representatives with a recorded rate count. A client silent for six months adds nothing, and its move
    takes nothing (Lei 4.886/65, art. 32 § 7). Two queries, or none.
    """
    paid = {person.pk: person.commission_rate for person in receivers if _on_commission(person)}
    giver = origin if origin is not None and _on_commission(origin) else None
    if not paid and giver is None:
        return None, {}
    days = (as_of - timedelta(days=COMMISSION_DAYS - 1), as_of)
    orders = Order.objects.filter(ordered_on__range=days)
    net = orders.filter(client=client_id).aggregate(net=Sum("net_cents", default=0))["net"]
    gains = {pk: _monthly(net, rate) for pk, rate in paid.items()}
    if giver is None:
        return None, gains
    earned = orders.filter(representative=giver.pk).aggregate(net=Sum("net_cents", default=0))["net"]
    return Commission(_monthly(earned, giver.commission_rate), _monthly(earned - net, giver.commission_rate)), gains


def _on_commission(person: Representative) -> bool:
    return person.contract_type == Representative.Contract.AUTONOMOUS and person.commission_rate > 0


def _net(moves: QuerySet[Proposal], side: str, rates: Collection[int]) -> QuerySet:
    return moves.filter(**{f"{side}__in": rates}).values_list(side).annotate(net=Sum("client__orders__net_cents"))


def _monthly(net_cents: int, rate: Decimal) -> int:
    return round(max(net_cents, 0) * rate / MONTHS)

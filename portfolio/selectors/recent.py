"""The clients a member was last with."""

from typing import Any

from accounts.models import Membership
from portfolio.models import Interaction, Visit

LOOKED_AT = 40  # acts of each kind among which different clients are looked for


def recent_client_ids(member: Membership, *, most: int) -> list[int]:
    """Ids of the clients the member last visited, called or wrote to, latest first; two queries."""
    visits = Visit.objects.filter(representative__membership_id=member.pk, visited_on__isnull=False)
    talks = Interaction.objects.filter(by_id=member.pk)
    acts: list[Any] = list(visits.order_by("-visited_on", "-id").values_list("visited_on", "client_id")[:LOOKED_AT])
    acts += talks.order_by("-happened_on", "-id").values_list("happened_on", "client_id")[:LOOKED_AT]
    return list(dict.fromkeys(client for _day, client in sorted(acts, key=lambda act: act[0], reverse=True)))[:most]

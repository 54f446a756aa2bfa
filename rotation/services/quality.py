"""The gate before every run: are the orders fresh and whole enough to accuse anyone of silence?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Organization
from clients.models import ImportJob
from rotation.engine.rules import Rule as EngineRule
from rotation.errors import RefusedFeed, StaleFeed
from rotation.models import RotationSettings


def check_feed(organization: Organization, rules: Sequence[EngineRule], settings: RotationSettings, *, at: datetime) -> None:
    """Let the run pass, or say what is wrong with the orders.

    The organization's own limit of age, where it has one, stands for every rule's; else the strictest rule's holds.

    Raises
    ------
    StaleFeed
        Orders never came, or came too long ago; the sentence says when and what to do.
    RefusedFeed
        Too many lines of the last order file were refused.
    """
    hours = settings.max_feed_age_hours or min(rule.quality.max_feed_age_hours for rule in rules)
    received = organization.orders_received_at
    if received is None:
        raise StaleFeed(_("Nenhum pedido foi recebido ainda. Importe os pedidos e rode o giro de novo."))
    if at - received > timedelta(hours=hours):
        when = date_format(received.astimezone(organization.zone), "SHORT_DATETIME_FORMAT")
        raise StaleFeed(
            _("Os pedidos mais recentes chegaram em %(when)s, há mais de %(hours)s h. Importe os pedidos de hoje e rode o giro de novo.")
            % {"when": when, "hours": hours}
        )
    share = min(rule.quality.max_refused_share for rule in rules)
    last = ImportJob.objects.filter(kind="orders", state=ImportJob.State.DONE).order_by("-started_at").values("rows", "refused").first()
    if last and last["rows"] and last["refused"] / last["rows"] > share:
        sentence = _(
            "%(refused)s das %(rows)s linhas do último arquivo de pedidos foram recusadas, mais que %(share)s%%. "
            "Corrija o arquivo e envie-o de novo."
        )
        raise RefusedFeed(sentence % {"refused": last["refused"], "rows": last["rows"], "share": f"{100 * share:g}"})


def is_live(organization: Organization, as_of, *, at: datetime | None = None) -> bool:
    """Whether that day is the organization's today or later: only then may scheduled orders be known."""
    return as_of >= (at or timezone.now()).astimezone(organization.zone).date()

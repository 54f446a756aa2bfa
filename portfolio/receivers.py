"""What the portfolio does when clients or orders change; connected in ``PortfolioConfig.ready``."""

from datetime import date

from accounts.services import Actor
from portfolio.models import Ownership
from portfolio.projections import refresh_contact_days
from portfolio.services import Transfer, TransferResult, credit_orders, transfer_clients


def credit_changed_orders(sender, *, client_ids: list[int], **kwargs) -> None:
    """Before the projections are rebuilt, so that they name the right representative."""
    credit_orders(client_ids)


def transfer_named_clients(sender, *, rows: list[tuple[int, int]], on: date, by: Actor, **kwargs) -> TransferResult:
    """A client file says who answers for its clients; those it names already are left as they are."""
    result = transfer_clients(
        [Transfer(client_id, representative_id) for client_id, representative_id in rows], by=by, source=Ownership.Source.IMPORT, on=on
    )
    return TransferResult(result.applied, [(each, code) for each, code in result.refused if code != "already_owner"])


def refresh_rebuilt_clients(sender, *, client_ids: list[int], **kwargs) -> None:
    """Last visit and last contact are kept on the clients app's projection and known here."""
    refresh_contact_days(client_ids)

"""What the clients app tells the apps above it, inside the transaction that changed the rows."""

from django.dispatch import Signal

# kwargs: client_ids (list of int). Orders of these clients were added or changed; sent before projections are
# rebuilt, so that whoever credits orders to representatives does it first.
orders_changed = Signal()

# kwargs: rows (list of (client_id, representative_id)), on (date), by (accounts.services.Actor). A client file named
# these owners and each differs from the one on record.
owners_named = Signal()

# kwargs: client_ids (list of int). The projections of these clients were rebuilt from facts; an app that keeps
# columns of ClientActivity (last visit, last contact) rebuilds its own now.
projections_rebuilt = Signal()

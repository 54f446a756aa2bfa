"""What every writer of clients' rows and the merging of clients agree on."""

from django.db import connection

_MERGING = 0x2_0000


def lock_merging(organization_id: int, *, shared: bool) -> None:
    """Until the transaction ends no client of the organization is merged (``shared``), or only here.

    Taken before any row's lock, by whoever resolves many clients by code and by whoever merges.
    """
    with connection.cursor() as cursor:
        name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        cursor.execute(f"SELECT {name}(%s, %s)", [_MERGING, organization_id % 2**31])

"""The planner's knowledge of tables that many foreign keys point at."""

from django.db import connection

MANY = 500  # rows made at once from which what the planner believed of the table may be far off


def look_again_at_parties() -> None:
    """Have clients and representatives analysed now, inside the transaction that loads them.

    Autovacuum would do it within a minute; until then each foreign key check reads the whole organization.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT carteira_fresh_statistics()")


def know_organization(organization_id: int, *, many: int = 30_000) -> int:
    """Have the tables analysed in which the planner expects next to nothing of an organization that has ``many`` rows or more.

    Inside a transaction of the organization, after what loads it has committed: an ANALYZE keeps others from analysing, and nobody
    else, until then. Where the planner is right it costs one plan a table. To read fewer rows than ``many`` in vain takes a few
    milliseconds, less than is gained by knowing better.

    Returns
    -------
    int
        How many tables were looked at.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT carteira_know_organization(%s, %s)", [organization_id, many])
        return cursor.fetchone()[0]

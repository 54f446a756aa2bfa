"""The planner's knowledge of tables that many foreign keys point at."""

from django.db import connection

MANY = 500  # rows made at once from which what the planner believed of the table may be far off


def look_again_at_parties() -> None:
    """Have clients and representatives analysed now, inside the transaction that loads them.

    Autovacuum would do it within a minute; until then each foreign key check reads the whole organization.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT carteira_fresh_statistics()")

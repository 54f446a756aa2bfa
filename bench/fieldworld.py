"""The company of the field benchmark: bench/world.py's, with people named like people, reached by phone, and visited.

Proper names are made of syllables and drawn unevenly, so that there are tens of thousands of different words, a few of them
everywhere and most of them rare, as in a real register.
"""

from django.db import connection

from accounts.models import Organization
from accounts.tenancy import tenant_atomic
from bench import world
from clients.models import ClientWord
from clients.services.words import refresh_words

CLIENTS_EACH = 100
SLUG = "bench-field-{clients}"
TITLES = "Mercado Supermercado Mercearia Empório Armazém Açougue Padaria Panificadora Restaurante Cantina Drogaria Casa Distribuidora"
SYLLABLES = (
    "ba be bi bo bra ca co cla cri da de di do fa fe fi fra ga ge gui gra ja jo la le li lo lu ma me mi mo na ne ni no"
    " pa pe pi pra ra re ri ro sa se si so ta te ti to tra va ve vi vo za ze"
)
NAMES = """
UPDATE clients_client c SET
    name = d.title || ' ' || initcap(d.given) || ' ' || initcap(d.family) || ' Ltda',
    trade_name = CASE WHEN d.n %% 3 = 0 THEN '' ELSE d.title || ' ' || initcap(d.given) END,
    tax_id = lpad((d.n * 7919 %% 99999999)::text, 8, '0') || '0001' || lpad((d.n %% 97)::text, 2, '0'),
    tax_id_root = lpad((d.n * 7919 %% 99999999)::text, 8, '0'),
    phone = '+55 ' || 11 + d.n %% 80 || ' 9' || lpad((d.n * 104729 %% 99999999)::text, 8, '0')
FROM (SELECT id, n, (%(titles)s::text[])[1 + n %% cardinality(%(titles)s::text[])] AS title,
          pg_temp.word(n, 21) AS given, pg_temp.word(n, 31) AS family
      FROM (SELECT id, substr(code, 2)::bigint AS n FROM clients_client WHERE organization_id = %(organization)s) numbered) d
WHERE c.organization_id = %(organization)s AND c.id = d.id
"""
# The cube of an even draw: one word in three comes from a thirtieth of the syllables.
WORD = """
CREATE OR REPLACE FUNCTION pg_temp.word(n bigint, purpose int) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT string_agg(s[1 + floor(cardinality(s) * power(pg_temp.draw(n, purpose + k), 1.6))::int], '' ORDER BY k)
   FROM generate_series(1, 3) k, (SELECT string_to_array('{syllables}', ' ') AS s) all_of_them $$
"""
CONTACTS = """
INSERT INTO clients_contact (organization_id, client_id, name, role, decision_role, email, phone, preferred_channel, consent_source)
SELECT organization_id, id, initcap(pg_temp.word(id, 41)) || ' ' || initcap(pg_temp.word(id, 51)), 'Compras', '', '', phone, '', ''
FROM clients_client WHERE organization_id = %(organization)s
"""
# Six visits a client behind, and eight planned a representative for the day.
VISITS = """
INSERT INTO portfolio_visit (organization_id, id_made, client_id, representative_id, visited_at, visited_on, outcome, no_sale_reason,
    note, origin, cancel_reason, outside_reason, received_at, version)
SELECT organization_id, gen_random_uuid(), id, representative_id, %(as_of)s::date - k * 13 + time '10:00', %(as_of)s::date - k * 13,
    (ARRAY['sale','no_sale','absent'])[1 + (id + k) %% 3], '', '', 'manual', '', '', now(), 1
FROM clients_client, generate_series(1, 6) k WHERE organization_id = %(organization)s ORDER BY id, k
"""
PLANNED = """
INSERT INTO portfolio_visit (organization_id, id_made, client_id, representative_id, planned_on, outcome, no_sale_reason,
    note, origin, cancel_reason, outside_reason, received_at, version)
SELECT organization_id, gen_random_uuid(), id, representative_id, %(today)s::date, '', '', '', 'manual', '', '', now(), 1
FROM (SELECT organization_id, id, representative_id, row_number() OVER (PARTITION BY representative_id ORDER BY id) AS k
      FROM clients_client WHERE organization_id = %(organization)s) c WHERE k <= 8
"""


def build(clients: int, *, today) -> Organization:
    """The company with that many clients, a hundred to a representative; made once, its visits planned for ``today`` then."""
    organization = world.build(clients, representatives=clients // CLIENTS_EACH, slug=SLUG.format(clients=clients))
    with tenant_atomic(organization.pk), connection.cursor() as cursor:
        if ClientWord.objects.exists():
            return organization
        for setting in ("statement_timeout = 0", "transaction_timeout = 0", "enable_nestloop = off"):
            cursor.execute(f"SET LOCAL {setting}")
        values = {"organization": organization.pk, "titles": TITLES.split(), "as_of": world.AS_OF, "today": today}
        cursor.execute(world.DRAW)
        cursor.execute(WORD.format(syllables=SYLLABLES))
        for statement in (NAMES, CONTACTS, VISITS, PLANNED):
            cursor.execute(statement, values)
        cursor.execute("SELECT array_agg(id) FROM clients_client WHERE organization_id = %s", [organization.pk])
        refresh_words(cursor.fetchone()[0], new=True)
    return organization

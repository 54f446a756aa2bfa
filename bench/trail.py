"""The audit page over a million events: a page, its filters, far back in it, as a file, and the whole trail proved.

    python -m bench.trail                 # EVENTS=1000000, row security on, chained by the trigger as every event is

A trail of 131,000 subjects, 40 people and eight kinds, one of them rare. Seconds are of CPU, of this process and of its
connection's server process.
"""

import os
import resource
import time
from datetime import UTC, datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
os.environ.setdefault("STATIC_PLAIN", "true")

from bench import servers

if __name__ == "__main__":
    servers.start()
    django.setup()
    import carteira.wsgi  # noqa: F401  (views loaded, and what is loaded set aside from the collector)

from django.db import connection, connections
from django.test import Client as Web

from accounts.exporting import MOST_ROWS, compose
from accounts.models import AuditCheck, AuditEvent, ExportJob, Membership, Organization, Role, User
from accounts.selectors.trail import Place, TrailFilter, trail_count
from accounts.services.exports import erase_exports, run_export
from accounts.services.verify import request_check, run_check
from accounts.tenancy import identity_atomic, tenant_atomic
from bench.pages import REQUESTS, measure, signed_in, spin
from bench.run import administrator, database_cpu
from clients.models import Client
from clients.services.words import refresh_words

SLUG, BATCH, PEOPLE, FOUND = "bench-trail-of-events", 20_000, 40, 300
KINDS = ["client.transferred", "visit.registered", "visit.planned", "task.created", "task.done", "goal.set", "proposal.approved"]
RARE = "organization.renamed"
EVENTS = """
INSERT INTO accounts_auditevent (organization_id, stream, seq, action, actor_id, actor_label, before, after, reason, request_id, at,
                                 previous_hash, hash)
SELECT %(organization)s, CASE WHEN n %% 5 = 0 THEN 'client:' || (1000000 + (hashint8extended(n, 1) & 131071))
                              ELSE 'client:' || (%(first)s + abs(hashint8extended(n, 2)) %% %(clients)s) END, 0,
       CASE WHEN n %% 100000 = 0 THEN %(rare)s ELSE (%(kinds)s::text[])[1 + abs(hashint8extended(n, 3)) %% 7] END,
       (%(people)s::bigint[])[1 + abs(hashint8extended(n, 4)) %% %(n_people)s], '', '{"representative": 1}', '{"representative": 2}',
       'mudança de região', '', '2024-01-01'::timestamptz + n * interval '1 minute', '', ''
  FROM generate_series(%(from)s, %(to)s) n ORDER BY n
"""


def empty() -> Organization:
    """The organization alone: made by SQL its ownerships would have no events, and nothing could be proved."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organizations_due()")
        for (organization_id,) in cursor.fetchall():
            with tenant_atomic(organization_id):
                if found := Organization.objects.filter(slug=SLUG).first():
                    return found
        cursor.execute("SELECT nextval(pg_get_serial_sequence('accounts_organization', 'id'))")
        (organization_id,) = cursor.fetchone()
    with tenant_atomic(organization_id):
        return Organization.objects.create(id=organization_id, slug=SLUG, name="Trail", require_second_factor=False)


def built(events: int) -> Organization:
    """The organization with that many events, made once."""
    organization = empty()
    admin = administrator(organization)
    with tenant_atomic(organization.pk):
        have = AuditEvent.objects.count()
    people, clients = [admin.pk], []
    for n in range(1, PEOPLE):
        email = f"p{n}@{SLUG}.example"
        with identity_atomic(email=email):
            user = User.objects.filter(email_norm=email).first() or User.objects.create_user(email, "a-long-bench-password")
        with tenant_atomic(organization.pk):
            defaults = {"role": Role.MANAGER, "name": f"Pessoa {n}"}
            people.append(Membership.objects.get_or_create(organization=organization, user_id=user.pk, defaults=defaults)[0].pk)
    with tenant_atomic(organization.pk):
        if not Client.objects.exists():
            Client.objects.bulk_create(Client(organization=organization, code=f"C{n}", name=f"Cliente {n}") for n in range(FOUND))
            refresh_words(list(Client.objects.values_list("pk", flat=True)), new=True)
        clients = list(Client.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(have + 1, events + 1, BATCH):
        with tenant_atomic(organization.pk), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
            values = {"organization": organization.pk, "first": clients[0], "clients": FOUND, "rare": RARE, "kinds": KINDS}
            values |= {"people": people, "n_people": len(people), "from": start, "to": min(start + BATCH - 1, events)}
            cursor.execute(EVENTS, values)
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) accounts_auditevent")
    return organization


def pages(organization: Organization, web: Web) -> None:
    """What each way of asking costs."""
    here = f"/o/{organization.slug}/audit/"
    with tenant_atomic(organization.pk):
        person = Membership.objects.order_by("-pk").values_list("pk", flat=True)[0]
        middle = AuditEvent.objects.order_by("pk").values_list("at", "pk")[AuditEvent.objects.count() // 10]
    back = str(Place(*middle))
    asked = {
        "newest": "",
        "nine tenths back": f"?after={back}",
        "one person": f"?who={person}",
        "one kind": "?kind=client.transferred",
        "a rare kind": f"?kind={RARE}",
        "a group of kinds": "?group=agenda",
        "a person, a kind, days": f"?who={person}&kind=visit.planned&since=2024-02-01&until=2024-03-01",
        "one day": "?since=2024-06-01&until=2024-06-01",
        "a name": "?q=cliente+77",
        "a name of 300": "?q=cliente",
        "one subject": "?about=client:1000007",
    }
    for name, query in asked.items():

        def ask(number: int, query: str = query) -> bytes:
            response = web.get(here + query, headers={"HX-Request": "true"})
            assert response.status_code == 200, (response.status_code, query)
            return response.content

        cost = measure(name, ask)
        print(f"{name:<26} {cost.cpu_ms:>7.0f} {cost.database_ms:>9.1f} {cost.p95_ms:>8.0f} {cost.queries:>8} {cost.kilobytes:>6.1f}")


def main() -> None:
    events = int(os.environ.get("EVENTS", "1000000"))
    organization = built(events)
    web = signed_in(administrator(organization))
    print(f"A million additions take {spin():.0f} ms of CPU just now (about 38 on an idle core of this kind).")
    print(f"The trail of {events:,} events ({REQUESTS} requests each; aim: p95 200 ms)")
    print(f"{'page':<26} {'CPU ms':>7} {'of it DB':>9} {'p95 ms':>8} {'queries':>8} {'KB':>6}")
    pages(organization, web)

    def spent(work) -> tuple[float, object]:
        began = time.process_time() + database_cpu()
        answer = work()
        return time.process_time() + database_cpu() - began, answer

    with tenant_atomic(organization.pk):
        connection.cursor().execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
        cpu, rows = spent(lambda: trail_count(TrailFilter(), organization, most=MOST_ROWS))
    print(f"counted for a file: {rows:,} rows in {cpu:.2f} s of CPU")
    session = web.session
    # As somebody who proved a moment ago who they are, as so many rows ask for.
    session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()
    for form in ("csv", "xlsx"):
        cpu, answer = spent(lambda form=form: web.get(f"/o/{SLUG}/audit/export.{form}"))
        print(f"asked for as {form}: {answer.status_code} in {cpu:.2f} s of CPU")  # type: ignore[attr-defined]
        with tenant_atomic(organization.pk):
            job = ExportJob.objects.latest("pk")
        cpu, _ = spent(lambda job=job: run_export(job.pk, organization.pk, compose=compose))
        with tenant_atomic(organization.pk):
            job.refresh_from_db()
            ExportJob.objects.update(expires_at=datetime.now(UTC))
            erase_exports(organization.pk, at=datetime.now(UTC))
        print(f"  made by a worker: {job.rows:,} rows, {job.size_bytes >> 10:,} KB in {cpu:.2f} s of CPU")
    with tenant_atomic(organization.pk):
        AuditCheck.objects.filter(state__in=["waiting", "running"]).update(state="failed")
        check = request_check(by=administrator(organization), at=datetime.now(UTC))

    def prove() -> AuditCheck:
        while True:
            run_check(check.pk, organization.pk)
            with tenant_atomic(organization.pk):
                row = AuditCheck.objects.get(pk=check.pk)
            if row.state not in ("waiting", "running"):
                return row

    cpu, row = spent(prove)
    print(f"proved: {row.state}, {row.checked:,} events in {cpu:.1f} s of CPU")  # type: ignore[attr-defined]
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")


if __name__ == "__main__":
    main()

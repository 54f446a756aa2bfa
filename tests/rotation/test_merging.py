"""Two registrations of one company become one client, and two again: nothing lost, nothing counted twice."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import F
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from accounts.errors import NotAllowed
from accounts.models import AuditEvent, Membership, Notice, Role
from accounts.services import Actor
from clients.imports import run_import
from clients.models import (
    Client,
    ClientActivity,
    ClientMerge,
    ClientMonth,
    ClientScore,
    ClientWord,
    Colleague,
    Contact,
    Contract,
    CreditEvent,
    CreditSnapshot,
    CustomField,
    CustomValue,
    Opportunity,
    Order,
    OrderItem,
    Product,
)
from clients.selectors.visibility import client_named, clients_visible_to
from clients.services import differences, refresh_abc, refresh_clients
from clients.services.words import refresh_words
from portfolio.errors import NeverReached
from portfolio.models import Interaction, Ownership, Task, Visit
from portfolio.projections import refresh_contact_days
from portfolio.selectors.sheet import sheet_of
from portfolio.services import Transfer, credit_orders, transfer_clients
from portfolio.services.history import PastOwnership, record_history
from portfolio.services.proof import ledger_breaks
from portfolio.services.visits import Report, record_visit
from rotation.models import Proposal
from rotation.services.merge_tables import STAY, moving_tables
from rotation.services.merging import MergeRefused, merge_clients, undo_merge
from tests.draws import drawn
from tests.factories import ClientFactory, OrderFactory, RepresentativeFactory, VisitFactory, make_member, stored_words
from tests.rotation.factories import ProposalFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)
# What a merge moves or makes anew. The ledger is appended to by an undo, as by everything; the mirror in the client shows it stands.
COMPARED = [
    Client, Contact, Contract, CreditEvent, CreditSnapshot, Opportunity, Order, OrderItem, Colleague, ClientActivity, ClientMonth,
    ClientScore, ClientWord, CustomValue, Visit, Interaction, Task,
]  # fmt: skip


def rows_of(*models) -> dict[str, list]:
    """Every row of the tables as the database writes it; projections, which are made anew, without their numbers."""
    found = {}
    with connection.cursor() as cursor:
        for model in models:
            made_anew = " - 'id'" if model in (ClientActivity, ClientMonth, ClientWord) else ""
            if model is Task:
                made_anew = " - 'version'"  # counts the handing over, there and back
            cursor.execute(f"SELECT (to_jsonb(t){made_anew})::text FROM {model._meta.db_table} t")
            found[model.__name__] = sorted(row[0] for row in cursor.fetchall())
    return found


def sums() -> dict[str, object]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT sum(net_cents) FROM clients_order), (SELECT count(*) FROM clients_order),"
            " (SELECT sum(revenue_cents) FROM clients_clientmonth),"
            " (SELECT sum(net_total_cents) FROM clients_clientactivity), (SELECT sum(net_12m_cents) FROM clients_clientactivity),"
            " (SELECT count(*) FROM portfolio_visit), (SELECT count(*) FROM clients_contact)"
        )
        totals = cursor.fetchone()
        cursor.execute("SELECT representative_id, sum(net_cents) FROM clients_order GROUP BY 1 ORDER BY 1")
        return {"totals": totals, "credited": cursor.fetchall()}


@pytest.fixture
def admin(acting):
    return make_member(acting, Role.ADMIN, name="Helena")


@pytest.fixture
def house(acting, admin):
    """Two registrations of one company, under two representatives, each with a life of its own."""
    return make_house(acting, admin)


def make_house(organization, admin):
    ana_member = make_member(organization, Role.REPRESENTATIVE, name="Ana", email=f"ana{Membership.objects.count()}@x.example")
    ana, bruno = (
        RepresentativeFactory(membership=ana_member),
        RepresentativeFactory(
            membership=make_member(organization, Role.REPRESENTATIVE, name="Bruno", email=f"bruno{Membership.objects.count()}@x.example")
        ),
    )
    a = ClientFactory(name="Açaí do Pará Ltda", city="Belém", tax_id="11222333000181", tax_id_root="11222333", phone="")
    b = ClientFactory(name="Acai do Para", city="Belem", phone="(91) 3232-1000", email="compras@acai.example", tags=["vip"])
    for client, person in ((a, ana), (b, bruno)):
        record_history([PastOwnership(client.pk, person.pk, date(2025, 1, 1))], by=Actor(admin), at=AT)
        client.refresh_from_db()
    product = Product.objects.create(code="P", name="Suco")
    for client, days in ((a, (date(2025, 6, 3), date(2026, 2, 1))), (b, (date(2025, 7, 9), date(2025, 12, 1), date(2026, 3, 2)))):
        for n, day in enumerate(days):
            order = OrderFactory(client=client, ordered_on=day, amount_cents=10_000 * (n + 1))
            OrderItem.objects.create(order=order, line=1, product=product, quantity=1, unit_price_cents=100, amount_cents=100)
        done = {"visited_at": AT - timedelta(days=9), "visited_on": date(2026, 2, 21), "planned_on": date(2026, 2, 21)}
        VisitFactory(client=client, representative=client.representative, outcome="sale", **done)
        VisitFactory(client=client, representative=client.representative, planned_on=date(2026, 3, 9))
        Task.objects.create(title="Ligar", client=client, owner=client.representative.membership, due_on=date(2026, 3, 5))
        Contact.objects.create(client=client, name="Marina", phone="" if client is a else "(91) 98888-0000")
        Interaction.objects.create(client=client, kind="call", happened_at=AT, happened_on=TODAY, by=admin)
        CreditSnapshot.objects.create(client=client, observed_on=date(2026, 1, 5), score=700)
        CreditEvent.objects.create(client=client, observed_on=date(2026, 1, 5), event=f"Protesto {client.code}")
        Opportunity.objects.create(client=client, title="Linha nova", stage="contact", stage_since=date(2026, 2, 1))
        Contract.objects.create(code=f"CT{client.code}", client=client, starts_on=date(2026, 1, 1), ends_on=date(2026, 12, 31))
        Colleague.objects.create(client=client, membership=admin, part="billing", since=date(2026, 1, 1))
        ClientScore.objects.create(client=client, horizon=90, made_for=TODAY, p_silent=0.2, p_cross=0.1, state="active")
    Contact.objects.create(client=b, name="Otávio")
    own_fields(a, b)
    settle([a.pk, b.pk])
    return a, b


def own_fields(a, b):
    """Both say their area, only ``b`` its chain; both Marinas say a team, only ``b``'s a birthday, and Otávio his."""
    about = {"kind": "text", "purpose": "Teste", "retention_days": 90, "created_at": AT}
    fields = {name: CustomField.objects.get_or_create(subject="client", name=name, defaults=about)[0] for name in ("Área", "Rede")}
    people = {name: CustomField.objects.get_or_create(subject="contact", name=name, defaults=about)[0] for name in ("Time", "Aniversário")}
    for client, name in ((a, "Área"), (b, "Área"), (b, "Rede")):
        CustomValue.objects.create(field=fields[name], client=client, value=f"{name} {client.code}", set_at=AT)
    for client, who, name in ((a, "Marina", "Time"), (b, "Marina", "Time"), (b, "Marina", "Aniversário"), (b, "Otávio", "Time")):
        contact = Contact.objects.get(client=client, name=who)
        CustomValue.objects.create(field=people[name], client=client, contact=contact, value=f"{name} {client.code}", set_at=AT)


def settle(ids):
    credit_orders(ids)
    refresh_clients(ids, as_of=TODAY)
    refresh_contact_days(ids)
    refresh_abc()
    refresh_words(ids)


def merge(a, b, admin, *, at=AT, **take):
    return merge_clients(survivor_id=a.pk, absorbed_id=b.pk, take=take, by=admin, at=at)


def test_everything_that_happened_goes_to_the_survivor_and_sums_stay(house, admin, acting):
    a, b = house
    before = sums()

    made = merge(a, b, admin)

    # Who is credited is the next test's: what was ordered on the day of the merge itself is the survivor's representative's.
    assert sums()["totals"] == before["totals"]
    assert Order.objects.filter(client=a).count() == 5
    assert not Order.objects.filter(client=b).exists()
    assert Visit.objects.filter(client=a).count() == 3  # of two waiting on one day the second stays where it was
    assert sorted(Contact.objects.filter(client=a).values_list("name", "phone")) == [("Marina", "(91) 98888-0000"), ("Otávio", "")]
    for model, n in ((Interaction, 2), (Task, 2), (Opportunity, 2), (Contract, 2), (CreditEvent, 2), (CreditSnapshot, 1), (Colleague, 1)):
        assert model.objects.filter(client=a).count() == n, model
    assert made.counts["clients_order"] == 3
    a.refresh_from_db()
    b.refresh_from_db()
    # What the survivor lacked it has now; what it had stayed.
    assert (a.name, a.phone, a.email, a.tags) == ("Açaí do Pará Ltda", "(91) 3232-1000", "compras@acai.example", ["vip"])
    assert (b.merged_into_id, b.representative_id, b.discarded_on, b.phone) == (a.pk, None, TODAY, "(91) 3232-1000")
    # What Bruno was to do for it is Ana's now, who answers for it.
    assert set(Task.objects.values_list("owner_id", flat=True)) == {a.representative.membership_id}
    assert ClientActivity.objects.get(client=a).net_total_cents == 90_000
    assert not differences(acting)
    assert list(ledger_breaks()) == []
    # Found by the other's code and name, and only once.
    assert b.code.lower() in stored_words(a)
    assert not ClientWord.objects.filter(client=b).exists()


def test_own_fields_go_along_with_their_client_and_their_people(house, admin):
    a, b = house
    said = ("client__code", "contact__client__code", "contact__name", "field__name", "value")

    made = merge(a, b, admin)

    kept = list(CustomValue.objects.filter(client=a).order_by("field__name", "contact__name").values_list(*said))
    assert kept == [
        (a.code, a.code, "Marina", "Aniversário", f"Aniversário {b.code}"),  # the namesake says now what she did not say here
        (a.code, None, None, "Rede", f"Rede {b.code}"),
        (a.code, a.code, "Marina", "Time", f"Time {a.code}"),
        (a.code, a.code, "Otávio", "Time", f"Time {b.code}"),
        (a.code, None, None, "Área", f"Área {a.code}"),  # what the survivor says stays
    ]
    # A person somebody wrote to since stays with the survivor, and what is kept of that person too.
    Contact.objects.filter(name="Otávio").update(phone="(91) 97777-0000")
    undone = undo_merge(made.pk, by=admin, at=AT + timedelta(hours=1))
    assert sorted((each["what"], each["n"]) for each in undone.rest) == [("clients_contact", 1), ("clients_customvalue", 1)]
    assert not CustomValue.objects.filter(contact__isnull=False).exclude(client=F("contact__client")).exists()
    assert sorted(CustomValue.objects.filter(client=b).values_list("field__name", flat=True)) == ["Aniversário", "Rede", "Time", "Área"]


def test_who_merges_chooses_between_what_both_say_and_an_undo_says_it_again(house, admin):
    a, b = house
    Contact.objects.filter(client=a, name="Marina").update(phone="(91) 91111-0000", role="Sócia")
    before = rows_of(Contact, CustomValue)
    area = CustomField.objects.get(name="Área")
    theirs = {f"own-{area.pk}": "absorbed", f"person-{Contact.objects.get(client=a, name='Marina').pk}": "absorbed"}

    made = merge(a, b, admin, **theirs)

    said = CustomValue.objects.filter(client=a).values_list("field__name", "contact__name", "value")
    assert {(field, who): value for field, who, value in said} == {
        ("Área", None): f"Área {b.code}",
        ("Rede", None): f"Rede {b.code}",
        ("Time", "Marina"): f"Time {b.code}",
        ("Aniversário", "Marina"): f"Aniversário {b.code}",
        ("Time", "Otávio"): f"Time {b.code}",
    }
    marina = Contact.objects.get(client=a, name="Marina")
    assert (marina.phone, marina.role) == ("(91) 98888-0000", "Sócia")  # the other's says nothing of her part
    told = AuditEvent.objects.get(action="client.merged").after
    assert (told["own_fields"], told["own_values"], told["people_taken"]) == ([area.pk], 2, 1)
    assert undo_merge(made.pk, by=admin, at=AT + timedelta(hours=1)).rest == []
    assert rows_of(Contact, CustomValue) == before

    # What somebody wrote since stays, and is named.
    again = merge(a, b, admin, **theirs)
    CustomValue.objects.filter(client=a, field=area).update(value="Escrito depois")
    undone = undo_merge(again.pk, by=admin, at=AT + timedelta(hours=1))
    assert [(each["what"], each["n"]) for each in undone.rest] == [("clients_customvalue", 1)]
    assert CustomValue.objects.get(client=a, field=area).value == "Escrito depois"
    assert CustomValue.objects.get(client=b, field=area).value == f"Área {b.code}"


def test_orders_stay_credited_to_whoever_answered_when_they_were_made(house, admin):
    a, b = house
    old = list(Order.objects.filter(client=b, ordered_on__lt=TODAY).values_list("pk", flat=True))
    bruno, ana = b.representative_id, a.representative_id

    merge(a, b, admin)
    credit_orders([a.pk])  # as the next import of the survivor's orders does

    assert set(Order.objects.filter(pk__in=old).values_list("representative_id", flat=True)) == {bruno}
    assert Order.objects.get(ordered_on=TODAY).representative_id == ana  # from the day on it is the survivor's


def test_merge_then_undo_leaves_the_same_rows(house, admin, acting):
    a, b = house
    before, totals = rows_of(*COMPARED), sums()

    made = merge(a, b, admin, name="absorbed", place="absorbed", representative="absorbed")
    assert rows_of(*COMPARED) != before
    undone = undo_merge(made.pk, by=admin, at=AT + timedelta(hours=1))

    assert undone.rest == []
    assert rows_of(*COMPARED) == before
    assert sums() == totals
    assert not differences(acting)
    assert list(ledger_breaks()) == []


def test_what_somebody_touched_since_stays_and_is_listed(house, admin):
    a, b = house
    made = merge(a, b, admin)
    task = Task.objects.filter(client=a).order_by("-pk").first()
    Task.objects.filter(pk=task.pk).update(note="já liguei")
    Client.objects.filter(pk=a.pk).update(phone="(91) 4000-0000")
    later = OrderFactory(client=a, ordered_on=TODAY)  # came after the merge: the survivor's

    undone = undo_merge(made.pk, by=admin, at=AT + timedelta(days=3))

    assert undone.rest == [
        {"what": "portfolio_task", "n": 1, "ids": [task.pk]},
        {"what": "field", "n": 1, "field": "phone"},
    ]
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.phone, a.email, b.merged_into_id) == ("(91) 4000-0000", "", None)
    assert Task.objects.get(pk=task.pk).client_id == Order.objects.get(pk=later.pk).client_id == a.pk
    assert Order.objects.filter(client=b).count() == 3
    assert list(ledger_breaks()) == []


def test_open_proposals_on_either_become_stale(house, admin):
    a, b = house
    open_ones = [ProposalFactory(client=client, from_representative=client.representative) for client in (a, b)]
    done = ProposalFactory(client=b, run=open_ones[0].run, from_representative=b.representative, state="rejected")

    merge(a, b, admin)

    states = dict(Proposal.objects.values_list("pk", "state"))
    assert [states[each.pk] for each in open_ones] == ["stale", "stale"]
    assert states[done.pk] == "rejected"
    assert Proposal.objects.get(pk=done.pk).client_id == b.pk


def test_the_absorbed_clients_code_keeps_importing_into_the_survivor(house, admin, acting, tmp_path):
    a, b = house
    made = merge(a, b, admin)

    def take(kind, text):
        path = tmp_path / f"{kind}.csv"
        path.write_text(text)
        return run_import(kind, path, organization=acting, by=Actor(label="test"), at=AT, refused_to=tmp_path / "refused.csv")

    orders = take("orders", f"order_code,client_code,ordered_on,amount\nX1,{b.code},2026-03-01,50.00\nX2,{a.code},2026-03-01,60.00\n")
    assert (orders.created, orders.refused) == (2, 0)
    assert set(Order.objects.filter(code__in=["X1", "X2"]).values_list("client_id", flat=True)) == {a.pk}
    assert take("contacts", f"client_code,name\n{b.code},Rita\n").created == 1
    assert Contact.objects.get(name="Rita").client_id == a.pk
    # What the file says the absorbed one is stays unread: the survivor says it now.
    clients = take("clients", f"client_code,name\n{b.code},Outro nome\n{a.code},Açaí do Pará Ltda\n")
    assert (clients.rows, clients.updated, clients.unchanged, clients.refused) == (2, 0, 2, 0)
    past = take("ownership", f"client_code,representative_code,started_on\n{b.code},{b.representative.code},2025-01-01\n")
    assert (past.unchanged, past.refused) == (1, 0)
    assert list(ledger_breaks()) == []
    # The orders of the absorbed one's old days come again with its file, and nothing moves.
    old = Order.objects.get(client=a, came_under=b, ordered_on=date(2025, 7, 9))
    again = take("orders", f"order_code,client_code,ordered_on,amount\n{old.code},{b.code},2025-07-09,100.00\n")
    assert again.unchanged == 1
    undo_merge(made.pk, by=admin, at=AT)
    assert take("orders", f"order_code,client_code,ordered_on,amount\nX1,{b.code},2026-03-01,50.00\n").updated == 1
    assert Order.objects.get(code="X1").client_id == b.pk


def test_a_merged_client_merged_on_leads_to_the_last_and_comes_apart_in_turn(house, admin, acting):
    a, b = house
    c = ClientFactory(name="Açaí Pará Matriz", city="Belém")
    settle([c.pk])
    before = rows_of(*COMPARED)
    first = merge(a, b, admin)
    second = merge(c, a, admin)
    assert dict(Client.objects.values_list("pk", "merged_into_id")) == {a.pk: c.pk, b.pk: c.pk, c.pk: None}
    assert Order.objects.filter(client=c).count() == 5
    with pytest.raises(MergeRefused):
        undo_merge(first.pk, by=admin, at=AT)
    undo_merge(second.pk, by=admin, at=AT)
    undo_merge(first.pk, by=admin, at=AT)
    assert rows_of(*COMPARED) == before
    assert list(ledger_breaks()) == []
    assert not differences(acting)


def test_a_visit_typed_for_a_client_merged_meanwhile_lands_at_the_one_that_took_it_in(house, admin):
    a, b = house
    wrote, mails = b.representative, set(Notice.objects.values_list("pk", flat=True))
    stranger = RepresentativeFactory(membership=make_member(admin.organization, Role.REPRESENTATIVE, name="Caio", email="caio@x.example"))
    plan = Visit.objects.get(client=b, visited_at=None)
    merge(a, b, admin)
    said = Report(outcome="no_sale", no_sale_reason="Preço", note="Digitada sem sinal", visited_at=AT - timedelta(hours=5))

    recorded = record_visit(said, id_made=uuid4(), client_id=b.pk, plan=plan.id_made, by=wrote.membership, at=AT + timedelta(hours=1))
    assert (recorded.stored, recorded.visit.pk, recorded.visit.client, recorded.visit.representative) == (True, plan.pk, a, wrote)
    told = Notice.objects.exclude(pk__in=mails).filter(kind="visit_elsewhere").values_list("membership__name", flat=True)
    assert sorted(told) == ["Ana", "Bruno"]
    with pytest.raises(NeverReached):
        record_visit(said, id_made=uuid4(), client_id=b.pk, by=stranger.membership, at=AT)
    # Who answers for the one that stays writes under either number, and finds its sheet and its page by both.
    own = record_visit(said, id_made=uuid4(), client_id=b.pk, by=a.representative.membership, at=AT).visit
    assert own.client == a
    assert sheet_of(a.representative.membership, b.pk, as_of=TODAY).client == a
    assert client_named(clients_visible_to(admin), b.pk) == a
    assert client_named(clients_visible_to(wrote.membership), b.pk) is None


def test_what_cannot_be_merged_or_undone_says_so_and_writes_nothing(house, admin, acting):
    a, b = house
    before = rows_of(*COMPARED, ClientMerge)
    manager = make_member(acting, Role.MANAGER)
    with pytest.raises(MergeRefused):
        merge(a, a, admin)
    with pytest.raises(NotAllowed):
        merge(a, b, manager)
    Client.objects.filter(pk=a.pk).update(discarded_on=TODAY)
    with pytest.raises(MergeRefused):
        merge(a, b, admin)
    Client.objects.filter(pk=a.pk).update(discarded_on=None)
    assert rows_of(*COMPARED, ClientMerge) == before
    made = merge(a, b, admin)
    with pytest.raises(MergeRefused):
        merge(a, b, admin)
    with pytest.raises(MergeRefused):
        undo_merge(made.pk, by=admin, at=AT + timedelta(days=31))
    undo_merge(made.pk, by=admin, at=AT)
    with pytest.raises(MergeRefused):
        undo_merge(made.pk, by=admin, at=AT)


def test_a_survivor_without_owner_gets_the_absorbed_ones_and_gives_it_back(house, admin):
    _a, b = house
    c = ClientFactory(name="Açaí", city="Belém")
    settle([c.pk])
    made = merge(c, b, admin)
    c.refresh_from_db()
    assert c.representative_id == b.representative_id
    undo_merge(made.pk, by=admin, at=AT)
    c.refresh_from_db()
    b.refresh_from_db()
    assert (c.representative_id, bool(b.representative_id)) == (None, True)
    assert Ownership.objects.filter(ended_on=None).count() == 2
    assert list(ledger_breaks()) == []


def test_every_table_with_a_client_is_either_moved_or_said_to_stay():
    moved = {model for model, _key in moving_tables()}
    assert {Order, Visit, Contact, Interaction, Task, Opportunity, Contract, CreditSnapshot, CreditEvent, Colleague, Client} <= moved
    assert not moved & STAY


ACTS = st.lists(
    st.tuples(st.sampled_from(["order", "visit", "task", "contact", "move"]), st.booleans(), st.integers(0, 400), st.integers(-500, 5_000)),
    max_size=12,
)


@drawn(5, long=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, take=st.sets(st.sampled_from(["name", "place", "phone", "representative", "tax_id"])), swap=st.booleans())
def test_over_random_histories_merge_and_undo_are_identity_and_sums_stay(acting, admin, acts, take, swap):
    """Whatever happened to two clients: sums before, merged and after are the same, and undoing puts back every row."""
    with transaction.atomic():
        a, b = make_house(acting, admin)
        other = RepresentativeFactory()
        for n, (what, first, days, amount) in enumerate(sorted(acts, key=lambda act: -act[2])):
            client, day = (a if first else b), TODAY - timedelta(days=days)
            if what == "order":
                status = "returned" if amount < 0 else "valid"
                OrderFactory(client=client, code=f"R{n}", ordered_on=day, amount_cents=amount, status=status)
            elif what == "visit":
                VisitFactory(client=client, representative=client.representative, visited_at=AT - timedelta(days=days), visited_on=day)
            elif what == "task":
                Task.objects.create(title=f"T{n}", client=client, owner=admin, due_on=day)
            elif what == "contact":
                Contact.objects.get_or_create(client=client, name=f"Pessoa {amount % 3}")
            else:
                transfer_clients([Transfer(client.pk, other.pk)], by=Actor(admin), source="manual", on=day)
        settle([a.pk, b.pk])
        survivor, absorbed = (b, a) if swap else (a, b)
        before, totals = rows_of(*COMPARED), sums()

        made = merge(survivor, absorbed, admin, **dict.fromkeys(take, "absorbed"))
        merged = sums()
        assert merged["totals"] == totals["totals"]
        assert not differences(acting)
        undo_merge(made.pk, by=admin, at=AT)

        assert rows_of(*COMPARED) == before
        assert sums() == totals
        assert list(ledger_breaks()) == []
        transaction.set_rollback(True)

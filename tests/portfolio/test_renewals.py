"""Contracts that end: which wait to be renewed, who is asked once, what a newer contract does, and the pages."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.errors import ChangedMeanwhile, NotAllowed
from accounts.models import AuditEvent, Organization, Role
from accounts.tenancy import tenant_atomic
from clients.models import Client, Contract
from clients.selectors import ClientFilter, Limits
from clients.selectors.matching import matching
from portfolio.models import Renewal, Task
from portfolio.selectors.renewals import RenewalFilter, clients_in_renewal, contracts_with_state, renewal_counts, renewals
from portfolio.services.renewals import RenewalRefused, ask_for_renewals, change_renewal, set_renewal_days
from portfolio.services.tasks import complete_task
from rotation.segments import population_of
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
AS_OF = date(2026, 11, 23)  # a Monday
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def days(n: int) -> date:
    return AS_OF + timedelta(days=n)


def contract(client, ends_on: date, starts_on: date | None = None, **fields) -> Contract:
    fields = {"code": f"K{Contract.objects.count()}", "amount_cents": 100_000} | fields
    return Contract.objects.create(client=client, starts_on=starts_on or ends_on - timedelta(days=364), ends_on=ends_on, **fields)


@pytest.fixture
def house(acting):
    team = TeamFactory()
    ana = RepresentativeFactory(team=team, name="Ana", membership=make_member(acting, Role.REPRESENTATIVE, name="Ana"))
    bruno = RepresentativeFactory(team=team, name="Bruno", membership=make_member(acting, Role.REPRESENTATIVE, name="Bruno"))
    return {
        "ana": ana,
        "bruno": bruno,
        "sol": ClientFactory(representative=ana, trade_name="Sol"),
        "lua": ClientFactory(representative=bruno, trade_name="Lua"),
        "manager": make_member(acting, Role.MANAGER, team=team, name="Rosa"),
        "far": make_member(acting, Role.MANAGER, team=TeamFactory()),
        "admin": make_member(acting, Role.ADMIN),
    }


def seen(member, **wanted) -> list[str]:
    return [each.code for each in renewals(member, RenewalFilter(**wanted), as_of=AS_OF)]


def test_a_list_of_clients_and_a_segment_narrow_to_those_in_renewal(house, signed_in):
    contract(house["sol"], days(20))
    lost = contract(house["lua"], days(20))
    ClientFactory(representative=house["ana"])
    limits = Limits(60, 90, 365)

    def found(days: int) -> set[str]:
        wanted = ClientFilter.parse(ClientFilter(renewal=days).definition())  # as a saved segment reads back
        return {client.trade_name for client in matching(Client.objects.all(), wanted, as_of=AS_OF, limits=limits)}

    assert (found(20), found(19)) == ({"Sol", "Lua"}, set())
    Renewal.objects.create(contract=lost, state=Renewal.State.LOST, lost_reason="Preço")
    assert found(60) == {"Sol"}
    assert population_of(ClientFilter(renewal=60))[0] == [
        {"field": "contract_days_left", "op": ">=", "value": 0},
        {"field": "contract_days_left", "op": "<=", "value": 60},
    ]
    Contract.objects.update(ends_on=timezone.localdate() + timedelta(days=20))
    page = signed_in(house["manager"]).get("/o/vale-verde/clients/?renewal=60").content.decode()
    assert "Sol" in page and "Lua" not in page and "contrato por renovar em até 60 dias" in page.lower()


def test_a_contract_is_to_be_renewed_until_a_newer_one_of_the_client_says_it_is(house):
    soon = contract(house["sol"], days(20), code="soon")
    contract(house["sol"], days(120), code="beside", starts_on=days(-300))  # another service, bought beside it
    contract(house["lua"], days(60), code="edge")
    contract(house["lua"], days(61), code="beyond")
    contract(house["lua"], days(-1), code="over")
    contract(house["lua"], days(-366), code="forgotten")
    manager = house["manager"]
    assert seen(manager) == ["soon", "edge"] and seen(manager, within=30) == ["soon"] and seen(manager, view="overdue") == ["over"]
    assert seen(house["ana"].membership) == ["soon"] and seen(house["far"]) == []
    assert seen(manager, representative=house["bruno"].pk) == ["edge"]
    counts = renewal_counts(manager, RenewalFilter(), as_of=AS_OF)
    assert {view: (c.n, c.cents) for view, c in counts.items()} == {
        "ending": (2, 200_000), "overdue": (1, 100_000), "renewed": (0, 0), "lost": (0, 0),
    }  # fmt: skip
    newer = contract(house["sol"], days(385), code="newer", starts_on=days(21))
    found = contracts_with_state().get(pk=soon.pk)
    assert (found.stage, found.successor_id) == ("renewed", newer.pk)
    assert seen(manager) == ["edge"] and seen(manager, view="renewed") == ["soon"]


def test_clients_in_renewal_are_those_with_a_contract_about_to_end(house, django_assert_num_queries):
    contract(house["sol"], days(20)), contract(house["sol"], days(5)), contract(house["lua"], days(61))
    contract(house["lua"], days(30)), contract(house["lua"], days(395), starts_on=days(10))  # renewed
    with django_assert_num_queries(1):
        assert clients_in_renewal([house["sol"].pk, house["lua"].pk], as_of=AS_OF, within=60) == {house["sol"].pk: days(5)}


def test_how_far_it_is_and_with_whom(house):
    ana, bruno, manager = house["ana"].membership, house["bruno"].membership, house["manager"]
    one = contract(house["sol"], days(20))
    row = change_renewal(one, by=manager, at=NOW, version=0, to="talking", owner=ana, note="Pediu desconto")
    task = Task.objects.get()
    assert (row.state, row.owner, row.task, task.owner) == ("talking", ana, task, ana)
    assert task.client == house["sol"] and task.due_on <= one.ends_on and task.due_on.weekday() < 5
    assert seen(manager, stage="talking") == [one.code] and seen(manager, stage="to_contact") == []
    with pytest.raises(ChangedMeanwhile):
        change_renewal(one, by=ana, at=NOW, version=0, to="lost", lost_reason="Preço")
    with pytest.raises(RenewalRefused, match="não alcança"):
        change_renewal(one, by=manager, at=NOW, version=1, to="talking", owner=bruno)
    change_renewal(one, by=ana, at=NOW, version=1, to="talking", owner=manager)
    assert Task.objects.get().owner == manager  # the one task is handed over
    with pytest.raises(RenewalRefused, match="por que se perdeu"):
        change_renewal(one, by=ana, at=NOW, version=2, to="lost")
    with pytest.raises(RenewalRefused, match="contrato mais novo"):
        change_renewal(one, by=ana, at=NOW, version=2, to="renewed")
    change_renewal(one, by=ana, at=NOW, version=2, to="lost", lost_reason="Preço")
    assert Task.objects.get().cancelled_at is not None and seen(manager, view="lost") == [one.code]
    assert clients_in_renewal([house["sol"].pk], as_of=AS_OF, within=60) == {}
    for stranger in (house["far"], bruno):
        with pytest.raises(NotAllowed):
            change_renewal(one, by=stranger, at=NOW, version=3, to="talking")
    events = list(AuditEvent.objects.filter(action="renewal.changed").order_by("seq").values_list("after", flat=True))
    assert [event["state"] for event in events] == ["talking", "talking", "lost"]


def test_a_task_that_was_done_is_followed_by_another(house):
    ana = house["ana"].membership
    one = contract(house["sol"], days(20))
    change_renewal(one, by=ana, at=NOW, version=0, to="to_contact", owner=ana)
    complete_task(Task.objects.get(), by=ana, at=NOW)
    change_renewal(one, by=ana, at=NOW, version=1, to="talking", owner=ana)
    assert Task.objects.filter(done_at=None).count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_night_asks_once_and_writes_down_what_was_renewed(organization):
    with tenant_atomic(organization.pk):
        ana = RepresentativeFactory(name="Ana", membership=make_member(organization, Role.REPRESENTATIVE))
        client, orphan = ClientFactory(representative=ana), ClientFactory()
        soon, late = contract(client, days(60), days(-30)), contract(client, days(-30), days(-400))
        contract(client, days(61)), contract(orphan, days(10)), contract(ClientFactory(representative=ana), days(-31))
        nobody = ClientFactory(representative=RepresentativeFactory())
        contract(nobody, days(3))
    assert ask_for_renewals(organization.pk, at=NOW) == 1  # the contract that ended thirty days ago was renewed by the next
    assert ask_for_renewals(organization.pk, at=NOW + timedelta(hours=2)) == 0
    with tenant_atomic(organization.pk):
        assert set(Renewal.objects.values_list("contract_id", flat=True)) == {soon.pk}
        task = Task.objects.get()
        assert (task.owner, task.given_by, task.due_on) == (ana.membership, None, days(7))
        nobody.representative = ana
        nobody.save(update_fields=["representative"])
        contract(client, days(400), starts_on=days(40), code="novo")
        Contract.objects.filter(pk=late.pk).delete()
    assert ask_for_renewals(organization.pk, at=NOW + timedelta(days=1)) == 1  # somebody answers for that client now
    with tenant_atomic(organization.pk):
        row = Renewal.objects.select_related("successor", "task").get(contract=soon)
        assert (row.state, row.successor.code) == ("renewed", "novo") and row.task.cancelled_at is not None
        Organization.objects.filter(pk=organization.pk).update(renewal_days=0)
        contract(ClientFactory(representative=ana), days(5))
    assert ask_for_renewals(organization.pk, at=NOW + timedelta(days=2)) == 0


def test_only_administration_says_when_to_ask(house, acting):
    set_renewal_days(acting, 45, by=house["admin"])
    assert Organization.objects.get(pk=acting.pk).renewal_days == 45
    with pytest.raises(NotAllowed):
        set_renewal_days(acting, 30, by=house["manager"])
    with pytest.raises(RenewalRefused):
        set_renewal_days(acting, 400, by=house["admin"])


@pytest.mark.parametrize(
    "query", [{"within": "9" * 20}, {"view": "x"}, {"stage": "renewed"}, {"page": "-1"}, {"representative": "٣"}, {"within": "0"}]
)
def test_what_the_address_says_wrongly_is_dropped(query):
    assert RenewalFilter.parse(query) == RenewalFilter()


def url(name: str = "renewals", *args) -> str:
    return reverse(f"portfolio:{name}", args=["vale-verde", *args])


def test_the_page_lists_filters_and_changes(house, signed_in, acting, web):  # web forgets earlier files of the hour
    today = timezone.now().astimezone(acting.zone).date()
    web = signed_in(house["manager"])
    assert "Nenhum contrato termina" in web.get(url()).content.decode()
    over = contract(house["sol"], today - timedelta(days=12), starts_on=today - timedelta(days=200))
    late = web.get(url() + "?view=overdue")
    assert late.status_code == 200 and "há 12 dias" in late.content.decode()
    over.delete()
    one = contract(house["sol"], today + timedelta(days=10), code="K-77", period="yearly")
    contract(house["lua"], today + timedelta(days=80))
    contract(house["lua"], today - timedelta(days=12), code="K-11", starts_on=today - timedelta(days=200))
    page = web.get(url()).content.decode()
    assert "Sol" in page and "em 10 dias" in page and "Lua" not in page and "A contatar" in page
    assert "Lua" in web.get(url() + "?within=90").content.decode()
    page = web.get(url("renewal", one.pk)).content.decode()
    assert "Contrato K-77" in page and "Anual" in page
    answer = web.post(url("renewal", one.pk), {"version": "0", "to": "lost", "owner": "", "note": "Ligar em março"})
    assert answer.status_code == 422 and "Diga por que se perdeu" in answer.content.decode() and "Ligar em março" in answer.content.decode()
    form = {"version": "0", "to": "talking", "owner": str(house["ana"].membership.pk)}
    assert web.post(url("renewal", one.pk), form).status_code == 302
    page = web.get(url()).content.decode()
    assert "Em negociação" in page and "tarefa até" in page
    assert web.post(url("renewal", one.pk), form).status_code == 302  # an old page: said, not overwritten
    assert Renewal.objects.get().version == 1
    assert "em renovação" in web.get(reverse("portfolio:client_list", args=["vale-verde"])).content.decode()
    assert "em renovação até" in web.get(reverse("portfolio:client_page", args=["vale-verde", house["sol"].pk])).content.decode()
    assert signed_in(house["far"]).get(url("renewal", one.pk)).status_code == 404
    text = web.get(url("renewals_export", "csv") + "?within=30").content.decode()
    assert "K-77" in text and text.count("\r\n") == 2


def test_a_representative_sees_the_own_and_takes_no_list_away(house, signed_in, acting):
    today = timezone.now().astimezone(acting.zone).date()
    one = contract(house["sol"], today + timedelta(days=10))
    contract(house["lua"], today + timedelta(days=10))
    web = signed_in(house["ana"].membership)
    page = web.get(url()).content.decode()
    assert "Sol" in page and "Lua" not in page and "Exportar" not in page
    assert web.get(url("renewals_export", "csv")).status_code == 404
    assert web.post(url("renewal_days"), {"days": "3"}).status_code == 404
    assert web.post(url("renewal", one.pk), {"version": "0", "to": "talking"}).status_code == 302
    auditor = signed_in(make_member(acting, Role.AUDITOR))
    assert ">Salvar<" not in auditor.get(url("renewal", one.pk)).content.decode()


def test_the_list_costs_the_same_queries_however_long(house, signed_in, acting):
    today = timezone.now().astimezone(acting.zone).date()
    web = signed_in(house["manager"])

    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert web.get(url()).status_code == 200
        return len(caught)

    for n in range(2):
        contract(house["sol"], today + timedelta(days=10 + n), starts_on=today - timedelta(days=100))
    web.get(url())
    few = cost()
    for n in range(6):
        one = contract(house["lua"], today + timedelta(days=20 + n), starts_on=today - timedelta(days=100))
        change_renewal(one, by=house["manager"], at=timezone.now(), version=0, to="talking", owner=house["bruno"].membership)
    assert cost() == few

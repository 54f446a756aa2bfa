"""The pages of campaigns: making one, what it would do, the list of calls, the result, and the file."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Role
from clients.models import Segment
from portfolio.models import Task
from rotation.models import Campaign
from rotation.services.campaigns import StepWanted, save_campaign, start_campaign
from tests.factories import ClientFactory, RepresentativeFactory, TeamFactory, make_member

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Resgate de inverno", "source": "filter", "days": "60", "assigning": "owner", "per_day": "5", "share": "0.3",
    "kind_1": "call", "offset_1": "0", "cost_1": "5,50", "words_1": "Pergunte do estoque", "kind_2": "visit", "offset_2": "7",
}  # fmt: skip


def url(name: str, *args) -> str:
    return reverse(f"rotation:{name}", args=["vale-verde", *args])


@pytest.fixture
def house(acting):
    team = TeamFactory()
    ana = RepresentativeFactory(team=team, name="Ana", membership=make_member(acting, Role.REPRESENTATIVE, name="Ana"))
    bruno = RepresentativeFactory(team=team, name="Bruno", membership=make_member(acting, Role.REPRESENTATIVE, name="Bruno"))
    today = timezone.now().astimezone(acting.zone).date()
    return {
        "ana": ana,
        "bruno": bruno,
        "manager": make_member(acting, Role.MANAGER, team=team),
        "far": make_member(acting, Role.MANAGER, team=TeamFactory()),
        "auditor": make_member(acting, Role.AUDITOR),
        "clients": inactive(ana, 6, today) + inactive(bruno, 4, today),
    }


def inactive(owner, n: int, today) -> list:
    silent = {"last_on": today - timedelta(days=150), "repeat_days": 5}
    return [ClientFactory(representative=owner, trade_name=f"Loja {owner.name} {i}", activity=silent) for i in range(n)]


def running(house, **values) -> Campaign:
    given = {"name": "Resgate", "definition": {"state": "inactive"}, "days": 60, "assigning": "owner", "per_day": 10} | values
    made = save_campaign(None, by=house["manager"], steps=[StepWanted("call", 0, 500), StepWanted("visit", 7)], **given)
    return start_campaign(made, by=house["manager"], at=timezone.now())


def test_a_manager_makes_one_sees_who_enters_and_starts_it(house, signed_in):
    web = signed_in(house["manager"])
    assert "Nenhuma campanha" in web.get(url("campaigns")).content.decode()
    page = web.get(url("new_campaign")).content.decode()
    assert "Inativo" in page and "Passo 5" in page
    answer = web.post(url("new_campaign"), FORM)
    made = Campaign.objects.get()
    assert answer.status_code == 302 and answer["Location"] == url("campaign", made.pk)
    assert list(made.steps.order_by("position").values_list("kind", "day_offset", "cost_cents")) == [("call", 0, 550), ("visit", 7, 0)]
    draft = web.get(url("campaign", made.pk)).content.decode()
    assert "Começar com 10 clientes" in draft and "Loja" not in draft  # nobody is named before the draw
    web.post(url("campaign_act", made.pk), {"act": "start"})
    made.refresh_from_db()
    assert made.state == "running" and Task.objects.count() == made.clients.filter(arm="treated").count() < 10
    page = web.get(url("campaign", made.pk)).content.decode()
    assert "clientes de menos para dizer" in page and "Grupo de controle" in page
    assert "Loja" in web.get(url("campaign", made.pk) + "?tab=calls").content.decode()


def test_the_form_says_what_to_mend_and_keeps_what_was_typed(house, signed_in):
    web = signed_in(house["manager"])
    answer = web.post(url("new_campaign"), FORM | {"name": "", "offset_2": "80", "cost_1": "muito"})
    body = answer.content.decode()
    assert (
        answer.status_code == 422 and "Dê um nome à campanha" in body and "Escreva como 1.234,56" in body and "Pergunte do estoque" in body
    )
    answer = web.post(url("new_campaign"), FORM | {"offset_2": "80"})
    assert answer.status_code == 422 and "depois do fim da campanha" in answer.content.decode()
    answer = web.post(url("new_campaign"), FORM | {"assigning": "even"})
    assert "Escolha quem divide o trabalho" in answer.content.decode()
    assert not Campaign.objects.exists()


def test_a_segment_or_the_filter_of_the_list_says_who(house, signed_in):
    web = signed_in(house["manager"])
    kept = Segment.objects.create(name="Sumiram", definition={"state": "inactive", "representative": house["ana"].pk})
    web.post(url("new_campaign"), FORM | {"source": f"segment:{kept.pk}", "share": "0"})
    first = Campaign.objects.get()
    assert (first.segment_name, first.definition) == ("Sumiram", kept.definition)
    assert "Começar com 6 clientes" in web.get(url("campaign", first.pk)).content.decode()
    web.post(url("new_campaign") + f"?state=inactive&representative={house['bruno'].pk}", FORM | {"share": "0"})
    second = Campaign.objects.exclude(pk=first.pk).get()
    assert "Começar com 4 clientes" in web.get(url("campaign", second.pk)).content.decode()
    web.post(url("edit_campaign", second.pk), FORM | {"name": "Outro nome", "share": "0"})
    second.refresh_from_db()
    assert (second.name, second.definition["representative"]) == ("Outro nome", house["bruno"].pk)


def test_a_representative_works_the_own_list_and_nothing_else(house, signed_in):
    made = running(house, share=0.3)
    mine = made.clients.filter(representative=house["ana"])
    held = made.clients.filter(arm="control").select_related("client")
    web = signed_in(house["ana"].membership)
    assert "Resgate" in web.get(url("campaigns")).content.decode()
    body = web.get(url("campaign", made.pk)).content.decode()
    assert all(str(row.client) in body for row in mine.select_related("client"))
    assert "Loja Bruno" not in body and not any(str(row.client) in body for row in held)
    assert "ontrole" not in body and "Exportar" not in body and "Pausar" not in body
    row = mine.first()
    step = row.contacts.get()
    assert web.post(url("campaign_contact", made.pk, step.pk)).status_code == 302
    step.task.refresh_from_db()
    assert step.task.done_by_id == house["ana"].membership.pk
    others = made.clients.filter(representative=house["bruno"]).first().contacts.get()
    assert web.post(url("campaign_contact", made.pk, others.pk)).status_code == 404
    assert web.get(url("campaign_export", made.pk, "csv")).status_code == 404
    assert web.post(url("campaign_act", made.pk), {"act": "end"}).status_code == 404
    page = web.get(reverse("portfolio:tasks", args=["vale-verde"])).content.decode()
    assert "Ligar · Resgate" in page and f'{url("campaign", made.pk)}?tab=calls">' in page


def test_whoever_does_not_reach_it_does_not_find_it(house, signed_in):
    made = running(house)
    assert signed_in(house["far"]).get(url("campaign", made.pk)).status_code == 404
    auditor = signed_in(house["auditor"])
    page = auditor.get(url("campaign", made.pk) + "?tab=calls").content.decode()
    assert "Loja Ana" in page and "Feito</button>" not in page and "Pausar" not in page
    assert auditor.post(url("campaign_act", made.pk), {"act": "pause"}).status_code in (403, 404)
    assert auditor.get(url("new_campaign")).status_code == 404


def test_pause_resume_copy_and_end_from_the_page(house, signed_in):
    made = running(house)
    web = signed_in(house["manager"])
    for act, state in (("pause", "paused"), ("resume", "running"), ("end", "ended")):
        web.post(url("campaign_act", made.pk), {"act": act})
        made.refresh_from_db()
        assert made.state == state
    assert "Sem grupo de controle" in web.get(url("campaign", made.pk)).content.decode()
    answer = web.post(url("campaign_act", made.pk), {"act": "copy"})
    copied = Campaign.objects.exclude(pk=made.pk).get()
    assert answer["Location"] == url("edit_campaign", copied.pk) and "(cópia)" in copied.name
    web.post(url("campaign_act", copied.pk), {"act": "drop"})
    assert Campaign.objects.count() == 1


def test_the_file_names_the_control_group_only_once_it_is_over(house, signed_in, web):  # web forgets earlier files of the hour
    made = running(house, share=0.3)
    web = signed_in(house["manager"])
    assert "Controle" not in web.get(url("campaign_export", made.pk, "csv")).content.decode()
    web.post(url("campaign_act", made.pk), {"act": "end"})
    text = web.get(url("campaign_export", made.pk, "csv")).content.decode()
    assert text.count("Controle") == made.clients.filter(arm="control").count() > 0 and text.count("\r\n") == 11
    assert web.get(url("campaign_export", made.pk, "xlsx")).status_code == 200
    assert web.get(url("campaign_export", made.pk, "pdf")).status_code == 404
    assert AuditEvent.objects.filter(action="campaign.exported").count() == 3


@pytest.mark.parametrize("tail", ["", "?tab=calls", "?tab=calls&view=all"])
def test_a_campaign_costs_the_same_queries_however_many_clients(house, signed_in, acting, tail):
    today = timezone.now().astimezone(acting.zone).date()
    few = running(house, definition={"state": "inactive", "representative": house["bruno"].pk})
    inactive(house["ana"], 9, today)
    many = running(house, definition={"state": "inactive", "representative": house["ana"].pk})
    web = signed_in(house["manager"])

    def cost(made: Campaign) -> int:
        web.get(url("campaign", made.pk) + tail)
        with CaptureQueriesContext(connection) as caught:
            assert web.get(url("campaign", made.pk) + tail).status_code == 200
        return len(caught)

    assert cost(few) == cost(many)

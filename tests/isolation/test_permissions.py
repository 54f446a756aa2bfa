"""Every action of the permission table that has an address, by every role: it answers as the table says, and writes or not.

Who may not even see a thing gets 404; who sees it and may not act gets 403; what is asked and cannot be gets 409 or 422.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Absence, Representative
from accounts.tenancy import tenant_atomic
from clients.models import Client, ClientActivity, ClientStop, Colleague, Contact, DiscardProposal, ImportJob, Product
from portfolio.models import Goal, Interaction, ReportSchedule, Task
from rotation.engine.presets import PRESETS
from rotation.models import Handover, Proposal, Request, Rule, RuleVersion, Run
from rotation.services.rules import create_rule, publish
from tests.factories import ClientFactory, OwnershipFactory, RepresentativeFactory, TeamFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
ROLES = ["admin", "manager", "far_manager", "representative", "auditor"]
FOUND, GONE, NO = {200, 302}, {404}, {403, 404}


@pytest.fixture
def scene(organization):
    """A run in review with one proposal inside a team, seen by its manager and not by another team's."""
    today = timezone.now().astimezone(organization.zone).date()
    with tenant_atomic(organization.pk):
        near, far = TeamFactory(name="Perto"), TeamFactory(name="Longe")
        people = {
            "admin": make_member(organization, "admin"),
            "manager": make_member(organization, "manager", team=near),
            "far_manager": make_member(organization, "manager", email="far@vale-verde.example", team=far),
            "representative": make_member(organization, "representative"),
            "auditor": make_member(organization, "auditor"),
        }
        giver = RepresentativeFactory(team=near, membership=people["representative"])
        taker = RepresentativeFactory(team=near)
        client = ClientFactory(representative=giver, activity={"last_on": today - timedelta(days=120), "repeat_days": 5})
        OwnershipFactory(client=client, representative=giver, started_on=date(2025, 1, 1))
        organization.orders_received_at = timezone.now()
        organization.save(update_fields=["orders_received_at"])
        rule = create_rule(PRESETS["general"], by=people["admin"])
        version = publish(rule.versions.get(), by=people["admin"])
        run = Run.objects.create(
            organization=organization,
            rule_set=str(rule.pk),
            as_of=today,
            state=Run.State.AWAITING,
            trigger="person",
            n_proposed=1,
            computed_at=timezone.now(),
            expires_at=datetime.now(UTC) + timedelta(days=5),
        )
        run.rules.create(organization=organization, rule_version=version, position=1, n_proposed=1)
        proposal = Proposal.objects.create(
            organization=organization,
            run=run,
            client=client,
            rule_version=version,
            from_representative=giver,
            to_representative=taker,
            computed_to=taker,
            expected_seq=1,
            position=1,
            value_cents=10_000,
            at_stake_cents=100_000,
            net_12m_cents=500_000,
            days_since_last=120,
            candidates=[taker.pk],
            candidate_values=[10_000],
            candidate_kms=[10.0],
            candidate_costs=[0],
        )
        sales = make_member(organization, "representative", email="caio@vale-verde.example")
        task = Task.objects.create(
            organization=organization,
            title="Ligar",
            client=client,
            owner=people["representative"],
            given_by=people["representative"],
            due_on=today,
        )
        asked = Request.objects.create(
            organization=organization,
            kind="hold",
            client=client,
            representative=giver,
            made_by=people["representative"],
            reason="Feira",
            until_on=today + timedelta(days=9),
        )
        planned = VisitFactory(client=client, representative=giver, planned_on=today)
        product = Product.objects.create(organization=organization, code="P", name="Panetone")
    return {
        "product": product,
        "recipient": people["admin"],
        "task": task,
        "asked": asked,
        "sales": sales,
        "people": people,
        "planned": planned,
        "client": client,
        "run": run,
        "proposal": proposal,
        "rule": rule,
        "taker": taker,
        "giver": giver,
    }


# action: (method, address, form, answers by role)
ACTIONS = {
    "read the client": (
        "get",
        "clients/{client}/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": FOUND},
    ),
    "see the day": ("get", "today/", {}, dict.fromkeys(ROLES, FOUND)),
    "open the sheet of a visit": (
        "get",
        "visits/new/?client={client}",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "register a visit": (
        "post",
        "visits/",
        {"id_made": "00000000-0000-4000-8000-000000000001", "client": "{client}", "outcome": "absent"},
        {"admin": {302}, "manager": {302}, "far_manager": GONE, "representative": {302}, "auditor": {403}},
    ),
    "see the runs": (
        "get",
        "rotation/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": FOUND},
    ),
    "see the panel": ("get", "dashboard/", {}, dict.fromkeys(ROLES, FOUND) | {"representative": GONE}),
    "see a part of the panel": ("get", "dashboard/reps/", {}, dict.fromkeys(ROLES, FOUND) | {"representative": GONE}),
    "see the clients behind a number": ("get", "dashboard/rows/active/", {}, dict.fromkeys(ROLES, FOUND) | {"representative": GONE}),
    "take the clients behind a number away as a file": (
        "get",
        "dashboard/rows/active/export.csv",
        {},
        dict.fromkeys(ROLES, FOUND) | {"representative": GONE},
    ),
    "take the table of representatives away as a file": (
        "get",
        "dashboard/reps.csv",
        {},
        dict.fromkeys(ROLES, FOUND) | {"representative": GONE},
    ),
    "see the rule": (
        "get",
        "rules/{rule}/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": FOUND},
    ),
    "approve": (
        "post",
        "rotation/{run}/decide/",
        {"approve": "{proposal}:1"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": NO, "auditor": NO},
    ),
    "comment on a proposal": (
        "post",
        "rotation/{run}/proposals/{proposal}/comment/",
        {"comment": "Falei com o dono."},
        {"admin": {302}, "manager": {302}, "far_manager": GONE, "representative": NO, "auditor": NO},
    ),
    "see the proposals on the map": (
        "get",
        "rotation/{run}/points/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": FOUND},
    ),
    "apply": (
        "post",
        "rotation/{run}/apply/",
        {},
        {"admin": {302, 409}, "manager": {302, 409}, "far_manager": {404, 409}, "representative": NO, "auditor": NO},
    ),
    "publish a version": (
        "post",
        "rules/{rule}/publish/",
        {},
        {"admin": {302, 409, 422}, "manager": NO, "far_manager": NO, "representative": NO, "auditor": NO},
    ),
    "pause the rule": (
        "post",
        "rules/{rule}/act/",
        {"act": "pause", "action": "pause"},
        {"admin": FOUND, "manager": NO, "far_manager": NO, "representative": NO, "auditor": NO},
    ),
    "start a run": (
        "post",
        "rotation/start/",
        {"rule": "{rule}"},
        # a manager is sent back to the list with the reason; that nothing was started is asserted below
        {"admin": {200, 302, 409, 422}, "manager": {302}, "far_manager": {302}, "representative": NO, "auditor": NO},
    ),
    "prove the rule": (
        "post",
        "rules/{rule}/backtest/",
        {"months": "6"},
        # the scene has no orders: who may ask is told so
        {"admin": {422}, "manager": {422}, "far_manager": {422}, "representative": GONE, "auditor": GONE},
    ),
    "edit the rule": (
        "post",
        "rules/{rule}/live/",
        {"name": "Outra", "trigger.kind": "all"},
        {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": GONE},
    ),
    "test the draft": (
        "post",
        "rules/{rule}/proof/",
        {"months": "6"},
        {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": GONE},
    ),
    "read an agenda": (
        "get",
        "agenda/?rep={giver}",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": FOUND},
    ),
    "move a visit": (
        "post",
        "agenda/{planned}/move/",
        {"to": "next_week"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "plan the weeks": (
        "get",
        "agenda/plan/?rep={giver}",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "set how often clients are visited": (
        "get",
        "agenda/settings/",
        {},
        {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": FOUND},
    ),
    "make a calendar's address": (
        "post",
        "agenda/feed/",
        {},
        {"admin": GONE, "manager": GONE, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "register a company": (
        "post",
        "clients/new/",
        {"tax_id": "11.222.333/0001-81", "name": "Nova", "city": "Sumaré", "state": "SP", "representative": "{giver}"},
        # who may choose nobody within reach is asked again
        {"admin": {302}, "manager": {302}, "far_manager": {422}, "representative": {302}, "auditor": GONE},
    ),
    "keep a segment for everyone": (
        "post",
        "clients/segments/save/?uf=SP",
        {"name": "SP", "shared": "1"},
        {"admin": {302}, "manager": {302}, "far_manager": {302}, "representative": {422}, "auditor": GONE},
    ),
    "see the prospects": ("get", "prospects/", {}, {role: {200} for role in ROLES}),
    "record consent": (
        "get",
        "people/{giver}/consent/",
        {},
        {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": GONE},
    ),
}


_OFFICE = {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": FOUND}
_ADMINS = _OFFICE | {"auditor": GONE}
ACTIONS |= {
    "read the trail": ("get", "audit/", {}, _OFFICE),
    "take the trail away": ("get", "audit/export.csv", {}, _OFFICE),
    "see one's own files": ("get", "files/", {}, {role: {200} for role in ROLES}),
    "see a file nobody asked for": ("get", "files/1/", {}, dict.fromkeys(ROLES, GONE)),
    "take a file nobody asked for": ("get", "files/1/file", {}, dict.fromkeys(ROLES, GONE)),
    "prove the trail": ("post", "audit/verify/", {}, _OFFICE),
    "see the settings": ("get", "settings/", {}, _OFFICE),
    "see what limits would do": ("get", "settings/limits/", {}, _OFFICE),
    "change the company's name": ("post", "settings/identity/", {"name": ""}, _ADMINS | {"admin": {422}}),
    "change who proves themselves twice": ("post", "settings/security/", {}, _ADMINS),
    "make a field": ("post", "settings/fields/", {"name": ""}, _ADMINS | {"admin": {422}}),
    "see the people": ("get", "people/", {}, _OFFICE),
    "see a member": ("get", "people/members/{sales}/", {}, _OFFICE),
    "invite": ("get", "people/invite/", {}, _ADMINS),
    "end somebody's access": ("post", "people/members/{sales}/end/", {}, _ADMINS),
    "see the teams": ("get", "people/teams/", {}, _OFFICE),
    "make a team": ("post", "people/teams/", {"name": "Nova"}, _ADMINS),
    "see the representatives": ("get", "people/representatives/", {}, _OFFICE),
    "read a representative": ("get", "people/{giver}/", {}, _OFFICE),
    "change a representative": ("post", "people/{giver}/", {"code": "V"}, _ADMINS | {"admin": {422}}),
}
ACTIONS |= {
    "see the requests": (
        "get",
        "requests/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": FOUND},
    ),
    "answer a request": (
        "post",
        "requests/{asked}/answer/",
        {"refuse": "1", "answer": "não"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": GONE, "auditor": GONE},
    ),
    "contest a proposal": (
        "post",
        "requests/new/",
        {"client": "{client}", "kind": "contest", "reason": "Pedido a caminho"},
        {"admin": GONE, "manager": GONE, "far_manager": GONE, "representative": FOUND, "auditor": {403}},
    ),
    "withdraw a request": (
        "post",
        "requests/{asked}/withdraw/",
        {},
        {"admin": GONE, "manager": GONE, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "set how far a hold may go": (
        "post",
        "requests/limit/",
        {"days": "30"},
        {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": GONE},
    ),
    "complete a task": (
        "post",
        "tasks/{task}/done/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": {403}},
    ),
    "read a task": (
        "get",
        "tasks/{task}/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "cancel a task": (
        "post",
        "tasks/{task}/cancel/",
        {},
        # a manager who reaches the client sees the task and is told whose it is to cancel
        {"admin": FOUND, "manager": {302}, "far_manager": GONE, "representative": FOUND, "auditor": {403}},
    ),
    "name a colleague": (
        "post",
        "clients/{client}/colleagues/",
        {"member": "{sales}", "part": "billing"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "see the goals": (
        "get",
        "goals/?rep={giver}",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": FOUND},
    ),
    "set the goals": (
        "post",
        "goals/set/",
        {"{giver}-visits": "30"},
        # a manager of another team has no such cell in the form: nothing is written
        {"admin": FOUND, "manager": FOUND, "far_manager": {302}, "representative": GONE, "auditor": GONE},
    ),
}
ACTIONS |= {
    "record a talk": (
        "post",
        "clients/{client}/talks/",
        {"kind": "call"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": {403}},
    ),
    "add a contact": (
        "post",
        "clients/{client}/contacts/new/",
        {"name": "Márcia"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "say why the client stopped": (
        "post",
        "clients/stopped/",
        {"c": "{client}", "reason": "Preço"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
    "declare the client lost": (
        "post",
        "clients/{client}/lost/",
        {"reason": "Fechou"},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": GONE, "auditor": GONE},
    ),
    "discard the client": (
        "post",
        "clients/{client}/discard/",
        {"reason": "Fechou"},
        # a representative only proposes, which is asserted below
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": GONE},
    ),
}
OFFICE_READS = {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": FOUND}
OFFICE_WRITES = {"admin": FOUND, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": GONE}
ACTIONS |= {
    "see the imports": ("get", "imports/", {}, OFFICE_READS),
    # a file is missing: administration is told, and nobody else is asked for one
    "send a file": ("post", "imports/", {"kind": "clients"}, OFFICE_WRITES | {"admin": {422}}),
    "see the quality": ("get", "quality/", {}, OFFICE_READS),
    "give a client a segment": ("post", "quality/segment/", {"c": "{client}", "segment": "Varejo"}, OFFICE_WRITES),
    "open a client's place on the map": ("get", "quality/place/{client}/", {}, OFFICE_WRITES),
    "put a client on the map": ("post", "quality/place/{client}/", {"latitude": "-22,9", "longitude": "-47,0"}, OFFICE_WRITES),
    "merge a client with itself": ("post", "quality/merge/", {"a": "{client}", "b": "{client}"}, OFFICE_WRITES | {"admin": GONE}),
}

LED = {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": FOUND}
ACTIONS |= {
    "read a report": ("get", "reports/movement/", {}, LED),
    "take a report away": ("get", "reports/movement/export.csv", {}, LED),
    "take the team's load away": ("get", "load/export.csv", {}, LED),
    "take the covers away": ("get", "cover/export.csv", {}, LED),
    "take the plans away": ("get", "plan/export.csv", {}, LED),
    "take the requests away": ("get", "requests/export.csv", {}, LED),
    "schedule a report": (
        "post",
        "reports/schedules/new/",
        {"kind": "movement", "period": "last", "every": "week", "weekday": "0", "hour": "7", "recipients": "{recipient}"},
        {"admin": {302}, "manager": {302}, "far_manager": {302}, "representative": GONE, "auditor": GONE},
    ),
    # a representative is led to the sheet of a visit of their own
    "see the team's visits": ("get", "visits/", {}, {**LED, "representative": {302}}),
    "take the clients away": ("get", "clients/export.csv", {}, LED),
    "see the catalogue": ("get", "products/", {}, dict.fromkeys(ROLES, FOUND)),
    "mark a product": (
        "post",
        "products/{product}/",
        {"season": "Natal"},
        {"admin": {302}, "manager": {302}, "far_manager": {302}, "representative": GONE, "auditor": GONE},
    ),
}
_TODAY = timezone.now().date()
_LED = {"admin": {302}, "manager": {302}, "far_manager": GONE, "representative": GONE, "auditor": GONE}
ACTIONS |= {
    "set a capacity": ("post", "load/{giver}/capacity/", {"clients": "80"}, _LED),
    "divide a leaver's portfolio": (
        "post",
        "people/{giver}/leave/",
        {"act": "divide", "last_on": _TODAY.isoformat(), "receivers": "{taker}"},
        _LED,
    ),
    "arrange a cover": (
        "post",
        "cover/new/",
        {
            "representative": "{giver}",
            "cover": "{taker}",
            "starts_on": (_TODAY + timedelta(days=2)).isoformat(),
            "last_on": (_TODAY + timedelta(days=4)).isoformat(),
        },
        # nobody of another team is offered in the form
        _LED | {"far_manager": {422}},
    ),
    "see what a move by hand would do": (
        "get",
        "clients/move/?c={client}&to={taker}",
        {},
        # a client out of reach is not chosen, and the page says that nobody is
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": GONE},
    ),
    "see one line of the fairness ledger": (
        "get",
        "fairness/{giver}/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": GONE, "auditor": FOUND},
    ),
}
ACTIONS |= {
    "see the campaigns": ("get", "campaigns/", {}, {role: {200} for role in ROLES}),
    "make a campaign": (
        "get",
        "campaigns/new/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": GONE},
    ),
    "see the renewals": ("get", "renewals/", {}, {role: {200} for role in ROLES}),
    "set when a renewal is asked for": (
        "post",
        "renewals/days/",
        {"days": "30"},
        {"admin": {302}, "manager": GONE, "far_manager": GONE, "representative": GONE, "auditor": NO},
    ),
    "spread the goals": (
        "get",
        "goals/spread/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": FOUND, "representative": GONE, "auditor": GONE},
    ),
    "read a plan": (
        "get",
        "plan/{giver}/",
        {},
        {"admin": FOUND, "manager": FOUND, "far_manager": GONE, "representative": FOUND, "auditor": FOUND},
    ),
    "write a plan": (
        "post",
        "plan/{giver}/edit/",
        {"objective": "Mais mix", "version": "0"},
        {"admin": {302}, "manager": {302}, "far_manager": GONE, "representative": GONE, "auditor": NO},
    ),
}


def _writes(action: str, role: str) -> bool:
    method, _address, _form, answers = ACTIONS[action]
    return method == "post" and bool(answers[role] & {200, 201, 202, 204, 302, 303})


@pytest.mark.parametrize(("action", "role"), [(action, role) for action in ACTIONS for role in ROLES if _writes(action, role)])
def test_who_may_act_does(scene, organization, signed_in, action, role):
    web = signed_in(scene["people"][role])
    key = {"Idempotency-Key": ACTIONS[action][2].get("id_made", "one-and-the-same")}
    response = _ask(web, scene, action, headers=key)
    assert response.status_code in ACTIONS[action][3][role], response.content.decode()[:500]
    again = _ask(web, scene, action, headers=key)  # has no second effect, which is seen below, and the same answer
    assert (again.status_code, again.headers.get("Location")) == (response.status_code, response.headers.get("Location"))
    assert response.status_code >= 400 or again.content == response.content
    with tenant_atomic(organization.pk):
        _expect_written(scene, action, role)


@pytest.mark.parametrize("role", ROLES)
def test_who_reads_or_may_not_act_writes_nothing(scene, organization, signed_in, role):
    """One scene for all of a role's: nothing is written by any of them, looked at after each form sent and at the end."""
    web = signed_in(scene["people"][role])
    wrong = {}
    for action in [action for action in ACTIONS if not _writes(action, role)]:
        response = _ask(web, scene, action)
        if response.status_code not in ACTIONS[action][3][role]:
            wrong[action] = (response.status_code, response.content.decode()[:500])
        if ACTIONS[action][0] == "post":
            with tenant_atomic(organization.pk):
                _expect_written(scene, action, "nobody")
    with tenant_atomic(organization.pk):
        _expect_written(scene, "read", "nobody")
    assert wrong == {}


def _ask(web, scene, action, **more):
    method, address, form, _answers = ACTIONS[action]
    ids = {name: row.pk for name, row in scene.items() if name != "people"}
    return getattr(web, method)(
        "/o/vale-verde/" + address.format(**ids), {name.format(**ids): value.format(**ids) for name, value in form.items()}, **more
    )


def _expect_written(scene, action, role) -> None:
    """What the action writes when the role may act, and nothing else; "nobody" may do nothing."""
    proposal, rule = Proposal.objects.get(), Rule.objects.get()
    assert (proposal.state == "approved") == (action == "approve" and role in {"admin", "manager"})
    assert rule.is_active == (not (action == "pause the rule" and role == "admin"))
    assert RuleVersion.objects.count() == 1
    assert Run.objects.count() == 1  # today's run exists: even an administrator is led to it
    led = role in {"admin", "manager"}
    assert (Representative.objects.get(pk=scene["giver"].pk).capacity_clients == 80) == (action == "set a capacity" and led)
    assert Handover.objects.exists() == (action == "divide a leaver's portfolio" and led)
    assert Absence.objects.exists() == (action == "arrange a cover" and led)
    assert Goal.objects.exists() == (action == "set the goals" and role in {"admin", "manager"})
    assert Colleague.objects.exists() == (action == "name a colleague" and role in {"admin", "manager", "representative"})
    task, asked = Task.objects.get(), Request.objects.get(kind="hold")
    assert (task.done_at is not None) == (action == "complete a task" and role in {"admin", "manager", "representative"})
    assert (task.cancelled_at is not None) == (action == "cancel a task" and role in {"admin", "representative"})
    changes = {"answer a request": ("refused", {"admin", "manager"}), "withdraw a request": ("withdrawn", {"representative"})}
    state, roles = changes.get(action, ("open", set()))
    assert asked.state == (state if role in roles else "open")
    assert Request.objects.filter(kind="contest").exists() == (action == "contest a proposal" and role == "representative")
    sold_by = {"admin", "manager", "representative"}
    assert Interaction.objects.exists() == (action == "record a talk" and role in sold_by)
    said = {"say why the client stopped": sold_by, "declare the client lost": {"admin", "manager"}}
    assert ClientStop.objects.exists() == (role in said.get(action, ()))
    assert Contact.objects.exists() == (action == "add a contact" and role in sold_by)
    client = Client.objects.get(pk=scene["client"].pk)
    leads = role in {"admin", "manager", "far_manager"}
    assert (Product.objects.get().season == "Natal") == (action == "mark a product" and leads)
    assert ReportSchedule.objects.exists() == (action == "schedule a report" and leads)
    assert (client.discarded_on is not None) == (action == "discard the client" and role in {"admin", "manager"})
    assert DiscardProposal.objects.filter(accepted=None).exists() == (action == "discard the client" and role == "representative")
    assert (client.segment == "Varejo") == (action == "give a client a segment" and role == "admin")
    assert not ImportJob.objects.exists()
    registered = action == "register a company" and role in {"admin", "manager", "representative"}
    assert ClientActivity.objects.count() == (2 if registered else 1)

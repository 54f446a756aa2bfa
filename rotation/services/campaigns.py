"""A campaign from draft to end: written down, drawn and started, paused, taken up again, ended, copied."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Notice, Role
from accounts.selectors import local_day, representatives_visible_to
from accounts.services import Actor, notify, record_event
from clients.models import Client, Colleague
from portfolio.workdays import is_workday, next_workday
from rotation.engine.dealing import deal_evenly, deal_near, first_turns
from rotation.engine.experiment import draw_hold_out, seed_number, terciles
from rotation.engine.rules import Experiment
from rotation.models import Campaign, CampaignClient, CampaignPerson, CampaignStep
from rotation.selectors.campaigns import MOST_CLIENTS, Population, last_day, may_change, population_of
from rotation.selectors.columns import Array
from rotation.selectors.facts import day_number
from rotation.services.campaign_steps import close, next_steps, take_back

State, Arm, Assigning = Campaign.State, CampaignClient.Arm, Campaign.Assigning
MOST_STEPS = 5
SHARES = (0.0, 0.1, 0.2, 0.3, 0.5)


class CampaignRefused(DomainError):
    """What was asked of a campaign cannot be; ``field`` names what to mend."""

    code = "campaign_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class StepWanted:
    """A step as it is written down; ``day_offset`` days after the client's first."""

    kind: str
    day_offset: int
    cost_cents: int = 0
    words: str = ""


@transaction.atomic
def save_campaign(
    campaign: Campaign | None, *, by: Membership, steps: Sequence[StepWanted], people: Sequence[int] = (), **values: Any
) -> Campaign:
    """Write a draft down, or change one: a draft's every word may change, of one that started only the name.

    Parameters
    ----------
    campaign : the draft, or None for a new one
    people : representatives that share the work, where it is split
    values : name, definition, segment_name, days, share, assigning, per_day, fixed_cost_cents, worth_only

    Raises
    ------
    NotAllowed
        ``by`` neither leads nor administers, or the draft is another manager's.
    CampaignRefused
        No name, no step, steps out of order or beyond the days, nobody to share the work, or the campaign has started.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER) or not by.is_active or (campaign is not None and not may_change(campaign, by)):
        raise NotAllowed(_("Só a administração e quem criou a campanha podem mudá-la."))
    if campaign is not None:
        campaign = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if campaign.state != State.DRAFT:
            raise CampaignRefused(_("A campanha já começou: quem entra e os passos não mudam mais. Copie-a para fazer outra."))
    values["name"] = " ".join(str(values.get("name", "")).split())
    if not values["name"]:
        raise CampaignRefused(_("Dê um nome à campanha."), field="name")
    _check_steps(steps, values["days"])
    chosen = _chosen(people, by) if values["assigning"] != Assigning.OWNER else []
    if values["assigning"] != Assigning.OWNER and not chosen:
        raise CampaignRefused(_("Escolha quem divide o trabalho."), field="people")
    action = "campaign.changed" if campaign else "campaign.made"
    campaign = campaign or Campaign(organization_id=by.organization_id, made_by=by)
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.save()
    campaign.steps.all().delete()
    campaign.people.all().delete()
    made = {"organization_id": by.organization_id, "campaign": campaign}
    CampaignStep.objects.bulk_create(
        CampaignStep(**made, position=n, kind=s.kind, day_offset=s.day_offset, cost_cents=s.cost_cents, words=s.words)
        for n, s in enumerate(steps, 1)
    )
    CampaignPerson.objects.bulk_create(CampaignPerson(**made, representative_id=pk) for pk in chosen)
    after = {name: getattr(campaign, name) for name in ("name", "days", "share", "assigning", "definition")}
    record_event(f"campaign:{campaign.pk}", action, by=Actor(by), after=after | {"steps": len(steps), "people": chosen})
    return campaign


def _check_steps(steps: Sequence[StepWanted], days: int) -> None:
    if not steps:
        raise CampaignRefused(_("Diga ao menos um passo: o que se faz com cada cliente."), field="steps")
    if len(steps) > MOST_STEPS:
        raise CampaignRefused(_("Use até %(n)s passos.") % {"n": MOST_STEPS}, field="steps")
    offsets = [step.day_offset for step in steps]
    if offsets != sorted(offsets):
        raise CampaignRefused(_("Cada passo vem no dia do anterior ou depois dele. Confira os dias."), field="steps")
    if offsets[-1] >= days:
        raise CampaignRefused(_("O último passo cai depois do fim da campanha. Alongue-a, ou adiante o passo."), field="steps")
    if {step.kind for step in steps} - set(CampaignStep.Kind.values) or min(step.cost_cents for step in steps) < 0:
        raise CampaignRefused(_("Um dos passos não existe, ou custa menos que nada."), field="steps")


def _chosen(people: Sequence[int], by: Membership) -> list[int]:
    able = representatives_visible_to(by).filter(pk__in=people, membership__is_active=True)
    chosen = sorted(able.values_list("pk", flat=True))
    if len(chosen) != len(set(people)):
        raise CampaignRefused(_("Escolha só vendedores da sua equipe que tenham acesso ao sistema."), field="people")
    return chosen


@transaction.atomic
def start_campaign(campaign: Campaign, *, by: Membership, at: datetime) -> Campaign:
    """Freeze the population, draw who is left alone, deal the rest out and ask for their first steps.

    The draw comes first: no list, task or notice exists before it, and none names a control client. It is made by permuted
    blocks inside the thirds of value (ENGINE.md section 7) from a seed that is kept, so that anyone can draw it again.

    Raises
    ------
    NotAllowed
        ``by`` may not change the campaign.
    CampaignRefused
        It started already, reaches nobody or more than MOST_CLIENTS, or nobody is left to be contacted.
    """
    campaign = _locked(campaign, by)
    if campaign.state != State.DRAFT:
        raise CampaignRefused(_("Esta campanha já começou."))
    on = local_day(by.organization, at=at)
    steps = list(campaign.steps.order_by("position"))
    before = population_of(campaign, steps, by=by, as_of=on)
    require_startable(before)
    # Two campaigns that start at once would both take the same clients: the second waits here and then finds them taken.
    list(Client.objects.select_for_update(no_key=True).filter(pk__in=before.client_id.tolist()).order_by("pk").values_list("pk"))
    population = population_of(campaign, steps, by=by, as_of=on)
    require_startable(population)
    campaign.seed = secrets.token_hex(16)
    held, stratum = draw_arms(population, campaign, on=on)
    campaign.state, campaign.started_by, campaign.started_on = State.RUNNING, by, on
    campaign.ends_on, campaign.left_out = last_day(on, campaign.days), dict(population.left_out)
    campaign.tau, campaign.tau_measured = population.lift.tau, population.lift.measured
    campaign.save()
    rows = _rows(campaign, population, held, stratum, on=on)
    CampaignClient.objects.bulk_create(rows, batch_size=2_000)
    if campaign.assigning != Assigning.OWNER:
        _give_sight(campaign, on=on)
    asked = next_steps(campaign, steps, on=on)
    after = {"clients": len(rows), "control": int(held.sum()), "until": campaign.ends_on, "seed": campaign.seed, "tasks": asked}
    record_event(f"campaign:{campaign.pk}", "campaign.started", by=Actor(by), after=after)
    _tell(campaign, by=by)
    return campaign


def require_startable(population: Population) -> None:
    """Raise CampaignRefused unless the population can be begun with."""
    if population.found > MOST_CLIENTS:
        words = _("O filtro acha mais de %(n)s clientes. Estreite-o: uma campanha é o que se pode contatar.")
        raise CampaignRefused(words % {"n": MOST_CLIENTS})
    if not len(population):
        raise CampaignRefused(_("Nenhum cliente entraria na campanha. Mude o filtro, ou veja por que ficaram de fora."))


def draw_arms(population: Population, campaign: Campaign, *, on: date) -> tuple[Array, Array]:
    """Who is left alone, bool, and the third of value each was drawn in, 1 to 3; both (n,), the same for the same seed and clients."""
    worth = np.maximum(population.at_stake, 0)
    rank = np.empty(len(population), np.int64)
    rank[np.lexsort((population.client_id, population.net_total, worth))] = np.arange(len(population))
    strata = terciles(rank)
    experiment = Experiment(share=campaign.share, stratify_by=("value",), exempt={})
    number = seed_number(campaign.seed, campaign.pk, day_number(on))
    nobody = np.zeros(len(population), bool)
    return draw_hold_out(experiment, population.client_id, strata, nobody, rank, number), strata + 1


def _rows(campaign: Campaign, population: Population, held: Array, stratum: Array, *, on: date) -> list[CampaignClient]:
    treated = np.flatnonzero(~held)
    if not len(treated):
        raise CampaignRefused(_("Todos os clientes caíram no grupo de controle. Diminua-o."), field="share")
    worker = np.zeros(len(population), np.int64)
    worker[treated] = _workers(campaign, population, treated)
    turns = first_turns(worker[treated], population.value[treated], population.client_id[treated], campaign.per_day)
    days = _workdays(on, int(turns.max()) + 1, campaign.made_by.organization.country)
    first = dict(zip(treated.tolist(), (days[turn] for turn in turns.tolist()), strict=True))
    if max(first.values()) >= last_day(on, campaign.days):
        words = _(
            "São clientes demais para tão poucos dias: alguns só teriam o primeiro contato depois do fim. "
            "Alongue a campanha, aumente os contatos por dia ou chame mais gente."
        )
        raise CampaignRefused(words, field="per_day")
    return [
        CampaignClient(
            organization_id=campaign.organization_id,
            campaign=campaign,
            client_id=int(population.client_id[i]),
            arm=Arm.CONTROL if held[i] else Arm.TREATED,
            stratum=str(int(stratum[i])),
            representative_id=None if held[i] else int(worker[i]),
            at_stake_cents=int(population.at_stake[i]) if population.at_stake[i] >= 0 else None,
            value_cents=int(population.value[i]) if population.at_stake[i] >= 0 else None,
            first_on=first.get(i),
        )
        for i in range(len(population))
    ]


def _workers(campaign: Campaign, population: Population, rows: Array) -> Array:
    """Id of who works each of ``rows``: its owner, or one of the chosen."""
    if campaign.assigning == Assigning.OWNER:
        return population.owner[rows]
    people = list(population.people.values())
    if not people:
        raise CampaignRefused(_("Ninguém dos escolhidos pode receber tarefas agora. Escolha outras pessoas."), field="people")
    ids = np.array([each.pk for each in people], np.int64)
    worth = np.maximum(population.at_stake[rows], 0)
    if campaign.assigning == Assigning.EVEN:
        return ids[deal_evenly(worth, population.client_id[rows], len(ids))]
    places = [(np.nan if p.latitude is None else p.latitude, np.nan if p.longitude is None else p.longitude) for p in people]
    bases = np.array(places, np.float64)
    return ids[deal_near(worth, population.latitude[rows], population.longitude[rows], bases[:, 0], bases[:, 1])]


def _workdays(on: date, n: int, country: str) -> list[date]:
    day = on if is_workday(on, country) else next_workday(on, country)
    days = [day]
    while len(days) < n:
        days.append(next_workday(days[-1], country))
    return days


def _give_sight(campaign: Campaign, *, on: date) -> None:
    """Whoever works a client of another's portfolio becomes a named colleague of it: without that its task would lead nowhere."""
    rows = campaign.clients.filter(arm=Arm.TREATED).exclude(client__representative_id=F("representative_id"))
    wanted = [(row.client_id, row.representative.membership_id, row) for row in rows.select_related("representative") if row.representative]
    held = set(Colleague.objects.filter(client_id__in=[c for c, _m, _r in wanted]).values_list("client_id", "membership_id"))
    new = [(client, member, row) for client, member, row in wanted if member and (client, member) not in held]
    part = Colleague.Part.INSIDE_SALES
    Colleague.objects.bulk_create(
        Colleague(organization_id=campaign.organization_id, client_id=client, membership_id=member, part=part, since=on)
        for client, member, _row in new
    )
    CampaignClient.objects.filter(pk__in=[row.pk for _client, _member, row in new]).update(made_colleague=True)


def _tell(campaign: Campaign, *, by: Membership) -> None:
    """One notice a representative: how many clients, until when."""
    mine = campaign.clients.filter(arm=Arm.TREATED, representative__membership__isnull=False)
    counts = Counter(mine.values_list("representative__membership_id", flat=True))
    for member, n in counts.items():
        facts = {
            "campaign": campaign.pk,
            "name": campaign.name,
            "n": n,
            "until_on": campaign.ends_on.isoformat() if campaign.ends_on else "",
        }
        notify({member} - {by.pk}, Notice.Kind.CAMPAIGN_STARTED, key=f"campaign:{campaign.pk}:started", facts=facts)


@transaction.atomic
def pause_campaign(campaign: Campaign, *, by: Membership, at: datetime) -> None:
    """Take back the steps that wait; days go on counting, for the control group's go on too.

    Raises
    ------
    NotAllowed, CampaignRefused
        ``by`` may not change it; it does not run.
    """
    campaign = _moved(campaign, (State.RUNNING,), State.PAUSED, by)
    taken = take_back(campaign, by=Actor(by), at=at, reason=_("campanha pausada"))
    record_event(f"campaign:{campaign.pk}", "campaign.paused", by=Actor(by), after={"tasks": taken})


@transaction.atomic
def resume_campaign(campaign: Campaign, *, by: Membership, at: datetime) -> None:
    """Ask again for the steps that were waiting when it was paused.

    Raises
    ------
    NotAllowed, CampaignRefused
        ``by`` may not change it; it is not paused, or its days are over.
    """
    on = local_day(by.organization, at=at)
    campaign = _locked(campaign, by)
    if campaign.ends_on is not None and campaign.ends_on < on:
        raise CampaignRefused(_("Os dias da campanha já acabaram. Encerre-a, ou copie-a para fazer outra."))
    campaign = _moved(campaign, (State.PAUSED,), State.RUNNING, by)
    asked = next_steps(campaign, list(campaign.steps.order_by("position")), on=on)
    record_event(f"campaign:{campaign.pk}", "campaign.resumed", by=Actor(by), after={"tasks": asked})


@transaction.atomic
def end_campaign(campaign: Campaign, *, by: Membership, at: datetime) -> None:
    """End it today: what waits is taken back, and orders count up to today for both arms.

    Raises
    ------
    NotAllowed, CampaignRefused
        ``by`` may not change it; it has not started or ended already.
    """
    campaign = _moved(campaign, (State.RUNNING, State.PAUSED), State.ENDED, by)
    close(campaign, by=Actor(by), at=at, on=local_day(by.organization, at=at))


@transaction.atomic
def copy_campaign(campaign: Campaign, *, by: Membership) -> Campaign:
    """A new draft like it: filter, steps, people, share; neither clients nor results.

    Raises
    ------
    NotAllowed
        ``by`` neither leads nor administers.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER):
        raise NotAllowed(_("Só a gerência e a administração fazem campanhas."))
    within = representatives_visible_to(by).filter(membership__is_active=True)
    people = list(within.filter(pk__in=campaign.people.values("representative_id")).values_list("pk", flat=True))
    steps = [StepWanted(s.kind, s.day_offset, s.cost_cents, s.words) for s in campaign.steps.order_by("position")]
    names = ("definition", "segment_name", "days", "share", "per_day", "fixed_cost_cents", "worth_only")
    values = {name: getattr(campaign, name) for name in names}
    values["assigning"] = campaign.assigning if people else Assigning.OWNER
    values["name"] = _("%(name)s (cópia)") % {"name": campaign.name[:70]}
    return save_campaign(None, by=by, steps=steps, people=people, **values)


@transaction.atomic
def drop_campaign(campaign: Campaign, *, by: Membership) -> None:
    """Throw a draft away.

    Raises
    ------
    NotAllowed, CampaignRefused
        ``by`` may not change it; it started, and what happened stays.
    """
    campaign = _locked(campaign, by)
    if campaign.state != State.DRAFT:
        raise CampaignRefused(_("Uma campanha que começou não se apaga. Encerre-a."))
    record_event(f"campaign:{campaign.pk}", "campaign.dropped", by=Actor(by), before={"name": campaign.name})
    campaign.delete()


def _locked(campaign: Campaign, by: Membership) -> Campaign:
    if not may_change(campaign, by) or not by.is_active:
        raise NotAllowed(_("Só a administração e quem criou a campanha podem mudá-la."))
    return Campaign.objects.select_for_update(of=("self",)).select_related("made_by__organization").get(pk=campaign.pk)


def _moved(campaign: Campaign, origins: Sequence[str], to: str, by: Membership) -> Campaign:
    campaign = _locked(campaign, by)
    if campaign.state not in origins:
        raise CampaignRefused(_("A campanha está “%(state)s”: alguém a mudou antes.") % {"state": campaign.get_state_display()})
    campaign.state = to
    campaign.save(update_fields=["state"])
    return campaign

"""One company registered twice becomes one client, and can be two again within thirty days.

The absorbed client stays as an alias: discarded, nobody's, its code leading every import to the survivor. What happened to it moves;
its own ledger, the proposals of past runs and the audit trail stay what they are, and orders made under it before the merge go on being
credited to whoever answered for it then. All of it is one transaction, under the one order of locks.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import local_day
from accounts.services import Actor, record_event
from accounts.tenancy.limits import allow_minutes
from clients.models import Client, ClientMerge
from clients.services import refresh_abc, refresh_clients
from clients.services.aliases import lock_merging
from clients.services.words import refresh_words
from clients.signals import orders_changed, projections_rebuilt
from portfolio.models import Ownership
from portfolio.services import Transfer, transfer_clients
from portfolio.services.history import end_ownerships
from rotation.models import Proposal
from rotation.services.merge_own import keep_chosen, own_chosen, people_chosen, restore_chosen
from rotation.services.merge_tables import move_statement, moving_tables, return_statement

UNDO_DAYS = 30
OPEN = (Proposal.State.PROPOSED, Proposal.State.APPROVED)
# What the survivor may take from the absorbed client. ``place`` is one choice: half of one address with half of another is none.
PLACE = ("address", "city", "ibge_code", "state", "latitude", "longitude")
TAX = ("tax_id", "tax_id_root")
SINGLE = (
    "name",
    "trade_name",
    "segment",
    "size",
    "phone",
    "email",
    "state_tax_id",
    "source",
    "channel",
    "service_type",
    "visit_every_days",
    "hold",
    "hold_until",
    "blocked",
    "key_account",
)
CHOICES: dict[str, tuple[str, ...]] = {"tax_id": TAX, "place": PLACE, "representative": (), **{name: (name,) for name in SINGLE}}


class MergeRefused(DomainError):
    """The two cannot be merged, or the merge not be undone; nothing was written."""

    code = "merge_refused"


def merge_clients(*, survivor_id: int, absorbed_id: int, take: Mapping[str, str], by: Membership, at: datetime) -> ClientMerge:
    """Take ``absorbed_id`` into ``survivor_id``.

    Parameters
    ----------
    take : choice -> "absorbed" or "survivor", whose value wins; of one not named the survivor's, and where it has none, the absorbed
        client's. A choice is a key of ``CHOICES``, ``own-<id>`` of an own field, or ``person-<id>`` of a contact of either whose
        namesake the other knows too

    Raises
    ------
    NotAllowed
        Only administration merges.
    MergeRefused
        The same client twice, one that is merged already, or a discarded survivor.
    """
    _require_admin(by)
    with transaction.atomic():
        allow_minutes()
        lock_merging(by.organization_id, shared=False)
        on = local_day(by.organization, at=at)
        pair = [survivor_id, absorbed_id]
        proposals = _locked_open_proposals(pair)
        clients = {row.pk: row for row in Client.objects.select_for_update(of=("self",)).filter(pk__in=pair).order_by("pk")}
        survivor, absorbed = clients.get(survivor_id), clients.get(absorbed_id)
        if survivor is None or absorbed is None or survivor is absorbed:
            raise MergeRefused(_("Escolha dois clientes diferentes."))
        if survivor.merged_into_id or absorbed.merged_into_id:
            raise MergeRefused(_("Um dos dois já foi mesclado com outro cadastro."))
        if survivor.discarded_on:
            raise MergeRefused(_("O cadastro que fica está descartado. Restaure-o antes, ou fique com o outro."))
        Proposal.objects.filter(pk__in=proposals).update(state=Proposal.State.STALE, stale_reason="client_merged")
        before, after, owner_id = _chosen_fields(survivor, absorbed, take)
        names = ("discarded_on", "discard_reason", "representative_id")
        merge = ClientMerge.objects.create(
            organization_id=by.organization_id,
            survivor=survivor,
            absorbed=absorbed,
            merged_at=at,
            merged_on=on,
            by=by,
            before=_plain(before | {"representative_id": survivor.representative_id}),
            after=_plain(after | {"representative_id": owner_id}),
            absorbed_before=_plain({name: getattr(absorbed, name) for name in names}),
        )
        actor, reason = Actor(by), _("Cadastro mesclado com %(code)s") % {"code": survivor.code}
        end_ownerships([absorbed.pk], on=on, by=actor, at=at)
        merge.counts = _move_rows(merge, old_owner=absorbed.representative_id, new_owner=owner_id)
        Client.objects.filter(pk=absorbed.pk).update(
            merged_into=survivor, merged_on=on, discarded_on=absorbed.discarded_on or on, discard_reason=reason[:120]
        )
        if after:
            Client.objects.filter(pk=survivor.pk).update(**after)
        if owner_id != survivor.representative_id and owner_id is not None:
            _give(survivor.pk, owner_id, reason=_("Cadastro mesclado com %(code)s") % {"code": absorbed.code}, by=actor, on=on, at=at)
        n_own = keep_chosen(merge, take)
        _put_scores_away(merge)
        merge.save(update_fields=["counts"])
        # Not the absorbed one: what a run measured of it was true of the orders it had.
        _refresh(pair, changed=[survivor.pk], as_of=on)
        facts = {"absorbed": absorbed.pk, "merge": merge.pk, "rows": sum(merge.counts.values()), "fields": sorted(after)}
        if n_own or people_chosen(take):
            facts |= {"own_fields": own_chosen(take), "own_values": n_own, "people_taken": len(people_chosen(take))}
        record_event(f"client:{survivor.pk}", "client.merged", by=actor, after=facts)
        record_event(f"client:{absorbed.pk}", "client.absorbed", by=actor, after={"survivor": survivor.pk, "merge": merge.pk})
    return merge


def undo_merge(merge_id: int, *, by: Membership, at: datetime) -> ClientMerge:
    """Put back what nobody touched since; what somebody did stays with the survivor and is listed in ``rest``.

    The absorbed client gets its representative back from today on: the ledger shows the days between.

    Raises
    ------
    NotAllowed
    MergeRefused
        Undone already, older than thirty days, or the survivor was merged into another client since: that one goes first.
    """
    _require_admin(by)
    with transaction.atomic():
        allow_minutes()
        lock_merging(by.organization_id, shared=False)
        merge = ClientMerge.objects.select_for_update(of=("self",)).filter(pk=merge_id, undone_at=None).first()
        if merge is None:
            raise MergeRefused(_("Esta mesclagem já foi desfeita."))
        if at - merge.merged_at > timedelta(days=UNDO_DAYS):
            raise MergeRefused(_("A mesclagem tem mais de %(n)d dias e não pode mais ser desfeita.") % {"n": UNDO_DAYS})
        on, actor = local_day(by.organization, at=at), Actor(by)
        pair = [merge.survivor_id, merge.absorbed_id]
        proposals = _locked_open_proposals(pair)
        clients = {row.pk: row for row in Client.objects.select_for_update(of=("self",)).filter(pk__in=pair).order_by("pk")}
        survivor, absorbed = clients[merge.survivor_id], clients[merge.absorbed_id]
        if survivor.merged_into_id:
            raise MergeRefused(_("O cadastro que ficou foi mesclado com outro depois. Desfaça aquela mesclagem primeiro."))
        Proposal.objects.filter(pk__in=proposals).update(state=Proposal.State.STALE, stale_reason="client_merged")
        rest = _return_rows(merge)
        was = merge.absorbed_before
        Client.objects.filter(pk=absorbed.pk).update(
            merged_into=None, merged_on=None, discarded_on=was["discarded_on"], discard_reason=was["discard_reason"]
        )
        rest += _restore_fields(merge, survivor)
        rest += _restore_owners(merge, survivor, by=actor, on=on, at=at)
        _bring_scores_back(merge)
        merge.undone_at, merge.undone_by, merge.rest = at, by, rest
        merge.save(update_fields=["undone_at", "undone_by", "rest"])
        _refresh(pair, changed=pair, as_of=on)
        facts = {"merge": merge.pk, "rest": len(rest)}
        record_event(f"client:{survivor.pk}", "client.merge_undone", by=actor, after=facts | {"absorbed": absorbed.pk})
        record_event(f"client:{absorbed.pk}", "client.merge_undone", by=actor, after=facts | {"survivor": survivor.pk})
    return merge


def _require_admin(by: Membership) -> None:
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração mescla cadastros."))


def _locked_open_proposals(client_ids: list[int]) -> list[int]:
    """Proposals stand before clients in the order of locks."""
    rows = Proposal.objects.select_for_update(no_key=True, of=("self",)).filter(client_id__in=client_ids, state__in=OPEN)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _chosen_fields(survivor: Client, absorbed: Client, take: Mapping[str, str]) -> tuple[dict, dict, int | None]:
    """The survivor's fields that change, before and after, and who answers for it from now on."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for choice, fields in CHOICES.items():
        lacking = choice not in take and not any(getattr(survivor, name) not in ("", None) for name in fields)
        if take.get(choice) == "absorbed" or lacking:
            for name in fields:
                if getattr(survivor, name) != getattr(absorbed, name):
                    before[name], after[name] = getattr(survivor, name), getattr(absorbed, name)
    tags = list(dict.fromkeys([*survivor.tags, *absorbed.tags]))
    if tags != survivor.tags:
        before["tags"], after["tags"] = survivor.tags, tags
    custom = {**absorbed.custom_fields, **survivor.custom_fields}
    if custom != survivor.custom_fields:
        before["custom_fields"], after["custom_fields"] = survivor.custom_fields, custom
    owner = absorbed.representative_id if take.get("representative") == "absorbed" else survivor.representative_id
    return before, after, owner or survivor.representative_id or absorbed.representative_id


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    encoder = DjangoJSONEncoder()
    return {name: encoder.default(value) if isinstance(value, date) else value for name, value in values.items()}


def _parameters(merge: ClientMerge, **more: Any) -> dict[str, Any]:
    return {
        "organization": merge.organization_id,
        "merge": merge.pk,
        "survivor": merge.survivor_id,
        "absorbed": merge.absorbed_id,
        "on": merge.merged_on,
        **more,
    }


def _move_rows(merge: ClientMerge, *, old_owner: int | None, new_owner: int | None) -> dict[str, int]:
    members = _members_of(old_owner, new_owner)
    values = _parameters(merge, from_member=members.get(old_owner or 0), to_member=members.get(new_owner or 0))
    counts: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for model, key in moving_tables():
            cursor.execute(move_statement(model, key), values)
            if cursor.rowcount:
                counts[model._meta.db_table] += cursor.rowcount
    return dict(counts)


def _members_of(*representative_ids: int | None) -> dict[int, int]:
    rows = Representative.objects.filter(pk__in=[pk for pk in representative_ids if pk is not None], membership__is_active=True)
    return dict(rows.values_list("pk", "membership_id"))


def _return_rows(merge: ClientMerge) -> list[dict[str, Any]]:
    rest = restore_chosen(merge)
    with connection.cursor() as cursor:
        for model, key in moving_tables():
            cursor.execute(return_statement(model, key), _parameters(merge))
            left = [row[0] for row in cursor.fetchall()]
            if left:
                rest.append({"what": model._meta.db_table, "n": len(left), "ids": left[:20]})
    return rest


_PUT_AWAY = """
WITH gone AS (DELETE FROM clients_clientscore s WHERE s.organization_id = %(organization)s AND s.client_id = %(absorbed)s RETURNING s.*)
INSERT INTO clients_mergedrow (organization_id, merge_id, "table", row_id, before, digest)
SELECT %(organization)s, %(merge)s, 'clients_clientscore', gone.id, to_jsonb(gone), '' FROM gone"""
_BRING_BACK = """
INSERT INTO clients_clientscore
SELECT s.* FROM clients_mergedrow r, jsonb_populate_record(NULL::clients_clientscore, r.before) s
 WHERE r.organization_id = %(organization)s AND r.merge_id = %(merge)s AND r."table" = 'clients_clientscore'
ON CONFLICT DO NOTHING"""


def _put_scores_away(merge: ClientMerge) -> None:
    """A score of orders it no longer has would go on counting as value at stake."""
    with connection.cursor() as cursor:
        cursor.execute(_PUT_AWAY, _parameters(merge))


def _bring_scores_back(merge: ClientMerge) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_BRING_BACK, _parameters(merge))


def _restore_fields(merge: ClientMerge, survivor: Client) -> list[dict[str, Any]]:
    """Each field that still says what the merge wrote says again what it said before."""
    after = {name: value for name, value in merge.after.items() if name != "representative_id"}
    standing = {name for name, value in after.items() if _plain({name: getattr(survivor, name)})[name] == value}
    back = {name: merge.before[name] for name in standing}
    if back:
        Client.objects.filter(pk=survivor.pk).update(**back)
    return [{"what": "field", "n": 1, "field": name} for name in sorted(after.keys() - standing)]


def _restore_owners(merge: ClientMerge, survivor: Client, *, by: Actor, on: date, at: datetime) -> list[dict[str, Any]]:
    rest: list[dict[str, Any]] = []
    reason = _("Mesclagem desfeita")
    was, given = merge.before["representative_id"], merge.after["representative_id"]
    if was != given:
        if survivor.representative_id != given:
            rest.append({"what": "owner", "n": 1, "ids": [survivor.pk]})
        elif was is None:
            end_ownerships([survivor.pk], on=on, by=by, at=at)
        elif not _give(survivor.pk, was, reason=reason, by=by, on=on, at=at):
            rest.append({"what": "owner", "n": 1, "ids": [survivor.pk]})
    owner = merge.absorbed_before["representative_id"]
    if owner is not None and not _give(merge.absorbed_id, owner, reason=reason, by=by, on=on, at=at):
        rest.append({"what": "owner", "n": 1, "ids": [merge.absorbed_id]})
    return rest


def _give(client_id: int, to_id: int, *, reason: str, by: Actor, on: date, at: datetime) -> bool:
    """Through the one writer of ownership; False where the ledger does not take it (who left cannot get a client back)."""
    result = transfer_clients([Transfer(client_id, to_id, reason=reason)], by=by, source=Ownership.Source.MANUAL, on=on, at=at)
    return bool(result.applied)


def _refresh(client_ids: list[int], *, changed: list[int], as_of: date) -> None:
    orders_changed.send(sender=merge_clients, client_ids=changed)
    refresh_clients(client_ids, as_of=as_of)
    projections_rebuilt.send(sender=merge_clients, client_ids=client_ids)
    refresh_abc()
    refresh_words(client_ids)

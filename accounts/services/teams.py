"""The tree of teams: made, renamed, moved under another, removed once empty."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Role, Team
from accounts.services.audit import Actor, record_event
from accounts.tenancy import active_organization_id

DEEPEST = 8


class TeamRefused(DomainError):
    """The team cannot be as asked; ``field`` is where."""

    code = "team_refused"

    def __init__(self, sentence: str, *, field: str = "name") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def save_team(name: str, *, parent: Team | None, by: Membership, team: Team | None = None) -> Team:
    """Make a team, or rename it and put it under another; saving the same again records nothing.

    Raises
    ------
    NotAllowed
        Only administration arranges teams.
    TeamRefused
        No name, one already taken, a team under itself or under one of its own, or a tree too deep to read.
    """
    _require(by)
    name = " ".join(name.split())[:80]
    if not name:
        raise TeamRefused(_("Dê um nome à equipe."))
    # The whole tree is locked: two moves at once could otherwise close a circle that neither sees.
    tree = {row.pk: row for row in Team.objects.order_by("pk").select_for_update()}
    if parent is not None:
        _require_place(tree, team, parent)
    kept = tree[team.pk] if team else Team(organization_id=active_organization_id())
    before = {"name": kept.name, "parent": kept.parent_id} if team else {}
    after = {"name": name, "parent": parent.pk if parent else None}
    if before == after:
        return kept
    kept.name, kept.parent = name, parent
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError:
        raise TeamRefused(_("Já existe uma equipe chamada %(name)s.") % {"name": name}) from None
    record_event(f"team:{kept.pk}", "team.changed" if team else "team.created", by=Actor(by), before=before, after=after)
    return kept


def _require_place(tree: dict[int, Team], team: Team | None, parent: Team) -> None:
    if parent.pk not in tree:
        raise TeamRefused(_("Essa equipe não existe mais."), field="parent")
    above: int | None = parent.pk
    depth = 1
    while above is not None:
        if team is not None and above == team.pk:
            raise TeamRefused(_("Uma equipe não fica abaixo dela mesma. Escolha outra."), field="parent")
        above, depth = tree[above].parent_id, depth + 1
    if depth + _height(tree, team) > DEEPEST:
        raise TeamRefused(_("São níveis demais: até %(n)d equipes uma abaixo da outra.") % {"n": DEEPEST}, field="parent")


def _height(tree: dict[int, Team], team: Team | None) -> int:
    """How many levels hang below the team."""
    if team is None:
        return 0
    level, height = {team.pk}, -1
    while level:
        level, height = {row.pk for row in tree.values() if row.parent_id in level}, height + 1
    return height


@transaction.atomic
def remove_team(team: Team, *, by: Membership) -> None:
    """Take away a team nobody is in and none is below.

    Raises
    ------
    NotAllowed
    TeamRefused
        People, representatives or teams still stand in it, or something of the past names it.
    """
    _require(by)
    used = (
        Membership.objects.filter(team=team).exists()
        or Representative.objects.filter(team=team).exists()
        or Team.objects.filter(parent=team).exists()
    )
    if used:
        raise TeamRefused(_("%(name)s ainda tem pessoas, vendedores ou equipes abaixo. Mude-os antes.") % {"name": team.name})
    facts = {"name": team.name, "parent": team.parent_id}
    number = team.pk
    try:
        with transaction.atomic():
            Team.objects.filter(pk=team.pk)._raw_delete("default")
    except IntegrityError:
        raise TeamRefused(
            _("%(name)s aparece em giros ou convites passados e por isso fica. Renomeie, se quiser.") % {"name": team.name}
        ) from None
    record_event(f"team:{number}", "team.removed", by=Actor(by), before=facts)


def _require(by: Membership) -> None:
    if by.role != Role.ADMIN or not by.is_active:
        raise NotAllowed(_("Só a administração organiza as equipes."))

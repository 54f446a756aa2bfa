"""What the organization records about a representative's contract."""

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.services.audit import Actor, record_event
from accounts.services.personal import fingerprint
from accounts.tenancy import active_organization_id

MOST_CLIENTS, MOST_MINUTES = 100_000, 7 * 24 * 60


class ConsentRefused(DomainError):
    """The consent cannot be recorded as given; the sentence says why."""

    code = "consent_refused"


@transaction.atomic
def record_consent(representative: Representative, *, by: Membership, given_on: date, today: date, note: str) -> Representative:
    """Record that an autonomous representative agreed to give clients away (Lei 4.886/65, art. 32 §7).

    Parameters
    ----------
    given_on : the day of the signed addendum
    note : where the signed paper is; kept in the audit trail

    Raises
    ------
    NotAllowed
        Only administration records consent.
    ConsentRefused
        The representative is an employee, the day lies ahead, or nothing says where the paper is.
    """
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração registra o aceite de um vendedor."))
    representative = Representative.objects.select_for_update().get(pk=representative.pk)
    if representative.contract_type != Representative.Contract.AUTONOMOUS:
        raise ConsentRefused(_("%(name)s é CLT: o aceite não é necessário.") % {"name": representative.name})
    if given_on > today:
        raise ConsentRefused(_("O aceite não pode ter data futura. Informe o dia em que o aditivo foi assinado."))
    if not note.strip():
        raise ConsentRefused(_("Diga onde está o aditivo assinado, para que se possa conferir depois."))
    before = representative.consent_recorded_on
    representative.consent_recorded_on = given_on
    representative.save(update_fields=["consent_recorded_on"])
    record_event(
        f"representative:{representative.pk}",
        "representative.consent_recorded",
        by=Actor(by),
        before={"consent_recorded_on": before.isoformat() if before else None},
        after={"consent_recorded_on": given_on.isoformat()},
        reason=note.strip(),
    )
    return representative


FIELDS = (
    "code", "name", "email", "contract_type", "team", "membership", "base_city", "base_state", "latitude", "longitude", "regions",
    "segments", "capacity_clients", "capacity_minutes_week", "receive_ceiling", "give_ceiling", "visits_per_day", "valid_from", "valid_to",
    "commission_rate",
)  # fmt: skip
# Personal: the trail says that they changed, and by a mark whether they came back, never what they are.
_MARKED = frozenset({"name", "email"})


class RepresentativeRefused(DomainError):
    """The representative cannot be kept as asked; ``field`` is where."""

    code = "representative_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def save_representative(values: dict[str, Any], *, by: Membership, representative: Representative | None = None) -> Representative:
    """Register a representative, or change one; saving the same again records nothing.

    Parameters
    ----------
    values : any of ``FIELDS``, as a form cleaned them; days are the organization's, ``valid_to`` is the first day no longer served

    Raises
    ------
    NotAllowed
        Only administration registers representatives.
    RepresentativeRefused
        The code or the sign-in belongs to another, days or coordinates do not go together, or the member's access has ended.
    """
    if by.role != Role.ADMIN:
        raise NotAllowed(_("Só a administração cadastra vendedores."))
    unknown = values.keys() - set(FIELDS)
    if unknown:
        raise ValueError(f"not fields of a representative: {sorted(unknown)}")
    kept = (
        Representative.objects.select_for_update(of=("self",)).get(pk=representative.pk)
        if representative
        else Representative(organization_id=active_organization_id())
    )
    before = {name: getattr(kept, name) for name in FIELDS}
    for name, value in values.items():
        setattr(kept, name, value)
    _require_sense(kept)
    changed = [name for name in FIELDS if getattr(kept, name) != before[name]]
    if representative and not changed:
        return kept
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError as error:
        if "representative_code" in str(error):
            raise RepresentativeRefused(_("O código %(code)s já é de outro vendedor.") % {"code": kept.code}, field="code") from None
        if "representative_one_sign_in" in str(error):
            raise RepresentativeRefused(_("Esta pessoa já atende por outro código."), field="membership") from None
        raise
    record_event(
        f"representative:{kept.pk}",
        "representative.changed" if representative else "representative.created",
        by=Actor(by),
        before=_told(before, changed) if representative else {},
        after=_told({name: getattr(kept, name) for name in FIELDS}, changed),
    )
    return kept


def _require_sense(kept: Representative) -> None:
    if (kept.latitude is None) != (kept.longitude is None):
        raise RepresentativeRefused(_("Diga a latitude e a longitude, ou nenhuma das duas."), field="latitude")
    if kept.valid_from and kept.valid_to and kept.valid_to < kept.valid_from:
        raise RepresentativeRefused(_("O fim vem antes do começo."), field="valid_to")
    if kept.membership is not None and not kept.membership.is_active:
        raise RepresentativeRefused(_("O acesso desta pessoa está encerrado."), field="membership")


def _told(values: dict[str, Any], changed: list[str]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name in changed:
        value = values[name]
        if name in _MARKED:
            said[name] = fingerprint(value)
        elif name in ("team", "membership"):
            said[name] = value.pk if value else None
        elif name in ("latitude", "longitude"):
            latitude, longitude = values["latitude"], values["longitude"]
            said["place"] = f"{latitude:.4f}, {longitude:.4f}" if latitude is not None and longitude is not None else None
        elif isinstance(value, date):
            said[name] = value.isoformat()
        else:
            said[name] = value
    return said


class CapacityRefused(DomainError):
    """The capacity is out of bounds; ``field`` names which."""

    code = "capacity_refused"

    def __init__(self, sentence: str, *, field: str) -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def set_capacity(representative: Representative, *, clients: int, minutes_week: int | None, by: Membership) -> Representative:
    """How many clients, and minutes a week (None: not written down), a representative can take.

    Raises
    ------
    NotAllowed
        ``by`` neither administers nor manages the representative's team.
    CapacityRefused
        A number is negative or beyond any week.
    """
    if by.role not in (Role.ADMIN, Role.MANAGER) or not representatives_visible_to(by).filter(pk=representative.pk).exists():
        raise NotAllowed(_("Só a administração e a gerência da equipe mudam a capacidade."))
    if not 0 <= clients <= MOST_CLIENTS:
        raise CapacityRefused(_("Use um número de clientes entre 0 e %(n)s.") % {"n": MOST_CLIENTS}, field="clients")
    if minutes_week is not None and not 0 < minutes_week <= MOST_MINUTES:
        raise CapacityRefused(
            _("Uma semana tem no máximo %(n)s minutos. Deixe em branco se não quiser contar.") % {"n": MOST_MINUTES}, field="minutes"
        )
    found = Representative.objects.select_for_update(no_key=True).get(pk=representative.pk)
    before = {"capacity_clients": found.capacity_clients, "capacity_minutes_week": found.capacity_minutes_week}
    after = {"capacity_clients": clients, "capacity_minutes_week": minutes_week}
    if before != after:
        found.capacity_clients, found.capacity_minutes_week = clients, minutes_week
        found.save(update_fields=list(after))
        record_event(f"representative:{found.pk}", "representative.capacity_set", by=Actor(by), before=before, after=after)
    return found

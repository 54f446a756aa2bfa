"""What the organization records about a representative's contract."""

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.selectors import representatives_visible_to
from accounts.services.audit import Actor, record_event

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
        raise NotAllowed(_("Só a administração registra o aceite de um representante."))
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

"""What the organization records about a representative's contract."""

from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.errors import DomainError, NotAllowed
from accounts.models import Membership, Representative, Role
from accounts.services.audit import Actor, record_event


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

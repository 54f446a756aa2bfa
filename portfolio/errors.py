"""What the ownership ledger may refuse; ``code`` is also what a refused row of a batch carries."""

from django.utils.translation import gettext_lazy as _

from accounts.errors import DomainError, NotAllowed


class VisitNotWaiting(DomainError):
    """The visit was done or cancelled already; it can no longer be moved."""

    code = "visit_not_waiting"


class DayTaken(DomainError):
    """Another visit waits for the client on that day."""

    code = "day_taken"


class DayRefused(DomainError):
    """The day is past, too far ahead, or not the one the hour falls on."""

    code = "day_refused"


class TransferRefused(DomainError):
    """A transfer the ledger does not take; nothing was written."""

    code = "transfer_refused"


class AlreadyOwner(TransferRefused):
    """The receiver already answers for the client; there is nothing to record."""

    code = "already_owner"


class OwnerChanged(TransferRefused):
    """Somebody transferred the client since it was looked at."""

    code = "owner_changed"


class ReceiverInactive(TransferRefused):
    """The receiver does not serve on that day, or their sign-in was deactivated."""

    code = "receiver_inactive"


class ReceiverAbsent(TransferRefused):
    """The receiver is away on that day."""

    code = "receiver_absent"


class ReceiverUnknown(TransferRefused):
    """No such representative in this organization."""

    code = "receiver_unknown"


class ClientUnknown(TransferRefused):
    """No such client in this organization."""

    code = "client_unknown"


class ClientDiscarded(TransferRefused):
    """The client was discarded; nobody answers for it."""

    code = "client_discarded"


class NoRoom(TransferRefused):
    """The receiver already answers for as many clients as they can."""

    code = "no_room"


class StartsLater(TransferRefused):
    """The client's present ownership begins, or its last one ended, after that day."""

    code = "starts_later"


class RepeatedClient(TransferRefused):
    """The batch names the client twice; only the first counts."""

    code = "repeated"


class ReasonMissing(TransferRefused):
    """A transfer by hand says why."""

    code = "reason_missing"


SENTENCES = {
    AlreadyOwner.code: _("O vendedor escolhido já responde por este cliente."),
    OwnerChanged.code: _("Outra pessoa já mudou o responsável por este cliente. Abra-o de novo antes de transferir."),
    ReceiverInactive.code: _("O vendedor escolhido não atende nesse dia. Escolha outro."),
    ReceiverAbsent.code: _("O vendedor escolhido está ausente nesse dia. Escolha outro ou outra data."),
    ReceiverUnknown.code: _("Esse vendedor não existe nesta organização."),
    ClientUnknown.code: _("Esse cliente não existe nesta organização."),
    ClientDiscarded.code: _("Este cliente foi descartado e não pode ser transferido. Reative-o antes."),
    NoRoom.code: _("O vendedor escolhido já está no limite de clientes."),
    StartsLater.code: _("O responsável atual começou depois dessa data. Use a mesma data ou uma posterior."),
    RepeatedClient.code: _("O mesmo cliente aparece duas vezes no lote; só a primeira vez conta."),
    ReasonMissing.code: _("Diga o motivo da transferência."),
    NotAllowed.code: _("Você só transfere clientes entre vendedores da sua equipe."),
}

REFUSALS: dict[str, type[TransferRefused]] = {kind.code: kind for kind in TransferRefused.__subclasses__()}


def refusal(code: str) -> TransferRefused:
    """The error for a code a batch gave back, with its sentence."""
    return REFUSALS[code](str(SENTENCES[code]))


class VisitRefused(DomainError):
    """A report that cannot be stored as it is; ``errors`` says where and how to mend it, by field."""

    code = "visit_refused"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(" ".join(sentence for sentences in errors.values() for sentence in sentences))
        self.errors = errors


class NeverReached(DomainError):
    """The client is not, and never was, within the member's reach."""

    code = "never_reached"

"""What rotation may refuse. ``code`` is stable; the sentence is made where it is raised, in the reader's language."""

from accounts.errors import DomainError


class RuleRefused(DomainError):
    """A definition is wrong at ``path`` (``trigger.all[0].value``); ``engine_code`` names how, ``params`` with what."""

    code = "rule_refused"

    def __init__(self, sentence: str, *, path: str = "", engine_code: str = "", params: dict | None = None) -> None:
        super().__init__(sentence)
        self.path = path
        self.engine_code = engine_code
        self.params = params or {}


class NoPublishedVersion(DomainError):
    """The rule has no version in force: there is nothing to run."""

    code = "no_published_version"


class NoRules(DomainError):
    """A run was asked for without a rule."""

    code = "no_rules"


class StaleFeed(DomainError):
    """The orders are older than the rules allow; proposals made from them would accuse clients that did buy."""

    code = "stale_feed"


class RefusedFeed(DomainError):
    """Too large a share of the last order file was refused."""

    code = "refused_feed"


class NeedsSecondPublisher(DomainError):
    """The organization asks for two people: who wrote a version may not be who publishes it."""

    code = "needs_second_publisher"


class NeedsSecondPerson(DomainError):
    """The rule asks for two people: who approved may not be who applies."""

    code = "needs_second_person"


class RunBusy(DomainError):
    """Another run of this organization is being computed or applied at this moment; ask again shortly."""

    code = "run_busy"


class WrongState(DomainError):
    """The run or proposal is not in a state that allows this."""

    code = "wrong_state"


class UnknownReason(DomainError):
    """A refusal needs a reason."""

    code = "reason_required"


class EmptyComment(DomainError):
    """A comment without words."""

    code = "empty_comment"


class NotEligible(DomainError):
    """The chosen representative may not receive this client; the code of the reason is in ``why``."""

    code = "not_eligible"

    def __init__(self, sentence: str, *, why: str = "") -> None:
        super().__init__(sentence)
        self.why = why


class NothingApproved(DomainError):
    """The run has no approved proposal to apply."""

    code = "nothing_approved"


class NeedsSecondApprover(DomainError):
    """Above the organization's limit, the person who published the rule may not be the only approver."""

    code = "needs_second_approver"


class ConsentMissing(DomainError):
    """Clients would leave an autonomous representative who has not consented (Lei 4.886/65, art. 32 §7)."""

    code = "consent_missing"


class NothingToReverse(DomainError):
    """No move of the run may be taken back by this member: none was applied, or all were taken back already."""

    code = "nothing_to_reverse"


class TooLateToReverse(DomainError):
    """The days in which a batch may be reversed have passed."""

    code = "too_late_to_reverse"


class BadSpan(DomainError):
    """The days of a back-test are in the wrong order, outside the orders, or too many."""

    code = "bad_span"


class HistoryTooShort(DomainError):
    """No cut-off of a back-test has an outcome yet; the sentence says from when one will."""

    code = "history_too_short"


class HandoverRefused(DomainError):
    """A division by hand, or a representative's leaving, cannot be as asked; ``field`` names what to mend."""

    code = "handover_refused"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class BadDay(DomainError):
    """A day chosen for a publication or a quiet period cannot be; ``field`` names the control it came from."""

    code = "bad_day"

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field

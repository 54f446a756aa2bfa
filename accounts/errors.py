"""The root of every refusal: a rule that says no raises its own subclass with a sentence for a person."""

from typing import ClassVar


class DomainError(Exception):
    """A request that cannot be carried out; ``code`` is stable (part of the API), the sentence is not."""

    code: ClassVar[str] = "refused"


class NotAllowed(DomainError):
    """The member's role or reach does not cover this action."""

    code = "not_allowed"


class ChangedMeanwhile(DomainError):
    """Somebody else changed the row since it was read; nothing was written."""

    code = "changed_meanwhile"

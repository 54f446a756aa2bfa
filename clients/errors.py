"""What may be refused about clients and their segments, each with a stable code."""

from accounts.errors import DomainError


class SegmentRefused(DomainError):
    """The segment cannot be kept as asked: no name, a name in use, or nothing it narrows."""

    code = "segment_refused"


class ProspectRefused(DomainError):
    """The company cannot be registered as asked; nothing was written."""

    code = "prospect_refused"


class AlreadyRegistered(ProspectRefused):
    """A client with this tax id exists, or one of the same company and nobody said that this is a branch."""

    code = "already_registered"

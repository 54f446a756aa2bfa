"""Columns of numbers on their way into one statement."""

from collections.abc import Iterable


def array(numbers: Iterable[int | None]) -> str:
    """The numbers as one array literal, to be bound and cast where it is used: ``unnest(%s::bigint[])``.

    A list is spelled out by the driver as ``ARRAY[1, 2, ...]``, which the server parses and types element by element; a literal
    is one constant to it, and costs this process a fifth.
    """
    return "{" + ",".join(map(str, numbers)).replace("None", "NULL") + "}"

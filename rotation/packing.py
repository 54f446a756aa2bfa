"""Every flag of a back-test as one value: columns of numbers, compressed. A hundred thousand are about a megabyte."""

import io
from dataclasses import asdict, fields

import numpy as np

from rotation.engine.judging import FlagColumns


def pack_flags(flags: FlagColumns) -> bytes:
    """The columns as ``unpack_flags`` reads them."""
    body = io.BytesIO()
    np.savez_compressed(body, **asdict(flags))
    return body.getvalue()


def unpack_flags(packed: bytes | memoryview) -> FlagColumns:
    """What ``pack_flags`` made.

    Raises
    ------
    ValueError, KeyError
        It was not made by it.
    """
    with np.load(io.BytesIO(packed), allow_pickle=False) as columns:
        return FlagColumns(*(columns[each.name] for each in fields(FlagColumns)))

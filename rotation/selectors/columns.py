"""Query results as NumPy columns: the server's binary COPY read in place, never a Python object a row."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg2 import sql

Array = NDArray[Any]

# What a date column must be coalesced to in the query; a NULL would have no width.
NEVER = "-infinity"
_POSTGRES_EPOCH = 10_957  # 2000-01-01 in days since 1970-01-01
_POSTGRES_NEVER = np.iinfo(np.int32).min
_HEADER, _TRAILER = 19, 2
_WIRE = {"i8": ">i8", "i4": ">i4", "i2": ">i2", "f8": ">f8", "day": ">i4", "flag": "i1"}
_HERE = {"i8": np.int64, "i4": np.int32, "i2": np.int16, "f8": np.float64, "day": np.int32, "flag": np.bool_}


def read_columns(query: sql.Composable, values: Mapping[str, Any], kinds: Mapping[str, str], *, no_day: int) -> dict[str, Array]:
    """Run one SELECT and return its columns.

    Parameters
    ----------
    query : a SELECT whose parameters are named, ``%(as_of)s``
    values : the parameters
    kinds : name of each column in the SELECT's order -> ``i8``, ``i4``, ``i2``, ``f8``, ``flag`` (bool) or ``day`` (date)
        Every column must be NOT NULL, dates coalesced to ``-infinity``: rows of one width are what makes this fast.
    no_day : what ``-infinity`` becomes; other dates become days since 1970-01-01

    Returns
    -------
    dict
        One array a column, each of shape (rows,).

    Raises
    ------
    ValueError
        A NULL came, or a column is not of the width its kind says.
    """
    row = np.dtype([("fields", ">i2")] + [item for name, kind in kinds.items() for item in ((f"{name} width", ">i4"), (name, _WIRE[kind]))])
    buffer = io.BytesIO()
    with connection.cursor() as cursor:
        bound = cursor.mogrify(query.as_string(cursor.connection), values)
        cursor.copy_expert(b"COPY (" + bound + b") TO STDOUT (FORMAT binary)", buffer)
    body = buffer.tell() - _HEADER - _TRAILER
    rows = np.frombuffer(buffer.getbuffer(), dtype=row, count=body // row.itemsize, offset=_HEADER)
    if body % row.itemsize or (rows["fields"] != len(kinds)).any():
        raise ValueError(f"the rows are not {row.itemsize} bytes wide: a NULL, or a column of another type than {dict(kinds)}")
    made = {}
    for name, kind in kinds.items():
        column: np.ndarray = rows[name].astype(_HERE[kind])
        if kind == "day":
            never = column == _POSTGRES_NEVER
            column += _POSTGRES_EPOCH
            column[never] = no_day
        made[name] = column
    return made

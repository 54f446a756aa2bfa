"""Validated rows, written to temporary files: one for each chunk that is going to be one transaction.

The whole file is read before anything is written, so that a file refused at its last line leaves nothing behind; and rows
that belong together (an order's lines, a client's orders) meet in one chunk however far apart they stand in the file.
"""

import csv
import io
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO


class Spool:
    """Rows spread over ``n`` files by a hash of their key; the same file spreads the same way every time."""

    def __init__(self, n: int) -> None:
        self._open = ExitStack()
        self._files = [self._open.enter_context(_temporary()) for _ in range(n)]
        self._writers = [csv.writer(file, lineterminator="\n") for file in self._files]
        self._rows = [0] * n
        self._chunk_of: dict[str, int] = {}

    def add(self, keys: list[str], rows: Iterable[tuple]) -> None:
        """Put each row into the chunk of its key."""
        if len(self._files) == 1:
            rows = list(rows)
            self._writers[0].writerows(rows)
            self._rows[0] += len(rows)
            return
        chunk_of, n = self._chunk_of, len(self._files)
        parts: list[list[tuple]] = [[] for _ in range(n)]
        for key in set(keys) - chunk_of.keys():
            chunk_of[key] = zlib.crc32(key.encode()) % n
        for key, row in zip(keys, rows, strict=True):
            parts[chunk_of[key]].append(row)
        if len(chunk_of) > 100_000:
            chunk_of.clear()
        for number, part in enumerate(parts):
            self._writers[number].writerows(part)
            self._rows[number] += len(part)

    def chunks(self) -> Iterator[tuple[int, IO[str]]]:
        """Number of rows and content of each chunk that has any. A chunk may be rewound and read again."""
        for rows, file in zip(self._rows, self._files, strict=True):
            if rows:
                file.flush()
                file.seek(0, io.SEEK_SET)
                yield rows, file

    def close(self) -> None:
        self._open.close()

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def _temporary() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="", buffering=1 << 16)

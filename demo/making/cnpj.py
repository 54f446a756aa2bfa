"""Check digits of Brazilian company numbers, numeric and (since July 2026) alphanumeric."""

_FIRST = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_SECOND = (6, *_FIRST)


def check_digits(base: str) -> str:
    """Two check digits for the 12 characters ``base`` (root of 8 and branch of 4, digits or capital letters).

    A character is worth its ASCII code minus 48, so digits keep their own value and letters follow.
    """
    for weights in (_FIRST, _SECOND):
        remainder = sum((ord(c) - 48) * w for c, w in zip(base, weights, strict=True)) % 11
        base += "0" if remainder < 2 else str(11 - remainder)
    return base[12:]


def formatted(root: str, branch: int) -> str:
    """The number as people write it, e.g. ``99.123.456/0001-07``."""
    base = f"{root}{branch:04d}"
    return f"{root[:2]}.{root[2:5]}.{root[5:]}/{base[8:]}-{check_digits(base)}"

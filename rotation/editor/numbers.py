"""Numbers as the editor writes and reads them: money in the currency, shares as per cent, in the language in force.

Decimal all the way: 0.07 is shown as 7 and comes back as 0.07, not as 0.07000000000000001.
"""

import re
from decimal import Context, Decimal, InvalidOperation

from babel.numbers import get_decimal_symbol, get_group_symbol

from accounts.templatetags.formats import locale
from rotation.engine.schema import FIELDS

_EXACT = Context(prec=1_000)  # a rule may hold a whole number of any length
MONEY, PERCENT, PLAIN = -2, 2, 0
SHARES = frozenset(
    {
        "value.margin_rate",
        "value.lift",
        "limits.run_share",
        "limits.give_share",
        "limits.receive_share",
        "experiment.share",
        "quality.max_refused_share",
    }
)


def scale_of_field(name: str) -> int:
    """By which power of ten the field's numbers are shown larger than they are kept."""
    unit = FIELDS[name].unit
    return MONEY if unit == "cents" else PERCENT if unit in ("probability", "share") else PLAIN


def scale_of_key(name: str) -> int:
    """The same of a key of a section, as ``limits.give_share``."""
    return PERCENT if name in SHARES else PLAIN


def written(value: int | float, scale: int = PLAIN) -> str:
    """The number as it stands in its control; money with its cents and its thousands apart."""
    exact = Decimal(repr(value)).scaleb(scale, _EXACT)
    if scale == MONEY and exact == exact.quantize(Decimal("0.01"), context=_EXACT):
        text = f"{exact.quantize(Decimal('0.01'), context=_EXACT):,f}"
    else:
        text = format(exact, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
    spoken = locale()
    return text.translate(str.maketrans({",": get_group_symbol(spoken), ".": get_decimal_symbol(spoken)}))


def read(text: str, scale: int = PLAIN) -> int | float:
    """The number a person wrote.

    Raises
    ------
    ValueError
        It is not one in the language in force.
    """
    spoken = locale()
    point, group = get_decimal_symbol(spoken), get_group_symbol(spoken)
    plain = re.sub(r"[\s\u00a0\u202f]", "", text).replace("\u2212", "-")
    if point in plain or re.fullmatch(rf"-?\d{{1,3}}({re.escape(group)}\d{{3}})+", plain):
        plain = plain.replace(group, "").replace(point, ".")
    if not re.fullmatch(r"-?\d+(\.\d+)?|-?\.\d+", plain, re.ASCII):
        raise ValueError(text)
    try:
        exact = Decimal(plain).scaleb(-scale, _EXACT)
        return int(exact) if exact == exact.to_integral_value(context=_EXACT) else float(exact)
    except (InvalidOperation, OverflowError) as error:
        raise ValueError(text) from error

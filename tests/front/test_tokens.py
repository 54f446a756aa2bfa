"""Every pair of text and ground in the stylesheet reaches the contrast the design promises, in both themes."""

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR, "static/css/base.css").read_text(encoding="utf-8")
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{3,8}), (#[0-9a-f]{3,8})\)", CSS, re.IGNORECASE)
}
GROUNDS = ["canvas", "surface", "raised", "sunken"]
STATES = ["ok", "warn", "bad", "info"]
TEXT = [
    *[(ink, ground, 4.5) for ink in ("ink", "ink-2", "ink-3") for ground in GROUNDS],
    *[(state, f"{state}-soft", 4.5) for state in STATES],
    *[(state, "surface", 4.5) for state in STATES],
    *[("accent-ink", ground, 4.5) for ground in ("accent-soft", "surface", "canvas", "raised", "sunken")],
    *[(ink, "selected", 4.5) for ink in ("ink", "ink-3", "bad")],
    *[("ink-3", ground, 4.5) for ground in ("hover", "accent-soft")],
    ("ink", "accent-soft", 4.5),
]
MARKS = [
    *[("control", ground, 3.0) for ground in ("surface", "canvas", "raised")],
    *[(f"z{n}", "surface", 3.0) for n in range(1, 9)],
    ("accent", "surface", 3.0),
    ("ok-fill", "surface", 3.0),
    ("bad-fill", "surface", 3.0),
]
WHITE_ON = ["accent", "accent-hover", "ok-fill", "bad-fill", "bar"]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2; an alpha, where there is one, is not used as a ground here."""
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_luminance_agrees_with_the_values_the_standard_gives():
    assert (luminance("#fff"), luminance("#000"), round(ratio("#767676", "#fff"), 2)) == (1.0, 0.0, 4.54)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_pair_of_colours_is_legible(theme):
    pairs = [(front, TOKENS[front][theme], ground, TOKENS[ground][theme], least) for front, ground, least in TEXT + MARKS]
    pairs += [("white", "#ffffff", ground, TOKENS[ground][theme], 4.5) for ground in WHITE_ON]
    faint = [(front, ground, round(ratio(one, two), 2), least) for front, one, ground, two, least in pairs if ratio(one, two) < least]
    assert faint == []


def test_the_tokens_are_those_of_the_design():
    assert TOKENS["accent"] == ("#2b49c8", "#4a63e6")
    assert {f"z{n}" for n in range(1, 9)} <= TOKENS.keys()

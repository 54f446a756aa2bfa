"""What the Content-Security-Policy and htmx's settings forbid stays out of every template, however it is written."""

import re
from pathlib import Path

import pytest
from django.conf import settings

FORBIDDEN = {
    "a style attribute": r"<[a-z][^>]*\sstyle\s*=",
    "a <style> element": r"<style\b",
    "an event attribute": r"<[a-z][^>]*\son[a-z]+\s*=",
    # A block of JSON is data: the policy lets it stand and no browser runs it.
    "a script with a body": r"<script\b(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")",
    "a javascript: address": r"javascript:",
    "hx-on": r"\bhx-on\b",
    "a js: value": r"hx-(?:vals|headers)\s*=\s*['\"]js:",
    "a trigger filter": r"hx-trigger\s*=\s*\"[^\"]*\[",
    "a file of another site": r"<(?:script|link|img)\b[^>]*(?:src|href)=\"(?:https?:)?//",
}
TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))


def offences(text: str) -> list[str]:
    text = re.sub(r"{%.*?%}|{{.*?}}", "", text)  # "{% if one == chosen %}" is no attribute of the element around it
    return [what for what, pattern in FORBIDDEN.items() if re.search(pattern, text, re.IGNORECASE)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('<p style="color:red">', "a style attribute"),
        ("<script>alert(1)</script>", "a script with a body"),
        ('<button type="button" onclick="go()">', "an event attribute"),
        ('<option{% if one %} onfocus="go()"{% endif %}>', "an event attribute"),
        ('<div hx-trigger="keyup[ctrlKey]">', "a trigger filter"),
    ],
)
def test_the_patterns_catch_what_they_are_for(text, what):
    assert offences(text) == [what]


def test_no_template_breaks_the_policy():
    assert TEMPLATES
    found = {str(file.relative_to(settings.BASE_DIR)): offences(file.read_text(encoding="utf-8")) for file in TEMPLATES}
    assert {name: what for name, what in found.items() if what} == {}


def test_templates_stay_small_enough_to_read():
    long = {file.name: n for file in TEMPLATES if (n := len(file.read_text(encoding="utf-8").splitlines())) > 250}
    assert long == {}

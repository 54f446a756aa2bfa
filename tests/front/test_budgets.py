"""What a page may weigh, compressed; above it the build stops."""

import gzip
import re
from pathlib import Path

from django.conf import settings

STATIC = Path(settings.BASE_DIR, "static")


def weight(folder: str, pattern: str) -> int:
    files = sorted(STATIC.joinpath(folder).rglob(pattern))
    assert files, f"no {pattern} under {folder}"
    return sum(len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files)


def test_the_styles_every_page_loads_weigh_at_most_16_kb():
    head = Path(settings.BASE_DIR, "templates/_head.html").read_text(encoding="utf-8")
    linked = re.findall(r'static "(css/[\w-]+\.css)"', head)
    assert len(linked) >= 5
    assert sum(len(gzip.compress(STATIC.joinpath(name).read_bytes(), 9, mtime=0)) for name in linked) <= 16_384


def with_imports(name: str) -> set[Path]:
    """A module of ours and every module it brings along."""
    found, waiting = set(), [STATIC / name]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += [
                module.parent / each for each in re.findall(r'(?:from|import) "\./([\w-]+\.js)"', module.read_text(encoding="utf-8"))
            ]
    return found


def test_our_scripts_weigh_at_most_20_kb_on_any_page():
    """Every page loads app.js; a page that needs more names it in its template."""
    everywhere = with_imports("js/app.js")
    assert len(everywhere) >= 10
    weights = {}
    for template in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        named = re.findall(r'static "(js/[\w-]+\.js)"', template.read_text(encoding="utf-8"))
        files = everywhere.union(*(with_imports(name) for name in named))
        weights[template.name] = sum(len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files)
    assert {name: size for name, size in weights.items() if size > 20_480} == {}


def test_the_service_worker_weighs_at_most_3_kb():
    """It comes in the background, after the page; with the queue it shares with pages."""
    text = Path(settings.BASE_DIR, "templates/offline/worker.js").read_bytes()
    assert len(gzip.compress(text, 9, mtime=0)) <= 3_072


def test_the_font_weighs_at_most_48_kb():
    assert STATIC.joinpath("vendor/inter-5.3.0/inter-latin.woff2").stat().st_size <= 49_152


def test_every_icon_the_templates_and_tags_ask_for_is_in_the_sprite():
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', STATIC.joinpath("icons/sprite.svg").read_text(encoding="utf-8")))
    asked = set()
    for file in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        asked |= set(re.findall(r"{% icon \"([\w-]+)\"|icon=\"([\w-]+)\"", file.read_text(encoding="utf-8")))
    from accounts.shell import MAP
    from accounts.templatetags import ui

    names = {name for pair in asked for name in pair if name} | {place.icon for _label, places in MAP for place in places}
    for states in (ui.CLIENT_STATES, ui.RUN_STATES, ui.PROPOSAL_STATES):
        names |= {sign for _kind, sign, _word in states.values()}
    assert names - drawn == set()

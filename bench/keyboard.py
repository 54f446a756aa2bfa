"""A review of 386 proposals decided in a real browser, from the keyboard, one after the other, to the last.

    python -m bench.keyboard              # PROPOSALS=386; every tenth is refused with its reason, every fifth postponed

What is timed is the machine's part: from the key until the next row has the focus, pages of the list included. A person's own part is
what of ten minutes is left. Chromium, server, database and this program share the machine; the clock is the wall's, as a person's is.
"""

import contextlib
import os
import shutil
import statistics
import sys
import threading
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
os.environ.setdefault("STATIC_PLAIN", "true")
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps an event loop in this thread

from bench import servers

if __name__ == "__main__":
    servers.start()
    django.setup()

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from playwright.sync_api import Error, Page, sync_playwright

from accounts.models import Organization
from accounts.tenancy import tenant_atomic
from bench import world
from bench.pages import awaiting_run, signed_in, spin
from bench.run import administrator
from rotation.models import Proposal, RefusalReason, Run

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [each.strip() for each in os.environ.get("CHROMIUM_FLAGS", "--no-sandbox --disable-gpu").split()]
REASON = "Negociação em curso"
FOCUSED = "document.activeElement?.closest('[data-row]')?.dataset.row ?? ''"
LOST = 10.0  # seconds after which the focus is held to have nowhere to go
MORE = "document.activeElement?.rel === 'next'"
MOVED = f"done => {{ const now = {FOCUSED}; return (now && !done.includes(now)) || {MORE} }}"


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def decided(page: Page, wanted: int) -> dict[str, list[float]]:
    """Seconds of each decision, by key; the focus begins on the first row and goes on by itself."""
    took: dict[str, list[float]] = {"a": [], "d": [], "r": [], "page": []}
    done: list[str] = []
    while len(done) < wanted:
        row = page.evaluate(FOCUSED)
        key = "r" if len(done) % 10 == 9 else "d" if len(done) % 5 == 2 else "a"
        began = time.perf_counter()
        page.keyboard.press(key)
        if key == "r":
            page.get_by_label(REASON).wait_for()
            until(page, "() => Boolean(document.activeElement?.matches('input'))")
            page.keyboard.press("Space")
            page.keyboard.press("Control+Enter")
        done.append(row)
        if not until(page, MOVED, done, seconds=LOST):
            break
        took[key].append(time.perf_counter() - began)
        if page.evaluate(MORE):  # the end of a page of the list
            began = time.perf_counter()
            page.keyboard.press("Enter")
            until(page, "last => !document.querySelector(`[data-row='${last}']`) && Boolean(document.querySelector('[data-row]'))", row)
            page.keyboard.press("k")
            until(page, f"() => {FOCUSED} !== ''")
            took["page"].append(time.perf_counter() - began)
    if len(done) < wanted:
        raise RuntimeError(f"after {len(done)} decisions the focus went nowhere")
    return took


def first_row(page: Page) -> None:
    page.locator("[data-row]").first.wait_for()
    page.keyboard.press("k")
    if not until(page, f"() => {FOCUSED} !== ''"):
        raise RuntimeError("no row takes the focus: is the page's script there?")


def until(page: Page, holds: str, arg: object = None, *, seconds: float = 30.0) -> bool:
    """Ask the page until it holds; the site's own policy forbids a script that would wait inside it. A page may go away meanwhile."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        with contextlib.suppress(Error):
            if page.evaluate(holds, arg):
                return True
        time.sleep(0.01)
    return False


def main() -> int:
    wanted = int(os.environ.get("PROPOSALS", "386"))
    organization = world.build(wanted * 20, slug=f"bench-keyboard-{wanted}")
    with tenant_atomic(organization.pk):
        Organization.objects.filter(pk=organization.pk).update(require_second_factor=False)
    run = awaiting_run(organization)
    with tenant_atomic(organization.pk):
        RefusalReason.objects.get_or_create(organization=organization, label=REASON)
        have = Proposal.objects.filter(run=run, state="proposed", postponed_at=None).count()
        Run.objects.filter(pk=run.pk).update(expires_at=None)
    if have < wanted:
        print(f"The run holds {have} open proposals, not {wanted}.", file=sys.stderr)
        return 1
    from carteira.wsgi import application

    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(StaticFilesHandler(application))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://localhost:{server.server_address[1]}"
    web = signed_in(administrator(organization))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None), args=FLAGS
        )
        page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="pt-BR", base_url=base).new_page()
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": web.cookies[name].value, "url": base}])
        page.goto(f"/o/{organization.slug}/rotation/{run.pk}/")
        first_row(page)
        load, pace, began = os.getloadavg()[0], spin(), time.perf_counter()
        took = decided(page, wanted)
        whole = time.perf_counter() - began
        browser.close()
    server.shutdown()
    print(
        f"A million additions took {pace:.0f} ms of CPU (about 38 on an idle core of this kind); load {load:.1f} on {os.cpu_count()} cores."
    )
    print(f"{wanted} of {have} proposals decided in {whole:.0f} s of the machine's time ({whole / wanted:.2f} s each; aim: 600 s in all).")
    for key, what in (("a", "approve"), ("d", "postpone"), ("r", "refuse, with its reason"), ("page", "ask for more rows")):
        if took[key]:
            ordered = sorted(took[key])
            p95 = ordered[int(0.95 * (len(ordered) - 1))]
            print(f"  {what:<24} {len(ordered):>4} times, median {statistics.median(ordered):.2f} s, p95 {p95:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

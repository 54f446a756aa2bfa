"""What a phone shows without signal, for whom, and for how long: in a real Chromium with the service worker at work."""

import re

import pytest
from playwright.sync_api import expect

from accounts.tenancy import tenant_atomic
from tests.e2e.device import BASE, PAGES, STATES, keeps, save, until

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
SHELLS = "(await caches.keys()).filter((name) => name.startsWith('shell/')).sort()"

# When the page that is shown was drawn, as the kept copy of it says.
KEPT_NOW = "(await (await caches.match(location.href, { ignoreVary: true })).text()).match(/id=.drawn.>([^<]+)/)[1]"


def heading(page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def banner(page, text: str) -> None:
    expect(page.locator("#signal > span")).to_have_text(re.compile(text))


def test_kept_pages_open_without_the_site_say_when_they_were_seen_and_can_be_cleared(phone, road):
    expect(phone.locator("#signal")).to_be_hidden()
    drawn = phone.locator("#drawn").inner_text()
    until(phone, KEPT_NOW, drawn)
    road.close()
    phone.reload()
    expect(phone.locator("#drawn")).to_have_text(drawn)
    banner(phone, r"^Sem sinal\. Página vista às \d\d:\d\d\.$")
    expect(phone.get_by_role("link", name="Longe")).to_have_attribute("data-needs-signal", "precisa de sinal")
    expect(phone.get_by_role("link", name="Guardada")).not_to_have_attribute("data-needs-signal", "precisa de sinal")
    phone.get_by_role("link", name="Guardada").click()
    heading(phone, "Ensaio 3")

    phone.get_by_role("link", name="Longe").click()
    heading(phone, "O que dá para abrir sem sinal")
    expect(phone.get_by_role("listitem").filter(has_text="vista")).to_have_count(3)
    banner(phone, r"^Sem sinal\.$")
    phone.get_by_role("link", name="Ensaio2").click()
    heading(phone, "Ensaio 2")
    phone.goto("/accounts/password/reset/")  # outside any organization there is a page that holds nothing of anybody
    heading(phone, "Sem sinal")

    road.open()
    phone.goto(f"{BASE}1/")
    expect(phone.locator("#signal")).to_be_hidden()
    expect(phone.locator("#drawn")).not_to_have_text(drawn)
    phone.goto("/o/vale-verde/me/")
    holds = phone.locator("device-holds")
    expect(holds.locator("[data-pages]")).to_have_text("5")
    holds.get_by_role("button", name="Apagar páginas guardadas").click()
    expect(holds.locator("[data-pages]")).to_have_text("0")


@pytest.mark.parametrize("patience", [3_000])
def test_a_slow_site_is_given_three_seconds_and_one_that_is_down_none(phone, road, monkeypatch):
    drawn = phone.locator("#drawn").inner_text()
    until(phone, KEPT_NOW, drawn)
    road.slow_pages = 4.5
    phone.reload()
    expect(phone.locator("#drawn")).to_have_text(drawn)
    banner(phone, "Página vista às")
    phone.goto(f"{BASE}99/")  # not kept: there is nothing better to show than what comes late
    heading(phone, "Ensaio 99")
    road.slow_pages = 0

    answers = {"status": 502}  # a gateway without the site behind it is no signal; an error of the site is shown
    from tests.e2e import offline_urls

    page_of = offline_urls.page

    def broken(request, n):
        response = page_of(request, n)
        response.status_code = answers["status"]
        return response

    monkeypatch.setattr(next(p for p in offline_urls.urlpatterns if "<int:n>" in str(p.pattern)), "callback", broken)
    phone.goto(f"{BASE}3/")
    banner(phone, "Página vista às")
    answers["status"] = 500
    assert phone.goto(f"{BASE}3/").status == 500


def test_what_is_kept_is_the_newest_sixty_pages_of_the_last_seven_days(phone, road):
    fill_up = """async ([base, n, age]) => {
      const name = (await caches.keys()).find((one) => one.startsWith("pages/"));
      const cache = await caches.open(name), now = Date.now();
      for (let i = 0; i < n; i++) await cache.put(`${base}x${i}/`, new Response("<html>", { headers: { "X-Seen": now - age - i } }));
    }"""
    phone.evaluate(fill_up, [BASE, 57, 3_600_000])
    until(phone, f"{PAGES}.length", 62)  # by hand, past the worker
    phone.goto(f"{BASE}4/")
    heading(phone, "Ensaio 4")
    newest = [f"{BASE}{n}/" for n in [1, 2, 3, 4, *(f"x{i}" for i in range(54))]]  # x54, x55 and x56 were the oldest
    keeps(phone, *newest)

    phone.evaluate(fill_up, [BASE, 1, 7 * 86_400_000])
    road.close()
    phone.goto(f"{BASE}x0/")
    heading(phone, "O que dá para abrir sem sinal")
    until(phone, f"{PAGES}.includes('{BASE}x0/')", False)


def test_signing_out_asks_first_wipes_the_pages_and_keeps_what_was_not_sent(phone, road, house, sign_in):
    phone.goto(f"{BASE}2/")
    road.close()
    save(phone, "por enviar")
    expect(phone.get_by_text("É enviada sozinha")).to_be_visible()
    until(phone, STATES, ["waiting"])
    road.plan.extend([503] * 3)
    road.open()
    phone.goto(f"{BASE}1/")
    leave = phone.get_by_role("button", name="Sair", exact=True)
    phone.get_by_role("button", name="Você e preferências").click()
    leave.click()
    dialog = phone.get_by_role("dialog", name="Sair com a fila de envio cheia?")
    expect(dialog).to_contain_text("1 registro ainda não foi enviado")
    keeps(phone, f"{BASE}1/", f"{BASE}2/", f"{BASE}3/")
    road.plan.extend([503] * 3)
    dialog.get_by_role("button", name="Sair mesmo assim").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Entrar")
    until(phone, PAGES, [])

    # Bruno takes the phone: nothing of Ana's is shown or sent in his name.
    road.plan.clear()
    sent = len(road.posts)
    sign_in(phone, house.bruno, road.url)
    phone.goto("/o/vale-verde/outbox/")
    expect(phone.locator("outbox-list")).to_contain_text("registros de outra pessoa")
    expect(phone.locator("outbox-list")).to_have_attribute("data-drawn", "0")
    until(phone, STATES, ["waiting"])
    assert len(road.posts) == sent

    sign_in(phone, house.ana, road.url)
    phone.goto(f"{BASE}1/")
    until(phone, STATES, [])
    from tests.e2e import offline_urls

    assert [said["note"] for said in offline_urls.stored.values()] == [["por enviar"]]


def test_pages_of_one_person_are_never_shown_to_the_next(phone, road, house, sign_in):
    phone.context.clear_cookies()
    phone.goto(f"{BASE}1/")
    heading(phone, "Entrar")
    until(phone, "caches.has('locked')", True)
    road.close()
    phone.goto(f"{BASE}1/")  # nobody is signed in: kept, and not shown
    heading(phone, "Sem sinal")
    road.open()
    sign_in(phone, house.ana, road.url)
    phone.goto(f"{BASE}99/")
    road.close()
    phone.goto(f"{BASE}1/")  # Ana again: shown
    heading(phone, "Ensaio 1")
    road.open()
    sign_in(phone, house.bruno, road.url)
    phone.goto(f"{BASE}99/")
    heading(phone, "Ensaio 99")
    until(phone, f"{PAGES}.filter((path) => path.includes('try'))", [])
    road.close()
    phone.goto(f"{BASE}1/")
    expect(phone.get_by_role("heading", level=1)).not_to_have_text("Ensaio 1")

    road.open()
    phone.goto(f"{BASE}2/")
    until(phone, f"{PAGES}.includes('{BASE}2/')", True)
    with tenant_atomic(house.bruno.organization_id):
        type(house.bruno).objects.filter(pk=house.bruno.pk).update(is_active=False)
    phone.goto(f"{BASE}99/")  # no longer a member: the pages of that organization go
    heading(phone, "Não encontramos esta página")
    until(phone, PAGES, [])


def test_a_new_version_waits_while_pages_are_open_and_takes_over_at_the_next_navigation(phone, road, monkeypatch):
    from accounts import offline

    old = phone.evaluate(f"async () => {SHELLS}")[0]
    monkeypatch.setattr(offline, "shell_version", lambda: "second")
    other = phone.context.new_page()
    other.goto(f"{BASE}2/")
    # The new version is whole beside the old one, and waits: two pages are drawn with the old one's files.
    until(phone, "Boolean((await navigator.serviceWorker.ready).waiting)", True)
    until(phone, SHELLS, sorted([old, "shell/second"]))
    phone.goto(f"{BASE}3/")
    heading(phone, "Ensaio 3")
    until(phone, "Boolean((await navigator.serviceWorker.ready).waiting)", True)
    other.close()

    phone.goto(f"{BASE}2/")
    heading(phone, "Ensaio 2")
    until(phone, "Boolean((await navigator.serviceWorker.ready).waiting)", False)
    until(phone, "(await navigator.serviceWorker.ready).active.state", "activated")
    # Page 1 was drawn with the old files, so they are still there; without the site it opens as before.
    until(phone, SHELLS, sorted([old, "shell/second"]))
    road.close()
    phone.goto(f"{BASE}1/")
    heading(phone, "Ensaio 1")


def test_the_invitation_to_install_comes_once_after_the_first_saved_visit(open_phone):
    phone = open_phone(f"{BASE}2/", worker=False)
    offer = "dispatchEvent(Object.assign(new Event('beforeinstallprompt'), { prompt() { document.title = 'asked'; } }))"
    phone.evaluate(offer)
    expect(phone.locator("#install")).to_be_hidden()
    save(phone, "primeira")
    until(phone, STATES, [])
    phone.evaluate(offer)
    phone.get_by_role("button", name="Instalar").click()
    expect(phone).to_have_title("asked")
    phone.reload()
    phone.evaluate(offer)
    expect(phone.locator("#install")).to_be_hidden()

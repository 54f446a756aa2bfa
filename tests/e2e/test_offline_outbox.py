"""The queue of a phone in a real Chromium: what is typed arrives once, in order, whatever happens on the way."""

import shutil
import struct
import time
import zlib
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.selectors import local_day
from accounts.services import Actor
from accounts.tenancy import tenant_atomic
from portfolio.models import Visit, VisitEdit
from portfolio.services.transfer import transfer_client
from tests.e2e import offline_urls
from tests.e2e.device import BASE, STATES, fill, save, until
from tests.e2e.opening import opened
from tests.fixtures import BROWSERS, FLAGS

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
SENT = "Tudo o que você registrou neste aparelho já chegou."


def notes() -> list[str]:
    """The notes that arrived, in the order they came."""
    return [offline_urls.stored[made]["note"][0] for made in offline_urls.arrived]


def put(page, *texts: str, **row) -> None:
    """Rows as a form makes them, without the form."""
    page.evaluate(
        """async ([notes, url, row]) => {
          const { member, person, organization } = document.documentElement.dataset;
          for (const note of notes) {
            const id = crypto.randomUUID();
            const typed = { fields: [["id_made", id], ["note", note]], files: [], made_at: new Date().toISOString() };
            await outbox.put({ id, member, person, organization, url, kind: "visit", label: note, page: url + "2/", ...typed, ...row });
          }
        }""",
        [list(texts), BASE, row],
    )


def send(page) -> int:
    return page.evaluate("outbox.send(document.documentElement.dataset.person)")


@pytest.fixture
def desk(open_phone):
    """A page that stays where it is after saving; no worker, which has no part in this."""
    return open_phone(f"{BASE}2/", worker=False)


def test_typed_without_signal_the_browser_closed_the_visits_arrive_once_and_in_order(road, house, new_page, sign_in, browser, tmp_path):
    cookies = new_page(service_workers="block")
    sign_in(cookies, house.ana, road.url)
    path = next(found for name in BROWSERS if (found := shutil.which(name)))

    def start():
        return browser.browser_type.launch_persistent_context(
            str(tmp_path / "device"),
            executable_path=path,
            args=FLAGS,
            viewport={"width": 390, "height": 844},
            base_url=road.url,
            locale="pt-BR",
        )

    first = start()
    first.add_cookies([cookie | {"expires": time.time() + 3600} for cookie in cookies.context.cookies()])
    phone = first.pages[0]
    phone.goto(f"{BASE}2/")
    until(phone, "Boolean(navigator.serviceWorker.controller)", True)
    until(phone, "(await caches.match(location.href, { ignoreVary: true }))?.ok ?? false", True)
    road.close()
    for n in (1, 2):
        phone.reload()
        save(phone, f"sem sinal {n}")
        until(phone, STATES, ["waiting"] * n)
    first.close()

    second = start()
    phone = second.pages[0]
    phone.goto("/o/vale-verde/outbox/")
    expect(phone.get_by_role("listitem").filter(has_text="Ensaio 2")).to_have_count(2)
    expect(phone.locator("outbox-list")).to_contain_text("na fila")
    expect(phone.locator("outbox-badge b")).to_have_text("2")
    [tries, _none] = phone.evaluate("async () => (await outbox.rows()).map((row) => row.tries)")
    road.plan.append("lost")
    road.open()
    phone.get_by_role("button", name="Enviar agora").click()
    until(phone, "(await outbox.rows()).map((row) => row.tries)", [tries + 1, 0])
    phone.get_by_role("button", name="Enviar agora").click()
    until(phone, STATES, [])
    expect(phone.locator("outbox-list")).to_contain_text("enviada")
    phone.reload()
    expect(phone.get_by_text(SENT)).to_be_visible()
    second.close()
    assert notes() == ["sem sinal 1", "sem sinal 2"]


def test_each_answer_does_to_the_row_what_it_means(desk, road):
    forbidden = b'{"state": "forbidden", "message": "Fale com Helena."}'
    road.bodies = {
        401: b'{"state": "sign_in"}',
        403: forbidden,
        409: b'{"state": "other_person"}',
        422: b'{"state": "refused", "message": "Falta o valor."}',
    }
    road.bodies |= {200: b"<!doctype html>", 418: b'{"code": "csrf"}'}
    waits = ["cut", "lost", "half", 200, 429, 500, 503]
    meant = dict.fromkeys(waits, "waiting") | {302: "sign_in", 401: "sign_in", 403: "forbidden", 409: "other"}
    meant |= dict.fromkeys([422, 404, 413], "fix") | {"ok": None, "late": None}
    for fault, state in meant.items():
        road.plan.extend([fault] * 9)  # a browser sends once more by itself what a kept connection lost
        put(desk, f"{fault}")
        send(desk)
        found = desk.evaluate("outbox.rows()")
        road.plan.clear()
        assert [row["state"] for row in found] == ([state] if state else []), fault
        assert len(found) == 0 or found[0]["error"] == {403: "Fale com Helena.", 422: "Falta o valor."}.get(fault, ""), fault
        desk.evaluate("async () => { for (const { id } of await outbox.rows()) await outbox.drop(id); }")
    assert notes() == ["lost", "half", "ok", "late"]


def test_a_refused_visit_is_mended_where_it_was_typed(desk, road):
    save(desk, "refuse isto")
    expect(desk.get_by_role("alert")).to_have_text("A nota foi recusada.")
    expect(desk.get_by_label("Nota")).to_be_focused()
    expect(desk.get_by_text("Escreva outra coisa.")).to_be_visible()
    until(desk, STATES, ["fix"])
    desk.goto("/o/vale-verde/outbox/")
    row = desk.get_by_role("listitem").filter(has_text="Ensaio 2")
    expect(row).to_contain_text("precisa de correção")
    expect(row).to_contain_text("A nota foi recusada.")
    row.get_by_role("link", name="Corrigir").click()
    expect(desk.get_by_label("Nota")).to_have_value("refuse isto")
    expect(desk.get_by_label("Vendeu", exact=True)).to_be_checked()
    desk.get_by_label("Nota").fill("assim sim")
    desk.get_by_role("button", name="Salvar").click()
    until(desk, STATES, [])
    assert notes() == ["assim sim"]
    assert {key for _path, key, _fault in road.posts} == set(offline_urls.stored)  # one id, first to last


def test_a_row_is_deleted_only_after_asking(desk, road):
    road.close()
    put(desk, "fica", "sai")
    road.open()
    road.plan.extend([503] * 20)
    desk.goto("/o/vale-verde/outbox/")
    row = desk.get_by_role("listitem").filter(has_text="sai")
    row.get_by_role("button", name="Apagar…").click()
    dialog = desk.get_by_role("dialog", name="Apagar sem enviar?")
    dialog.get_by_role("button", name="Manter").click()
    expect(dialog).to_be_hidden()
    row.get_by_role("button", name="Apagar…").click()
    dialog.get_by_role("button", name="Apagar", exact=True).click()
    expect(row).to_have_count(0)
    until(desk, "(await outbox.rows()).map((row) => row.label)", ["fica"])


def test_two_tabs_send_each_row_once(desk, road):
    other = desk.context.new_page()
    other.goto(f"{BASE}3/")
    road.plan.extend(["late"] * 6)
    put(desk, *"abc")
    put(other, *"def")
    for page in (desk, other):
        page.evaluate("() => { for (let i = 0; i < 3; i++) outbox.send(document.documentElement.dataset.person); }")
    until(desk, STATES, [])
    assert len(road.posts) == 6
    assert "".join(notes()) == "abcdef"


def test_the_waits_grow_and_a_row_the_server_stumbles_over_lets_the_others_pass(open_phone, road, new_page, sign_in, house):
    page = new_page(base_url=road.url, service_workers="block")
    sign_in(page, house.ana, road.url)
    page.clock.install(time=datetime(2026, 11, 23, 9, tzinfo=UTC))
    page.goto(f"{BASE}2/")
    page.clock.pause_at(datetime(2026, 11, 23, 10, tzinfo=UTC))
    road.plan.extend([500, 500, 500, "ok", 500, 500, 500])
    save(page, "tropeço")
    at_rest(page, tries=1)
    put(page, "atrás")
    for tries, wait, before, after in [(2, 5, 1, 2), (3, 30, 2, 4), (4, 120, 4, 5), (5, 600, 5, 6), (6, 600, 6, 7)]:
        page.clock.run_for((wait - 1) * 1000)
        assert len(road.posts) == before
        page.clock.run_for(1000)
        at_rest(page, tries=tries)
        assert len(road.posts) == after
    assert notes() == ["atrás"]


def at_rest(page, *, tries: int) -> None:
    """The page's clock stands still, so this asks from outside: the first row was tried that often, and the round is over."""
    asked = "Promise.all([outbox.rows(), navigator.locks.query()]).then(([rows, locks]) => [rows[0].tries, locks.held.length])"
    for _attempt in range(2_000):
        if page.evaluate(asked) == [tries, 0]:
            return
    raise AssertionError(f"never tried {tries} times")


def test_the_worker_sends_when_the_browser_says_there_is_signal_again(phone, road):
    # No page of the site is open: only the worker is left to send.
    road.plan.append("cut")
    put(phone, "por detrás")
    send(phone)
    scope, context = phone.evaluate("location.origin") + "/", phone.context
    session = context.new_cdp_session(phone)
    registrations: list[dict] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    session.send("ServiceWorker.enable")
    phone.goto("about:blank")
    found = next(one for one in registrations if one["scopeURL"] == scope)
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {"origin": scope, "registrationId": found["registrationId"], "tag": "outbox", "lastChance": False},
    )
    phone.goto("/offline/")  # a page that sends nothing by itself: nobody's
    until(phone, "(await outbox.rows()).length", 0)
    assert notes() == ["por detrás"]


def png(width: int, height: int) -> bytes:
    """A plain picture of that size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x80" * width for _row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_photos_are_made_small_on_the_device_and_have_a_limit(desk, road):
    fill(desk, "com foto")
    desk.get_by_label("Foto").set_input_files({"name": "loja.png", "mimeType": "image/png", "buffer": png(2000, 500)})
    desk.get_by_role("button", name="Salvar").click()
    for _try in range(1_200):  # the photo is made small first, and no row waits until then
        if offline_urls.stored:
            break
        desk.wait_for_timeout(50)
    until(desk, STATES, [])
    [(kind, photo)] = next(iter(offline_urls.stored.values()))["photos"]
    assert (kind, photo[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    size = (
        "async (bytes) => { const image = await createImageBitmap(new Blob([new Uint8Array(bytes)])); return [image.width, image.height]; }"
    )
    assert desk.evaluate(size, list(photo)) == [1280, 320]

    road.plan.extend([503] * 9)
    put(desk, "cheia", files=[{"id": "x", "field": "photo", "name": "x.jpg", "type": "image/jpeg", "size": 30 * 2**20}])
    fill(desk, "mais uma")
    desk.get_by_label("Foto").set_input_files({"name": "loja.png", "mimeType": "image/png", "buffer": png(20, 20)})
    desk.get_by_role("button", name="Salvar").click()
    expect(desk.get_by_role("alert")).to_contain_text("Não há mais espaço neste aparelho")
    expect(desk.get_by_label("Nota")).to_have_value("mais uma")
    desk.get_by_label("Foto").set_input_files({"name": "nota.png", "mimeType": "image/png", "buffer": b"not a picture"})
    desk.get_by_role("button", name="Salvar").click()
    expect(desk.get_by_role("alert")).to_contain_text("Esta foto não pôde ser lida")
    until(desk, "(await outbox.rows()).length", 1)


def test_a_row_that_waits_a_day_is_spoken_of_and_storage_cleared_under_a_page_does_no_harm(desk, road):
    road.plan.extend([503] * 9)
    put(desk, "esquecida", made_at="2020-01-02T10:00:00.000Z")
    expect(desk.locator("#signal > span")).to_contain_text("1 registro espera há mais de 24 horas.")
    road.plan.clear()
    session = desk.context.new_cdp_session(desk)
    session.send("Storage.clearDataForOrigin", {"origin": road.url, "storageTypes": "indexeddb,cache_storage,service_workers"})
    save(desk, "depois de limpar")
    until(desk, STATES, [])
    assert notes() == ["depois de limpar"]


def test_a_visit_is_a_fact_and_the_last_words_about_it_win(open_phone, road, house, organization):
    """The conflict rules, through the site's own sheet: stored though the client changed hands; edits leave their history."""
    sheet = f"/o/vale-verde/visits/new/?client={house.client.pk}"
    page = open_phone(sheet, worker=False)
    road.plan.extend(["cut"] * 9)  # nothing arrives before the client has changed hands, however soon it is sent again
    page.get_by_role("radio", name="Não estava").press("Space")
    page.get_by_label("Observação").fill("voltar de manhã")
    page.get_by_role("button", name="Salvar visita").click()
    until_rows(page, 1)
    with tenant_atomic(organization.pk):
        today = local_day(organization, at=timezone.now())
        transfer_client(client=house.client, to=house.second, by=Actor(label="test"), on=today, reason="giro")
    road.plan.clear()
    page.goto("/o/vale-verde/outbox/")
    until(page, STATES, [])
    with tenant_atomic(organization.pk):
        visit = Visit.objects.get(visited_at__isnull=False)
        assert (visit.note, visit.representative_id, visit.made_by_id) == ("voltar de manhã", house.first.pk, house.ana.pk)
        told = SimpleNamespace(
            **{member.name: member.notices.filter(kind="visit_elsewhere").count() for member in (house.ana, house.bruno)}
        )
    assert (told.ana, told.bruno) == (1, 1)

    page.goto(f"/o/vale-verde/visits/{visit.id_made}/")
    stale = page.context.new_page()
    stale.goto(f"/o/vale-verde/visits/{visit.id_made}/")
    for tab, words in ((page, "voltar à tarde"), (stale, "voltar segunda")):
        tab.get_by_label("Observação").fill(words)
        tab.get_by_role("button", name="Salvar visita").click()
        # The queue is empty before the row is in it too: it has been sent once the form is left.
        tab.wait_for_url(lambda url: str(visit.id_made) not in url)
        until_rows(tab, 0)
    with tenant_atomic(organization.pk):
        visit.refresh_from_db()
        assert visit.note == "voltar segunda"
        assert VisitEdit.objects.filter(visit=visit).count() == 2


def until_rows(page, n: int) -> None:
    """The page may go elsewhere meanwhile; the rows are the device's, not the page's."""
    page.wait_for_url(lambda url: "/today/" in url)
    until(page, "(await outbox.rows()).length", n)


@pytest.mark.slow
def test_the_queue_and_the_list_of_kept_pages_keep_nobody_out(desk, road, axe):
    road.bodies = {422: b'{"state": "refused", "message": "Falta o valor do pedido."}'}
    road.plan.extend([422] + [503] * 20)
    put(desk, "Empório Serra Clara", "Drogaria Boa Safra", made_at="2026-11-21T10:00:00.000Z")
    send(desk)  # left to the page, the first answer may come while the next page is opened, and is lost
    opened(desk, "/o/vale-verde/outbox/")
    expect(desk.get_by_role("link", name="Corrigir")).to_be_visible()
    axe(desk)
    opened(desk, "/o/vale-verde/offline/")
    axe(desk)

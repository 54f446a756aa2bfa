"""What the server tells a device: the worker and its files, the manifest, whose a page is and whether to keep it."""

import json
import re
import struct

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from accounts.offline import shell_files, shell_names, shell_version
from accounts.tenancy import tenant_atomic
from tests.factories import make_member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana(organization):
    with tenant_atomic(organization.pk):
        return make_member(organization, "representative")


def test_the_worker_may_keep_the_whole_site_and_names_files_that_exist(web):
    response = web.get("/worker.js")
    text = response.content.decode()
    assert (response.status_code, response["Service-Worker-Allowed"]) == (200, "/")
    assert response["Content-Type"].startswith("text/javascript") and "no-store" in response["Cache-Control"]
    files = json.loads(re.search(r"const FILES = (\[.*\]);", text)[1])
    assert "/offline/" in files and f'"shell/{shell_version()}"' in text
    assert [name for name in shell_names() if not finders.find(name)] == []
    assert {"/static/js/app.js", "/static/js/queue.js", "/static/css/base.css", "/static/icons/sprite.svg"} <= set(files)
    assert web.get("/offline/").status_code == 200


def test_the_version_changes_with_any_file_of_the_shell_and_with_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "static").mkdir()
    (tmp_path / "static/one.css").write_text("a")
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    monkeypatch.setattr("accounts.offline.shell_names", lambda: ["one.css"])
    first = shell_version()
    assert first == shell_version()
    (tmp_path / "static/one.css").write_text("ab")
    assert shell_version() != first


def test_a_release_is_versioned_by_the_manifest_of_its_files(monkeypatch):
    class Storage:
        manifest_hash = "0123456789ab"

        def url(self, name):
            return f"/static/{name}.hashed"

    monkeypatch.setattr("accounts.offline.staticfiles_storage", Storage())
    assert shell_version() == "0123456789ab"
    assert "/static/js/app.js.hashed" in shell_files()


def test_the_manifest_opens_the_first_page_of_this_organization_and_its_icons_are_what_it_says(ana, signed_in):
    response = signed_in(ana).get("/o/vale-verde/manifest.webmanifest")
    manifest = json.loads(response.content)
    assert response["Content-Type"].startswith("application/manifest+json")
    assert (manifest["id"], manifest["scope"], manifest["display"]) == ("/o/vale-verde/", "/", "standalone")
    assert manifest["start_url"] == "/o/vale-verde/today/"
    assert [one["url"] for one in manifest["shortcuts"]] == ["/o/vale-verde/today/", "/o/vale-verde/visits/new/"]
    for icon in manifest["icons"]:
        with open(finders.find(icon["src"].removeprefix("/static/")), "rb") as file:
            head = file.read(24)
        if icon["type"] == "image/png":
            assert head[:8] == b"\x89PNG\r\n\x1a\n"
            assert "{}x{}".format(*struct.unpack(">II", head[16:24])) == icon["sizes"]
    assert [icon["purpose"] for icon in manifest["icons"] if "purpose" in icon] == ["maskable"]


def test_every_page_of_an_organization_says_whose_it_is_and_with_which_files_it_was_drawn(ana, signed_in, organization, web):
    browser = signed_in(ana)
    kept = browser.get("/o/vale-verde/outbox/")
    assert (kept["X-Offline"], kept["X-Person"], kept["X-Shell"]) == ("keep", str(ana.user_id), shell_version())
    plain = browser.get("/o/vale-verde/me/")
    assert plain["X-Person"] == str(ana.user_id) and "X-Offline" not in plain
    assert f'data-member="{ana.pk}" data-person="{ana.user_id}" data-organization="vale-verde"' in plain.content.decode()
    assert "X-Person" not in browser.get("/accounts/password/change/") and "X-Person" not in web.get("/o/vale-verde/outbox/")

    with tenant_atomic(organization.pk):
        type(ana).objects.filter(pk=ana.pk).update(is_active=False)
    gone = browser.get("/o/vale-verde/outbox/")
    assert (gone.status_code, gone["X-Offline"]) == (404, "wipe")
    never = browser.get("/o/no-such/outbox/")  # an organization that is not there is answered the same
    assert (never.status_code, never["X-Offline"], never["X-Person"]) == (404, "wipe", str(ana.user_id))


def test_where_nobody_is_signed_in_the_page_says_so_and_the_one_without_signal_does_not(web):
    assert "data-anonymous" in web.get("/accounts/login/").content.decode()
    assert "data-anonymous" not in web.get("/offline/").content.decode()

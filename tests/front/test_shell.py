"""The navigation shows each role its places, and never one that nobody serves."""

from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import include, path

from accounts import shell as shell_module
from accounts.shell import MAP, Shell, nav_count

SERVED = ["today/", "clients/", "rotation/", "rotation/mine/", "rules/", "settings/", "notices/", "visits/new/", "search/"]


def page(request, **kwargs):
    return HttpResponse()


urlpatterns = [
    path("o/<slug:organization>/", include([path(place, page) for place in SERVED])),
    path("in/", page, name="account_login"),
    path("out/", page, name="account_logout"),
]


@pytest.fixture(autouse=True)
def urls(settings, monkeypatch):
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr(shell_module, "_counts", {})
    shell_module.served.cache_clear()
    yield
    shell_module.served.cache_clear()


def asking(role: str, at: str = "/o/vale/clients/"):
    request = RequestFactory().get(at)
    request.organization = SimpleNamespace(name="Distribuidora Vale Verde", slug="vale", currency="BRL", is_demo=False)
    request.membership = SimpleNamespace(name="Ana", role=role)
    request.user = SimpleNamespace(is_authenticated=True, email="ana@vale.example", theme="dark", shortcuts=False)
    return request


def places(role: str) -> list[str]:
    return [item.url.removeprefix("/o/vale/") for group in Shell(asking(role)).groups for item in group.items]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("representative", ["today/", "clients/", "rotation/mine/"]),
        ("manager", ["today/", "clients/", "rotation/", "rules/"]),
        ("admin", ["today/", "clients/", "rotation/", "rules/", "settings/"]),
        ("auditor", ["today/", "clients/", "rotation/", "rules/", "settings/"]),
    ],
)
def test_each_role_sees_its_places_and_only_those_that_exist(role, expected):
    assert places(role) == expected


def test_the_current_place_is_one_even_where_one_address_begins_another():
    shell = Shell(asking("representative", at="/o/vale/rotation/mine/"))
    assert [str(item.label) for group in shell.groups for item in group.items if item.current] == ["Giro e eu"]
    inside = Shell(asking("manager", at="/o/vale/rotation/9/apply/"))
    assert [item.url for group in inside.groups for item in group.items if item.current] == ["/o/vale/rotation/"]


def test_a_count_is_shown_beside_its_place():
    nav_count("rotation/", urgent=True)(lambda request: 172)
    items = {item.url: (item.count, item.urgent) for group in Shell(asking("manager")).groups for item in group.items}
    assert items["/o/vale/rotation/"] == (172, True)
    assert items["/o/vale/clients/"] == (None, False)


def test_a_page_asks_for_each_number_once_though_it_draws_the_navigation_twice():
    asked = []
    nav_count("clients/")(lambda request: asked.append("clients") or 4812)
    nav_count("notices/")(lambda request: asked.append("notices") or 3)
    html = whole_page("manager")
    assert (sorted(asked), html.count("4.812")) == (["clients", "notices"], 2)


def test_without_an_organization_there_is_no_navigation():
    shell = Shell(RequestFactory().get("/accounts/login/"))
    assert (shell.groups, shell.thumb, shell.theme, shell.home) == ([], [], "", "/")


def test_an_auditor_is_offered_no_visit_to_register():
    assert Shell(asking("auditor")).visit_url == ""
    assert Shell(asking("representative")).visit_url == "/o/vale/visits/new/"


def test_a_theme_nobody_knows_is_the_systems():
    request = asking("admin")
    request.user.theme = "pink"
    assert Shell(request).theme == ""


def whole_page(role: str, **organization) -> str:
    request = asking(role)
    vars(request.organization).update(organization)
    return render_to_string("base.html", {"shell": Shell(request)}, request=request)


def test_the_page_carries_the_persons_choices_and_landmarks():
    html = whole_page("representative")
    assert '<html lang="pt-br" data-theme="dark" data-letters="off">' in html
    for mark in (
        '<main class="page',
        'id="content"',
        'class="skip"',
        'class="bottombar"',
        'id="toasts"',
        'name="csrf-token"',
        "htmx-config",
    ):
        assert mark in html, mark
    assert "Gestão" not in html and "modo de leitura" not in html


def test_banners_are_for_auditors_and_demonstrations():
    assert "modo de leitura" in whole_page("auditor")
    assert "Empresa de demonstração" in whole_page("admin", is_demo=True)


def test_every_place_of_the_map_has_a_label_and_an_icon():
    assert all(str(place.label) and place.icon and place.path.endswith("/") for _group, group in MAP for place in group)

"""The scripts in a real browser, under the site's own Content-Security-Policy."""

import pytest
from playwright.sync_api import expect

from carteira.guide import BOUGHT, MONTHS, PROVED, SampleForm, sample_rows
from tests.e2e.conftest import faults_of
from tests.front.conftest import render

pytestmark = pytest.mark.e2e

ROW = """<tr id="proposal-{n}" data-row="{n}" data-cents="{cents}" tabindex="-1">
  <td class="pick-cell"><input class="pick" type="checkbox" name="proposal" value="{n}" aria-label="Selecionar {n}"></td>
  <td><a href="#d{n}" data-open>Cliente {n}</a></td>
  <td><button name="approve" value="{n}" data-act="approve" hx-post="/decide/" hx-target="closest tr"
    hx-swap="outerHTML">Aprovar</button></td></tr>"""
LIST = """{% extends "base.html" %}
{% block head %}<script type="module" src="{% static "js/bulk-table.js" %}"></script>{% endblock %}
{% block heading %}Revisão{% endblock %}{% block content %}
<form method="post" action="/bulk/">{% csrf_token %}<bulk-table data-total="137" data-total-cents="110000000" data-sign="R$">
<table class="table"><thead><tr>
<th class="pick-cell"><input class="pick" type="checkbox" data-pick-page aria-label="Página"></th>
<th>Cliente</th><th>Decidir</th></tr></thead>
<tbody>ROWS</tbody></table>
<div class="bulk" data-bulk><b data-count></b> <span data-count-word></span> <span data-sum></span>
<button type="button" data-pick-filter>Todas</button><input type="hidden" name="scope" value="page" data-scope>
<button class="btn okk" name="decision" value="approve" data-act="approve">Aprovar</button>
<button type="button" data-clear>Limpar</button></div>
</bulk-table></form>
<p><input id="typing" aria-label="Nota"></p>
{% endblock %}"""
DECIDED = """<tr id="proposal-{n}" data-row="{n}" data-cents="0" tabindex="-1"><td></td><td>Cliente {n}</td><td>Aprovada</td></tr>"""
TOAST = """{% load ui %}<div id="toasts" hx-swap-oob="beforeend">{% toast "Aprovada" undo="/undo/" %}</div>"""


def rows(*cents: int) -> str:
    return "".join(ROW.format(n=n, cents=value) for n, value in enumerate(cents, start=1))


@pytest.fixture
def review(site, open_page):
    site.pages["/review"] = render(LIST.replace("ROWS", rows(84_210_00, 71_905_00, 38_440_00)))
    return open_page("/review")


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def test_rows_are_walked_and_picked_from_the_keyboard(review):
    for key in "jjxk":
        review.keyboard.press(key)
    expect(review.locator("#proposal-1")).to_be_focused()
    review.keyboard.press("Shift+X")
    expect(review.locator("[data-count]")).to_have_text("2")
    expect(review.locator("[data-sum]")).to_have_text("R$\u00a0156.115")
    expect(review.locator("[data-count-word]")).to_have_text("selecionadas")
    assert review.evaluate("document.querySelector('[data-pick-page]').indeterminate")
    review.keyboard.press("Escape")
    expect(review.locator("[data-bulk]")).to_be_hidden()


def test_the_whole_filter_is_chosen_only_after_the_page(review):
    review.check("[data-pick-page]")
    expect(review.locator("[data-count]")).to_have_text("3")
    review.click("[data-pick-filter]")
    expect(review.locator("[data-count]")).to_have_text("137")
    expect(review.locator("[data-sum]")).to_have_text("R$\u00a01.100.000")
    assert review.input_value("[data-scope]") == "filter"
    review.uncheck("[value='2'].pick")
    assert (review.input_value("[data-scope]"), review.inner_text("[data-count]")) == ("page", "2")


def test_deciding_a_row_posts_with_the_token_and_moves_to_the_next(site, review):
    site.answers["/decide/"] = [(200, DECIDED.format(n=1) + render(TOAST))]
    site.answers["/undo/"] = [(204, "")]
    review.keyboard.press("j")
    review.keyboard.press("a")
    expect(review.locator("#proposal-1")).to_contain_text("Aprovada")
    expect(review.locator("#proposal-2")).to_be_focused()
    verb, path, sent, headers = site.asked[-1]
    assert (verb, path, sent["approve"]) == ("POST", "/decide/", "1")
    assert headers["X-CSRFToken"] == review.get_attribute("meta[name=csrf-token]", "content")

    expect(review.locator(".toast")).to_contain_text("Aprovada")
    review.keyboard.press("z")
    expect(review.locator(".toast")).to_have_count(0)
    assert site.asked[-1][:2] == ("POST", "/undo/")


def test_letters_do_nothing_in_a_field_nor_where_a_person_turned_them_off(site, review):
    review.locator("#typing").press("x")
    assert (review.input_value("#typing"), focused(review)) == ("x", "typing")
    review.evaluate("document.activeElement.blur(); document.documentElement.dataset.letters = 'off'")
    review.keyboard.press("j")
    assert focused(review) == ""
    assert site.asked == []


def test_an_ended_session_asks_to_sign_in_and_then_repeats_the_request(site, review):
    site.answers["/decide/"] = [(401, ""), (200, DECIDED.format(n=2))]
    review.locator("#proposal-2 [data-act=approve]").click()
    dialog = review.locator("#sign-in-again")
    expect(dialog).to_be_visible()
    dialog.locator("[data-repeat]").click()
    expect(review.locator("#proposal-2")).to_contain_text("Aprovada")
    expect(dialog).to_be_hidden()
    assert [sent["approve"] for verb, path, sent, _headers in site.asked if path == "/decide/"] == ["2", "2"]


def test_a_failure_is_told_in_words_and_the_row_stays(site, review):
    site.answers["/decide/"] = [(500, "Traceback")]
    review.locator("#proposal-1 [data-act=approve]").click()
    expect(review.locator(".toast.bad")).to_contain_text("O que você fez continua aqui")
    expect(review.locator("#proposal-1 [data-act=approve]")).to_be_visible()


def test_without_scripts_the_selection_is_still_a_form_that_posts(site, open_page):
    site.pages["/review"] = render(LIST.replace("ROWS", rows(100, 200)))
    site.answers["/bulk/"] = [(200, "<p>feito</p>")]
    page = open_page("/review", java_script_enabled=False)
    page.check("[value='2'].pick")
    page.click("[data-bulk] [data-act=approve]")
    expect(page.locator("p")).to_have_text("feito")
    sent = next(sent for verb, _path, sent, _headers in site.asked if verb == "POST")
    assert {name: sent[name] for name in ("proposal", "decision", "scope")} == {
        "proposal": "2",
        "decision": "approve",
        "scope": "page",
    }


FORM = """{% extends "base.html" %}{% load ui %}{% block content %}
<form id="f" method="post" action="/save/" hx-post="/save/" hx-swap="outerHTML">
{% csrf_token %}{% field form.name %}<button class="btn pri" type="submit">Salvar</button></form>
<button class="btn sec" id="opener" type="button" data-dialog="d">Recusar…</button>
<div class="field"><label class="label" for="to">Vendedor</label><combo-box><select class="select" id="to" name="to">
<option value="">Escolha</option><option value="4">V-04 Campinas</option><option value="18">V-18 São Carlos</option>
</select></combo-box></div>{% endblock %}
{% block dialogs %}
{% dialog "d" "Recusar" %}<div class="dialog-body"><input id="why" aria-label="Motivo"></div>{% enddialog %}{% endblock %}"""
WRONG = """{% load ui %}<form id="f" method="post" hx-post="/save/">{% field form.cnpj %}</form>"""


@pytest.fixture
def form_page(site, open_page):
    site.pages["/form"] = render(FORM, form=SampleForm())
    return open_page("/form")


def test_a_refused_form_comes_back_with_the_focus_on_its_error(site, form_page):
    site.answers["/save/"] = [(422, render(WRONG, form=SampleForm({"cnpj": ""})))]
    form_page.fill("#id_name", "Empório")
    form_page.locator("#id_name").press("Control+Enter")
    expect(form_page.locator("#id_cnpj_error")).to_have_text("Este campo é obrigatório.")
    expect(form_page.locator("#id_cnpj")).to_be_focused()


def test_a_dialog_takes_the_focus_and_gives_it_back_to_its_opener(form_page):
    form_page.click("#opener")
    expect(form_page.locator("#why")).to_be_focused()
    form_page.keyboard.press("Escape")
    expect(form_page.locator("#d")).to_be_hidden()
    expect(form_page.locator("#opener")).to_be_focused()


def test_a_combobox_finds_without_accents_and_sends_its_select(form_page):
    field = form_page.get_by_role("combobox", name="Vendedor")
    field.fill("sao")
    expect(form_page.get_by_role("option")).to_have_text(["V-18 São Carlos"])
    field.press("Enter")
    assert (field.input_value(), form_page.evaluate("document.getElementById('to').value")) == ("V-18 São Carlos", "18")
    field.fill("ninguém assim")
    field.press("Tab")
    assert field.input_value() == "V-18 São Carlos"


def test_ctrl_k_reaches_the_search_and_question_mark_the_shortcuts(site, form_page):
    form_page.keyboard.press("?")
    expect(form_page.locator("#shortcuts")).to_be_visible()
    form_page.keyboard.press("Escape")
    expect(form_page.locator("#shortcuts")).to_be_hidden()


@pytest.mark.slow
def test_every_component_is_accessible_and_nothing_scrolls_sideways(site, open_page):
    months = [(label, value, f"R$ {value} mil") for label, value in zip(MONTHS, BOUGHT, strict=True)]
    page_of_all = '{% extends "ui/guide.html" %}'
    site.pages["/guide"] = render(page_of_all, rows=sample_rows(), months=months, spark=BOUGHT, fall=BOUGHT, form=SampleForm(), **PROVED)
    page = open_page("/guide", bypass_csp=True)
    assert faults_of(page) == {}
    number = page.locator(".table.cards td.num").first
    for width, side in ((1440, "end"), (390, "start")):  # a column of numbers, and a line of a card
        page.set_viewport_size({"width": width, "height": 900})
        expect(number).to_have_css("text-align", side)

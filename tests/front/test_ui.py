"""Every tag of the library renders what its docstring says, and escapes what people type."""

import re
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.template import Context, Template
from django.utils import translation

from accounts.templatetags import ui


def render(markup: str, **context) -> str:
    with translation.override("pt-br"):
        return re.sub(r"\s+", " ", Template("{% load ui %}" + markup).render(Context(context))).strip()


class Sample(forms.Form):
    name = forms.CharField(label="Nome", help_text="Como se apresenta.")
    note = forms.CharField(label="Nota", required=False, widget=forms.Textarea)
    size = forms.ChoiceField(label="Porte", choices=[("s", "Pequeno"), ("l", "Grande")], widget=forms.RadioSelect)
    agree = forms.BooleanField(label="Concordo")


def test_a_button_is_a_button_unless_it_goes_somewhere():
    assert render('{% button "pri" %}Salvar{% endbutton %}') == '<button class="btn pri" type="button">Salvar</button>'
    assert render('{% button "sec" href="/x/" %}Abrir{% endbutton %}') == '<a class="btn sec" href="/x/">Abrir</a>'


def test_a_buttons_further_attributes_keep_their_hyphens_and_false_ones_go():
    html = render('{% button "gho" type="submit" hx_post="/x/" disabled=off autofocus=on %}Ir{% endbutton %}', off=False, on=True)
    assert html == '<button class="btn gho" type="submit" hx-post="/x/" autofocus>Ir</button>'


def test_an_icon_button_has_a_name():
    html = render('{% button "sec" icon="phone" size="ic" label="Ligar" %}{% endbutton %}')
    assert 'aria-label="Ligar"' in html and "#phone" in html


def test_a_field_ties_label_help_and_error_to_its_control():
    form = Sample({"name": "", "size": "s", "agree": "on"})
    html = render("{% field form.name %}", form=form)
    assert '<label class="label" for="id_name">' in html
    assert 'aria-describedby="id_name_help id_name_error"' in html and 'aria-invalid="true"' in html
    assert 'id="id_name_help">Como se apresenta.' in html and '<p class="error" id="id_name_error">Este campo é obrigatório.' in html


def test_a_field_without_error_is_not_marked_wrong():
    html = render("{% field form.note suffix='dias' %}", form=Sample({"name": "Ana"}))
    assert "aria-invalid" not in html and "wrong" not in html
    assert "opcional" in html and '<span class="suffix" aria-hidden="true">dias</span>' in html


def test_radio_buttons_are_grouped_under_their_legend():
    html = render("{% field form.size %}", form=Sample())
    assert html.startswith('<fieldset class="field">') and "<legend" in html and html.count('type="radio"') == 2


def test_a_checkbox_is_followed_by_its_label():
    html = render("{% field form.agree %}", form=Sample())
    assert re.search(r'<label class="check-line" for="id_agree"><input [^>]*class="check"[^>]*><span>Concordo</span></label>', html)


@pytest.mark.parametrize("state", [*ui.CLIENT_STATES])
def test_a_clients_state_has_a_sign_and_a_word(state):
    html = render("{% client_state state %}", state=state)
    assert "<svg" in html and str(ui.CLIENT_STATES[state][2]) in html


def test_states_of_runs_and_proposals_are_tags_too():
    assert "Em revisão" in render("{% run_state 'awaiting_approval' %}")
    assert 'class="tag ok"' in render("{% proposal_state 'approved' %}")
    assert render("{% run_state 'unheard_of' %}") == '<span class="tag">unheard_of</span>'


def test_every_state_of_a_run_and_of_a_proposal_has_its_tag():
    from rotation.models import Proposal, Run

    assert set(Run.State.values) <= ui.RUN_STATES.keys()
    assert set(Proposal.State.values) <= ui.PROPOSAL_STATES.keys()


def test_the_ninth_representative_repeats_the_first_colour_with_a_ring():
    assert [ui.colour_class(n) for n in (1, 8, 9, 16, 17)] == ["z1", "z8", "z1 ring", "z8 ring", "z1"]
    assert (
        render('{% rep code="V-09" name="Bauru" colour=9 %}')
        == '<span class="rep"><i class="dot z1 ring"></i><span>V-09 Bauru</span></span>'
    )


def test_what_people_type_is_escaped_everywhere():
    bad = "<u>&"
    html = render(
        "{% tag x %}{% rep code=x name=x %}{% card x note=x %}{{ x }}{% endcard %}{% kpi x x x %}{% endkpi %}{% note %}{{ x }}{% endnote %}"
        "{% empty_state x %}{% endempty_state %}{% dialog 'd' x x %}{{ x }}{% enddialog %}{% tab '/' x 1 %}{% segment '/' x %}{% toast x %}"
        "{% bars rows title=x %}{% progress 1 2 label=x %}{% pager x %}{% sort_header x 'a' 'a' '/' %}{% button %}{{ x }}{% endbutton %}",
        x=bad,
        rows=[(bad, 3, bad)],
    )
    assert bad not in html and html.count("&lt;u&gt;&amp;") > 20


def test_progress_never_draws_beyond_its_whole():
    html = render("{% progress 300 386 bad=200 tone='ok' %}")
    assert [float(width) for width in re.findall(r'width="([\d.]+)" height="6"', html)] == [100, 77.7, 22.3]
    assert 'width="0"' in render("{% progress 0 0 %}")


def test_bars_start_at_zero_and_label_the_latest():
    html = render("{% bars rows title='Compras' every=2 %}", rows=[("set", 1, "R$ 1"), ("out", 2, "R$ 2"), ("nov", 0, "R$ 0")])
    heights = [float(height) for height in re.findall(r'<rect class="f-\w+" [^>]*height="([\d.]+)"', html)]
    assert heights == [29, 58, 1]  # nothing bought is a hairline, not a gap in the axis
    assert re.findall(r">(\w+)</text>", html) == ["set", "nov"]
    assert html.count("<tr>") == 3


def test_a_sparkline_of_one_month_draws_nothing():
    assert render("{% sparkline values %}", values=[3]) == ""
    assert 'points="0,26 100,4"' in render("{% sparkline values %}", values=[1, 2])


def test_steps_mark_the_one_in_progress():
    assert re.findall(r'<i class="(\w*)">', render("{% steps 2 4 %}")) == ["done", "done", "now", ""]


def test_a_toast_that_can_be_undone_posts_with_the_token():
    html = render("{% toast 'Aprovada' undo='/undo/1/' %}", csrf_token="abc")
    assert 'action="/undo/1/"' in html and 'value="abc"' in html and "data-undo" in html
    assert "<form" not in render("{% toast 'Aprovada' %}")


def test_a_sortable_heading_says_its_direction():
    assert 'aria-sort="descending"' in render("{% sort_header 'Fat.' 'revenue' '-revenue' '?' %}")
    assert 'aria-sort="none"' in render("{% sort_header 'Fat.' 'revenue' 'name' '?' %}")


def test_the_pager_offers_only_the_ways_there_are():
    html = render("{% pager '1–50 de 386' next='?after=50' target='#t' %}")
    assert 'hx-get="?after=50"' in html and 'rel="prev"' not in html


def test_every_tag_is_tried_by_some_test_or_shown_in_the_guide():
    shown = "".join(file.read_text(encoding="utf-8") for file in Path(settings.BASE_DIR, "templates/ui").rglob("*.html"))
    shown += Path(__file__).read_text(encoding="utf-8") + Path(__file__).with_name("test_formats.py").read_text(encoding="utf-8")
    untried = {name for name in ui.register.tags if not re.search(r"{% " + name + r"\b", shown)}
    assert untried == set()

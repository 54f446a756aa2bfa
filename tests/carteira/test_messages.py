"""The translations: complete, alike in their blanks, and read from the sources without any gettext program."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from django.conf import settings
from django.utils import translation

from carteira.messages import LOCALE, compile_messages, read_catalogue, source_messages, texts, update_messages

REPOSITORY = Path(__file__).resolve().parent.parent.parent
LANGUAGES = sorted(code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE)
BLANK = re.compile(r"%\(\w+\)[-.\d]*[a-zA-Z]|%[sd%]|\{\w*\}|<[^>]+>")

PYTHON = """
from django.utils.translation import gettext_lazy as _, ngettext, pgettext_lazy

STATE = _("Em " "vigor")
SHORT = pgettext_lazy("navigation", "Carteira")
plain = "Sem tradução"


def sentence(n):
    return ngettext("%(n)s cliente", "%(n)s clientes", n) % {"n": n}
"""
TEMPLATE = """{% if n %}
      <p title="{% translate "Fechar" %}">
  {% blocktranslate count n=n trimmed %}
    um dia
  {% plural %}
    {{ n }} dias, 70% deles
  {% endblocktranslate %}
{% endif %}{% kpi _("Ciclo de compra") n %}{% translate "Carteira" context "navigation" %}
"""

OLD = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Velho"
msgstr "Viejo"
"""

SPOKEN = re.compile(r'\b(?:aria-label|title|placeholder|alt|label|data-label|data-said)="([^"]*)"')
# Names of keys, units and product, the same in every language.
UNIVERSAL = {"Ctrl", "Shift", "Enter", "Esc", "km", "ABC", "CNPJ", "Carteira", "GET", "POST", "CSV", "XLSX", "WhatsApp"}


def bare_words(template: str) -> list[str]:
    """Words that a template shows a person without asking for their translation."""
    text = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}|<script\b.*?</script>", "", template, flags=re.DOTALL)
    text = re.sub(r"\{% block \w+_class %\}[\w -]*\{% endblock %\}", "", text)
    # Attributes alone: a tag around them, and only what they speak is looked at.
    text = re.sub(r"\{% block \w+_attributes %\}(.*?)\{% endblock %\}", r"<i \1>", text)
    text = re.sub(r"\{% blocktranslate\b.*?\{% endblocktranslate %\}", "", text, flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
    shown = [*SPOKEN.findall(text), re.sub(r"<[^>]*>|&\w+;", " ", text)]
    return [word for piece in shown for word in re.findall(r"[^\W\d_]{2,}", piece) if word not in UNIVERSAL]


def said(catalogue: Catalog) -> set[tuple[str | None, str | tuple[str, ...]]]:
    """The messages of a catalogue, each with its context."""
    return {(message.context, message.id) for message in catalogue if message.id}


@pytest.fixture(scope="module")
def sources():
    return source_messages()


@pytest.fixture
def repository(tmp_path):
    """A source, a template and an empty Spanish catalogue."""
    for name, text in {
        "clients/models.py": PYTHON,
        "templates/page.html": TEMPLATE,
        "locale/es/LC_MESSAGES/django.po": OLD,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_messages_are_read_from_python_and_from_templates(repository):
    assert said(source_messages(repository)) == {
        (None, "Em vigor"),
        ("navigation", "Carteira"),
        (None, ("%(n)s cliente", "%(n)s clientes")),
        (None, "Fechar"),
        (None, ("um dia", "%(n)s dias, 70%% deles")),
        (None, "Ciclo de compra"),
    }


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>Clientes</p>", ["Clientes"]),
        ('<a aria-label="Fechar {{ name }}" class="btn">{% icon "x" %}</a>', ["Fechar"]),
        ('<p title="{% translate "Fechar" %}">{% blocktranslate %}<b>{{ n }}</b> dias{% endblocktranslate %} {{ n }} km</p>', []),
    ],
)
def test_bare_words_are_those_shown_without_a_translation(template, words):
    assert bare_words(template) == words


def test_no_template_shows_words_that_are_not_translated():
    """The guide of components is for whoever writes templates: its samples stay in Portuguese."""
    templates = [path for path in (REPOSITORY / "templates").rglob("*.html") if "guide" not in path.relative_to(REPOSITORY).parts]
    found = {path.name: words for path in templates if path.name != "guide.html" and (words := bare_words(path.read_text()))}
    assert len(templates) > 50
    assert found == {}


def test_an_update_brings_what_is_new_drops_what_is_gone_and_keeps_translations(repository):
    path = repository / "locale/es/LC_MESSAGES/django.po"
    assert update_messages(repository / "locale", repository) == {"es": 6}
    assert said(read_catalogue(path)) == said(source_messages(repository))

    path.write_text(path.read_text().replace('msgid "Fechar"\nmsgstr ""', 'msgid "Fechar"\nmsgstr "Cerrar"'))
    (repository / "clients/models.py").write_text("")
    assert update_messages(repository / "locale", repository) == {"es": 3}
    assert {message.id: message.string for message in read_catalogue(path) if message.id == "Fechar"} == {"Fechar": "Cerrar"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_sources_say_is_translated(language, sources):
    catalogue = read_catalogue(LOCALE / language / "LC_MESSAGES/django.po")
    assert len(sources) > 500
    # The cure: python -m carteira.messages --update, then fill in what it left empty.
    assert said(sources) - said(catalogue) == set()
    assert [message.id for message in catalogue if message.id and not all(form.strip() for form in texts(message.string))] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_no_guess_and_nothing_that_nobody_says(language, sources):
    catalogue = read_catalogue(LOCALE / language / "LC_MESSAGES/django.po")
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert said(catalogue) - said(sources) == set()
    assert list(catalogue.obsolete) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_leaves_the_blanks_of_its_message(language):
    """Else a page would fail in one language only: each form holds what the form it translates holds."""
    catalogue = read_catalogue(LOCALE / language / "LC_MESSAGES/django.po")
    unlike = []
    for message in catalogue:
        forms, translated = texts(message.id), texts(message.string)
        if message.id and [Counter(BLANK.findall(form)) for form in forms] != [Counter(BLANK.findall(form)) for form in translated]:
            unlike.append((forms, translated))
    assert unlike == []


# The dictionary of the trade: these words and no others, wherever they stand alone.
DICTIONARY = {
    "Hoje": ("Hoy", "Today"),
    "Minha carteira": ("Mi cartera", "My clients"),
    "Ficha": ("Ficha", "Client page"),
    "Giro de carteira": ("Rotación de cartera", "Portfolio rotation"),
    "Ativo": ("Activo", "Active"),
    "Quase inativo": ("En riesgo", "Near-inactive"),
    "Inativo": ("Inactivo", "Inactive"),
    "Reativado": ("Reactivado", "Won back"),
    "Ciclo de compra": ("Ciclo de recompra", "Purchase cycle"),
    "Curva ABC": ("Curva ABC", "ABC analysis"),
    "Aprovar": ("Aprobar", "Approve"),
    "Aplicar": ("Aplicar", "Apply"),
    "Com ressalva": ("Con reparo", "Needs attention"),
    "Motivo": ("Motivo", "Reason"),
    "motivo de não venda": ("motivo de no venta", "no-sale reason"),
    "Sinalizados": ("Señalados", "Flagged"),
    "Grupo de controle": ("Grupo de control", "Hold-out"),
    "Reverter lote": ("Revertir lote", "Reverse batch"),
}


@pytest.mark.parametrize("language", ["pt-br", *LANGUAGES])
def test_the_words_of_the_trade_are_those_of_the_dictionary(language):
    compile_messages()
    place = {"es": 0, "en": 1}
    wanted = [word if language == "pt-br" else translated[place[language]] for word, translated in DICTIONARY.items()]
    with translation.override(language):
        assert [translation.gettext(word) for word in DICTIONARY] == wanted

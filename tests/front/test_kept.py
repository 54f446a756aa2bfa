"""``{% kept %}``: rendered once for what it names, and blind to everything else."""

import pytest
from django.template import Context, TemplateSyntaxError, engines
from django.utils import translation
from django.utils.safestring import mark_safe

from accounts.templatetags.kept import MOST


def compiled(source: str):
    return engines["django"].from_string("{% load ui %}" + source).template


class Seen:
    """A value that tells how often it was written out."""

    def __init__(self):
        self.times = 0

    def __str__(self):
        self.times += 1
        return "seen"


def test_a_block_is_rendered_once_for_the_same_values_and_anew_for_others():
    template, seen = compiled("{% kept a=a %}{{ a }}{% endkept %}"), Seen()
    assert [template.render(Context({"a": seen})) for _time in range(3)] == ["seen"] * 3
    assert seen.times == 1
    assert template.render(Context({"a": "other"})) == "other"


def test_a_block_sees_only_what_it_names():
    template = compiled("{% kept a=a %}{{ a }}{{ b }}{{ request.organization.name }}{% endkept %}")
    assert template.render(Context({"a": 1, "b": "secret", "request": {"organization": {"name": "secret"}}})) == "1"


def test_values_that_python_takes_for_equal_are_kept_apart():
    template = compiled("{% kept a=a %}{{ a }}{% endkept %}")
    values = [1, True, 1.5, "1", "<b>", mark_safe("<b>"), (1, "<b>"), (1, mark_safe("<b>")), (True, "<b>")]
    plain = compiled("{{ a }}")
    assert [template.render(Context({"a": value})) for value in values] == [plain.render(Context({"a": value})) for value in values]


def test_each_language_has_its_own():
    template = compiled('{% kept %}{% translate "Clientes" %}{% endkept %}')
    said = []
    for language in ("pt-br", "en", "pt-br"):
        with translation.override(language):
            said.append(template.render(Context()))
    assert said == ["Clientes", "Clients", "Clientes"]


def test_what_is_kept_has_an_end():
    template = compiled("{% kept a=a %}{{ a }}{% endkept %}")
    for number in range(3 * MOST):
        assert template.render(Context({"a": number})) == str(number)
    node = next(node for node in template.nodelist if hasattr(node, "kept"))
    assert len(node.kept) <= MOST


def test_a_block_takes_names_only():
    with pytest.raises(TemplateSyntaxError, match="name=value"):
        compiled("{% kept a %}{% endkept %}")

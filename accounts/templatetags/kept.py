"""``{% kept name=value … %}``: a block rendered once a process for each language and each set of values it names.

The block sees the values it names and nothing else, neither request nor person nor organization: what it shows is
decided by its key alone, so a block kept for one tenant can hold nothing of another's.
"""

from collections.abc import Hashable
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()
MOST = 256  # values of one block kept at once; beyond, all are forgotten and kept anew


class KeptNode(template.Node):
    def __init__(self, names: dict[str, FilterExpression], nodelist: NodeList) -> None:
        self.names, self.nodelist = names, nodelist
        self.kept: dict[Hashable, SafeString] = {}

    def render(self, context: Context) -> SafeString:
        values = {name: _spoken(expression.resolve(context)) for name, expression in self.names.items()}
        key = (get_language(), context.autoescape, *map(_key, values.values()))
        text = self.kept.get(key)
        if text is None:
            inner = Context(values, autoescape=context.autoescape)
            inner.render_context = context.render_context
            with inner.bind_template(context.template):
                text = self.nodelist.render(inner)
            if len(self.kept) >= MOST:
                self.kept.clear()
            self.kept[key] = text
        return text


def _spoken(value: Any) -> Any:
    return str(value) if isinstance(value, Promise) else value


def _key(value: Any) -> Hashable:
    """The value with its type: 1, True and "1" are shown differently, and so are a text and the same marked safe."""
    if isinstance(value, list | tuple):
        return (list, *map(_key, value))
    return (type(value), value)


@register.tag("kept")
def kept(parser: Parser, token: Token) -> KeptNode:
    """``{% kept theme=shell.theme %}…{% endkept %}``; the values must be hashable, lists and tuples of such included."""
    bits = token.split_contents()[1:]
    names = token_kwargs(bits, parser)
    if bits:
        raise template.TemplateSyntaxError(f"kept takes name=value only, not {bits[0]!r}")
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return KeptNode(names, nodelist)

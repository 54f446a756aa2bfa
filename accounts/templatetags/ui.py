"""The components of the design as template tags: ``{% load ui %}`` brings these, the formats and the charts.

Attributes beyond a tag's own go straight to the element, with ``_`` written as ``-``: ``hx_post=url`` is ``hx-post``.
Every component, with the markup that has no tag, is shown in templates/ui/guide.html.
"""

from functools import cache, lru_cache
from typing import Any

from django import template
from django.core.signals import setting_changed
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, FileInput, RadioSelect, Select, Textarea
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from accounts.templatetags import charts, formats, kept

register = template.Library()
for library in (formats.register, charts.register, kept.register):
    register.filters.update(library.filters)
    register.tags.update(library.tags)

NOTE_ICONS = {"info": "info", "ok": "circle-check", "warn": "triangle-alert", "bad": "circle-alert"}
CLIENT_STATES = {
    "active": ("ok", "check", _("Ativo")),
    "at_risk": ("warn", "trending-down", _("Em risco")),
    "near_inactive": ("warn", "clock", _("Quase inativo")),
    "inactive": ("bad", "circle-alert", _("Inativo")),
    "lost": ("", "ban", _("Perdido")),
    "former": ("", "ban", _("Ex-cliente")),
    "discarded": ("", "x", _("Descartado")),
    "blocked": ("bad", "lock", _("Bloqueado")),
    "won_back": ("ok", "rotate-ccw", _("Reativado")),
    "prospect": ("info", "flag", _("Prospect")),
    "new": ("info", "star", _("Novo")),
    "never_bought": ("", "circle-question-mark", _("Sem compra")),
}
RUN_STATES = {
    "scheduled": ("", "calendar", _("Agendado")),
    "computing": ("info", "loader-circle", _("Calculando")),
    "awaiting_approval": ("warn", "clock", _("Em revisão")),
    "applying": ("info", "loader-circle", _("Aplicando")),
    "applied": ("ok", "check", _("Aplicado")),
    "failed": ("bad", "circle-alert", _("Falhou")),
    "cancelled": ("", "ban", _("Cancelado")),
    "expired": ("", "hourglass", _("Expirado")),
}
PROPOSAL_STATES = {
    "proposed": ("", "clock", _("Pendente")),
    "approved": ("ok", "check", _("Aprovada")),
    "applied": ("ok", "circle-check", _("Aplicada")),
    "rejected": ("bad", "x", _("Recusada")),
    "postponed": ("warn", "clock", _("Adiada")),
    "stale": ("warn", "triangle-alert", _("Desatualizada")),
    "expired": ("", "hourglass", _("Expirada")),
    "withheld": ("info", "scale", _("Grupo de controle")),
}


def attributes(given: dict[str, Any]) -> SafeString:
    """HTML attributes: None and False are dropped, True stands alone, ``_`` becomes ``-``."""
    kept = ((name.rstrip("_").replace("_", "-"), value) for name, value in given.items() if value is not None and value is not False)
    return format_html_join("", "{}", ((_attribute(name, value),) for name, value in kept))


def _attribute(name: str, value: Any) -> SafeString:
    return format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value)


@cache
def _sprite() -> str:
    """The sprite's address, asked once: a page draws two hundred icons, and each question takes as long as drawing one."""
    return static("icons/sprite.svg")


setting_changed.connect(lambda **_changed: _sprite.cache_clear(), weak=False)


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "") -> SafeString:
    """One Lucide icon of the sprite, 16, 20 or 22 px; silent to screen readers unless it has a ``label``."""
    if label:
        return _drawn(name, size, format_html('role="img" aria-label="{}"', label), _sprite())
    return _silent(name, size, _sprite())


def _drawn(name: str, size: int, voice: SafeString, sprite: str) -> SafeString:
    return format_html('<svg class="{}" {}><use href="{}#{}"/></svg>', "icon" if size == 16 else f"icon i{size}", voice, sprite, name)


@lru_cache(maxsize=512)
def _silent(name: str, size: int, sprite: str) -> SafeString:
    return _drawn(name, size, mark_safe('aria-hidden="true"'), sprite)


@register.simple_block_tag
def button(content: str, kind: str = "sec", *, icon: str = "", href: str = "", label: str = "", size: str = "", **attrs: Any) -> SafeString:
    """A button, or a link that looks like one when it has ``href``.

    ``kind``: pri, sec, gho, okk, dan. ``size``: sm, lg, ic (icon only: then ``label`` is its name).
    A button is of type "button" unless ``type="submit"``; ``key="A"`` shows its shortcut.
    """
    key = attrs.pop("key", "")
    extra = attrs.pop("class_", "")
    shown = format_html("{}{}", _icon(icon, 16), mark_safe(content.strip()))  # the block's own output, escaped when rendered
    if key:
        shown = format_html('{}<kbd aria-hidden="true">{}</kbd>', shown, key)
    if label:
        attrs = {"aria_label": label, "title": label, **attrs}
    names = " ".join(filter(None, ["btn", kind, size, extra]))
    if href:
        return format_html('<a class="{}" href="{}"{}>{}</a>', names, href, attributes(attrs), shown)
    attrs = {"type": "button", **attrs}
    return format_html('<button class="{}"{}>{}</button>', names, attributes(attrs), shown)


def _icon(name: str, size: int) -> SafeString:
    return icon(name, size) if name else mark_safe("")


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField, *, label: str = "", help: str = "", hint: str = "", prefix: str = "", suffix: str = "", **attrs: Any) -> dict:
    """A bound form field with its label, help and errors, tied together for screen readers.

    ``hint`` is the quiet word at the label's right ("opcional"); ``prefix`` and ``suffix`` sit inside the control.
    """
    help_text = help or bound.help_text
    described = [f"{bound.id_for_label}_help"] if help_text else []
    described += [f"{bound.id_for_label}_error"] if bound.errors else []
    widget = bound.field.widget
    html = {name.rstrip("_").replace("_", "-"): value for name, value in attrs.items()}
    html |= {"aria-describedby": " ".join(described) or None, "aria-invalid": "true" if bound.errors else None}
    html["class"] = " ".join(filter(None, [_control_class(widget), widget.attrs.get("class"), html.get("class")]))
    several = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    return {
        "bound": bound,
        "control": bound.as_widget(attrs={name: value for name, value in html.items() if value is not None}),
        "id": bound.id_for_label or bound.auto_id,
        "label": label or bound.label,
        "help": help_text,
        "hint": hint or ("" if bound.field.required or several or isinstance(widget, CheckboxInput) else _("opcional")),
        "prefix": prefix,
        "suffix": suffix,
        "several": several,
        "check": isinstance(widget, CheckboxInput),
    }


def _control_class(widget: Any) -> str:
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return "options"
    if isinstance(widget, Select):
        return "select"
    if isinstance(widget, CheckboxInput):
        return "check"
    return {Textarea: "input area", FileInput: "input file"}.get(type(widget), "input")


@register.simple_tag
def tag(text: Any, kind: str = "", icon: str = "", **attrs: Any) -> SafeString:
    """A pill with a word: ok, warn, bad, info, acc or neutral."""
    return format_html('<span class="{}"{}>{}{}</span>', f"tag {kind}".strip(), attributes(attrs), _icon(icon, 16), text)


@register.simple_tag
def client_state(state: str) -> SafeString:
    """The state of a client as a tag: colour, sign and word."""
    return _state(CLIENT_STATES, state)


@register.simple_tag
def run_state(state: str) -> SafeString:
    """The state of a rotation run as a tag."""
    return _state(RUN_STATES, state)


@register.simple_tag
def proposal_state(state: str) -> SafeString:
    """The state of a proposal as a tag."""
    return _state(PROPOSAL_STATES, state)


def _state(states: dict[str, tuple], state: str) -> SafeString:
    kind, sign, word = states.get(str(state), ("", "", state))
    return _tag_once(str(word), kind, sign, _sprite())


@lru_cache(maxsize=256)
def _tag_once(word: str, kind: str, sign: str, _sprite: str) -> SafeString:
    return tag(word, kind, sign)


@register.simple_tag
def rep(representative: Any = None, *, code: str = "", name: str = "", colour: int | None = None, href: str = "") -> SafeString:
    """A representative: coloured dot, code, name. Takes the object, or ``code``, ``name`` and ``colour`` (1 onward).

    Colours repeat after the eighth, with a ring; ``name=None`` leaves the name out.
    """
    if representative is not None:
        code = code or getattr(representative, "code", "")
        name = getattr(representative, "name", "") if name == "" else name
        colour = colour or getattr(representative, "colour", None) or getattr(representative, "pk", None)
    words = f"{code} {name}" if name else code
    inner = format_html('<i class="dot {}"></i><span>{}</span>', colour_class(colour), words)
    return format_html('<a class="rep" href="{}">{}</a>', href, inner) if href else format_html('<span class="rep">{}</span>', inner)


@register.filter(name="colour_class")
def colour_class(number: int | None) -> str:
    """``z1`` … ``z8`` for the first eight, then again with a ring."""
    position = (int(number or 1) - 1) % 16
    return f"z{position % 8 + 1}" + (" ring" if position >= 8 else "")


@register.simple_block_tag
def kpis(content: str, label: Any = "") -> SafeString:
    """The strip that holds ``{% kpi %}`` cells; on a phone it scrolls sideways, so it can take the focus."""
    return format_html('<div class="kpis" role="group" aria-label="{}" tabindex="0">{}</div>', label or _("Resumo"), content)


@register.simple_block_tag
def kpi(content: str, label: Any, value: Any, note: Any = "", tone: str = "", href: str = "") -> SafeString:
    """One number: label, value, a note in a tone (ok, warn, bad); the block may hold a progress or a sparkline."""
    side = format_html('<span class="{}">{}</span>', f"kpi-note {tone}".strip(), note) if note != "" else ""
    inner = format_html('<span class="kpi-label">{}</span><span class="kpi-line"><b>{}</b>{}</span>{}', label, value, side, content)
    return format_html('<a class="kpi" href="{}">{}</a>', href, inner) if href else format_html('<div class="kpi">{}</div>', inner)


@register.simple_block_tag
def card(content: str, title: Any = "", *, note: Any = "", flush: bool = False, level: int = 2, **attrs: Any) -> SafeString:
    """A card with an optional heading and a quiet note at its right; ``flush`` lets lists and tables touch the edges."""
    extra = attrs.pop("class_", "")
    head = ""
    if title != "":
        side = format_html('<span class="quiet">{}</span>', note) if note != "" else ""
        head = format_html('<header class="card-head"><h{0} class="h3">{1}</h{0}>{2}</header>', level, title, side)
    body = content if flush else format_html('<div class="card-body">{}</div>', content)
    return format_html('<section class="{}"{}>{}{}</section>', f"card {extra}".strip(), attributes(attrs), head, body)


@register.simple_block_tag
def note(content: str, kind: str = "info", *, icon: str = "", **attrs: Any) -> SafeString:
    """A sentence that matters on this page: info, ok, warn or bad."""
    role = {"role": "alert"} if kind == "bad" else {}
    sign = _icon(icon or NOTE_ICONS.get(kind, "info"), 16)
    return format_html('<div class="note {}"{}>{}<div>{}</div></div>', kind, attributes(role | attrs), sign, content)


@register.simple_block_tag
def empty_state(content: str, title: Any, icon: str = "inbox") -> SafeString:
    """Why a list is empty; the block holds the one next step."""
    return format_html('<div class="empty">{}<p class="empty-title">{}</p>{}</div>', _icon(icon, 22), title, content)


@register.simple_block_tag
def dialog(content: str, id: str, title: Any, subtitle: Any = "", kind: str = "", **attrs: Any) -> SafeString:
    """A native ``<dialog>``; ``kind="sheet"`` comes from below on a phone. ``data-dialog="<id>"`` on a link or button opens it."""
    head = render_to_string("ui/dialog.html", {"id": id, "title": title, "subtitle": subtitle})
    start = '<dialog id="{0}" class="{1}" aria-labelledby="{0}-title"{2}>{3}{4}</dialog>'
    return format_html(start, id, f"dialog {kind}".strip(), attributes(attrs), head, content)


@register.inclusion_tag("ui/pager.html")
def pager(summary: Any = "", *, previous: str = "", next: str = "", target: str = "") -> dict:
    """Where one is in a long list, with links to the page before and after; ``target`` is swapped in place."""
    return {"summary": summary, "previous": previous, "next": next, "target": target}


@register.simple_tag
def tab(href: str, label: Any, count: Any = None, current: Any = False, **attrs: Any) -> SafeString:
    """One link of a ``<nav class="tabs">``, with its count."""
    number = format_html(' <span class="count">{}</span>', formats.number(count)) if count is not None else ""
    here = mark_safe(' aria-current="page"') if current else ""
    return format_html('<a class="tab" href="{}"{}{}>{}{}</a>', href, here, attributes(attrs), label, number)


@register.simple_tag
def segment(href: str, label: Any, icon: str = "", current: Any = False, **attrs: Any) -> SafeString:
    """One link of a ``<nav class="segmented">``."""
    here = mark_safe(' aria-current="page"') if current else ""
    return format_html('<a href="{}"{}{}>{}{}</a>', href, here, attributes(attrs), _icon(icon, 16), label)


@register.inclusion_tag("ui/toast.html")
def toast(text: Any, level: str = "ok", *, undo: str = "", target: str = "") -> dict:
    """A passing message. ``undo`` is the address that takes the act back (Z also asks for it); ``target`` is swapped then."""
    return {"text": text, "level": level, "undo": undo, "target": target}


@register.simple_tag
def sort_header(label: Any, field: str, order: str, href: str, **attrs: Any) -> SafeString:
    """A ``<th>`` that sorts. ``order`` is the order in force: "name" or "-name"."""
    direction = {field: "ascending", f"-{field}": "descending"}.get(order, "none")
    sign = {"ascending": _icon("arrow-up", 16), "descending": _icon("arrow-down", 16)}.get(direction, "")
    extra = attrs.pop("class_", "")
    link = format_html('<a class="sort" href="{}"{}>{}{}</a>', href, attributes(attrs), conditional_escape(label), sign)
    return format_html('<th scope="col" aria-sort="{}"{}>{}</th>', direction, attributes({"class": extra or None}), link)

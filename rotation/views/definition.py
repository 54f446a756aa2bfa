"""The whole form of a rule as its JSON: every condition the engine knows, for what the form of thresholds does not show."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError
from rotation.engine.schema import FIELDS, GUARDS, OPS, TOP
from rotation.errors import RuleRefused
from rotation.forms import preset_definition
from rotation.models import Rule
from rotation.services.rules import check_definition, create_rule, save_draft
from rotation.views.common import ADMINS, only, paged
from rotation.views.rules import currency, current_versions, rule_or_404
from rotation.wording import FIELD_NAMES, GUARD_NAMES, rule_sentence, schedule_text

MAX_TEXT = 60_000


@require_http_methods(["GET", "POST"])
@only(ADMINS)
@paged
def definition(request: HttpRequest, rule: int | None = None) -> HttpResponse:
    """Read, check and save a rule's definition; "check" writes nothing and shows the sentence it makes."""
    found = rule_or_404(rule) if rule is not None else None
    if request.method == "GET":
        return _page(request, found, _pretty(_start_of(request, found)))
    text = request.POST.get("definition", "")
    try:
        written = _parsed(text)
        check_definition(written)
        if request.POST.get("then") == "check":
            return _page(request, found, text, written=written)
        if found is None:
            found = create_rule(written, by=request.membership)  # type: ignore[attr-defined]
        else:
            save_draft(found, written, by=request.membership)  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _page(request, found, text, error=str(refusal), status=422)
    messages.success(request, _("Rascunho salvo. Nada muda até publicar."))
    return redirect("rotation:rule", request.organization.slug, found.pk)  # type: ignore[attr-defined]


def _start_of(request: HttpRequest, found: Rule | None) -> Mapping[str, Any]:
    if found is None:
        return preset_definition(request.GET.get("preset", "general")) or preset_definition("general") or {}
    in_force, draft, on_trial = current_versions(found)
    version = draft or in_force or on_trial
    if version is None:
        raise Http404
    return version.definition


def _pretty(definition: Mapping[str, Any]) -> str:
    """As a person would write it: the database keeps keys in an order of its own."""
    ordered = {key: definition[key] for key in (*TOP, *definition) if key in definition}
    return json.dumps(ordered, indent=2, ensure_ascii=False)


def _parsed(text: str) -> Any:
    """The text as JSON.

    Raises
    ------
    RuleRefused
        Too long, or not JSON; the sentence names line and column.
    """
    if len(text) > MAX_TEXT:
        raise RuleRefused(_("A definição passa de %(n)s caracteres; uma regra assim ninguém conseguiria ler.") % {"n": MAX_TEXT})
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            where = {"line": error.lineno, "column": error.colno}
            raise RuleRefused(
                _("Linha %(line)s, coluna %(column)s: isto não é JSON. Confira vírgulas, aspas e chaves ali.") % where
            ) from error
        raise RuleRefused(_("Isto não é JSON: NaN, Infinity e níveis demais não são aceitos.")) from error


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _page(
    request: HttpRequest, found: Rule | None, text: str, *, error: str = "", written: Mapping[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "rule": found,
        "text": text,
        "n_lines": min(max(text.count("\n") + 2, 12), 40),
        "error": error,
        "sentence": rule_sentence(written, currency(request)) if written is not None else "",
        "schedule": schedule_text(written) if written is not None else "",
        "fields": [(name, FIELD_NAMES[name], field.kind, field.unit, field.choices) for name, field in FIELDS.items()],
        "guards": [(name, GUARD_NAMES[name], days) for name, days in GUARDS.items()],
        "ops": OPS,
    }
    return render(request, "rotation/rule_definition.html", context, status=status)

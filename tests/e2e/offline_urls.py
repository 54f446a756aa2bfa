"""The whole site, and beside it a form whose answers a test chooses: what any form may send through the outbox."""

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path
from django.utils.timezone import now

from accounts.views.errors import wants_json

PAGE = """{% extends "base.html" %}{% load ui %}{% block title %}Ensaio{{ n }}{% endblock %}
{% block head %}<meta name="offline-keep" content="{{ ahead }}">
<script type="module" src="{% static "js/install.js" %}"></script>{% endblock %}
{% block heading %}Ensaio {{ n }}{% endblock %}{% block content %}{% include "offline/_install.html" %}
<p id="drawn">{{ drawn }}</p><p><a id="kept" href="{{ base }}3/">Guardada</a> <a id="far" href="{{ base }}99/">Longe</a></p>
<form method="post" action="{{ base }}" data-outbox="visit" data-outbox-label="Ensaio {{ n }}" data-outbox-next="{{ next }}">
{% csrf_token %}<input type="hidden" name="id_made" value="00000000-0000-4000-8000-000000000001">
<input type="hidden" name="made_at"><input type="hidden" name="client" value="{{ n }}">
<fieldset class="field"><legend>Resultado</legend>
<label><input type="radio" name="outcome" value="sale">Vendeu</label>
<label><input type="radio" name="outcome" value="absent">Ausente</label>
</fieldset>
<div class="field"><label for="note">Nota</label><textarea class="input" id="note" name="note"></textarea></div>
<div class="field"><label for="photo">Foto</label><input type="file" id="photo" name="photo" multiple></div>
<button class="btn pri">Salvar</button></form>{% endblock %}"""

# The queue alone, as light as a page can be that is opened thousands of times.
BARE = """<!doctype html><html data-member="{{ request.membership.pk }}" data-person="{{ request.user.pk }}" data-organization="vale-verde">
<title>Fila</title><meta name="csrf-token" content="{{ csrf_token }}"><script type="module" src="/static/js/queue.js"></script>"""

stored: dict[str, dict] = {}  # id_made: what came first
arrived: list[str] = []  # id_made in the order of arrival, repeats left out
seen: list[int] = []  # pages asked for


def forget() -> None:
    stored.clear()
    arrived.clear()
    seen.clear()


def page(request: HttpRequest, n: int) -> HttpResponse:
    base = f"/o/{request.organization.slug}/try/"  # type: ignore[attr-defined]
    seen.append(n)
    context = {
        "n": n,
        "base": base,
        "drawn": now().isoformat(),
        "ahead": f"{base}2/ {base}3/" if n == 1 else "",
        "next": "" if n == 2 else f"{base}1/",
    }
    response = HttpResponse(engines["django"].from_string(PAGE).render(context, request))
    if n < 99:
        response["X-Offline"] = "keep"
    return response


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(BARE).render({}, request))


def record(request: HttpRequest) -> HttpResponse:
    """Stores each id once; a note that asks for it is refused."""
    said = {name: request.POST.getlist(name) for name in request.POST}
    made, note = request.POST["id_made"], request.POST.get("note", "")
    if note.startswith("refuse"):
        errors = {"note": ["Escreva outra coisa."]}
        form = f"/o/{request.organization.slug}/try/2/"  # type: ignore[attr-defined]
        return JsonResponse({"state": "refused", "message": "A nota foi recusada.", "errors": errors, "form": form}, status=422)
    fresh = made not in stored
    if fresh:
        stored[made] = said | {"photos": [(photo.content_type, photo.read()) for photo in request.FILES.getlist("photo")]}
        arrived.append(made)
    state = "stored" if fresh else "already"
    if not wants_json(request):
        return HttpResponse(json.dumps({"state": state}))
    return JsonResponse({"state": state, "message": "Guardada.", "next": None}, status=201 if fresh else 200)


urlpatterns = [
    path("o/<slug:organization>/try/", record),
    path("o/<slug:organization>/try/<int:n>/", page),
    path("o/<slug:organization>/bare/", bare),
    path("", include("carteira.urls")),
]

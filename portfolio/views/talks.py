"""Recording a call, mail, message or note: a page for a person, JSON for the queue of a device."""

from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError, NotAllowed
from clients.models import Client, Contact
from clients.selectors.visibility import client_named, clients_visible_to
from portfolio.models import Interaction
from portfolio.services.interactions import record_interaction
from portfolio.talk_form import TalkForm
from portfolio.views.answers import id_made_of, kept_away, made_at_of, refused, stored, wants_json
from portfolio.views.reached import client_or_404, client_url, member_of, writable_or_404

SAID = {
    Interaction.Kind.CALL: gettext_lazy("Ligação registrada."),
    Interaction.Kind.EMAIL: gettext_lazy("E-mail registrado."),
    Interaction.Kind.MESSAGE: gettext_lazy("Mensagem registrada."),
    Interaction.Kind.NOTE: gettext_lazy("Anotação salva."),
}


@require_http_methods(["GET", "HEAD", "POST"])
def talks(request: HttpRequest, client_id: int) -> HttpResponse:
    """``?kind=`` and ``?contact=`` fill the form, as a call just made does; the same ``id_made`` again stores nothing."""
    if request.method != "POST":
        client = writable_or_404(request, client_id)
        asked = {"kind": request.GET.get("kind", Interaction.Kind.CALL), "contact": request.GET.get("contact", "")}
        return _page(request, client, TalkForm(client=client, initial=asked))
    if away := kept_away(request):
        return away
    if wants_json(request) and client_named(clients_visible_to(member_of(request)), client_id) is None:
        return refused(_("Este cliente não está mais ao seu alcance. Apague este registro ou passe-o a quem o atende."), status=404)
    client = client_or_404(request, client_id)
    form = TalkForm(request.POST, client=client)
    if not form.is_valid():
        return _again(request, client, form, _("Confira o registro: falta algo."))
    now, said = timezone.now(), form.cleaned_data
    contact = Contact.objects.filter(client_id=client.pk, pk=int(said["contact"])).first() if said["contact"] else None
    try:
        done = record_interaction(
            client,
            said["kind"],
            by=member_of(request),
            at=now,
            happened_at=said["happened_at"] or made_at_of(request, now=now),
            note=said["note"],
            contact=contact,
            id_made=id_made_of(request),
        )
    except DomainError as refusal:
        name = getattr(refusal, "field", "")
        form.add_error(name if name in form.fields else None, str(refusal))
        return _again(request, client, form, str(refusal), status=403 if isinstance(refusal, NotAllowed) else 422)
    text, after = str(SAID[Interaction.Kind(done.interaction.kind)]), client_url(request, client.pk)
    if wants_json(request):
        return stored(created=done.created, number=done.interaction.pk, message=text, after=after)
    messages.success(request, text)
    return redirect(after)


def _again(request: HttpRequest, client: Client, form: TalkForm, sentence: str, *, status: int = 422) -> HttpResponse:
    if wants_json(request):
        errors = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        return refused(sentence, errors=errors, form=request.path, status=status)
    return _page(request, client, form, status=status)


def _page(request: HttpRequest, client: Client, form: TalkForm, *, status: int = 200) -> HttpResponse:
    context = {"client": client, "talk": form, "talk_id": request.POST.get("id_made") or uuid4(), "here": client_url(request, client.pk)}
    return render(request, "portfolio/talk.html", context, status=status)

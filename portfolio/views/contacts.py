"""The people at a client: added, changed, and their word about being contacted."""

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.errors import DomainError, NotAllowed
from accounts.services.personal import record_reading
from clients.models import Client, Contact
from clients.selectors.contacts import Consent, shown
from clients.selectors.custom import said_of_contact
from clients.selectors.visibility import clients_visible_to
from clients.services.contacts import FIELDS, give_consent, save_contact, withdraw_consent
from clients.services.custom import set_values
from clients.services.reach import may_write
from portfolio.contact_forms import ConsentForm, ContactForm
from portfolio.settings_forms import CustomValuesForm
from portfolio.views.common import today_of
from portfolio.views.reached import client_url, member_of, writable_or_404


@require_http_methods(["GET", "HEAD", "POST"])
def new_contact(request: HttpRequest, client_id: int) -> HttpResponse:
    """A person more at the client."""
    return _form(request, writable_or_404(request, client_id), None)


@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Change a person's record. Whose client is out of reach is not found."""
    found = _contact_or_404(request, contact_id)
    return _form(request, found.client, found)


def _form(request: HttpRequest, client: Client, found: Contact | None) -> HttpResponse:
    member, status = member_of(request), 200
    initial = {name: getattr(found, name) for name in FIELDS} if found else None
    form = ContactForm(request.POST or None, contact=found, initial=initial)
    said = said_of_contact(found or Contact(), at=timezone.now())
    own = CustomValuesForm(request.POST or None, said=said)
    if request.method == "POST":
        status = 422
        if all([form.is_valid(), own.is_valid()]):
            try:
                with transaction.atomic():
                    saved = save_contact(client, form.cleaned_data, by=member, contact=found)
                    if said:
                        set_values(client, own.values, by=member, at=timezone.now(), contact=saved)
            except DomainError as refusal:
                status = _add(form, refusal)
            else:
                messages.success(request, _("%(name)s salvo nos contatos.") % {"name": saved.name})
                return redirect(client_url(request, client.pk, "contacts"))
    elif found:
        record_reading(f"client:{client.pk}", by=member, at=timezone.now())
    context = {"client": client, "contact": found, "form": form, "own": own, "back": client_url(request, client.pk, "contacts")}
    return render(request, "portfolio/contact.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, contact_id: int) -> HttpResponse:
    """What the person said about being contacted, when and how; the later word holds, and of one day the refusal."""
    found = _contact_or_404(request, contact_id)
    member, today, status = member_of(request), today_of(request), 200
    person = shown(found, country=member.organization.country, masked=False)
    says = Consent.GIVEN if person.consent == Consent.REFUSED else Consent.REFUSED if person.consent == Consent.GIVEN else None
    form = ConsentForm(request.POST or None, initial={"on": today, "said": says})
    if request.method == "POST":
        status = 422
        if form.is_valid():
            word = give_consent if form.cleaned_data["said"] == Consent.GIVEN else withdraw_consent
            try:
                word(found, on=form.cleaned_data["on"], source=form.cleaned_data["source"], by=member, today=today)
            except DomainError as refusal:
                status = _add(form, refusal)
            else:
                messages.success(request, _("Anotado o que %(name)s disse.") % {"name": found.name})
                return redirect(client_url(request, found.client_id, "contacts"))
    context = {"client": found.client, "person": person, "form": form, "back": client_url(request, found.client_id, "contacts")}
    return render(request, "portfolio/contact_consent.html", context, status=status)


def _contact_or_404(request: HttpRequest, contact_id: int) -> Contact:
    member = member_of(request)
    if not may_write(member):
        raise Http404
    visible = clients_visible_to(member)
    return get_object_or_404(Contact.objects.select_related("client").filter(client__in=visible), pk=contact_id)


def _add(form: ContactForm | ConsentForm, refusal: DomainError) -> int:
    """Put the refusal at its field; the status of the answer."""
    name = getattr(refusal, "field", "")
    form.add_error(name if name in form.fields else None, str(refusal))
    return 403 if isinstance(refusal, NotAllowed) else 422

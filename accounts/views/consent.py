"""An autonomous representative's consent to giving clients away."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.models import Role
from accounts.selectors import local_day, representatives_visible_to
from accounts.services.representatives import ConsentRefused, record_consent


class ConsentForm(forms.Form):
    given_on = forms.DateField(label=gettext_lazy("Assinado em"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    note = forms.CharField(
        label=gettext_lazy("Onde está o aditivo assinado"),
        max_length=300,
        help_text=gettext_lazy("Por exemplo: contrato social, pasta 2026, aditivo 3. Fica na auditoria."),
    )


@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest, representative: int) -> HttpResponse:
    """Read what consent means for this representative, and record it. For administration; anybody else finds nothing here."""
    member = request.membership  # type: ignore[attr-defined]
    if member.role != Role.ADMIN:
        raise Http404
    person = get_object_or_404(representatives_visible_to(member), pk=representative)
    today = local_day(request.organization, at=timezone.now())  # type: ignore[attr-defined]
    back = request.POST.get("next") or request.GET.get("next") or ""
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = ""
    form = ConsentForm(request.POST or None, initial={"given_on": today})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                record_consent(person, by=member, today=today, **form.cleaned_data)
            except ConsentRefused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, _("Aceite de %(name)s registrado.") % {"name": person.name})
                return redirect(back or request.path)
    return render(request, "accounts/consent.html", {"form": form, "person": person, "back": back}, status=status)

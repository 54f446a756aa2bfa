"""The form of a task: what, by when, who, and for which client."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Membership, Role
from clients.models import Client, Colleague
from clients.selectors.people import may_name_colleagues, members_reaching, nameable_members
from portfolio.models import Task
from portfolio.services.tasks import LONGEST_TITLE

SOON = ((0, gettext_lazy("Hoje")), (1, gettext_lazy("Amanhã")), (7, gettext_lazy("Em 7 dias")))


class TaskForm(forms.Form):
    """Texts and choices only; what a task may be is the service's to say. Needs the transaction's organization."""

    title = forms.CharField(label=gettext_lazy("O que fazer"), max_length=LONGEST_TITLE)
    soon = forms.DateField(required=False)  # one of the days offered as chips
    due_on = forms.DateField(label=gettext_lazy("Outro dia"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    owner = forms.TypedChoiceField(label=gettext_lazy("Quem faz"), coerce=int)
    part = forms.ChoiceField(
        label=gettext_lazy("Papel no cliente"), required=False, help_text=gettext_lazy("Só para quem ainda não o acompanha: passa a vê-lo.")
    )
    note = forms.CharField(label=gettext_lazy("Anotação"), max_length=2_000, required=False, widget=forms.Textarea({"rows": 3}))

    def __init__(self, *args: Any, member: Membership, client: Client | None, today: date, task: Task | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        people, others = _people(member, client, today=today)
        if task is not None and task.owner_id not in {pk for pk, _name in people}:
            people = [(task.owner_id, task.owner.name), *people]
        choices: list[Any] = [(pk, _("Você") if pk == member.pk else name) for pk, name in people]
        if others:
            choices.append((_("Ainda não acompanham o cliente"), others))
            self.fields["part"].choices = [("", _("Escolha")), *Colleague.Part.choices]  # type: ignore[attr-defined]
        else:
            del self.fields["part"]
        self.fields["owner"].choices = choices  # type: ignore[attr-defined]

    def chips(self) -> list[tuple[str, str, bool]]:
        """The days offered: value, word, whether it is the chosen one."""
        chosen = self["soon"].value() or (self.today.isoformat() if not self.is_bound and not self["due_on"].value() else "")
        days = [((self.today + timedelta(days=n)).isoformat(), str(word)) for n, word in SOON]
        return [(value, word, value == str(chosen)) for value, word in days]

    def clean(self) -> dict[str, Any]:
        """A day typed counts before one tapped; none at all is asked for."""
        found = super().clean() or {}
        found["due_on"] = found.get("due_on") or found.get("soon")
        if not found["due_on"] and not {"due_on", "soon"} & set(self.errors):
            self.add_error("due_on", _("Escolha o prazo."))
        return found


def _people(member: Membership, client: Client | None, *, today: date) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Who may have the task, the member first; and who may once they are named a colleague of the client."""
    if client is None:
        found = Membership.objects.filter(is_active=True).exclude(role=Role.AUDITOR).order_by("name", "pk")
        return _self_first(member, found.values_list("pk", "name")), []
    reaching = _self_first(member, members_reaching(client, as_of=today).values_list("pk", "name"))
    if not may_name_colleagues(member, client):
        return reaching, []
    known = {pk for pk, _name in reaching}
    return reaching, [(pk, name) for pk, name in nameable_members(client).values_list("pk", "name") if pk not in known]


def _self_first(member: Membership, rows: Sequence[tuple[int, str]] | Any) -> list[tuple[int, str]]:
    return [(member.pk, member.name), *((pk, name) for pk, name in rows if pk != member.pk)]

"""Tarefas: the member's own, those given to others, those done; giving, changing, completing with one tap, taking it back."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.errors import ChangedMeanwhile, DomainError, NotAllowed
from accounts.models import Membership, Role
from accounts.selectors import local_day
from clients.models import Client
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.visibility import client_named, clients_visible_to, clients_within, reach_of
from portfolio.call_lists import call_lists_of
from portfolio.models import Task
from portfolio.selectors.tasks import MOST, done_tasks, given_tasks, grouped, may_act, open_tasks, reached_clients, tasks_visible_to
from portfolio.services.tasks import TaskRefused, cancel_task, change_task, complete_task, give_task, reopen_task
from portfolio.task_form import TaskForm
from portfolio.views.answers import id_made_of, kept_away, made_at_of, refused, stored, wants_json
from portfolio.views.common import today_of

TABS = ("mine", "given", "done")
DONE_DAYS = 30
OFFERED = 8  # clients offered where the words mean more than one


def _worker(request: HttpRequest) -> Membership:
    """The member, who is not here to read only: to an auditor these pages do not exist."""
    member: Membership = request.membership  # type: ignore[attr-defined]
    if member.role == Role.AUDITOR:
        raise Http404
    return member


@require_GET
def tasks(request: HttpRequest) -> HttpResponse:
    """One list at a time, by the address; ``?done=`` names a task just completed, which can still be taken back."""
    member, today, now = _worker(request), today_of(request), timezone.now()
    tab = request.GET.get("tab", "mine")
    if tab not in TABS:
        raise Http404
    mine, given = open_tasks(member), given_tasks(member)
    done = done_tasks(member, since=now - timedelta(days=DONE_DAYS))
    loose = request.GET.get("client") == "none"
    rows = {"mine": [task for task in mine if not (loose and task.client_id)], "given": given, "done": done}[tab]
    here = reverse("portfolio:tasks", args=[request.organization.slug])  # type: ignore[attr-defined]
    _offer_undo(request, done)
    context = {
        "tab": tab,
        "tabs": [
            (f"{here}", _("Minhas"), len(mine), tab == "mine"),
            (f"{here}?tab=given", _("Dadas por mim"), len(given), tab == "given"),
            (f"{here}?tab=done", _("Concluídas"), None, tab == "done"),
        ],
        "rows": rows,
        "groups": grouped(rows, today=today),
        "loose": loose,
        "n_loose": sum(1 for task in mine if not task.client_id),
        "call_lists": call_lists_of(member) if tab == "mine" else [],
        "here": here,
        "today": today,
        "reached": reached_clients(reach_of(member), rows),
        "more": len(rows) == MOST,
        "days": DONE_DAYS,
        "form_id": uuid4,
    }
    return render(request, "portfolio/tasks.html", context)


def _offer_undo(request: HttpRequest, done: list[Task]) -> None:
    number = request.GET.get("done", "")
    task = next((each for each in done if str(each.pk) == number), None)
    if task is not None:
        # The toast's button is the undo; extra_tags carries its address to the page.
        messages.success(request, _("Concluída: %(title)s") % {"title": task.title}, extra_tags=_undo_url(request, task))


def _undo_url(request: HttpRequest, task: Task) -> str:
    slug = request.organization.slug  # type: ignore[attr-defined]
    return f"{reverse('portfolio:reopen_task', args=[slug, task.pk])}?version={task.version}"


@require_http_methods(["GET", "HEAD", "POST"])
def new_task(request: HttpRequest) -> HttpResponse:
    """Give a task, of a client (``?client=``) or not; what the outbox sends is answered in its own words."""
    if request.method == "POST" and (away := kept_away(request)):
        return away
    member = _worker(request)
    here, today = request.get_full_path(), today_of(request)
    try:
        client, choices = _client_of(request)
    except TaskRefused as refusal:
        return _again(request, refusal, client=None, here=here)
    form = TaskForm(request.POST or None, member=member, client=client, today=today, initial={"owner": member.pk})
    context: dict[str, Any] = {"form": form, "client": client, "choices": choices, "words": request.POST.get("client_words", "")}
    if request.method == "POST" and not choices and form.is_valid():
        now = timezone.now()
        made_on = local_day(member.organization, at=made_at_of(request, now=now))
        asked = {key: form.cleaned_data[key] for key in ("title", "due_on", "note")} | {"part": form.cleaned_data.get("part", "")}
        try:
            owner = get_object_or_404(Membership, pk=form.cleaned_data["owner"])
            given = give_task(owner=owner, client=client, by=member, at=now, made_on=made_on, id_made=id_made_of(request), **asked)
        except DomainError as refusal:
            return _again(request, refusal, client=client, here=here, form=form)
        text = _given_words(given.task, member)
        after = _back(request, given.task.client)
        if wants_json(request):
            return stored(created=given.created, number=given.task.pk, message=text, after=after)
        messages.success(request, text)
        return redirect(after)
    if request.method == "POST" and wants_json(request):
        errors = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
        if choices:
            errors["client_words"] = [_("Mais de um cliente tem esse nome. Escolha qual.")]
        return refused(_("Confira a tarefa: falta algo."), errors=errors, form=here)
    return _form_page(request, context, status=422 if request.method == "POST" else 200)


def _form_page(request: HttpRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    context.setdefault("id_made", request.POST.get("id_made") or uuid4())
    return render(request, "portfolio/task_form.html", context, status=status)


def _again(request: HttpRequest, refusal: DomainError, *, client: Client | None, here: str, form: TaskForm | None = None) -> HttpResponse:
    """The refusal at its field, with everything typed kept; JSON to the outbox."""
    name = getattr(refusal, "field", "")
    status = 403 if isinstance(refusal, NotAllowed) else 422
    if wants_json(request):
        return refused(str(refusal), errors={name: [str(refusal)]} if name else {}, form=here, status=status)
    member = _worker(request)
    if form is None:
        form = TaskForm(request.POST or None, member=member, client=client, today=today_of(request))
    context = {"form": form, "client": client, "words": request.POST.get("client_words", ""), "client_error": ""}
    if name == "client":
        context["client_error"] = str(refusal)
    else:
        form.add_error(name if name in form.fields else None, str(refusal))
    return _form_page(request, context, status=status)


def _client_of(request: HttpRequest) -> tuple[Client | None, list[tuple[int, str]]]:
    """The client the address or the form names; or those its words may mean, to choose from. Out of reach is a refusal."""
    number = request.POST.get("client") or request.GET.get("client") or ""
    visible = clients_visible_to(request.membership)  # type: ignore[attr-defined]
    if number:
        client = client_named(visible, int(number)) if number.isascii() and number.isdigit() and len(number) < 16 else None
        if client is None and request.method != "POST":
            raise Http404
        if client is None:
            raise TaskRefused(_("Esse cliente não está ao seu alcance."), field="client")
        return client, []
    words = request.POST.get("client_words", "").strip()[:64]
    if not words:
        return None, []
    limits = Limits.of(request.organization)  # type: ignore[attr-defined]
    rows = client_rows(visible, ClientFilter(q=words, size=OFFERED), as_of=today_of(request), limits=limits).rows
    if not rows:
        raise TaskRefused(_("Nenhum cliente seu tem esse nome ou código. Deixe em branco se a tarefa não é de um cliente."), field="client")
    if len(rows) == 1:
        return visible.get(pk=rows[0].pk), []
    return None, [(row.pk, row.name) for row in rows]


def _given_words(task: Task, member: Membership) -> str:
    if task.owner_id == member.pk:
        return _("Tarefa salva: %(title)s") % {"title": task.title}
    return _("Tarefa dada a %(name)s: %(title)s") % {"name": task.owner.name, "title": task.title}


def _back(request: HttpRequest, client: Client | None) -> str:
    slug = request.organization.slug  # type: ignore[attr-defined]
    if client is not None and request.GET.get("client"):
        return reverse("portfolio:client_page", args=[slug, client.pk])
    return reverse("portfolio:tasks", args=[slug])


@require_http_methods(["GET", "HEAD", "POST"])
def task(request: HttpRequest, task_id: int) -> HttpResponse:
    """One task: read, change, hand over. Out of reach is 404; whoever may not act reads only."""
    member = _worker(request)
    found = get_object_or_404(tasks_visible_to(member).select_related("client", "owner", "given_by", "done_by"), pk=task_id)
    acts, today = may_act(member, found), today_of(request)
    waits = found.done_at is None and found.cancelled_at is None
    initial = {"title": found.title, "note": found.note, "due_on": found.due_on, "owner": found.owner_id}
    form = TaskForm(request.POST or None, member=member, client=found.client, today=today, task=found, initial=initial)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                return _changed(request, found, form)
            except ChangedMeanwhile as refusal:
                messages.warning(request, str(refusal))
                return redirect("portfolio:task", request.organization.slug, found.pk)  # type: ignore[attr-defined]
            except DomainError as refusal:
                name = getattr(refusal, "field", "")
                form.add_error(name if name in form.fields else None, str(refusal))
                status = 403 if isinstance(refusal, NotAllowed) else 422
    reached = bool(found.client_id and clients_within(reach_of(member)).filter(pk=found.client_id).exists())
    context = {
        "task": found,
        "form": form,
        "today": today,
        "edits": acts and waits,
        "acts": acts,
        "reached": {found.client_id} if reached else set(),
        "cancels": waits and (member.pk in (found.owner_id, found.given_by_id) or member.role == Role.ADMIN),
        "form_id": uuid4,
    }
    return render(request, "portfolio/task.html", context, status=status)


def _changed(request: HttpRequest, found: Task, form: TaskForm) -> HttpResponse:
    member: Membership = request.membership  # type: ignore[attr-defined]
    version = request.POST.get("version", "")
    data = form.cleaned_data
    changed = change_task(
        found,
        by=member,
        at=timezone.now(),
        version=int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0,
        title=data["title"],
        note=data["note"],
        due_on=data["due_on"],
        owner=get_object_or_404(Membership, pk=data["owner"]),
        part=data.get("part", ""),
    )
    handed = changed.owner_id != found.owner_id
    messages.success(request, _("Tarefa passada a %(name)s.") % {"name": changed.owner.name} if handed else _("Tarefa salva."))
    return redirect("portfolio:tasks", request.organization.slug)  # type: ignore[attr-defined]


def _visible_or_404(request: HttpRequest, task_id: int) -> Task:
    return get_object_or_404(tasks_visible_to(request.membership), pk=task_id)  # type: ignore[attr-defined]


@require_POST
def done(request: HttpRequest, task_id: int) -> HttpResponse:
    """One tap: done. Sent again it is done already; from the outbox, the device says when."""
    if away := kept_away(request):
        return away
    found = _visible_or_404(request, task_id)
    now = timezone.now()
    try:
        result = complete_task(found, by=request.membership, at=max(made_at_of(request, now=now), found.created_at))  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _not_done(request, found, refusal)
    after = f"{reverse('portfolio:tasks', args=[request.organization.slug])}?done={found.pk}"  # type: ignore[attr-defined]
    if wants_json(request):
        text = _("Concluída: %(title)s") % {"title": found.title}
        return stored(created=result.created, number=found.pk, message=text, after=after)
    return redirect(after)


@require_POST
def reopen(request: HttpRequest, task_id: int) -> HttpResponse:
    """Take "done" back, unless something happened to the task since."""
    if away := kept_away(request):
        return away
    found = _visible_or_404(request, task_id)
    version = request.GET.get("version", "")
    try:
        reopen_task(found, by=request.membership, version=int(version) if version.isdigit() and len(version) < 9 else None)  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _not_done(request, found, refusal)
    messages.success(request, _("De volta às tarefas: %(title)s") % {"title": found.title})
    return _to_list(request)


@require_POST
def cancel(request: HttpRequest, task_id: int) -> HttpResponse:
    """The task is no longer to be done."""
    if away := kept_away(request):
        return away
    found = _visible_or_404(request, task_id)
    try:
        cancel_task(found, by=request.membership, at=timezone.now())  # type: ignore[attr-defined]
    except DomainError as refusal:
        return _not_done(request, found, refusal)
    messages.success(request, _("Tarefa cancelada: %(title)s") % {"title": found.title})
    return _to_list(request)


def _not_done(request: HttpRequest, found: Task, refusal: DomainError) -> HttpResponse:
    """A refusal in words; nothing was written."""
    page = reverse("portfolio:task", args=[request.organization.slug, found.pk])  # type: ignore[attr-defined]
    if wants_json(request):
        return refused(str(refusal), form=page, status=403 if isinstance(refusal, NotAllowed) else 422)
    messages.warning(request, str(refusal))
    return _to_list(request)


def _to_list(request: HttpRequest) -> HttpResponse:
    address = reverse("portfolio:tasks", args=[request.organization.slug])  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)

"""One field that finds clients, the people at them, and the pages of the site."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.models import Role
from accounts.shell import Shell
from clients.selectors import ClientFilter, Limits, client_rows
from clients.selectors.search import Found, found_clients, found_contacts
from clients.selectors.visibility import clients_within, reach_of
from clients.selectors.words import plain, search_tokens
from portfolio.rows import listed
from portfolio.selectors.recent import recent_client_ids
from portfolio.views.common import is_partial, today_of

RECENT = 8


@require_GET
@vary_on_headers("HX-Request")
def search(request: HttpRequest) -> HttpResponse:
    """Clients by name, code, CNPJ or phone, contacts by name, pages by title. What can only mean one client opens it."""
    organization, member = request.organization, request.membership  # type: ignore[attr-defined]
    words = request.GET.get("q", "").strip()[:64]
    as_of, limits, partial = today_of(request), Limits.of(organization), is_partial(request)
    reach = reach_of(member)
    context = {"words": words, "partial": partial}
    if words:
        found = found_clients(reach, words, as_of=as_of, limits=limits)
        contacts = found_contacts(reach, words)
        places = list(_places(request, words))
        if len(found.rows) == 1 and not (found.meant or contacts or places or partial):
            return redirect("portfolio:client_page", organization.slug, found.rows[0].pk)
        context |= {"contacts": contacts, "places": places}
    else:
        ids = recent_client_ids(member, most=RECENT)
        recent = client_rows(clients_within(reach).filter(pk__in=ids), ClientFilter(), as_of=as_of, limits=limits, counted=False).rows
        found = Found(sorted(recent, key=lambda row: ids.index(row.pk)), [])
    context |= {"rows": listed(found.rows, as_of=as_of, limits=limits), "meant": listed(found.meant, as_of=as_of, limits=limits)}
    return render(request, "portfolio/_search_results.html" if partial else "portfolio/search.html", context)


def _places(request: HttpRequest, words: str) -> Iterator[tuple[str, str, str]]:
    """Pages and acts whose title has a word beginning with each word asked for: (title, icon, address)."""
    tokens = search_tokens(words)
    shell = Shell(request)
    offered = [(item.label, item.icon, item.url) for group in shell.groups for item in group.items]
    slug = request.organization.slug  # type: ignore[attr-defined]
    offered += [
        (_("Prospects"), "flag", reverse("portfolio:prospects", args=[slug])),
        (_("Segmentos"), "bookmark", reverse("portfolio:segments", args=[slug])),
    ]
    if request.membership.role != Role.AUDITOR:  # type: ignore[attr-defined]
        offered.append((_("Novo cliente"), "plus", reverse("portfolio:new_client", args=[slug])))
    offered += [(_("Registrar visita"), "map-pin", shell.visit_url), (_("Avisos"), "bell", shell.notices_url)]
    offered.append((_("Perfil e preferências"), "user", shell.profile_url))
    for title, icon, url in offered:
        title_words = plain(title).split()
        if url and tokens and all(any(word.startswith(token) for word in title_words) for token in tokens):
            yield title, icon, url

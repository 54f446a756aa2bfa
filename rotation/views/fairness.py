"""The fairness ledger: what each received and gave by rotation since ever, the moves behind it, and both as files."""

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.exporting import MOST_ROWS, hand_out
from accounts.models import Representative
from accounts.selectors import representatives_visible_to
from accounts.services.audit import Event
from portfolio.views.common import today_of
from rotation.selectors.ledger import LedgerLine, LedgerMove, ledger_lines, ledger_moves
from rotation.views.common import LEADERS, only, paged, row_id

PAGE = 50


def _lines(request: HttpRequest) -> list[LedgerLine]:
    """The lines of those the member reaches, who received most against what they gave first."""
    reached = set(representatives_visible_to(request.membership).values_list("pk", flat=True))  # type: ignore[attr-defined]
    lines = [line for line in ledger_lines(as_of=today_of(request)) if line.representative.pk in reached]
    return sorted(lines, key=lambda line: (-line.balance, -line.balance_cents, line.representative.code))


@require_GET
@only(LEADERS)
@paged
def fairness(request: HttpRequest) -> HttpResponse:
    """One line a representative, all time."""
    lines = _lines(request)
    most = max((max(line.received, line.given) for line in lines), default=0) or 1
    shares = [(line, round(line.received / most * 100, 1), round(line.given / most * 100, 1)) for line in lines]
    rows = [(line, took, gave, round(100 - gave, 1)) for line, took, gave in shares]
    return render(request, "rotation/fairness.html", {"rows": rows, "moves": sum(line.received for line in lines)})


@require_GET
@only(LEADERS)
@paged
def person(request: HttpRequest, representative: int) -> HttpResponse:
    """The moves behind one line, the latest first."""
    found = get_object_or_404(representatives_visible_to(request.membership), pk=representative)  # type: ignore[attr-defined]
    page = row_id(request.GET.get("page")) or 1
    moves = ledger_moves(found, as_of=today_of(request), after=PAGE * (page - 1), most=PAGE + 1)
    line = next((each for each in ledger_lines(as_of=today_of(request)) if each.representative == found), None)
    context = {
        "person": found,
        "line": line,
        "rows": _named(moves[:PAGE]),
        "previous": f"?page={page - 1}" if page > 1 else "",
        "next": f"?page={page + 1}" if len(moves) > PAGE else "",
    }
    return render(request, "rotation/fairness_person.html", context)


def _named(moves: Iterable[LedgerMove]) -> list[tuple[LedgerMove, Representative | None]]:
    found = list(moves)
    people = Representative.objects.in_bulk({move.other_id for move in found if move.other_id})
    return [(move, people.get(move.other_id or 0)) for move in found]


@require_GET
@only(LEADERS)
def export(request: HttpRequest, form: str, representative: int | None = None) -> HttpResponse:
    """The ledger, or one person's moves, as CSV or XLSX; who took it away is recorded."""
    slug = request.organization.slug  # type: ignore[attr-defined]
    back = reverse("rotation:fairness", args=[slug])
    header: list[str]
    lines: list[list]
    if representative is None:
        name, subject = _("justica"), "all"
        header = [
            _("Código"),
            _("Vendedor"),
            _("Recebidos"),
            _("Cedidos"),
            _("Saldo"),
            _("Valor recebido"),
            _("Valor cedido"),
            _("Saldo em valor"),
        ]
        lines = [
            [
                line.representative.code,
                line.representative.name,
                line.received,
                line.given,
                line.balance,
                line.received_cents / 100,
                line.given_cents / 100,
                line.balance_cents / 100,
            ]
            for line in _lines(request)
        ]
    else:
        found = get_object_or_404(representatives_visible_to(request.membership), pk=representative)  # type: ignore[attr-defined]
        moves = ledger_moves(found, as_of=today_of(request), most=MOST_ROWS)
        name, subject = f"{_('justica')}-{found.code}", str(found.pk)
        back = reverse("rotation:fairness-person", args=[slug, found.pk])
        header = [_("Dia"), _("Código"), _("Cliente"), _("Sentido"), _("De ou para"), _("Faturamento 12 meses")]
        lines = [
            [
                move.on,
                move.code,
                move.name,
                _("recebeu") if move.received else _("cedeu"),
                str(other) if other else "",
                move.net_cents / 100,
            ]
            for move, other in _named(moves)
        ]
    recorded = Event("fairness", "fairness.exported", after={"of": subject})
    return hand_out(request, form, name=name, header=header, rows=lambda: lines, count=lambda _most: len(lines), back=back, event=recorded)

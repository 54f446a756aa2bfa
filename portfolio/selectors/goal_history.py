"""What each person did month by month, as the spread of a goal needs it: complete months only, two statements for any team."""

from collections.abc import Sequence
from datetime import date

from django.db.models import Avg, Count, F, Q, Sum
from django.db.models.functions import Least, TruncMonth

from accounts.models import Representative
from clients.models import ClientMonth
from portfolio.goal_spread import YEAR, Past, month_back
from portfolio.models import Goal, Visit
from portfolio.selectors.goals import REPORT_WITHIN, month_of

Measure = Goal.Measure
YEARS = 3


def past_of(people: Sequence[Representative], measure: str, *, as_of: date) -> Past:
    """The last three years of ``people`` by the measure, up to the last complete month before ``as_of``.

    Positivação counts clients that bought from the person, credited as revenue is: who answered for a client years ago is not
    looked up month by month. The history begins with the first month anybody did anything; each person's own with theirs, or
    with the day they began to serve where that is later.
    """
    last = month_back(month_of(as_of), 1)
    first, ids = month_back(last, YEARS * YEAR - 1), [each.pk for each in people]
    if measure in (Measure.VISITS, Measure.REPORTS, Measure.RATING):
        history, began = _visits(ids, measure, first, month_of(as_of))
    else:
        history, began = _sales(ids, measure, first, last)
    if measure in Goal.MEANS:
        history = _without_gaps(history, began, last)
    months = [month for _person, month in history]
    n_months = _months_between(min(months), last) if months else 0
    known = {}
    for each in people:
        since = max(filter(None, [began.get(each.pk), month_of(each.valid_from) if each.valid_from else None]), default=None)
        known[each.pk] = min(max(_months_between(since, last), 0), YEAR) if since and began.get(each.pk) else 0
    return Past(history, known, last, n_months, is_mean=measure in Goal.MEANS)


def _without_gaps(history: dict[tuple[int, date], int], began: dict[int, date], last: date) -> dict[tuple[int, date], int]:
    """A month without a sale has no mix, one without a note no satisfaction: it says nothing, so the person's own mean stands in for it."""
    filled = {}
    for person, since in began.items():
        values = [value for (each, _month), value in history.items() if each == person and value]
        mean = round(sum(values) / len(values)) if values else 0
        for back in range(_months_between(since, last)):
            month = month_back(last, back)
            filled[person, month] = history.get((person, month)) or mean
    return filled


def _months_between(since: date, last: date) -> int:
    """Months from ``since`` to ``last``, both included."""
    return (last.year - since.year) * 12 + last.month - since.month + 1


def _sales(ids: list[int], measure: str, first: date, last: date) -> tuple[dict[tuple[int, date], int], dict[int, date]]:
    bought = Q(order_days__gt=0)
    rows = (
        ClientMonth.objects.filter(representative_id__in=ids, month__gte=first, month__lte=last)
        .order_by()
        .values("representative_id", "month")
        .annotate(revenue=Sum("revenue_cents"), buyers=Count("client_id", filter=bought), sold=Sum("products", filter=bought, default=0))
    )
    history: dict[tuple[int, date], int] = {}
    began: dict[int, date] = {}
    for row in rows:
        person, month = row["representative_id"], row["month"]
        value = {
            Measure.REVENUE: row["revenue"] or 0,
            Measure.BUYERS: row["buyers"],
            Measure.MIX: round(100 * row["sold"] / row["buyers"]) if row["buyers"] else 0,
        }[Measure(measure)]
        history[person, month] = int(value)
        began[person] = min(began.get(person, month), month)
    return history, began


def _visits(ids: list[int], measure: str, first: date, until: date) -> tuple[dict[tuple[int, date], int], dict[int, date]]:
    done = Visit.objects.filter(representative_id__in=ids, visited_on__gte=first, visited_on__lt=until)
    written = Least(F("made_at"), F("received_at"))
    in_time = Q(made_at__isnull=False, written__lte=F("visited_at") + REPORT_WITHIN)
    rows = (
        done.annotate(written=written, month=TruncMonth("visited_on"))
        .order_by()
        .values("representative_id", "month")
        .annotate(visits=Count("pk"), reports=Count("pk", filter=in_time), rated=Count("satisfaction"), rating=Avg("satisfaction"))
    )
    history: dict[tuple[int, date], int] = {}
    began: dict[int, date] = {}
    for row in rows:
        person, month = row["representative_id"], row["month"]
        value = {
            Measure.VISITS: row["visits"],
            Measure.REPORTS: row["reports"],
            Measure.RATING: round(100 * row["rating"]) if row["rated"] else 0,
        }[Measure(measure)]
        history[person, month] = value
        began[person] = min(began.get(person, month), month)
    return history, began

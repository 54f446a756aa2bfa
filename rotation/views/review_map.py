"""Where the proposals on the map are: asked for by the map itself, apart from the page, so that the page stays small."""

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from accounts.models import Representative
from accounts.templatetags.formats import number
from rotation.selectors.filters import ReviewFilter
from rotation.selectors.review_map import Places, places_of, ways_of
from rotation.views.common import LEADERS, only
from rotation.views.desk import desk_of


@require_GET
@only(LEADERS)
def points(request: HttpRequest, run: int) -> JsonResponse:
    """The filter's points, the bases of who gives and who receives, and what the map does not show."""
    desk = desk_of(request, run)
    found = places_of(desk.proposals, ReviewFilter.parse(request.GET))
    bases = {each.pk: (each.latitude, each.longitude) for each in found.people if each.latitude is not None and each.longitude is not None}
    response = JsonResponse(
        {
            "bases": [[each.pk, _label(each), *bases[each.pk]] for each in found.people if each.pk in bases],
            "ways": [[receiver, bases[receiver], point[1:3]] for receiver, point in ways_of(found)],
            "points": found.points,
            "said": said(found),
        },
        json_dumps_params={"separators": (",", ":")},
    )
    response["Cache-Control"] = "no-store"
    return response


def _label(person: Representative) -> str:
    return f"{person.code} {person.base_city or person.name}"


def said(found: Places) -> str:
    """What somebody who sees only the map would miss."""
    parts = []
    if not found.points:
        parts.append(_("Nenhuma destas propostas tem coordenadas; estão na lista."))
    elif found.unplaced:
        text = ngettext("%(n)s sem coordenadas está só na lista.", "%(n)s sem coordenadas estão só na lista.", found.unplaced)
        parts.append(text % {"n": number(found.unplaced)})
    if found.left_out:
        text = _("No mapa, as %(n)s de maior valor; outras %(rest)s estão só na lista. Filtre para vê-las.")
        parts.append(text % {"n": number(len(found.points)), "rest": number(found.left_out)})
    return " ".join(parts)

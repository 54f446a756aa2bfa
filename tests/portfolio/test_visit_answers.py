"""What registering a visit answers: to the queue of a device as JSON, to a browser without script as a page."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Web
from django.utils import timezone

from accounts.models import Membership
from accounts.tenancy import acting_for, identity_atomic
from portfolio.models import Visit, VisitEdit, VisitPhoto
from portfolio.visit_forms import cents_of
from tests.factories import ClientFactory, RepresentativeFactory, VisitFactory, make_member

pytestmark = pytest.mark.django_db(transaction=True)
URL, JSON = "/o/vale-verde/visits/", {"Accept": "application/json"}
JPEG = b"\xff\xd8\xff\xe0\x00\x04jj\xff\xda" + b"j" * 50


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def house(organization):
    with acting_for(organization.pk):
        seller, other, auditor, admin = (
            make_member(organization, role, name=name, email=f"{name}@vale-verde.example")
            for role, name in (("representative", "ana"), ("representative", "bruno"), ("auditor", "clara"), ("admin", "davi"))
        )
        ana, bruno = RepresentativeFactory(name="Ana", membership=seller), RepresentativeFactory(name="Bruno", membership=other)
        mine = ClientFactory(name="Empório Serra Clara", representative=ana, latitude=-22.8219, longitude=-47.2669)
        theirs = ClientFactory(name="Açougue Bom Corte", representative=bruno)
    return {"seller": seller, "other": other, "auditor": auditor, "admin": admin, "ana": ana, "mine": mine, "theirs": theirs}


@pytest.fixture
def web(house, signed_in):
    return signed_in(house["seller"])


def fields(client, /, **changes):
    said = {"id_made": str(uuid.uuid4()), "client": client.pk, "outcome": "sale", "order_value": "5.340,00", "next_contact_in": "14"}
    return {name: value for name, value in (said | changes).items() if value is not None}


def send(web, said, url=URL, **headers):
    answer = web.post(url, said, headers=JSON | headers)
    return answer.status_code, answer.json()


def count(organization) -> int:
    with acting_for(organization.pk):
        return Visit.objects.exclude(visited_at=None).count()


def test_201_when_stored_and_200_when_it_was_there(house, web, organization):
    said = fields(house["mine"])
    status, answer = send(web, said, **{"Idempotency-Key": said["id_made"], "X-Member": str(house["seller"].pk)})
    assert (status, answer["state"], answer["next"]) == (201, "stored", "/o/vale-verde/today/")
    assert answer["message"] == "Visita salva: Empório Serra Clara."
    for again in (said, {"id_made": said["id_made"]}, said | {"client": 0, "outcome": "?"}):
        assert send(web, again) == (200, answer | {"state": "already"})
    assert count(organization) == 1
    with acting_for(organization.pk):
        stored = Visit.objects.get(pk=answer["id"])
        assert (stored.order_value_cents, str(stored.id_made)) == (534_000, said["id_made"])
        assert stored.next_contact_on.weekday() < 5


def test_another_persons_id_says_only_that_it_is_taken(house, web, signed_in):
    said = fields(house["mine"])
    send(web, said)
    status, answer = send(signed_in(house["other"]), said)
    assert (status, answer["state"], answer["message"]) == (200, "already", "Visita salva.")


def test_401_asks_to_sign_in(house, organization):
    client = Web(HTTP_HOST="localhost")
    assert send(client, fields(house["mine"])) == (401, {"state": "sign_in", "message": "Entre de novo para continuar."})
    page = client.post(URL, fields(house["mine"]))
    assert (page.status_code, page.url) == (302, "/accounts/login/?next=/o/vale-verde/visits/")
    assert count(organization) == 0


def test_401_for_a_page_grown_old(house, signed_in):
    strict = Web(enforce_csrf_checks=True, HTTP_HOST="localhost")
    strict.cookies = signed_in(house["seller"]).cookies
    status, answer = send(strict, fields(house["mine"]))
    assert (status, answer["state"], answer["code"]) == (401, "sign_in", "csrf")


def test_403_for_who_only_reads_and_for_who_was_deactivated(house, web, signed_in, organization):
    assert send(signed_in(house["auditor"]), fields(house["mine"]))[0] == 403
    with acting_for(organization.pk):
        Membership.objects.filter(pk=house["seller"].pk).update(is_active=False)
    status, answer = send(web, fields(house["mine"]))
    assert (status, answer["state"]) == (403, "forbidden")
    assert "Fale com a administração" in answer["message"]
    assert web.post(URL, fields(house["mine"])).status_code == 404
    assert web.post("/o/elsewhere/visits/", fields(house["mine"]), headers=JSON).status_code == 404
    assert count(organization) == 0


def test_404_for_a_client_never_within_reach(house, web, organization):
    assert send(web, fields(house["theirs"])) == (
        404,
        {"state": "refused", "message": "Este cliente não está, nem esteve, ao seu alcance."},
    )
    assert web.post(URL, fields(house["theirs"])).status_code == 404
    assert count(organization) == 0


def test_409_when_the_device_holds_anothers_row(house, web, organization):
    status, answer = send(web, fields(house["mine"]), **{"X-Member": str(house["other"].pk)})
    assert (status, answer["state"]) == (409, "other_person")
    assert count(organization) == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": None}, "outcome"),
        ({"order_value": "muito"}, "order_value"),
        ({"order_value": ""}, "order_value"),
        ({"id_made": "x"}, "id_made"),
        ({"client": "x"}, "client"),
        ({"satisfaction": "9"}, "satisfaction"),
        ({"latitude": "91", "longitude": "0"}, "latitude"),
        ({"latitude": "nan", "longitude": "0"}, "latitude"),
        ({"visited_at": "ontem"}, "visited_at"),
        ({"made_at": "0001-01-01T00:00:00Z"}, "made_at"),
        ({"note": "x" * 4_001}, "note"),
        ({"latitude": "-22.90", "longitude": "-47.2669", "accuracy_m": "12.5", "fix_age_s": "3"}, "outside_reason"),
    ],
)
def test_422_says_what_to_mend_by_field(house, web, organization, changes, field):
    status, answer = send(web, fields(house["mine"], **changes))
    assert (status, answer["state"], list(answer["errors"])) == (422, "refused", [field])
    assert answer["message"] == answer["errors"][field][0]
    assert answer["form"].startswith("/o/vale-verde/visits/new/")
    assert count(organization) == 0


def test_422_when_key_and_visit_differ(house, web):
    assert send(web, fields(house["mine"]), **{"Idempotency-Key": str(uuid.uuid4())})[1]["errors"].keys() == {"id_made"}


def test_a_browser_without_script_goes_back_to_the_day_or_sees_its_form_again(house, web, organization):
    stored = web.post(URL, fields(house["mine"]))
    assert (stored.status_code, stored.url) == (302, "/o/vale-verde/today/")
    refused = web.post(URL, fields(house["mine"], outcome="no_sale", note="Voltar cedo"))
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "Escolha o motivo de não ter vendido." in page
    assert "Voltar cedo</textarea>" in page
    assert 'value="no_sale" required checked' in page
    assert count(organization) == 1


def test_save_and_next_leads_to_the_next_visit_of_the_day(house, web, organization):
    with acting_for(organization.pk):
        today = timezone.now().astimezone(organization.zone).date()
        client = ClientFactory(representative=house["ana"])
        plan = VisitFactory(client=client, representative=house["ana"], planned_on=today)
    onward = f"/o/vale-verde/visits/new/?client={client.pk}&plan={plan.id_made}"
    assert web.post(URL, fields(house["mine"], next="save_and_next")).url == onward
    last = web.post(URL, fields(client, plan=str(plan.id_made), next="save_and_next"))
    assert last.url == "/o/vale-verde/visits/new/"
    with acting_for(organization.pk):
        plan.refresh_from_db()
        assert plan.done


def test_a_photo_comes_back_as_what_its_bytes_are_to_who_reaches_the_client(house, web, signed_in, organization):
    made = str(uuid.uuid4())
    image = SimpleUploadedFile("../../page.html", JPEG, content_type="text/html")
    assert send(web, fields(house["mine"]) | {"photo": image, "photo_id": made})[0] == 201
    answer = web.get(f"{URL}photos/{made}/")
    assert b"".join(answer.streaming_content) == JPEG
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "page.html" not in answer["Content-Disposition"]
    assert signed_in(house["other"]).get(f"{URL}photos/{made}/").status_code == 404
    with acting_for(organization.pk):
        assert VisitPhoto.objects.get().visit.client_id == house["mine"].pk


def test_an_edit_is_stored_once_and_the_page_shows_it(house, web, signed_in, organization):
    said = fields(house["mine"], note="primeira")
    send(web, said)
    url = f"{URL}{said['id_made']}/"
    changed = {"outcome": "absent", "note": "segunda", "version": "1", "next_contact_on": "2999-01-01"}
    assert send(web, changed, url)[1]["state"] == "stored"
    assert send(web, changed, url) == (200, send(web, changed, url)[1])
    assert send(web, changed, url)[1]["state"] == "already"
    page = web.get(url).content.decode()
    assert "segunda</textarea>" in page and 'value="2999-01-01"' in page
    before = page[page.index("O que dizia antes") :]
    assert "primeira · até" in before and "mudado por ana" in before and "5.340,00" in before
    assert signed_in(house["other"]).get(url).status_code == 404
    assert send(signed_in(house["other"]), changed, url)[0] == 404
    assert send(signed_in(house["auditor"]), changed, url)[0] == 403
    assert web.post(url, {"outcome": "sale"}).status_code == 422
    with acting_for(organization.pk):
        assert VisitEdit.objects.get().before["note"] == "primeira"


def test_the_sheet_offers_the_clients_own_rhythm_and_is_kept_on_the_device(house, web, organization):
    with acting_for(organization.pk):
        house["mine"].visit_every_days = 21
        house["mine"].save()
    answer = web.get(f"{URL}new/?client={house['mine'].pk}")
    page = answer.content.decode()
    assert answer["X-Offline"] == "keep"
    assert 'data-outbox="visit"' in page and "Visita · Empório Serra Clara" in page
    assert 'name="next_contact_in" value="21" checked' in page
    part = web.get(f"{URL}new/?client={house['mine'].pk}", headers={"HX-Request": "true"})
    assert "X-Offline" not in part
    assert "<html" not in part.content.decode() and "<dialog" in part.content.decode()
    assert web.get(f"{URL}new/?client={house['theirs'].pk}").status_code == 404
    assert web.get(f"{URL}new/?client=x").status_code == 404


def test_without_a_client_one_chooses_among_ones_own(house, web, signed_in):
    page = web.get(f"{URL}new/").content.decode()
    assert "Empório Serra Clara" in page and "Açougue Bom Corte" not in page
    assert "Nenhum cliente seu com esse nome" in web.get(f"{URL}new/?q=padaria").content.decode()
    assert signed_in(house["auditor"]).get(f"{URL}new/").status_code == 404
    assert web.get(URL).url == f"{URL}new/"


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("1.234,56", 123_456),
        ("1234.56", 123_456),
        ("1,234.56", 123_456),
        ("5340", 534_000),
        ("5.340", 534_000),
        ("R$ 5.340,5", 534_050),
        ("0,99", 99),
        ("12.34.56", None),
        ("1.2345", None),
        ("-5", None),
        ("9" * 20, None),
        ("", None),
    ],
)
def test_money_is_read_as_people_type_it(text, cents):
    assert cents_of(text) == cents


def test_a_visit_reported_late_keeps_both_instants(house, web, organization):
    then = timezone.now() - timedelta(hours=20)
    _status, answer = send(web, fields(house["mine"], visited_at=then.isoformat(), made_at=then.isoformat()))
    with acting_for(organization.pk):
        visit = Visit.objects.get(pk=answer["id"])
    assert (visit.visited_at, visit.made_at) == (then, then)
    assert visit.received_at - visit.made_at > timedelta(hours=19)
    assert "Registrada no aparelho em" in web.get(f"{URL}{visit.id_made}/").content.decode()
    with identity_atomic(user_id=house["seller"].user_id):
        assert visit.made_by_id == house["seller"].pk

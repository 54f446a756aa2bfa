"""The demonstration's files are whole: valid, tied to each other, and within the format that everyone's files have."""

import json
import re
from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import phonenumbers
import pytest
from stdnum.br import cnpj

from demo import shift
from demo.making.cnpj import check_digits
from tests.demo.story import ANCHOR, LAST_DAYS, story

DEMO = Path(shift.__file__).parent
# ARCHITECTURE: (must have, may have) of each kind.
FORMAT = {
    "representatives": (
        "representative_code name",
        "email contract_type team base_city base_state latitude longitude capacity_clients capacity_minutes_week regions segments "
        "valid_from valid_to",
    ),
    "clients": (
        "client_code name",
        "trade_name tax_id segment size address city ibge_code state latitude longitude phone email representative_code tags hold blocked",
    ),
    "contacts": ("client_code name", "role decision_role email phone preferred_channel"),
    "products": ("product_code name", "category unit stock_quantity stock_since season"),
    "orders": ("order_code client_code ordered_on product_code quantity unit_price", "status representative_code"),
    "ownership": ("client_code representative_code started_on", "ended_on reason"),
    "visits": ("client_code representative_code visited_at", "outcome no_sale_reason note next_contact_on"),
    "contracts": ("contract_code client_code starts_on ends_on", "amount period"),
    "credit": ("client_code observed_on", "score overdue_amount restrictions event"),
}
STATE_OF = {"35": "SP", "31": "MG", "41": "PR"}


@pytest.fixture(scope="module")
def told():
    return story(ANCHOR)


def test_everything_together_is_at_most_three_megabytes():
    files = [path for path in DEMO.rglob("*") if path.is_file() and "__pycache__" not in path.parts]

    assert sum(path.stat().st_size for path in files) <= 3_000_000


@pytest.mark.parametrize("kind", FORMAT)
def test_columns_are_those_of_the_import_format(told, kind):
    must, may = (set(names.split()) for names in FORMAT[kind])
    columns = set(told.rows[kind][0])

    assert must <= columns <= must | may
    assert all(row[column] for row in told.rows[kind] for column in must)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("representatives", ("representative_code",)),
        ("products", ("product_code",)),
        ("clients", ("client_code",)),
        ("contacts", ("client_code", "name")),
        ("ownership", ("client_code", "started_on")),
        ("orders", ("order_code", "product_code")),
        ("visits", ("representative_code", "visited_at")),
        ("contracts", ("contract_code",)),
        ("credit", ("client_code", "observed_on")),
    ],
)
def test_no_business_key_comes_twice(told, kind, key):
    counted = Counter(tuple(row[column] for column in key) for row in told.rows[kind])

    assert [found for found, times in counted.items() if times > 1] == []


def test_about_six_hundred_clients_twelve_representatives_three_teams(told):
    assert 580 <= len(told.rows["clients"]) <= 620
    assert [row["representative_code"] for row in told.rows["representatives"]] == [f"V-{n:02d}" for n in range(1, 13)]
    assert Counter(row["contract_type"] for row in told.rows["representatives"]) == {"employee": 8, "autonomous": 4}
    assert len({row["team"] for row in told.rows["representatives"]}) == 3


def test_what_a_row_names_exists(told):
    clients = {row["client_code"]: row for row in told.rows["clients"]}
    people = {row["representative_code"] for row in told.rows["representatives"]}
    products = {row["product_code"] for row in told.rows["products"]}

    named = ("contacts", "ownership", "orders", "visits", "contracts", "credit")
    assert {row["client_code"] for kind in named for row in told.rows[kind]} <= clients.keys()
    assert {sale["client_code"] for sale in shift.opportunities(ANCHOR)} <= told.spells.keys()  # each has somebody who works on it
    assert {row["representative_code"] for kind in ("ownership", "visits") for row in told.rows[kind]} <= people
    assert {row["product_code"] for row in told.rows["orders"]} <= products
    assert {row["client_code"] for row in told.rows["contacts"]} == clients.keys()


def test_one_order_has_one_client_one_day_and_one_status(told):
    heads = defaultdict(set)
    for row in told.rows["orders"]:
        heads[row["order_code"]].add((row["client_code"], row["ordered_on"], row["status"]))

    assert {len(found) for found in heads.values()} == {1}
    assert {status for _, _, status, _ in told.orders.values()} == {"valid", "cancelled", "returned"}
    assert {status for _, _, status, amount in told.orders.values() if amount <= 0} == {"returned"}


def test_every_cnpj_is_valid_unique_and_some_are_alphanumeric_or_branches(told):
    numbers = [row["tax_id"] for row in told.rows["clients"] if row["tax_id"]]
    plain = [re.sub(r"[./-]", "", number) for number in numbers]

    assert [number for number in numbers if not re.fullmatch(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/\d{4}-\d{2}", number)] == []
    assert [number for number in plain if check_digits(number[:12]) != number[12:]] == []
    assert [number for number in plain if number.isdigit() and not cnpj.is_valid(number)] == []
    assert len(set(plain)) == len(plain) >= 590
    assert 5 <= sum(not number.isdigit() for number in plain) <= 40
    assert sum(branches > 1 for branches in Counter(number[:8] for number in plain).values()) >= 15


@pytest.mark.parametrize(
    ("base", "digits"), [("12ABC34501DE", "35"), ("12ABC3450001", "88"), ("330001670001", "01"), ("000000000001", "91")]
)
def test_check_digits_are_those_published(base, digits):
    assert check_digits(base) == digits


def test_branches_of_one_root_share_the_legal_name(told):
    names = defaultdict(set)
    for row in told.rows["clients"]:
        if row["tax_id"]:
            names[row["tax_id"][:10]].add(row["name"])

    assert {len(found) for found in names.values()} == {1}


def test_municipalities_have_sound_codes_of_their_state_and_clients_stand_in_them(told):
    by_code = defaultdict(set)
    for row in told.rows["clients"]:
        code = row["ibge_code"]
        # IBGE's check digit: weights 1, 2, 1, 2, 1, 2, digits of the products added up.
        total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(code, (1, 2, 1, 2, 1, 2), strict=False))
        assert (len(code), int(code[6])) == (7, -total % 10), row
        assert STATE_OF[code[:2]] == row["state"]
        by_code[code].add(row["city"])
        if row["latitude"]:
            assert -27 < float(row["latitude"]) < -14
            assert -55 < float(row["longitude"]) < -39

    assert {len(names) for names in by_code.values()} == {1}
    assert len(by_code) > 100


def test_nothing_can_reach_a_real_person(told):
    users = shift.users()["users"]
    mails = [row["email"] for kind in ("clients", "contacts", "representatives") for row in told.rows[kind]] + [u["email"] for u in users]
    phones = [row["phone"] for kind in ("clients", "contacts") for row in told.rows[kind]]

    assert [mail for mail in mails if not re.fullmatch(r"[a-z0-9.-]+@[a-z0-9-]+\.example", mail)] == []
    assert [phone for phone in phones if not phonenumbers.is_valid_number(phonenumbers.parse(phone))] == []
    assert [phone for phone in phones if not re.fullmatch(r"\+55 \d\d (555\d|90\d{3})-\d{4}", phone)] == []


@pytest.mark.parametrize("last_day", [LAST_DAYS[0], LAST_DAYS[6]], ids=str)
def test_owners_follow_one_another_without_a_gap_and_answer_for_every_order(last_day):
    told = story(last_day)
    people = {row["representative_code"]: row for row in told.rows["representatives"]}

    for client, spells in told.spells.items():
        for (_, end, _), (start, _, _) in pairwise(spells):
            assert end == start, client
        assert spells[-1][1] is None, client
        assert all(end is None or start < end for start, end, _ in spells), client
        for start, _, code in spells:
            assert date.fromisoformat(people[code]["valid_from"]) <= start
            assert not people[code]["valid_to"] or start < date.fromisoformat(people[code]["valid_to"])
    assert [code for code, (client, day, _, _) in told.orders.items() if told.owner_on(client, day) is None] == []
    assert len(told.rows["clients"]) - len(told.spells) == 4


def test_visits_were_made_by_who_answered_for_the_client_at_most_eight_a_day(told):
    made_by_others = [
        row
        for row in told.rows["visits"]
        if told.owner_on(row["client_code"], date.fromisoformat(row["visited_at"][:10])) != row["representative_code"]
    ]
    a_day = Counter((row["representative_code"], row["visited_at"][:10]) for row in told.rows["visits"])

    assert made_by_others == []
    assert max(a_day.values()) <= 8
    assert {row["outcome"] for row in told.rows["visits"]} == {"order", "no_sale", "absent"}
    assert all(bool(row["no_sale_reason"]) == (row["outcome"] == "no_sale") for row in told.rows["visits"])


def test_sign_ins_cover_every_role_and_match_the_teams_and_representatives(told):
    company, access = shift.organization(ANCHOR), shift.users()
    teams = [team["name"] for team in company["teams"]]
    people = {row["representative_code"]: row for row in told.rows["representatives"]}
    sellers = [user for user in access["users"] if user["role"] == "representative"]

    assert len(access["password"]) >= 12
    assert {user["role"] for user in access["users"]} == {"admin", "manager", "representative", "auditor"}
    assert len({user["email"] for user in access["users"]}) == len(access["users"])
    assert [(people[s["representative_code"]]["email"], people[s["representative_code"]]["team"]) for s in sellers] == [
        (s["email"], s["team"]) for s in sellers
    ]
    assert "V-10" not in {s["representative_code"] for s in sellers}  # left
    for position, team in enumerate(company["teams"]):
        assert team["parent"] is None or team["parent"] in teams[:position]
    assert {row["team"] for row in people.values()} < set(teams)
    supervisors = {user["email"]: user["team"] for user in access["users"] if user["role"] == "manager"}
    assert {team["supervisor"]: team["name"] for team in company["teams"]} == supervisors
    assert {a["representative_code"] for a in company["absences"]} | {a["cover"] for a in company["absences"]} <= people.keys()
    autonomous = [code for code, row in people.items() if row["contract_type"] == "autonomous"]
    assert [a["representative_code"] for a in company["agreements"]] == autonomous


def test_the_manifest_names_every_data_file():
    manifest = json.loads((DEMO / "manifest.json").read_text(encoding="utf-8"))

    assert {DEMO / entry["file"] for entry in manifest["files"]} == set((DEMO / "data").iterdir())

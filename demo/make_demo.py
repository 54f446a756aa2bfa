"""Make the demonstration company's files, the same ones every time.

    python demo/make_demo.py [--source ../shared/data] [--target demo]

Needed only to change the demonstration: the files it writes are in the repository. It reads the public order books and
the table of municipalities (demo/README.md names them) and the standard library is enough.
"""

import argparse
import csv
import gzip
import io
import json
import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from demo.making.catalogue import catalogue  # noqa: E402
from demo.making.companies import companies, contact_rows, phone  # noqa: E402
from demo.making.days import ANCHOR, SPARE_DAYS, on  # noqa: E402
from demo.making.orders import orders_of  # noqa: E402
from demo.making.ownership import ownership_history  # noqa: E402
from demo.making.people import ABSENCES, AGREEMENTS, PASSWORD, REPRESENTATIVES, TEAMS, users  # noqa: E402
from demo.making.places import read_places  # noqa: E402
from demo.making.rhythms import RealOrderBooks  # noqa: E402
from demo.making.sales import opportunities_of  # noqa: E402
from demo.making.standing import contracts_of, credit_of  # noqa: E402
from demo.making.visits import visits_of  # noqa: E402

SEED = "vale-verde-1"
# In the order in which they are imported: kind, file, columns that hold dates, column that may not lie after the last day.
FILES = (
    ("representatives", "representatives.csv", ["valid_from", "valid_to"], None),
    ("products", "products.csv", ["stock_since"], None),
    ("clients", "clients.csv", [], None),
    ("contacts", "contacts.csv", [], None),
    ("ownership", "ownership.csv", ["started_on", "ended_on"], "started_on"),
    ("orders", "orders.csv.gz", ["ordered_on"], "ordered_on"),
    ("visits", "visits.csv.gz", ["visited_at", "next_contact_on"], "visited_at"),
    ("contracts", "contracts.csv", ["starts_on", "ends_on"], None),
    ("credit", "credit.csv", ["observed_on"], "observed_on"),
)


def reais(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def write(path: Path, rows: Iterable[dict]) -> None:
    """Write ``rows`` as CSV, compressed when the name ends in .gz; the same rows give the same bytes."""
    rows = list(rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)
    print(f"{path.name:24} {len(rows):7,} rows {path.stat().st_size:10,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=Path(os.environ.get("CARTEIRA_SHARED", ROOT.parent / "shared")) / "data")
    parser.add_argument("--target", type=Path, default=ROOT / "demo")
    options = parser.parse_args()
    if not (options.source / "brazil" / "municipios.csv.gz").exists():
        parser.error(f"no order books under {options.source}: name the folder that holds brazil/ and iowa_wholesale/ with --source")

    # One stream of chance a subject: a change to the visits leaves the clients as they were.
    subjects = ("clients", "people", "products", "ownership", "orders", "visits", "contracts", "credit", "sales")
    chance = {name: random.Random(f"{SEED}/{name}") for name in subjects}
    places = read_places(options.source)
    clients = companies(chance["clients"], places, RealOrderBooks(options.source), ANCHOR)
    products = catalogue(chance["products"])
    spells = ownership_history(chance["ownership"], clients, places)
    orders = orders_of(chance["orders"], clients, products)
    visits = visits_of(chance["visits"], clients, spells, orders)

    data = options.target / "data"
    data.mkdir(parents=True, exist_ok=True)
    write(
        data / "representatives.csv",
        (
            {
                "representative_code": r.code,
                "name": r.name,
                "email": r.email,
                "contract_type": r.contract,
                "team": r.team,
                "base_city": r.base[0],
                "base_state": r.base[1],
                "latitude": places[r.base].latitude,
                "longitude": places[r.base].longitude,
                "capacity_clients": r.capacity,
                "capacity_minutes_week": 1500 if r.contract == "autonomous" else 1800,
                "regions": ";".join(r.regions),
                "segments": ";".join(r.segments),
                "valid_from": on(r.joined),
                "valid_to": on(r.left) if r.left is not None else "",
            }
            for r in REPRESENTATIVES
        ),
    )
    write(
        data / "products.csv",
        (
            {
                "product_code": p.code,
                "name": p.name,
                "category": p.category,
                "unit": p.unit,
                "stock_quantity": p.stock,
                "stock_since": on(ANCHOR - p.stock_age),
                "season": p.season,
            }
            for p in products
        ),
    )
    write(
        data / "clients.csv",
        (
            {
                "client_code": c.code,
                "name": c.name,
                "trade_name": c.trade_name,
                "tax_id": c.tax_id,
                "segment": c.segment.name,
                "size": c.size,
                "address": c.address,
                "city": c.place.name,
                "ibge_code": c.place.ibge_code,
                "state": c.place.state,
                "latitude": "" if c.latitude is None else c.latitude,
                "longitude": "" if c.longitude is None else c.longitude,
                "phone": phone(chance["people"], c.place, mobile=False),
                "email": f"compras@{c.domain}",
                "tags": ";".join(c.tags),
                "hold": "yes" if c.hold else "no",
                "blocked": "yes" if c.blocked else "no",
            }
            for c in clients
        ),
    )
    write(data / "contacts.csv", contact_rows(chance["people"], clients))
    write(
        data / "ownership.csv",
        (
            {
                "client_code": s.client,
                "representative_code": s.representative,
                "started_on": on(s.start),
                "ended_on": "" if s.end is None else on(s.end),
                "reason": s.reason,
            }
            for s in spells
        ),
    )
    write(
        data / "orders.csv.gz",
        (
            {
                "order_code": o.code,
                "client_code": o.client,
                "ordered_on": on(o.day),
                "status": o.status,
                "product_code": line.product,
                "quantity": line.quantity,
                "unit_price": reais(line.price),
            }
            for o in orders
            for line in o.lines
        ),
    )
    write(
        data / "visits.csv.gz",
        (
            {
                "client_code": v.client,
                "representative_code": v.representative,
                "visited_at": f"{on(v.day)}T{v.at}:00-03:00",
                "outcome": v.outcome,
                "no_sale_reason": v.reason,
                "note": v.note,
                "next_contact_on": "" if v.next_day is None else on(v.next_day),
            }
            for v in visits
        ),
    )
    write(
        data / "contracts.csv",
        (
            {
                "contract_code": c.code,
                "client_code": c.client,
                "starts_on": on(c.start),
                "ends_on": on(c.end),
                "amount": reais(c.amount),
                "period": c.period,
            }
            for c in contracts_of(chance["contracts"], clients)
        ),
    )
    write(
        data / "credit.csv",
        (
            {
                "client_code": seen.client,
                "observed_on": on(seen.day),
                "score": seen.score,
                "overdue_amount": reais(seen.overdue),
                "restrictions": seen.restrictions,
                "event": seen.event,
            }
            for seen in credit_of(chance["credit"], clients)
        ),
    )
    write_json(
        options.target / "opportunities.json",
        [
            {
                "client_code": each.client,
                "title": each.title,
                "value_cents": each.value,
                "source": each.source,
                "expected_on": on(each.expected),
                "steps": [{"stage": stage, "on": on(day)} for stage, day in each.steps],
                "loss_reason": each.loss_reason,
            }
            for each in opportunities_of(chance["sales"], clients)
        ],
    )
    write_json(
        options.target / "manifest.json",
        {
            "anchor_on": on(ANCHOR),
            "spare_days": SPARE_DAYS,
            "seed": SEED,
            "files": [{"kind": k, "file": f"data/{name}", "dates": dates, "cut": cut} for k, name, dates, cut in FILES],
        },
    )
    write_json(options.target / "users.json", {"password": PASSWORD, "users": users()})
    write_json(
        options.target / "organization.json",
        {
            "slug": "vale-verde",
            "name": "Distribuidora Vale Verde",
            "time_zone": "America/Sao_Paulo",
            "currency": "BRL",
            "language": "pt-br",
            "teams": list(TEAMS),
            "absences": [dated(absence, "starts_on", "ends_on") for absence in ABSENCES],
            "agreements": [dated(agreement, "consent_recorded_on") for agreement in AGREEMENTS],
        },
    )


def dated(entry: dict, *keys: str) -> dict:
    """``entry`` with the days of the story under ``keys`` written as dates."""
    return entry | {key: on(entry[key]) for key in keys if entry[key] is not None}


def write_json(path: Path, content: dict | list) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

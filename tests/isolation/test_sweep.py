"""Every address of the site, every method, every caller, with the other organization's ids: nothing of it shows or changes.

A new URL is swept without being listed here.
"""

import itertools
import os
import re

import pytest
from django.db import connections
from django.test import Client as Web
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.services.tokens import make_calendar_token
from accounts.tenancy import tenant_atomic
from tests.factories import make_member
from tests.isolation.planting import TENANT_MODELS, plant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

LONG = os.environ.get("FAULTS") == "long"
FOREIGN = 770_077  # the id of every row of the other organization
METHODS = ["get", "post", "put", "patch", "delete"]
ROLES = ["admin", "manager", "representative", "auditor"]
PARTS = 4  # of the addresses, so that one worker does not sweep while the others are done
# 2xx answers hold own data only (the canary proves it); these refuse.
REFUSALS = {302, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429}


def addresses(resolver=None, prefix: str = "") -> list[str]:
    """Every pattern below ``resolver``, as Django's route text."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += addresses(entry, route)
        elif isinstance(entry, URLPattern):
            found.append(route)
    return found


def fill(route: str, slug: str, number: int, word: str) -> str:
    """A path of the route, with ``number`` and ``word`` wherever it takes one."""
    path = route.replace("<slug:organization>", slug)
    path = re.sub(r"<int:\w+>", str(number), path)
    path = re.sub(r"<uuid:\w+>", f"00000000-0000-4000-8000-{number:012d}", path)
    path = re.sub(r"<\w+:\w+>|<\w+>", word, path)
    path = re.sub(r"\(\?P<\w+>[^)]*\)", word, path)
    return "/" + path.replace("^", "").replace("$", "").replace("\\", "")


def fingerprint(organization_id: int) -> dict[str, str]:
    found = {}
    with connections["owner"].cursor() as cursor:
        for model in TENANT_MODELS:
            table = connections["owner"].ops.quote_name(model._meta.db_table)
            cursor.execute(
                f"SELECT count(*) || coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM {table} t WHERE organization_id = %s",
                [organization_id],
            )
            found[table] = cursor.fetchone()[0]
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_no_address_shows_or_changes_another_organization(organization, other, signed_in, part):
    plant(organization, "owncanary")
    plant(other, "foreigncanary", number=FOREIGN)
    with tenant_atomic(organization.pk):
        members = {role: make_member(organization, role) for role in ROLES}
    with tenant_atomic(other.pk):
        operator = make_member(other, "manager", email="operator@platform.example")
        type(operator).objects.filter(pk=operator.pk).update(is_active=False)
    browsers: dict[str, Web] = {role: signed_in(member) for role, member in members.items()}
    with tenant_atomic(organization.pk):
        secret = make_calendar_token(members["representative"], at=timezone.now())
    # The one kind of token there is opens its own calendar by its address; shown anywhere else it makes nobody of its bearer.
    bearer = Web(HTTP_HOST="localhost", headers={"authorization": f"Bearer {secret}"})
    browsers |= {"anonymous": Web(HTTP_HOST="localhost"), "operator": signed_in(operator), "token": bearer}
    for browser in browsers.values():
        browser.raise_request_exception = False
    before = fingerprint(other.pk)

    swept, leaks, broken = 0, [], []
    untaken = set()  # methods that a view takes from nobody: the one who may most asks first, and the others only in the long form
    for route in addresses()[part::PARTS]:
        slugs = [organization.slug, other.slug] if "<slug:organization>" in route else [""]
        for slug, method, (caller, browser) in itertools.product(slugs, METHODS, browsers.items()):
            path = fill(route, slug, FOREIGN, "foreigncanary")
            if "logout" in path or ((route, method) in untaken and not LONG):
                continue
            if caller == "token" and method != "get" and not LONG:
                continue
            response = getattr(browser, method)(path)
            swept += 1
            if caller == "admin" and slug == organization.slug and response.status_code == 405:
                untaken.add((route, method))
            body = b"".join(response.streaming_content) if response.streaming else response.content
            seen = body.replace(path.encode(), b"") + str(response.headers).replace(path, "").encode()
            if b"foreigncanary" in re.sub(rb"/[\w/?=&.;%-]*foreigncanary[\w/?=&.;%-]*", b"", seen):
                leaks.append((caller, method, path, response.status_code))
            if path == "/readyz":
                continue  # says 503 while no beat runs, and nothing of anybody
            if response.status_code >= 500 or (response.status_code >= 300 and response.status_code not in REFUSALS):
                broken.append((caller, method, path, response.status_code))
            if caller == "token" and slug and response.status_code not in REFUSALS:
                leaks.append((caller, method, path, response.status_code))
            if slug == other.slug and response.status_code not in REFUSALS:
                leaks.append((caller, method, path, response.status_code))
    assert leaks == []
    assert broken == []
    assert swept > 1_000 // PARTS
    assert fingerprint(other.pk) == before

"""An unsafe request that carries ``Idempotency-Key`` has its effect once, however often it is sent, and one answer.

The first thing its transaction writes is the key; others with the same key wait at the unique index until that one is
committed, and are given its answer. A refusal, or a process that dies, rolls the key back with all else: the next try is the first.
A page's queue sends keys of its own (``X-Member``), whose endpoints know the row by the device's UUID and take corrections.
"""

import hashlib
import re

from cryptography.fernet import InvalidToken
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from accounts.at_rest import keys_for
from accounts.models import IdempotencyKey
from accounts.tenancy.context import active_organization_id
from accounts.views.errors import refusal

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_KEY = re.compile(r"[\x21-\x7e]{16,64}")
# What a browser or a program does next is said in these; everything else the middleware writes anew for each answer.
_KEPT_HEADERS = ("Content-Type", "Location", "HX-Redirect", "HX-Trigger", "HX-Retarget", "HX-Reswap", "HX-Push-Url")

_CLAIM = """
INSERT INTO accounts_idempotencykey (organization_id, key, request_hash, created_at) VALUES (%s, %s, %s, now())
ON CONFLICT (organization_id, key) DO NOTHING RETURNING id
"""


def answered_before(request: HttpRequest) -> HttpResponse | None:
    """None where the request is to be carried out; otherwise its earlier answer, or the refusal of its key.

    To be asked first in the transaction of the request's organization. Waits while another with the same key is at work.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None or request.method in SAFE or "X-Member" in request.headers:
        return None
    if not _KEY.fullmatch(key):
        detail = _("O cabeçalho Idempotency-Key deve ter de 16 a 64 letras, algarismos ou sinais, sem espaços.")
        return refusal(request, 400, detail, code="idempotency_key")
    said = _digest(request)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [active_organization_id(), key, said])
        claimed = cursor.fetchone()
    if claimed:
        request.idempotency_key = claimed[0]  # type: ignore[attr-defined]
        return None
    stored = IdempotencyKey.objects.get(key=key)
    if stored.request_hash != said:
        detail = _("Esta Idempotency-Key já foi usada em outro pedido; use uma nova para pedir outra coisa.")
        return refusal(request, 422, detail, template="400.html", code="idempotency_key_reused")
    return _again(request, stored)


def keep_answer(request: HttpRequest, response: HttpResponseBase) -> None:
    """Store what the request was answered, in its own transaction; a refusal is rolled back with its key and not stored.

    Encrypted: an answer may show a secret this once, of which the database keeps a hash only.
    """
    claimed = getattr(request, "idempotency_key", None)
    if claimed is None or response.status_code >= 400 or not isinstance(response, HttpResponse):
        return
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = {"headers": headers, "content": keys_for("answers").encrypt(response.content).decode()}
    IdempotencyKey.objects.filter(pk=claimed).update(status=response.status_code, body=body)


def _digest(request: HttpRequest) -> str:
    """Who asked for what: member, method, address, fields and files, so that another request under the same key shows."""
    digest = hashlib.sha256()
    member = request.membership.pk  # type: ignore[attr-defined]
    digest.update(f"{member} {request.method} {request.get_full_path()}\n".encode())
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        fields = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
        digest.update(repr(fields).encode())
        for name, files in sorted(request.FILES.lists()):
            for file in files:
                digest.update(f"{name} {file.name} {file.size}\n".encode())
                for chunk in file.chunks():
                    digest.update(chunk)
                file.seek(0)
    else:
        digest.update(request.body)
    return digest.hexdigest()


def _again(request: HttpRequest, stored: IdempotencyKey) -> HttpResponse:
    body = stored.body or {}
    try:
        content = keys_for("answers").decrypt(body["content"]) if "content" in body else b""
    except InvalidToken:  # SECRET_KEY was changed meanwhile
        detail = _("Este pedido já foi atendido, e a resposta não pode mais ser lida. Confira o resultado; para repetir, use outra chave.")
        return refusal(request, 409, detail, code="idempotency_answer_gone")
    return HttpResponse(content, status=stored.status or 204, headers=body.get("headers", {}))

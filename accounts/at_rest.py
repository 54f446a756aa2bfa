"""What is kept in the database and must not be read from a copy of it: encrypted with keys drawn from SECRET_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def keys_for(purpose: str) -> MultiFernet:
    """Keys drawn from SECRET_KEY and its fallbacks, others for every purpose: the first encrypts, any of them decrypts."""
    drawn = [hashlib.sha256(f"{purpose}:{secret}".encode()).digest() for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in drawn])

"""The signature of partners: `X-Cardloop-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, both ways."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable

from gateways.errors import ReportRefused

HEADER = "X-Cardloop-Signature"
KEY_HEADER = "X-Cardloop-Key"  # Which of the two keys that are good during a rotation signed.
KEY_ID_CHARACTERS = 8
TOLERANCE_S = 300
FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")

Clock = Callable[[], float]


def sign(secret: str, body: bytes, clock: Clock = time.time) -> str:
    """Return the header's value for `body`, at this second."""
    at = int(clock())
    return f"t={at},v1={_digest(secret, body, at)}"


def key_id(secret: str) -> str:
    """Return the id of a key, which reveals nothing of it: both sides make it from the secret (SHA-256, first eight hex digits)."""
    return hashlib.sha256(secret.encode()).hexdigest()[:KEY_ID_CHARACTERS]


def require_signature(
    system: str, secrets: list[str], body: bytes, header: str | None, clock: Clock = time.time
) -> None:
    """Refuses (ReportRefused) a body whose header is missing, made with none of `secrets`, or over five minutes off our clock."""
    found = FORM.fullmatch(header or "")
    if found is None or not any(
        hmac.compare_digest(_digest(secret, body, int(found[1])), found[2]) for secret in secrets
    ):
        raise ReportRefused(system, "signature")
    # The age is judged after the signature: only its true sender learns that a message is merely late.
    if abs(clock() - int(found[1])) > TOLERANCE_S:
        raise ReportRefused(system, "stale")


def _digest(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()

"""How the simulated partners sign and check: `X-Cardloop-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`.

Written apart from the platform's own code on purpose: two independent readings of the same wire format test each other.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Collection

HEADER = "X-Cardloop-Signature"
TOLERANCE_S = 300


def signature(secret: str, body: bytes, at: int | None = None) -> str:
    """Return the header's value for `body`, signed now or at the given second."""
    moment = int(time.time()) if at is None else at
    return f"t={moment},v1={_digest(secret, body, moment)}"


def is_signed(secrets: Collection[str], body: bytes, header: str | None) -> bool:
    """Return whether the header fits the body by one of the secrets, and is less than five minutes off our clock."""
    parts = dict(part.partition("=")[::2] for part in (header or "").split(","))
    if not parts.get("t", "").isdigit() or abs(time.time() - int(parts["t"])) > TOLERANCE_S:
        return False
    at, given = int(parts["t"]), parts.get("v1", "")
    return any(hmac.compare_digest(_digest(secret, body, at), given) for secret in secrets)


def outlet_secret(secret: str, outlet_id: str) -> str:
    """Return what one simulated outlet signs its reports with: its own, made from the simulators' secret."""
    return hmac.new(secret.encode(), f"outlet:{outlet_id}".encode(), hashlib.sha256).hexdigest()


def _digest(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()

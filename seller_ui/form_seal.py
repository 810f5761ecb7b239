"""The tamper-proof form: what a seller was shown is signed, and goes with what they sent into one hash for the evidence."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer

from domain.errors.general import FormTampered
from domain.identifiers import new_id
from languages import translate

FORM_VERSION = 2
FORM_AGE_MAX_S = 2 * 3600
TERMS = "sell.terms"


@dataclass(frozen=True)
class ShownForm:
    """What was shown and to whom: form version, hash of the terms in the seller's language, brand, the form's own id."""

    version: int
    terms_sha256: str
    locale: str
    brand: str
    owner: str  # `seller:<id>`: a form that was shown to one seller is not another's to send.
    form_id: str  # Also the submission's idempotency key: one shown form is sent once, however often it is pressed.


class FormSeal:
    """Signs a shown form with its moment of issue, and reads it back when it comes in."""

    def __init__(self, secret: str) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="sell-form")
        self._secret = secret.encode()

    def issue(self, brand: str, locale: str, owner: str) -> str:
        """Make the hidden field `shown` of a form that is shown to this seller for the first time."""
        shown = ShownForm(FORM_VERSION, terms_sha256(locale), locale, brand, owner, new_id())
        return str(self._serializer.dumps(asdict(shown)))

    def read(self, token: str, brand: str, owner: str) -> ShownForm:
        """Read what was shown. Refuses (FormTampered) a changed or old form, another seller's, or terms changed since."""
        try:
            shown = ShownForm(**self._serializer.loads(token, max_age=FORM_AGE_MAX_S))
        except (BadSignature, TypeError):
            raise FormTampered(why="signature") from None
        if shown.owner != owner:
            raise FormTampered(why="seller")
        if shown.brand != brand or shown.version != FORM_VERSION or shown.terms_sha256 != terms_sha256(shown.locale):
            raise FormTampered(why="changed")
        return shown

    def form_id(self, token: str) -> str:
        """Return the id of a form of ours, however old; empty for anything else."""
        try:
            return str(self._serializer.loads(token)["form_id"])
        except (BadSignature, TypeError, KeyError):
            return ""

    def digest(self, token: str, sent: Mapping[str, str], photos: Sequence[bytes]) -> str:
        """SHA-256 (hex) over the signed form and everything sent with it.

        What was typed goes in under a key: a bare hash of a card number can be found by trying all numbers.
        """
        typed = {name: self._keyed(value) for name, value in sorted(sent.items())}
        pictures = [hashlib.sha256(photo).hexdigest() for photo in photos]
        whole = json.dumps({"shown": token, "typed": typed, "photos": pictures}, sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    def _keyed(self, value: str) -> str:
        return hmac.new(self._secret, b"sell-form:" + value.encode(), hashlib.sha256).hexdigest()


def terms_sha256(locale: str) -> str:
    """Return the hash (hex) of the terms as they read now in that language."""
    return hashlib.sha256(translate(TERMS, locale).encode()).hexdigest()

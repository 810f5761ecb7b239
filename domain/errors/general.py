"""Refusals that any request may meet."""

from __future__ import annotations

from domain.errors.base import Refusal


class FieldInvalid(Refusal):
    """A field of a request is missing or malformed; `field` names it, `why` says how."""

    code = "field_invalid"


class IdempotencyKeyReused(Refusal):
    """The idempotency key was used before with other content."""

    code = "idempotency_key_reused"
    http_status = 409


class IdempotencyKeyMissing(Refusal):
    """A submission needs an Idempotency-Key header of 1 to 64 visible characters."""

    code = "idempotency_key_missing"
    http_status = 400


class FormTampered(Refusal):
    """The form that came back is not the form that was shown, or it is too old."""

    code = "form_tampered"
    http_status = 400


class NotFound(Refusal):
    """There is no such thing, or it is not theirs to see."""

    code = "not_found"
    http_status = 404


class SignatureInvalid(Refusal):
    """A callback's signature does not verify; nothing was changed."""

    code = "signature_invalid"
    http_status = 401


class CardNumberTyped(Refusal):
    """A whole card number was typed into the search, which keeps and compares none; the last four characters find the card."""

    code = "card_number_typed"


class TemporarilyUnavailable(Refusal):
    """A part of the platform cannot be reached at the moment; nothing is lost, try again shortly."""

    code = "temporarily_unavailable"
    http_status = 503

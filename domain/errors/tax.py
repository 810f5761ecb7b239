"""Refusals about tax."""

from __future__ import annotations

from domain.errors.base import Refusal


class TaxNotSigned(Refusal):
    """Payments of this period were judged by rules (`versions`) that finance has not signed off: sign them off first."""

    code = "tax_not_signed"
    http_status = 409


class FontMissing(Refusal):
    """The server has no font for the characters of this file; its administrator installs the package `package`."""

    code = "font_missing"
    http_status = 503

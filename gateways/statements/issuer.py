"""Issuers' invoices for calls of their interfaces: a line for each call that we made, by its request number."""

from __future__ import annotations

from pathlib import Path

from domain.finance.statements import StatementSource
from gateways.statements.described import Described, formats

ISSUERS = Path(__file__).resolve().parents[2] / "samples" / "issuers"


def invoice_formats(folder: Path = ISSUERS) -> tuple[Described, ...]:
    """Return the formats of invoices that issuers are known to write."""
    return formats(folder, StatementSource.ISSUER)

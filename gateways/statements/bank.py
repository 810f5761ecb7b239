"""Banks' statements of our accounts, each in its described format."""

from __future__ import annotations

from pathlib import Path

from domain.finance.statements import StatementSource
from gateways.statements.described import Described, formats

BANKS = Path(__file__).resolve().parents[2] / "samples" / "banks"


def bank_formats(folder: Path = BANKS) -> tuple[Described, ...]:
    """Return the formats of statements that banks are known to write."""
    return formats(folder, StatementSource.BANK)

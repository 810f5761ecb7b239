"""The described formats of banks that come with the platform."""

from __future__ import annotations

from bootstrap.settings import PROJECT_ROOT

BANK_FORMATS = PROJECT_ROOT / "samples" / "banks"

"""The deadline policies that come with the product: in force until a version of the house's own is saved."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from domain.work.deadline_document import parse
from domain.work.deadlines import Policies

BUILT_IN = Path(__file__).with_name("deadlines.json")
BUILT_IN_VERSION = 1


def built_in_document() -> dict[str, Any]:
    """The document as JSON, a fresh copy."""
    document: dict[str, Any] = json.loads(BUILT_IN.read_text(encoding="utf-8"))
    return document


@cache
def built_in() -> Policies:
    """Version 1: the card types' spans as they always were, round the clock, with a Chinese office calendar to choose."""
    return parse(built_in_document(), BUILT_IN_VERSION)

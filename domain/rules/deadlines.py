"""The deadline policies that come with the product: in force until a version of the house's own is saved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from domain.policies.book import BOOK
from domain.policies.document import BUILT_IN_NUMBER, PolicyDocument, PolicyKind, version_name
from domain.policies.flaws import DocumentWrong, Flaw
from domain.policies.schema import completed
from domain.rules.deadline_schema import schema, spelled_out
from domain.work.deadline_document import parse
from domain.work.deadlines import Policies

BUILT_IN = Path(__file__).with_name("deadlines.json")
BUILT_IN_VERSION = 1
SCHEMA = schema()


def built_in_document() -> dict[str, Any]:
    """Return a fresh copy of the document as JSON, written in full."""
    document: dict[str, Any] = completed(SCHEMA, spelled_out(json.loads(BUILT_IN.read_text(encoding="utf-8"))))
    return document


@cache
def built_in() -> Policies:
    """Version 1: the card types' spans as they always were, round the clock, with a Chinese office calendar to choose."""
    return parse(built_in_document(), BUILT_IN_VERSION)


@cache
def _built_in_versions() -> tuple[PolicyDocument, ...]:
    name = version_name("deadlines", BUILT_IN_VERSION)
    return (PolicyDocument("deadlines", BUILT_IN_NUMBER, name, date(2020, 1, 1), built_in_document()),)


def _flaws(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    try:
        parse(document, BUILT_IN_VERSION)
    except DocumentWrong as wrong:
        return wrong.flaws
    return ()


def deadlines_in_force(on: date) -> Policies:
    """Return the policies that hold on a day."""
    return policies_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=16)
def policies_of(found: PolicyDocument) -> Policies:
    """Return one version, read."""
    return parsed(found.number or BUILT_IN_VERSION, json.dumps(found.document, sort_keys=True))


@lru_cache(maxsize=16)
def parsed(version: int, document: str) -> Policies:
    """Return the policies of a saved document (JSON), completed by the built-in ones of kinds that it knows nothing of."""
    return parse(json.loads(document), version).completed(built_in())


KIND = PolicyKind(
    "deadlines",
    SCHEMA,
    _built_in_versions,
    further=_flaws,
    first_number=BUILT_IN_VERSION + 1,
    spelled_out=spelled_out,
)

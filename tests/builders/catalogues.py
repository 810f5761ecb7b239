"""A published catalogue of brands for the length of a test."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.brand_document import built_in


@contextmanager
def published(document: Mapping[str, Any]) -> Iterator[None]:
    """This process decides by the document, as if two people had published it."""
    BOOK.fill("brands", [PolicyDocument("brands", 1, "brands-1", date(2026, 1, 1), document)])
    try:
        yield
    finally:
        BOOK.fill("brands", [])


def without(code: str, since: str = "2026-11-01") -> dict[str, Any]:
    """The built-in catalogue in which one brand is not bought from a day on."""
    document: dict[str, Any] = copy.deepcopy(dict(built_in()[0].document))
    entry = next(one for one in document["brands"] if one["code"] == code)
    entry |= {"not_bought_from": since, "not_bought_reason": {"zh_CN": "合同到期", "en": "The contract ended"}}
    return document

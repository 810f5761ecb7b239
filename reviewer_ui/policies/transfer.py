"""A policy document as a file, and back: what one installation exports, another takes in as a draft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domain.policies.document import PolicyDocument, PolicyKind
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.policies.schema import Schema


def exported(version: PolicyDocument, why: str) -> str:
    """Return the file of one version."""
    exported = {
        "kind": version.kind, "version": version.version, "effective_from": version.effective_from.isoformat(), "why": why,
        "document": version.document,
    }  # fmt: skip
    return json.dumps(exported, indent=2, ensure_ascii=False) + "\n"


def written(schema: Schema, document: Mapping[str, Any]) -> str:
    """Return the document as JSON with its fields in the order of the schema: the database keeps none."""
    return json.dumps(_ordered(schema, document), indent=2, ensure_ascii=False)


def _ordered(schema: Schema, value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(schema.get("items", {}), one) for one in value]
    if not isinstance(value, Mapping):
        return value
    fixed: Mapping[str, Schema] = schema.get("properties", {})
    other = schema.get("additionalProperties") or {}
    names = [*(name for name in fixed if name in value), *(name for name in value if name not in fixed)]
    return {name: _ordered(fixed.get(name, other), value[name]) for name in names}


def imported(kind: PolicyKind, given: Any) -> Any:
    """Return the document of a file, or the document itself. Raises DocumentWrong for a file of another kind."""
    if not isinstance(given, dict) or "kind" not in given or "document" not in given:
        return given
    if given["kind"] != kind.code:
        raise DocumentWrong([Flaw("kind", FlawKind.NOT_KNOWN)])
    return given["document"]

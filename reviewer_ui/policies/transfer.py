"""A policy document as a file, and back: what one installation exports, another takes in as a draft."""

from __future__ import annotations

import json
from typing import Any

from domain.policies.document import PolicyDocument, PolicyKind
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind


def exported(version: PolicyDocument, why: str) -> str:
    """Return the file of one version."""
    exported = {
        "kind": version.kind, "version": version.version, "effective_from": version.effective_from.isoformat(), "why": why,
        "document": version.document,
    }  # fmt: skip
    return json.dumps(exported, indent=2, ensure_ascii=False) + "\n"


def imported(kind: PolicyKind, given: Any) -> Any:
    """Return the document of a file, or the document itself. Raises DocumentWrong for a file of another kind."""
    if not isinstance(given, dict) or "kind" not in given or "document" not in given:
        return given
    if given["kind"] != kind.code:
        raise DocumentWrong([Flaw("kind", FlawKind.NOT_KNOWN)])
    return given["document"]

"""A kind of policy and one version of its document."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.policies.schema import Schema, completed, flaws_of

BUILT_IN_NUMBER = 0
DOCUMENT_BYTES_MAX = 200_000


@dataclass(frozen=True, eq=False)
class PolicyDocument:
    """One version. `version` is the name that decisions made by it keep; `number` counts the saved ones, 0 is built in.

    Compared by identity, so that what is made of a document can be cached by it.
    """

    kind: str
    number: int
    version: str
    effective_from: date
    document: Mapping[str, Any]


def _no_further_rule(_document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    return ()


def _as_it_is(document: Any) -> Any:
    return document


@dataclass(frozen=True)
class PolicyKind:
    """What one kind of policy declares.

    `built_in` returns the versions that come with the product. `further` returns the flaws that a schema cannot name, given
    the document and the one in force. `two_people`: a second, independent person publishes what the first one wrote.
    """

    code: str
    schema: Schema
    built_in: Callable[[], tuple[PolicyDocument, ...]]
    two_people: bool = True
    first_number: int = 1  # Of the first saved version.
    spelled_out: Callable[[Any], Any] = _as_it_is  # Writes in full what a document may say short.
    further: Callable[[Mapping[str, Any], Mapping[str, Any]], Iterable[Flaw]] = _no_further_rule

    def completed(self, document: Any) -> Any:
        """Return the document written in full, with the schema's defaults of what it lacks."""
        return completed(self.schema, self.spelled_out(document))

    def require_valid(self, document: object, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document, with the defaults of what it lacks. Raises DocumentWrong with every flaw and its place."""
        document = self.completed(document)
        found = list(flaws_of(self.schema, document))
        if not found and isinstance(document, dict):
            found = list(self.further(document, before))
        if found or not isinstance(document, dict):
            raise DocumentWrong(found or [Flaw("$", FlawKind.NOT_AN_OBJECT)])
        return document


def version_name(kind: str, number: int) -> str:
    """Return the name by which decisions keep a saved version, e.g. `limits-3`."""
    return f"{kind}-{number}"


@cache
def built_in_file(kind: str, path: Path, key: str) -> tuple[PolicyDocument, ...]:
    """Return the dated versions in a file of the product: a list under `key`, each with `version` and `effective_from`."""
    versions: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))[key]
    return tuple(built_in(kind, one) for one in versions)


def built_in(kind: str, described: Mapping[str, Any]) -> PolicyDocument:
    """Return one version of the product's own: its name and date are kept beside its values."""
    values = {name: value for name, value in described.items() if name not in ("version", "effective_from")}
    begins = date.fromisoformat(str(described["effective_from"]))
    return PolicyDocument(kind, BUILT_IN_NUMBER, str(described["version"]), begins, values)


def read_json(typed: str) -> Any:
    """Return a document from typed text. Raises DocumentWrong, with the line, for text that is no JSON."""
    if len(typed.encode()) > DOCUMENT_BYTES_MAX:
        raise DocumentWrong([Flaw("$", FlawKind.OUT_OF_RANGE)])
    try:
        return json.loads(typed)
    except json.JSONDecodeError as broken:
        raise DocumentWrong([Flaw(f"{broken.lineno}:{broken.colno}", FlawKind.NOT_JSON)]) from None
    except (RecursionError, ValueError):  # Nested or numbered beyond all sense.
        raise DocumentWrong([Flaw("$", FlawKind.NOT_JSON)]) from None

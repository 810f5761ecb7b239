"""How sure a reading must be before no person looks at it, by brand and field; and how many photos a second reader sees. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from domain.cards.reading import FieldName
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind
from domain.policies.schema import basis_points, by_code, optional, record, whole
from domain.rules.brands import catalogue
from domain.rules.limits import limits_in_force

READING = Path(__file__).with_name("reading.json")
LIMITED = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)


@dataclass(frozen=True)
class ReadingLimits:
    """One version: limits of confidence in basis points. A brand's own comes before that of `everywhere`.

    A limit is proposed only from `labels_min` labels, and so that with 95 % confidence at most `wrong_bp_max` of what it
    accepts is wrong. `shadow_bp` of the photos are also read by the second reader.
    """

    version: str
    everywhere: Mapping[str, int | None]
    brands: Mapping[str, Mapping[str, int | None]]
    labels_min: int
    wrong_bp_max: int
    shadow_bp: int

    def own_bp(self, brand: str, field: str) -> int | None:
        """Return the limit of a brand's field, None where the general one of the limits policy holds."""
        own = self.brands.get(brand, {}).get(field)
        return self.everywhere.get(field) if own is None else own


def _further(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    known = catalogue()
    for code in document["brands"]:
        if code not in known:
            yield Flaw(f"brands.{code}", FlawKind.NOT_KNOWN)


_FIELDS = {name.value: optional(basis_points()) for name in LIMITED}
KIND = PolicyKind(
    "reading",
    record(
        everywhere=record("field_name", **_FIELDS),
        brands=by_code(record("field_name", **_FIELDS)),
        labels_min=whole(100, 1_000_000),
        wrong_bp_max=basis_points(1_000, 1),
        shadow_bp=basis_points(),
    ),
    lambda: built_in_file("reading", READING, "reading"),
    further=_further,
)


def reading_in_force(on: date) -> ReadingLimits:
    """Return the limits of reading that hold on a day. Raises LookupError when there are none yet."""
    return reading_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def reading_of(found: PolicyDocument) -> ReadingLimits:
    """Return one version of the limits of reading."""
    return ReadingLimits(version=found.version, **found.document)


def sure_from_bp(brand: str, field: str, on: date) -> int:
    """Return the confidence from which a brand's field needs no review: its own limit, or else the general one."""
    own = reading_in_force(on).own_bp(brand, field)
    return limits_in_force(on).confidence_bp_min if own is None else own

"""Column kinds shared by the tables: moments are UTC and aware, enums are readable text, JSON is JSONB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Enum, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field


def now() -> datetime:
    """The present moment, UTC, aware."""
    return datetime.now(UTC)


def moment(*, index: bool = False) -> Any:
    """A moment that must be given."""
    return Field(sa_type=DateTime(timezone=True), index=index)


def moment_now() -> Any:
    """A moment that is the writing of the row."""
    return Field(default_factory=now, sa_type=DateTime(timezone=True))


def moment_maybe(*, index: bool = False) -> Any:
    """A moment that may not have come yet."""
    return Field(default=None, sa_type=DateTime(timezone=True), index=index)


def minor_units() -> Any:
    """An amount in minor units that must be given; as wide as the ledger's."""
    return Field(sa_type=BigInteger)


def minor_units_maybe() -> Any:
    """An amount in minor units that may not be known."""
    return Field(default=None, sa_type=BigInteger)


def word(kind: type[StrEnum], default: StrEnum | None = None, *, required: bool = False, index: bool = False) -> Any:
    """An enum's member stored as its own text."""
    stored = Enum(kind, native_enum=False, length=40, values_callable=_values)
    given: Any = ... if required else default
    return Field(default=given, sa_type=stored, index=index)


def json_object() -> Any:
    """A JSON object, empty unless given."""
    return Field(default_factory=dict, sa_type=JSONB)


def json_list() -> Any:
    """A JSON array, empty unless given."""
    return Field(default_factory=list, sa_type=JSONB)


def sealed(*, required: bool = False) -> Any:
    """A field encrypted by `domain.sealing`: key id, nonce, ciphertext and tag as bytes."""
    return Field(default=... if required else None, sa_type=LargeBinary, repr=False)


def _values(kind: Sequence[StrEnum]) -> list[str]:
    return [member.value for member in kind]

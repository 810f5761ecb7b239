"""Rows and their columns as all tables have them: moments are UTC and aware, enums are readable text, JSON is JSONB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, dataclass_transform

from sqlalchemy import BigInteger, DateTime, Enum, LargeBinary, Table
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass, mapped_column


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(mapped_column,))
class TableRow(MappedAsDataclass, DeclarativeBase, kw_only=True, eq=False):
    """A row of a table: its class names columns in statements, its instances hold their values."""

    __table__: ClassVar[Table]

    def values(self, *besides: str) -> dict[str, Any]:
        """Return the row by column, without those in `besides`."""
        return {name: getattr(self, name) for name in self.__table__.columns.keys() if name not in besides}  # noqa: SIM118


def now() -> datetime:
    """Return the present moment, UTC, aware."""
    return datetime.now(UTC)


def moment(*, index: bool = False) -> Any:
    """Declare a moment that must be given."""
    return mapped_column(DateTime(timezone=True), index=index)


def moment_now() -> Any:
    """Declare a moment that is the writing of the row."""
    return mapped_column(DateTime(timezone=True), default_factory=now, insert_default=now)


def moment_maybe(*, index: bool = False) -> Any:
    """Declare a nullable timestamp."""
    return mapped_column(DateTime(timezone=True), default=None, index=index)


def minor_units() -> Any:
    """Declare an amount in minor units that must be given; as wide as the ledger's."""
    return mapped_column(BigInteger)


def minor_units_maybe() -> Any:
    """Declare an amount in minor units that may not be known."""
    return mapped_column(BigInteger, default=None)


def word(kind: type[StrEnum], default: StrEnum | None = None, *, required: bool = False, index: bool = False) -> Any:
    """Declare an enum's member stored as its own text."""
    stored = Enum(kind, native_enum=False, length=40, values_callable=_values)
    return mapped_column(stored, index=index) if required else mapped_column(stored, default=default, index=index)


def word_key(kind: type[StrEnum]) -> Any:
    """Declare an enum's member that names the row."""
    return mapped_column(Enum(kind, native_enum=False, length=40, values_callable=_values), primary_key=True)


def json_object() -> Any:
    """Declare a JSON object, empty unless given."""
    return mapped_column(JSONB, default_factory=dict, insert_default=dict)


def json_list() -> Any:
    """Declare a JSON array, empty unless given."""
    return mapped_column(JSONB, default_factory=list, insert_default=list)


def sealed(*, required: bool = False) -> Any:
    """Declare a field encrypted by `domain.sealing`: key id, nonce, ciphertext and tag as bytes."""
    return mapped_column(LargeBinary, repr=False) if required else mapped_column(LargeBinary, default=None, repr=False)


def _values(kind: Sequence[StrEnum]) -> list[str]:
    return [member.value for member in kind]

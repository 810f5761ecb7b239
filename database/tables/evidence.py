"""The append-only log that proves each state change: leaves, interior hashes and signed tree heads (RFC 9162)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_object, moment_now


class LeafRow(TableRow):
    """One fact. Written in the transaction of the change it proves; the sequencer gives it its place later."""

    __tablename__ = "evidence_leaf"
    __table_args__ = (
        Index("evidence_leaf_unplaced", "id", postgresql_where=text("tree_index IS NULL")),
        Index("evidence_leaf_place", "tree_index", unique=True),
    )
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    card_id: Mapped[str | None] = mapped_column(default=None, index=True)
    what: Mapped[str]
    body: Mapped[dict[str, Any]] = json_object()  # Canonical JSON of it is what is hashed; no secret in it.
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)
    tree_index: Mapped[int | None] = mapped_column(BigInteger, default=None)
    at: Mapped[datetime] = moment_now()


class NodeRow(TableRow):
    """The hash of a full subtree: `level` 0 is a leaf, `position` counts from the left."""

    __tablename__ = "evidence_node"
    level: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class TreeHeadRow(TableRow):
    """A signed statement: at this size the root was this."""

    __tablename__ = "evidence_tree_head"
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)  # Ed25519 over size, moment and root.
    key_id: Mapped[str]
    at: Mapped[datetime] = moment_now()

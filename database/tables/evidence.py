"""The append-only log that proves each state change: leaves, interior hashes and signed tree heads (RFC 9162)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, moment_now


class LeafRow(SQLModel, table=True):
    """One fact. Written in the transaction of the change it proves; the sequencer gives it its place later."""

    __tablename__ = "evidence_leaf"
    __table_args__ = (
        Index("evidence_leaf_unplaced", "id", postgresql_where=text("tree_index IS NULL")),
        Index("evidence_leaf_place", "tree_index", unique=True),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    card_id: str | None = Field(default=None, index=True)
    what: str
    body: dict[str, Any] = json_object()  # Canonical JSON of it is what is hashed; no secret in it.
    leaf_hash: bytes = Field(sa_type=LargeBinary)
    tree_index: int | None = Field(default=None, sa_type=BigInteger)
    at: datetime = moment_now()


class NodeRow(SQLModel, table=True):
    """The hash of a full subtree: `level` 0 is a leaf, `position` counts from the left."""

    __tablename__ = "evidence_node"
    level: int = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, primary_key=True))
    hash: bytes = Field(sa_type=LargeBinary)


class TreeHeadRow(SQLModel, table=True):
    """A signed statement: at this size the root was this."""

    __tablename__ = "evidence_tree_head"
    size: int = Field(sa_column=Column(BigInteger, primary_key=True))
    root: bytes = Field(sa_type=LargeBinary)
    signature: bytes = Field(sa_type=LargeBinary)  # Ed25519 over size, moment and root.
    key_id: str
    at: datetime = moment_now()

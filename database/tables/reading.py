"""What was read from a photograph, field by field, with boxes and confidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, moment_now, sealed


class ReadingRow(SQLModel, table=True):
    """One reading of one photograph. `fields` holds name, confidence, box and source; values are in `values_sealed`."""

    __tablename__ = "reading"
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    photo_id: str = Field(foreign_key="photo.id")
    reader: str
    duration_ms: int
    fields: list[dict[str, Any]] = json_list()
    values_sealed: bytes = sealed(required=True)  # JSON object: field name to value as read.
    created_at: datetime = moment_now()

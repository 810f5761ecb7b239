"""How often something was tried, counted by all processes together."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from database.tables.columns import moment


class ThrottleRow(SQLModel, table=True):
    """One limit of one name. The row may go once `full_at` has passed."""

    __tablename__ = "throttle"
    name: str = Field(primary_key=True)  # SHA-256 (hex) of the rate and of who or what is counted.
    full_at: datetime = moment(index=True)  # When everything that was counted has run out.

"""Which outside systems are down, as all processes see it together."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from database.tables.columns import moment_maybe


class CircuitRow(SQLModel, table=True):
    """A circuit that failed recently; one that is closed without a failure has no row."""

    __tablename__ = "circuit"
    name: str = Field(primary_key=True)  # The system, or the system and the brand that it was asked about.
    failures: int  # In a row, over all processes.
    open_until: datetime | None = moment_maybe()  # Until then nobody calls; None: it has not opened.
    probing_until: datetime | None = moment_maybe()  # Lease of the one process that tries whether it is up again.

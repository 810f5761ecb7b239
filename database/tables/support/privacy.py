"""Privacy requests: copies of a person's data that wait to be fetched, and erasures that two people agreed to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, json_object, moment, moment_maybe, moment_now


class PrivacyCopyRow(TableRow):
    """The newest copy of a seller's data that was prepared on a ticket, sealed in the photo store under its hash."""

    __tablename__ = "privacy_copy"
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    prepared_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    prepared_at: Mapped[datetime] = moment_now()
    expires_at: Mapped[datetime] = moment(index=True)
    fetched_at: Mapped[datetime | None] = moment_maybe()  # First.
    erased_at: Mapped[datetime | None] = moment_maybe()  # The file is gone.


class ErasureRow(TableRow):
    """An erasure that one person proposed on a ticket, and what became of it. `done` counts what was erased."""

    __tablename__ = "erasure"
    __table_args__ = (
        Index(
            "erasure_open_once", "ticket_id", unique=True,
            postgresql_where=text("confirmed_at IS NULL AND refused_at IS NULL"),
        ),
        Index("erasure_by_ticket", "ticket_id", "id"),
        Index(
            "erasure_account_open", "id",
            postgresql_where=text("confirmed_at IS NOT NULL AND account_closed_at IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    ticket_id: Mapped[str] = mapped_column(ForeignKey("ticket.id"))
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposers: Mapped[list[str]] = json_list()  # With everyone they act for.
    proposed_at: Mapped[datetime] = moment_now()
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    confirmed_at: Mapped[datetime | None] = moment_maybe()
    refused_at: Mapped[datetime | None] = moment_maybe()
    # When telephone, mail addresses and the request's own words went: nothing waited for an answer any more.
    account_closed_at: Mapped[datetime | None] = moment_maybe()
    done: Mapped[dict[str, int]] = json_object()
    files: Mapped[list[str]] = json_list()  # Hashes of files that are still to be erased from the store.

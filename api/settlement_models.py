"""Settlement over the wire: a partner's own runs, their statements, and its answers."""

from __future__ import annotations

import base64
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.models import Amount, Required, Taken
from database.reads.finance.settlements import RunLine, RunRecord
from database.tables.finance.settlement import SettlementLineRow, SettlementStatementRow
from domain.finance.settlement import LINES_DISPUTED_MAX, WORDS_MAX, SettlementEnding, SettlementState
from domain.money import Money

Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", min_length=1, max_length=WORDS_MAX)]
EntryId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}$")]
Version = Annotated[int, Field(ge=1, le=10_000)]


class RunOut(BaseModel):
    """One period: what it comes to by its newest statement, and until when an answer is expected. Owed to you is positive."""

    id: str
    period: str
    first: date
    last: date
    state: SettlementState
    ending: SettlementEnding | None
    version: int
    carried_in: Amount
    lines_sum: Amount
    held_back: Amount
    payable: Amount
    carried_out: Amount
    answer_until: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, one: RunLine | RunRecord) -> RunOut:
        """From the run's row."""
        run = one.run

        def amount(minor: int) -> Amount:
            return Amount.of(Money(minor, run.currency))

        return cls(
            id=run.id, period=run.period, first=run.starts_on, last=run.ends_on, state=run.state, ending=run.ending,
            version=run.version, carried_in=amount(run.carried_in_minor), lines_sum=amount(run.lines_minor),
            held_back=amount(run.held_back_minor), payable=amount(run.payable_minor),
            carried_out=amount(run.carried_out_minor), answer_until=run.deadline_at, closed_at=run.closed_at,
        )  # fmt: skip


class RunsOut(BaseModel):
    """Runs, the newest period first; `next` is the `before` of the next page."""

    settlements: list[RunOut]
    next: str | None


class LineOut(BaseModel):
    """One entry. `late`: it counts for an earlier period. `version`: the first statement that shows it."""

    id: str
    happened_on: date
    what: str
    cause: str
    card_id: str | None
    amount: Amount
    late: bool
    version: int
    note: str

    @classmethod
    def of(cls, row: SettlementLineRow, one: RunRecord) -> LineOut:
        """From the line's row."""
        return cls(
            id=str(row.entry_id), happened_on=row.happened_on, what=row.what, cause=row.cause, card_id=row.card_id,
            amount=Amount.of(Money(row.amount_minor, one.run.currency)), late=row.late, version=row.version, note=row.note,
        )  # fmt: skip


class StatementOut(BaseModel):
    """One version of the statement; `files` can be downloaded, `content_sha256` is the hash of what it says."""

    version: int
    made_at: datetime
    content_sha256: str
    files: list[str]

    @classmethod
    def of(cls, row: SettlementStatementRow) -> StatementOut:
        """From the statement's row."""
        return cls(
            version=row.version, made_at=row.made_at, content_sha256=row.content_hash, files=sorted(row.files)
        )  # fmt: skip


class RunWholeOut(RunOut):
    """One period with its lines, and every version of its statement. `next_line` is the `after` of the next page of lines."""

    lines: list[LineOut]
    next_line: int | None
    statements: list[StatementOut]
    ticket_id: str | None


class StatementFileOut(BaseModel):
    """A file of the statement, in base64."""

    name: str
    media_type: str
    sha256: str
    content: Annotated[str, Field(repr=False)]

    @classmethod
    def of(cls, name: str, media_type: str, digest: str, content: bytes) -> StatementFileOut:
        """From the bytes."""
        return cls(name=name, media_type=media_type, sha256=digest, content=base64.b64encode(content).decode())


class ConfirmIn(Taken):
    """Which version you confirm, and your own number for it."""

    version: Version
    reference: Annotated[Required, StringConstraints(max_length=64)] | None = None


class DisputeIn(Taken):
    """Which version you dispute, why, and which lines it is about (none: the whole of it)."""

    version: Version
    words: Words
    lines: Annotated[list[EntryId], Field(max_length=LINES_DISPUTED_MAX, default_factory=list)]


class AnswerTaken(BaseModel):
    """Your answer was taken; the run is in this state now."""

    settlement_id: str
    state: SettlementState
    ticket_id: str | None = None

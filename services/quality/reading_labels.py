"""What people made of the machine's readings, kept as labelled data: field by field, sealed like the card itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.latest_readings import latest_by_photo
from database.repositories import cards
from database.sealed import LABEL_READ, LABEL_TRUTH, fields_of
from database.tables.cards import CardRow, PhotoRow, ReadingRow
from database.tables.people import AuditRow
from database.tables.quality import ReadingLabelRow
from database.tables.review import ReviewDecisionRow
from domain.cards.reading import SECRET_FIELDS, FieldName, confidence_bp, money_text
from domain.cards.review import APPROVALS
from domain.identifiers import new_id
from domain.money import Money
from domain.quality.reading_figures import condition_of
from domain.rules.brands import brand, tidy_number
from domain.sealing import KeyRing
from services.cards.readings_of_card import numbers_in, of_card

LABELLED = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)
HIDDEN = "*"
EXPORTED_MAX = 100_000  # Of the file that a page gives; the command line's has all of them.
CURSOR_ROWS = 500


@dataclass(frozen=True)
class Label:
    """One labelled field as it is exported; `read` and `truth` are masked unless the clear values were asked for."""

    card_id: str
    photo_id: str
    field: str
    reader: str
    confidence_bp: int | None
    accepted: bool
    read: str
    truth: str
    at: str  # ISO 8601, UTC

    def as_json(self) -> str:
        """One line of a JSON Lines file."""
        return json.dumps(asdict(self), ensure_ascii=False)


async def keep_labels(
    session: AsyncSession, keyring: KeyRing, card: CardRow, decision: ReviewDecisionRow, now: datetime
) -> None:
    """Labels every field that was read, once its card is approved: the card's own fields are the truth by then.

    Each photo is labelled once: by the latest reading that speaks of this card, of two that have its number by the surer one for each
    field, and by the latest approval where a card is approved again. A photo in which that reading cannot be known, because it shows several cards or another one, is not labelled.
    Called in the transaction that applies the decision.
    """
    if decision.outcome not in APPROVALS:
        return
    truth = _fields_of(card, keyring)
    read = select(ReadingRow).join(PhotoRow, PhotoRow.id == ReadingRow.photo_id)
    wanted = read.where(ReadingRow.card_id == card.id, PhotoRow.current).order_by(ReadingRow.created_at, ReadingRow.id)
    looks = latest_by_photo((await session.execute(wanted)).scalars())
    await session.execute(delete(ReadingLabelRow).where(ReadingLabelRow.photo_id.in_(looks)))
    numbers = numbers_in(keyring, (row for rows in looks.values() for row in rows))
    labels: dict[tuple[str | None, str], ReadingLabelRow] = {}
    for reading in of_card(looks.values(), numbers, brand(card.brand), truth.get(FieldName.NUMBER)):
        for label in _labels(reading, truth, keyring, card.brand, decision, now):
            kept = labels.setdefault((label.photo_id, label.field), label)
            if (kept.confidence_bp or 0) < (label.confidence_bp or 0):
                labels[label.photo_id, label.field] = label
    session.add_all(labels.values())


async def exported(session: AsyncSession, keyring: KeyRing, person: str, *, clear: bool = False) -> list[Label]:
    """Export the newest labels, EXPORTED_MAX at most; who took them is in the audit record of the same transaction."""
    newest = select(ReadingLabelRow).order_by(ReadingLabelRow.at.desc(), ReadingLabelRow.id.desc()).limit(EXPORTED_MAX)
    rows = (await session.execute(newest)).scalars().all()
    on_record(session, person, labels=len(rows), clear=clear)
    return [_label(one, keyring, clear) for one in rows]


async def count(session: AsyncSession, until: datetime) -> int:
    """How many labels there are that were made until then."""
    return await session.scalar(select(func.count()).where(ReadingLabelRow.at <= until)) or 0


async def streamed(session: AsyncSession, keyring: KeyRing, until: datetime, *, clear: bool) -> AsyncIterator[Label]:
    """All labels made until then, oldest first, by a cursor of the server: never more than a few hundred in memory.

    Raises SealBroken for a label that does not open. The caller has put the export on record before.
    """
    wanted = select(ReadingLabelRow).where(ReadingLabelRow.at <= until).order_by(ReadingLabelRow.at, ReadingLabelRow.id)
    async for one in await session.stream_scalars(wanted.execution_options(yield_per=CURSOR_ROWS)):
        session.expunge(one)
        yield _label(one, keyring, clear)


def on_record(session: AsyncSession, actor: str, **facts: str | int | bool) -> None:
    """Writes down who takes labels out, in the caller's transaction."""
    session.add(AuditRow(actor=actor, act="labels:reading:export", subject="reading_label", facts=facts))


def _labels(
    reading: ReadingRow, truth: dict[FieldName, str], keyring: KeyRing, brand: str, decision: ReviewDecisionRow, now: datetime,
) -> Iterator[ReadingLabelRow]:  # fmt: skip
    for name, value, kept in fields_of(keyring, reading):
        if name not in LABELLED or name not in truth:
            continue
        label_id = new_id()
        yield ReadingLabelRow(
            id=label_id, brand=brand, condition=condition_of(kept), card_id=reading.card_id, decision_id=decision.id, photo_id=reading.photo_id, field=name.value,
            reader=reading.reader, confidence_bp=confidence_bp(kept), accepted=_tidy(name, value) == truth[name],
            read_sealed=LABEL_READ.seal(keyring, label_id, value),
            truth_sealed=LABEL_TRUTH.seal(keyring, label_id, truth[name]), at=now,
        )  # fmt: skip


def _fields_of(card: CardRow, keyring: KeyRing) -> dict[FieldName, str]:
    """Return the recorded value in the form of a reading: secret."""
    face = None if card.face_value_minor is None else money_text(Money(card.face_value_minor, card.currency))
    fields = {
        FieldName.NUMBER: cards.open_number(keyring, card),
        FieldName.PIN: cards.open_pin(keyring, card),
        FieldName.FACE_VALUE: face,
        FieldName.EXPIRY: card.expires_on.isoformat() if card.expires_on else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _tidy(name: FieldName, value: str) -> str:
    return tidy_number(value) if name is FieldName.NUMBER else value


def _label(row: ReadingLabelRow, keyring: KeyRing, clear: bool) -> Label:
    read, truth = (
        column.open(keyring, row.id, sealed) or ""
        for column, sealed in ((LABEL_READ, row.read_sealed), (LABEL_TRUTH, row.truth_sealed))
    )
    if not clear and row.field in SECRET_FIELDS:
        read, truth = where_wrong(read, truth), HIDDEN * len(truth)
    return Label(
        row.card_id, row.photo_id or "", row.field, row.reader, row.confidence_bp, row.accepted, read, truth, row.at.isoformat(),
    )  # fmt: skip


def where_wrong(read: str, truth: str) -> str:
    """Return where the reading went wrong without the characters: a star for each right place, an x for each wrong one."""
    if len(read) != len(truth):
        return f"{len(read)}/{len(truth)}"
    return "".join(HIDDEN if one == other else "x" for one, other in zip(read, truth, strict=True))

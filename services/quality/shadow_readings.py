"""A second reader on live photos: it reads beside the first, when that has nothing to do, and no card is decided by it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.reads.cards.latest_readings import by_look
from database.sealed import LABEL_TRUTH, READING_VALUES, SHADOW_VALUES
from database.session import Database
from database.tables.cards import CardRow, PhotoRow, ReadingRow
from database.tables.quality import ReadingLabelRow, ShadowReadingRow
from domain.cards.reading import SECRET_FIELDS, FieldName, Reading
from domain.money import BASIS_POINTS_PER_ONE
from domain.places import business_day
from domain.quality.agreement import Share
from domain.rules.brands import tidy_number
from domain.rules.reading import LIMITED, reading_in_force
from domain.rules.whose_reading import number_read, of_number
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoMissing, PhotoStore
from ocr.reader import CardReader
from services.cards.readings_of_card import number_of

FRESH = timedelta(minutes=10)  # A photo that could not be read beside the others within this time is left out.
LOOKED_AT = 200
COMPARED_MAX = 2_000  # The newest; more would keep the page waiting.


@dataclass
class FieldComparison:
    """One field of photos that both readers read. The last four count those of which people found the truth."""

    name: str
    agree: int = 0
    differ: int = 0
    both_right: int = 0
    first_right: int = 0  # The first reader alone.
    second_right: int = 0
    neither_right: int = 0

    @property
    def known(self) -> int:
        """Return of how many the truth is known."""
        return self.both_right + self.first_right + self.second_right + self.neither_right

    @property
    def first_exact(self) -> Share | None:
        """Return the share that the first reader had right."""
        return Share(self.both_right + self.first_right, self.known) if self.known else None

    @property
    def second_exact(self) -> Share | None:
        """Return the share that the second reader had right."""
        return Share(self.both_right + self.second_right, self.known) if self.known else None


@dataclass(frozen=True)
class ReaderComparison:
    """Two readers (name and version of each) on the same photos, with the middle time of each in milliseconds."""

    first: str
    second: str
    photos: int
    first_ms: int
    second_ms: int
    fields: tuple[FieldComparison, ...]


@dataclass(frozen=True)
class _Drawn:
    reading_id: str
    card_id: str
    photo_id: str
    brand: str
    stored_sha256: str
    beside_others: bool  # The first reader saw several cards in the photo.
    number: str = field(repr=False)


class ShadowReader:
    """Reads photos with the second reader while the first is idle. `busy` tells whether it is not."""

    def __init__(
        self, database: Database, keyring: KeyRing, photos: PhotoStore, reader: CardReader, busy: Callable[[], bool],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._database = database
        self._keyring = keyring
        self._photos = photos
        self._reader = reader
        self._busy = busy
        self._now = now

    async def read(self) -> int:
        """Read one photo of the share that the policy draws, the newest first; return how many were read.

        Nothing is read while the first reader is busy: what waits longer than FRESH is left out. Raises DatabaseUnavailable.
        """
        share_bp = reading_in_force(business_day(self._now())).shadow_bp
        if not share_bp or self._busy():
            return 0
        async with self._database.transaction() as session:
            drawn = await self._next(session, share_bp)
        if drawn is None:
            return 0
        try:
            readings = await asyncio.to_thread(self._read, drawn)
        except PhotoMissing:
            readings = ()
        chosen = _of_card(readings, drawn)
        async with self._database.transaction() as session:
            await insert_once(session, self._kept(drawn, chosen))
        return 1

    async def _next(self, session: AsyncSession, share_bp: int) -> _Drawn | None:
        wanted = (
            select(ReadingRow, CardRow.brand, PhotoRow.stored_sha256)
            .join(CardRow, CardRow.id == ReadingRow.card_id)
            .join(PhotoRow, PhotoRow.id == ReadingRow.photo_id)
            .outerjoin(ShadowReadingRow, ShadowReadingRow.reading_id == ReadingRow.id)
            .where(ReadingRow.created_at > self._now() - FRESH, ShadowReadingRow.reading_id.is_(None))
            .where(PhotoRow.erased_at.is_(None))
            .order_by(ReadingRow.created_at.desc(), ReadingRow.id.desc())
            .limit(LOOKED_AT)
        )
        for row, brand, digest in await session.execute(wanted):
            if lot_bp(row.id) < share_bp:
                looks = await _looks_of_several(session, [row.photo_id])
                beside_others = any(one.id == row.id for look in looks for one in look)
                number = number_of(self._keyring, row)
                return _Drawn(row.id, row.card_id, row.photo_id, brand, digest, beside_others, number)
        return None

    def _read(self, drawn: _Drawn) -> tuple[Reading, ...]:
        return self._reader.read(self._photos.read(drawn.stored_sha256), drawn.brand)

    def _kept(self, drawn: _Drawn, reading: Reading | None) -> ShadowReadingRow:
        fields = reading.fields if reading else ()
        values = json.dumps({one.name.value: one.value for one in fields})
        entries = [
            {
                "name": one.name.value,
                "confidence_bp": round(one.confidence * BASIS_POINTS_PER_ONE),
                "source": one.source.value,
                "reasons": [reason.value for reason in one.reasons],
            }
            for one in fields
        ]
        return ShadowReadingRow(
            reading_id=drawn.reading_id,
            card_id=drawn.card_id,
            photo_id=drawn.photo_id,
            reader=reading.reader if reading else "",
            duration_ms=reading.duration_ms if reading else 0,
            fields=entries,
            values_sealed=SHADOW_VALUES.seal(self._keyring, drawn.reading_id, values),
            created_at=self._now(),
        )


def lot_bp(reading_id: str) -> int:
    """Return where a reading falls among all, in basis points: those below the policy's share are drawn."""
    return int.from_bytes(hashlib.sha256(reading_id.encode()).digest()[:4]) % BASIS_POINTS_PER_ONE


async def comparisons(
    session: AsyncSession, keyring: KeyRing, since: datetime, until: datetime
) -> list[ReaderComparison]:
    """Compare both readers on the photos of a span, the newest COMPARED_MAX of them, by pair of readers. Raises SealBroken."""
    one, first = ShadowReadingRow, ReadingRow
    wanted = select(one, first).join(first, first.id == one.reading_id).where(one.created_at > since)
    wanted = wanted.where(one.created_at <= until, one.reader != "")
    newest = wanted.order_by(one.created_at.desc(), one.reading_id).limit(COMPARED_MAX)
    pairs: dict[tuple[str, str], list[tuple[ReadingRow, ShadowReadingRow]]] = defaultdict(list)
    for shadow, live in await session.execute(newest):
        pairs[live.reader, shadow.reader].append((live, shadow))
    truths = await _truths(session, keyring, [live for both in pairs.values() for live, _ in both])
    others = await _of_others(session, keyring, [live.photo_id for both in pairs.values() for live, _ in both], truths)
    return [_compared(keyring, names, both, truths, others) for names, both in sorted(pairs.items())]


async def left_out(session: AsyncSession, since: datetime, until: datetime) -> int:
    """Return how many photos of a span are not compared: gone, or of several cards of which none is known to be the first reader's."""
    one = ShadowReadingRow
    chosen = select(func.count()).where(one.created_at > since, one.created_at <= until, one.reader == "")
    return await session.scalar(chosen) or 0


async def _of_others(
    session: AsyncSession, keyring: KeyRing, photo_ids: Sequence[str], truths: dict[tuple[str, str], str]
) -> frozenset[str]:
    """The ids of readings of photos of several cards that are not known to speak of the card whose truth people found."""
    others: set[str] = set()
    for look in await _looks_of_several(session, photo_ids):
        truth = tidy_number(truths.get((look[0].photo_id, FieldName.NUMBER), ""))
        own = of_number([number_of(keyring, row) for row in look], truth)
        others |= {row.id for at, row in enumerate(look) if at not in own}
    return frozenset(others)


async def _looks_of_several(session: AsyncSession, photo_ids: Sequence[str]) -> list[tuple[ReadingRow, ...]]:
    """The readings of each look at these photos that showed several cards."""
    row = ReadingRow
    cards = func.count().over(partition_by=(row.photo_id, row.created_at))
    counted = select(row.id, cards.label("cards")).where(row.photo_id.in_(photo_ids)).subquery()
    several = select(row).join(counted, counted.c.id == row.id).where(counted.c.cards > 1)
    return by_look((await session.execute(several.order_by(row.created_at, row.id))).scalars())


async def _truths(
    session: AsyncSession, keyring: KeyRing, readings: Sequence[ReadingRow]
) -> dict[tuple[str, str], str]:
    """What people found, by photo and field: secret."""
    row = ReadingLabelRow
    wanted = select(row).where(row.photo_id.in_([one.photo_id for one in readings])).order_by(row.at, row.id)
    return {
        (one.photo_id or "", one.field): LABEL_TRUTH.open(keyring, one.id, one.truth_sealed) or ""
        for one in (await session.execute(wanted)).scalars()
    }


def _compared(
    keyring: KeyRing, names: tuple[str, str], both: Sequence[tuple[ReadingRow, ShadowReadingRow]],
    truths: dict[tuple[str, str], str], others: frozenset[str],
) -> ReaderComparison:  # fmt: skip
    counts = {name.value: FieldComparison(name.value) for name in LIMITED}
    for live, shadow in both:
        read = json.loads(READING_VALUES.open(keyring, live.id, live.values_sealed))
        again = json.loads(SHADOW_VALUES.open(keyring, shadow.reading_id, shadow.values_sealed))
        for name, count in counts.items():
            one, other = (_tidy(name, values.get(name)) for values in (read, again))
            if one is None and other is None:
                continue
            count.agree += one == other
            count.differ += one != other
            truth = _tidy(name, truths.get((live.photo_id, name)))
            if truth is not None and live.id not in others:
                _judge(count, one == truth, other == truth)
    middle = len(both) // 2
    return ReaderComparison(
        *names, len(both), sorted(live.duration_ms for live, _ in both)[middle],
        sorted(shadow.duration_ms for _, shadow in both)[middle], tuple(counts.values()),
    )  # fmt: skip


def _judge(count: FieldComparison, first: bool, second: bool) -> None:
    count.both_right += first and second
    count.first_right += first and not second
    count.second_right += second and not first
    count.neither_right += not first and not second


def _tidy(name: str, value: str | None) -> str | None:
    return tidy_number(value) if value is not None and FieldName(name) in SECRET_FIELDS else value


def _of_card(readings: Sequence[Reading], drawn: _Drawn) -> Reading | None:
    """The reading of the card that the first reader read; None where that cannot be known (see `of_number`)."""
    if len(readings) == 1 and not drawn.beside_others:
        return readings[0]
    own = of_number([number_read(one) for one in readings], drawn.number)
    return readings[own[0]] if own else None

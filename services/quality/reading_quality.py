"""How well cards are read, from what people made of the readings: by brand, field and condition, with confusions and worst cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality import reading_labels as reads
from database.sealed import LABEL_READ, LABEL_TRUTH
from database.tables.quality import ReadingLabelRow
from domain.cards.reading import SECRET_FIELDS, Box
from domain.places import business_day
from domain.quality.reading_figures import Bin, LabelGroup, Tally, by, confusions, coverage_curve, reliability, tally
from domain.rules.reading import sure_from_bp
from domain.sealing import KeyRing
from services.quality.reading_labels import where_wrong

WORST = 12
Table = tuple[tuple[str, Tally], ...]  # By name.
Cells = tuple[tuple[tuple[str, str, str], Tally], ...]  # By brand, field and condition.


@dataclass(frozen=True)
class WorstCase:
    """A reading that was wrong: where, without its characters, and the place in the photo that shows it."""

    label_id: str
    card_id: str
    brand: str
    field: str
    condition: str
    confidence_bp: int
    accepted: bool  # No person would have looked.
    where: str  # `****x***`, or the two lengths.
    has_picture: bool


@dataclass(frozen=True)
class Picture:
    """The place of a photo that a worst case shows."""

    stored_sha256: str
    box: Box


@dataclass(frozen=True)
class ReadingQuality:
    """The figures of one span. Tables have a line for each brand, field, condition, and all three together."""

    whole: Tally
    brands: Table
    fields: Table
    conditions: Table
    cells: Cells
    reliability: tuple[Bin, ...]
    curve: tuple[tuple[float, float], ...]
    confusions: tuple[tuple[str, str, int], ...] = field(repr=False)
    worst: tuple[WorstCase, ...]


async def reading_quality(
    session: AsyncSession, keyring: KeyRing, now: datetime, days: int, brand: str = ""
) -> ReadingQuality:
    """Return the figures of the labels of the last days, judged by the limits in force today. Raises SealBroken."""
    since = now - timedelta(days=days)
    groups = await reads.groups(session, since, now, brand)
    wrong = await reads.wrong(session, since, now, brand)
    limits = limit_of(now)
    secret = [one for one in wrong if one.field in SECRET_FIELDS]
    worst = await reads.placed(session, wrong[:WORST])
    return ReadingQuality(
        tally(groups, limits), table_of(groups, lambda one: one.brand, limits), table_of(groups, lambda one: one.field, limits),
        table_of(groups, lambda one: one.condition, limits),
        cells_of(groups, limits),
        tuple(reliability(groups)), tuple(coverage_curve(groups)),
        tuple(confusions(_opened(keyring, one) for one in secret)),
        tuple(_case(keyring, one, limits) for one in worst),
    )  # fmt: skip


async def picture_of(session: AsyncSession, label_id: str) -> Picture | None:
    """Return the place of the photo that shows a wrong reading; None where it is erased, or the reading was right."""
    row = await session.get(ReadingLabelRow, label_id)
    if row is None or row.accepted:
        return None
    (found,) = await reads.placed(session, [row])
    return None if found.stored_sha256 is None or found.box is None else Picture(found.stored_sha256, Box(**found.box))


def limit_of(now: datetime) -> Callable[[LabelGroup], int]:
    """Return what tells the limit that holds now for a group's brand and field."""
    today, known = business_day(now), dict[tuple[str, str], int]()

    def limit(one: LabelGroup) -> int:
        key = (one.brand, one.field)
        if key not in known:
            known[key] = sure_from_bp(*key, today)
        return known[key]

    return limit


def table_of(
    groups: Sequence[LabelGroup], key: Callable[[LabelGroup], str], limits: Callable[[LabelGroup], int]
) -> Table:
    """Return the figures by a key, in the order of the keys."""
    return tuple((name, tally(some, limits)) for name, some in by(groups, key).items())


def cells_of(groups: Sequence[LabelGroup], limits: Callable[[LabelGroup], int]) -> Cells:
    """Return the figures by brand, field and condition together."""
    return tuple((_parts(key), tally(some, limits)) for key, some in by(groups, _cell).items())


def _cell(one: LabelGroup) -> str:
    return "\n".join((one.brand, one.field, one.condition))


def _parts(key: str) -> tuple[str, str, str]:
    brand, name, condition = key.split("\n")
    return brand, name, condition


def _opened(keyring: KeyRing, row: ReadingLabelRow) -> tuple[str, str]:
    """What is printed and what was read: secret."""
    truth = LABEL_TRUTH.open(keyring, row.id, row.truth_sealed) or ""
    return truth, LABEL_READ.open(keyring, row.id, row.read_sealed) or ""


def _case(keyring: KeyRing, found: reads.WrongLabel, limits: Callable[[LabelGroup], int]) -> WorstCase:
    row = found.row
    truth, read = _opened(keyring, row)
    sure = row.confidence_bp or 0
    group = LabelGroup(row.brand, row.field, row.condition, sure, right=False)
    return WorstCase(
        row.id, row.card_id, row.brand, row.field, row.condition, sure, sure >= limits(group), where_wrong(read, truth),
        found.stored_sha256 is not None and found.box is not None,
    )  # fmt: skip

"""How well cards are read, from what people made of the readings; and the second reader beside the first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.places import business_day
from domain.quality.reading_figures import Bin, Tally
from domain.rules.brands import catalogue
from domain.rules.reading import reading_in_force
from gateways.pictures.store import PhotoMissing
from gateways.pictures.veil import coarse
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, shell
from services.quality.reading_quality import ReadingQuality, Table, picture_of, reading_quality
from services.quality.seller_values import SellerValues, seller_values
from services.quality.shadow_readings import ReaderComparison, comparisons, left_out
from web.locale import locale_of
from web.spreadsheet import Cell, download, given

router = APIRouter(prefix="/insight/reading")
QualityReader = Annotated[Person, Depends(allowed(Permission.SEE_QUALITY))]
SPANS = (30, 90, 365)
Days = Annotated[int, Query(ge=1, le=3650)]
BrandCode = Annotated[str, Query(max_length=40)]
Tables = tuple[tuple[str, Table], ...]  # By brand, by field, by condition.
PLOT = 240  # Units a side of a drawing.
PRECISION_FROM = 0.8  # The lower edge of the drawing of precision.
HEADS = ("kind", "brand", "field", "condition", "labels", "right", "accepted", "wrong", "wrong_at_most_bp")
CONFUSION_HEADS = ("printed", "read", "times")


@dataclass(frozen=True)
class Dot:
    """A bin of confidences in the drawing, with what it says."""

    x: float
    y: float
    radius: float
    bin: Bin


@dataclass(frozen=True)
class ReadingContext:
    """The page of figures; `tables` are the same labels by brand, by field and by condition, `seller_tables` what sellers gave;
    `curve` are the points of a line."""

    shell: Shell
    days: int
    spans: tuple[int, ...]
    brand: str
    brands: tuple[tuple[str, str], ...]
    names: dict[str, str]
    quality: ReadingQuality
    tables: Tables
    sellers: SellerValues
    seller_tables: Tables
    dots: tuple[Dot, ...]
    curve: str
    plot: int
    may_see_card: bool
    may_see_policies: bool
    limits_version: str


@dataclass(frozen=True)
class ShadowContext:
    """Both readers side by side; `share_bp` of the photos are read by the second one, `left_out` photos are not compared."""

    shell: Shell
    days: int
    spans: tuple[int, ...]
    share_bp: int
    found: tuple[ReaderComparison, ...]
    left_out: int


@router.get("")
async def show(
    request: Request, console: At, person: QualityReader, days: Days = 90, brand: BrandCode = ""
) -> Response:
    """All figures of the last days, of one brand or of all."""
    names = {code: one.names[locale_of(request)] for code, one in catalogue().items()}
    chosen = brand if brand in names else ""
    quality, sellers = await _figures(console, days, chosen)
    brands = tuple(sorted(((name, code) for code, name in names.items())))
    context = ReadingContext(
        shell(request, person), days, SPANS, chosen, tuple((code, name) for name, code in brands), names, quality, _tables(quality), sellers,
        _tables(sellers), tuple(_dots(quality.reliability)), _line(quality.curve), PLOT, person.may(Permission.SEE_CARD),
        person.may(Permission.SEE_POLICIES), reading_in_force(business_day(datetime.now(UTC))).version,
    )  # fmt: skip
    return await console.answer(request, "quality/reading.html", context)


@router.get("/figures.csv")
async def figures(console: At, person: QualityReader, days: Days = 90, brand: BrandCode = "") -> Response:  # noqa: ARG001
    """Every table as one file; intervals are left to the reader, who has both counts, but for how many may be wrong."""
    quality, sellers = await _figures(console, days, brand)
    rows = [_row("all", "", "", "", quality.whole)]
    rows += [_row("brand", name, "", "", one) for name, one in quality.brands]
    rows += [_row("field", "", name, "", one) for name, one in quality.fields]
    rows += [_row("condition", "", "", name, one) for name, one in quality.conditions]
    rows += [_row("cell", *parts, one) for parts, one in quality.cells]
    rows += [_row("sellers", "", "", "", sellers.whole)]
    rows += [_row("sellers_cell", *parts, one) for parts, one in sellers.cells]
    return download("cardloop-reading", HEADS, given(rows))


@router.get("/confusions.csv")
async def confusions(console: At, person: QualityReader, days: Days = 90, brand: BrandCode = "") -> Response:  # noqa: ARG001
    """Serve the characters that were taken for one another, as a file."""
    quality = await _quality(console, days, brand)
    return download("cardloop-confusions", CONFUSION_HEADS, given(quality.confusions))


@router.get("/cases/{label_id}.jpg")
async def case(console: At, person: QualityReader, label_id: str) -> Response:  # noqa: ARG001
    """Serve the place of a photo that was read wrongly, in squares too coarse to read."""
    async with console.services.database.transaction() as session:
        found = await picture_of(session, label_id)
    if found is None:
        raise NotFound(label=label_id[:26])
    try:
        crop = await asyncio.to_thread(console.services.photos.crop, found.stored_sha256, found.box)
    except PhotoMissing:
        raise NotFound(label=label_id[:26]) from None
    return Response(await asyncio.to_thread(coarse, crop), media_type="image/jpeg")


@router.get("/shadow")
async def shadow(request: Request, console: At, person: QualityReader, days: Days = 30) -> Response:
    """Show the second reader beside the first, on the photos that both read."""
    now = datetime.now(UTC)
    async with console.services.database.transaction() as session:
        found = await comparisons(session, console.services.keyring, now - timedelta(days=days), now)
        gone = await left_out(session, now - timedelta(days=days), now)
    share_bp = reading_in_force(business_day(now)).shadow_bp
    context = ShadowContext(shell(request, person), days, SPANS, share_bp, tuple(found), gone)
    return await console.answer(request, "quality/shadow.html", context)


async def _quality(console: Console, days: int, brand: str) -> ReadingQuality:
    async with console.services.database.transaction() as session:
        return await reading_quality(session, console.services.keyring, datetime.now(UTC), days, brand)


async def _figures(console: Console, days: int, brand: str) -> tuple[ReadingQuality, SellerValues]:
    async with console.services.database.transaction() as session:
        return (
            await reading_quality(session, console.services.keyring, datetime.now(UTC), days, brand),
            await seller_values(session, datetime.now(UTC), days, brand),
        )


def _tables(of: ReadingQuality | SellerValues) -> Tables:
    return (("brand", of.brands), ("field", of.fields), ("condition", of.conditions))


def _row(kind: str, brand: str, name: str, condition: str, of: Tally) -> Sequence[Cell]:
    return (kind, brand, name, condition, of.labels, of.right, of.accepted, of.wrong, of.wrong_at_most_bp)


def _dots(bins: Iterable[Bin]) -> Iterable[Dot]:
    for one in bins:
        share = one.right.part / one.right.whole
        radius = min(14.0, 3 + one.right.whole**0.5 / 4)
        yield Dot(round(PLOT * one.claimed, 1), round(PLOT * (1 - share), 1), round(radius, 1), one)


def _line(curve: Sequence[tuple[float, float]]) -> str:
    """The points of the line of precision over coverage; what lies below the drawing runs along its edge."""
    scale = PLOT / (1 - PRECISION_FROM)
    return " ".join(f"{PLOT * covered:.1f},{min(PLOT, scale * (1 - right)):.1f}" for covered, right in curve)

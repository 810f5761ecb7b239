"""How good decisions are: agreement of blind second reviews, and the labelled readings as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.quality.blind_reviews import Measured, Measurements, differences, measure
from database.tables.quality import BlindReviewRow
from domain.people.roles import Permission
from domain.quality.agreement import Figures
from domain.rules.brands import catalogue
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, shell
from services.people.acting import standing
from services.quality.reading_labels import Label, exported
from web.locale import locale_of
from web.spreadsheet import Cell, download, given

router = APIRouter()
QualityReader = Annotated[Person, Depends(allowed(Permission.SEE_QUALITY))]
LabelReader = Annotated[Person, Depends(allowed(Permission.EXPORT_LABELS))]
SPANS = (30, 90, 365)
Days = Annotated[int, Query(ge=1, le=3650)]
HEADS = (
    "kind", "name", "cases", "agreed", "kappa", "settled", "overturned", "accepts", "false_accepts", "rejects", "false_rejects",
)  # fmt: skip
LABEL_HEADS = ("card", "photo", "field", "reader", "confidence_bp", "accepted", "read", "truth", "at")


@dataclass(frozen=True)
class QualityContext:
    """The page of figures; `tables` are the same figures by reviewer and by brand."""

    shell: Shell
    days: int
    spans: tuple[int, ...]
    measured: Measurements
    tables: tuple[tuple[str, tuple[Measured, ...]], ...]
    brand_names: dict[str, str]
    may_export: bool
    differences: tuple[BlindReviewRow, ...]


@router.get("/quality")
async def show(request: Request, console: At, person: QualityReader, days: Days = 90) -> Response:
    """Everything drawn in the last days."""
    measured = await _measured(console, days)
    names = {code: one.names[locale_of(request)] for code, one in catalogue().items()}
    tables = (("reviewers", measured.reviewers), ("brands", measured.brands))
    may_export = person.may(Permission.EXPORT_LABELS)
    unsettled: tuple[BlindReviewRow, ...] = ()
    if person.may(Permission.SETTLE):
        async with console.services.database.transaction() as session:
            who = await standing(session, person.id, datetime.now(UTC))
            unsettled = await differences(session, who.circle)
    context = QualityContext(shell(request, person), days, SPANS, measured, tables, names, may_export, unsettled)
    return await console.answer(request, "quality/quality.html", context)


@router.get("/quality/labels.csv")
async def labels(console: At, person: LabelReader) -> Response:
    """Export the labelled readings, numbers and PINs masked; in the clear only from the command line."""
    async with console.services.database.transaction() as session:
        found = await exported(session, console.services.keyring, f"person:{person.id}")
    return download("cardloop-labels", LABEL_HEADS, _label_rows(found))


@router.get("/quality/figures.csv")
async def file(console: At, person: QualityReader, days: Days = 90) -> Response:  # noqa: ARG001
    """All figures as a file; shares are left to the reader, who has both counts."""
    measured = await _measured(console, days)
    rows = [_row("all", "", measured.all)]
    rows += [_row("reviewer", one.name, one.figures) for one in measured.reviewers]
    rows += [_row("brand", one.key, one.figures) for one in measured.brands]
    return download("cardloop-quality", HEADS, given(rows))


async def _measured(console: Console, days: int) -> Measurements:
    async with console.services.database.transaction() as session:
        return await measure(session, datetime.now(UTC) - timedelta(days=days))


def _row(kind: str, name: str, of: Figures) -> Sequence[Cell]:
    kappa = None if of.kappa is None else f"{of.kappa:.3g}"
    counts = (of.settled, of.overturned, of.accepts, of.false_accepts, of.rejects, of.false_rejects)
    return (kind, name, of.cases, of.agreed, kappa, *counts)


async def _label_rows(found: list[Label]) -> AsyncIterator[Sequence[Cell]]:
    for one in found:
        accepted = "yes" if one.accepted else "no"
        yield (
            one.card_id, one.photo_id, one.field, one.reader, one.confidence_bp, accepted, one.read, one.truth, one.at,
        )  # fmt: skip

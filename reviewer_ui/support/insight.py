"""How the support desk does: figures over a time, by the mechanism of the figures of reviews."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reviewer_ui.quality.insight import BOARDS, AskedFor, Board, InsightReader, file_of, page
from reviewer_ui.support.insight_figures import MAKERS
from reviewer_ui.visit import At

router = APIRouter()
SUPPORT = Board(*BOARDS[1], MAKERS)


@router.get(SUPPORT.path)
async def show(request: Request, console: At, person: InsightReader, asked: AskedFor) -> Response:
    """Show all figures of support over the span."""
    return await page(request, console, person, asked, SUPPORT)


@router.get("/insight/support/{figure}.csv")
async def file(request: Request, console: At, asked: AskedFor, figure: str) -> Response:
    """Return one figure of support as a file, as those of reviews are."""
    return await file_of(request, console, asked, SUPPORT, figure)

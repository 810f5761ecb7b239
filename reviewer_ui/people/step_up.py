"""Confirm one's identity for a page that was only requested; an action asks for it itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import SignedIn, see_other
from web.locale import safe_return

router = APIRouter()


@router.post("/step-up")
async def confirm(
    request: Request,
    person: SignedIn,
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
) -> Response:
    """Show the confirmation form until confirmed, then redirect to the page."""
    await require_step_up(request, person)
    return see_other(safe_return(next))

"""The switches of every page: language, light or dark, and how wide the rail is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.tables.people import PersonRow
from languages import LOCALES
from reviewer_ui.visit import RAILS, THEME_COOKIE, THEMES, At, rail_cookie, see_other, visitor
from web.locale import ONE_YEAR_S, remember, safe_return

router = APIRouter()
Text = Annotated[str, Form(max_length=500)]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Says that this process answers; tells nothing about the platform."""
    return {"status": "ok"}


@router.post("/language")
async def language(request: Request, console: At, locale: Text, back: Text = "/") -> Response:
    """Keeps the language, for who is signed in also in their profile, and goes back to the page it was chosen on."""
    person = await visitor(request)
    if person is not None and locale in LOCALES:
        async with console.services.database.transaction() as session:
            (await session.get_one(PersonRow, person.id)).locale = locale
    response = see_other(safe_return(back))
    remember(response, locale, secure=console.services.https)
    return response


@router.post("/theme")
async def theme(console: At, theme: Text, back: Text = "/") -> Response:
    """Keeps light or dark and goes back; another word changes nothing."""
    response = see_other(safe_return(back))
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE, theme, max_age=ONE_YEAR_S, httponly=True, samesite="lax", secure=console.services.https
        )
    return response


@router.post("/rail")
async def rail(console: At, rail: Text, dense: Text = "", back: Text = "/") -> Response:
    """Keeps whether the rail is open (`dense`: on the pages that want all the width) and goes back."""
    response = see_other(safe_return(back))
    if rail in RAILS:
        name = rail_cookie(dense == "yes")
        response.set_cookie(
            name, rail, max_age=ONE_YEAR_S, httponly=True, samesite="lax", secure=console.services.https
        )
    return response

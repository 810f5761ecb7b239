"""Draw fresh cards for trying the platform, by `samples`, and write them into the books of issuer and till."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import HTTPException, Response

from simulators.book import Book, Registration
from simulators.brands import Brands
from simulators.calling import new_client
from simulators.controls import Words
from simulators.page import Button, Panel

FACE = Words("面值", "Face value")
DRAW = Words("生成照片", "Draw a photo")
DIGITS_MAX = 8


async def draw(book: Book, brand: str, face: str, till_url: str | None) -> Response:
    """Draw a JPEG of a card that the book knows from now on; `face` is a whole amount of the brand's currency.

    Raises 422 for a brand or a face value that is not issued.
    """
    from samples.fresh import NotIssued, fresh_card  # Pillow and numpy are loaded only when a picture is wanted.

    if not (face.isascii() and face.isdigit() and len(face) <= DIGITS_MAX):
        raise HTTPException(422, "face is a whole amount of the brand's currency")
    try:
        card = await asyncio.to_thread(fresh_card, brand, int(face) * 100, announced=book.brands.entries())
    except NotIssued as refused:
        raise HTTPException(422, str(refused)) from None
    registration = Registration(
        brand=brand, number=card.number, pin=card.pin, balance_minor=card.face.amount_minor, expires_on=card.expiry
    )
    book.register(registration)
    if till_url is not None and book.brands.known()[brand].at_till:
        await _register_at_till(till_url, registration)
    headers = {"content-disposition": f'attachment; filename="{card.file_name}"', "cache-control": "no-store"}
    return Response(card.jpeg, media_type="image/jpeg", headers=headers)


def panel(brands: Brands) -> Panel:
    """Show a row per brand with the button that draws one of its cards."""
    known = brands.known()
    rows = [(brand, numbering.currency) for brand, numbering in known.items()]
    buttons = [[Button(DRAW, "/samples", {"brand": brand}, {"face": (FACE, "100")})] for brand in known]
    columns = (Words("品牌", "Brand"), Words("币种", "Currency"), Words("操作", "Action"))
    return Panel(Words("生成一张新卡的照片", "Draw a photo of a fresh card"), columns, rows, buttons)


async def _register_at_till(till_url: str, card: Registration) -> None:
    """The till is a program of its own; one that is away takes an unknown number by its digits, which are good ones."""
    try:
        async with new_client(2) as client:
            await client.post(f"{till_url}/book", json=card.model_dump(mode="json"))
    except httpx.HTTPError:
        return

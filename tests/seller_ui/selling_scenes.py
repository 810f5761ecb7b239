"""What a seller sends and sees: photos, numbers, and cards at a stage of their journey."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import httpx
from PIL import Image

from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import QuoteRow
from domain.cards.card import Stage, WaitingFor
from tests.seller_ui.pages import Page

PIN = "123456"
PAYEE = {"payee_account": "13800000021", "payee_name": "Li Lei"}
_numbers = iter(range(10_000, 99_999))


def luhn(stem: str) -> str:
    digits = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(stem))]
    return stem + str(-sum(d // 10 + d % 10 for d in digits) % 10)


def fresh_number() -> str:
    """A Walmart number that no test has used."""
    return luhn(f"80000{next(_numbers)}00000")


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (800, 500), "navy").save(file, "JPEG")
    return file.getvalue()


async def sold(browser: httpx.AsyncClient, **typed: str) -> Page:
    """The page after a card was typed in and sent."""
    page = await Page.get(browser, "/sell/walmart?how=type")
    card = {"number": fresh_number(), "pin": PIN, "face_value": "500", "payee": "other"} | PAYEE
    return await page.fill("/sell/walmart", card | typed)


def card_id(page: Page) -> str:
    return page.path.rsplit("/", 1)[1]


async def move(database: Database, card: str, stage: Stage, waiting_for: WaitingFor, what: str, **more: object) -> None:
    until = datetime.now(UTC) + timedelta(minutes=30)
    async with database.transaction() as session:
        await cards.record(session, card, Change(stage, waiting_for, until, what, **more))  # type: ignore[arg-type]


async def offered(database: Database, card: str) -> str:
    """The card has a quote of 465.00; its resale price is kept from every page."""
    quote_id = f"card:{card}:quote:1"
    lines: list[dict[str, object]] = [{"kind": "face_value", "basis_points": None, "amount_minor": 50000, "currency": "CNY"},
                                      {"kind": "quote", "basis_points": 9300, "amount_minor": 46500, "currency": "CNY"}]  # fmt: skip
    now = datetime.now(UTC)
    async with database.transaction() as session:
        session.add(QuoteRow(
            id=quote_id, card_id=card, fields_revision=0, amount_minor=46500, rate_bp=9300, lines=lines,
            internal={"resale_minor": 47577}, rule_set="prices", rule_version="12", offered_at=now,
            expires_at=now + timedelta(minutes=30),
        ))  # fmt: skip
    await move(database, card, Stage.OFFER, WaitingFor.SELLER_OFFER, "offer.made", facts={"amount": "¥465.00"})
    return quote_id

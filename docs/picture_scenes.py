"""What stands on the guide's pictures: a made-up desk with people, cards and a fortnight's work, the same at every run but for the clock.

Nothing of it is anybody's: names are invented, cards are drawn, and the middle of each number on a photo is made unreadable.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image, ImageFilter
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.settings import PROJECT_ROOT
from database.tables.cards import AnswerRow, CardEventRow, CardRow, PhotoRow, QuoteRow, ReadingRow
from database.tables.people import AbsenceRow, PersonRow
from database.tables.work import ClockIntervalRow, WorkItemRow
from domain.cards.card import Outcome, Stage
from domain.cards.reading import Box
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.work.deadlines import ClockOwner
from domain.work.task import CameBack, Priority
from gateways.pictures.accept import accept
from services.work import sla
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.queue_scenes import change, person_with
from tests.reviewer_ui.scenes import change as change_row
from tests.reviewer_ui.scenes import sold_by
from tests.reviewer_ui.waiting_cards import Waiting

PHOTO = PROJECT_ROOT / "samples" / "photos" / "starbucks-200-pin-worn.jpg"
NUMBER, PIN = "8137519664073739", "83784017"  # Of that drawn sample.
# Where the reader finds its fields, and how surely.
READ: tuple[tuple[str, str, float, Box], ...] = (
    ("number", NUMBER, 0.99, Box(216, 424, 537, 103)),
    ("pin", PIN, 0.71, Box(338, 533, 223, 72)),
    ("face_value", "200.00 CNY", 0.99, Box(951, 363, 77, 49)),
    ("expiry", "2028-05-31", 0.99, Box(321, 608, 221, 74)),
)
HIDDEN = ((340, 424, 270, 95), (400, 533, 110, 72))  # Of the number and of the PIN.
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class People:
    """Who works at the desk of the pictures, by id."""

    lin: str
    zheng: str
    zhou: str
    tang: str


async def people(house: House) -> People:
    """Two reviewers, a senior and an administrator, with something to see about each."""
    async with house.database.transaction() as session:
        await session.execute(update(PersonRow).where(PersonRow.active).values(active=False))
    made = People(
        lin=await person_with(house, Role.REVIEWER, "林静 Lin Jing", email="lin@desk.example", capacity=3, limit_minor=500_000),
        zheng=await person_with(
            house, Role.REVIEWER, "郑岚 Zheng Lan", email="zheng@desk.example", skill_types=["dining", "regional"], limit_minor=200_000,
            probation_until=datetime.now(UTC) + 20 * DAY,
        ),
        zhou=await person_with(house, Role.SENIOR, "周远 Zhou Yuan", email="zhou@desk.example"),
        tang=await person_with(house, Role.ADMIN, "唐宁 Tang Ning", email="tang@desk.example"),
    )  # fmt: skip
    away = datetime.now(UTC) + DAY
    async with house.database.transaction() as session:
        session.add(
            AbsenceRow(id=new_id(), person_id=made.zheng, stand_in=made.lin, starts_at=away, ends_at=away + 3 * DAY, made_by=made.zheng)
        )  # fmt: skip
    return made


async def queue(house: House, who: People) -> None:
    """One card for each thing that can put a card where it stands."""
    now = datetime.now(UTC)
    rows: tuple[tuple[str, tuple[str, ...], int, int, dict[str, Any]], ...] = (
        ("hualian", ("card_type", "outlet_silent"), 95, 46_000, {"escalated": True, "escalation_reason": "unsure", "opened_at": now - 6 * HOUR}),
        ("starbucks", ("card_type", "low_confidence"), -12, 26_460, {"breached_at": now - 12 * MINUTE, "warned_at": now - HOUR, "opened_at": now - 4 * HOUR}),
        ("wanda", ("card_type",), 9, 8_820, {"warned_at": now - 20 * MINUTE, "assigned_to": who.zhou, "opened_at": now - 3 * HOUR}),
        ("starbucks", ("card_type", "unreadable"), 160, 44_100, {"came_back": CameBack.ITEM_SENT, "came_back_at": now - 3 * MINUTE, "opened_at": now - 26 * HOUR}),
        ("amazon-us", ("conflicting_answers",), 75, 66_200, {"came_back": CameBack.SNOOZE_OVER, "came_back_reason": "call_store", "came_back_at": now - MINUTE, "opened_at": now - 90 * MINUTE}),
        ("jd", ("high_value",), 22, 465_000, {"priority": Priority.URGENT, "opened_at": now - 8 * MINUTE}),
        ("walmart", ("wrong_pin",), 41, 93_500, {"leased_by": who.zheng, "leased_at": now - 2 * MINUTE, "leased_until": now + 13 * MINUTE, "opened_at": now - 19 * MINUTE}),
        ("tmall", ("low_confidence",), 24, 18_600, {"opened_at": now - 6 * MINUTE}),
        ("carrefour", ("issuer_unknown",), 52, 46_250, {"opened_at": now - 8 * MINUTE}),
    )  # fmt: skip
    for brand, reasons, due, value, more in rows:
        waiting = await house.cards.waiting(brand_code=brand, reasons=reasons, due_in_min=due)
        await change(house, waiting, value_minor=value, **more)


async def dining_card(house: House, seller: str, reasons: tuple[str, ...] = ("card_type", "low_confidence")) -> Waiting:
    """The card of the card page's pictures: a coffee card whose PIN is worn, which its store has confirmed."""
    waiting = await house.cards.waiting(reasons=reasons, number=NUMBER, due_in_min=192)
    photo = accept(half_hidden())
    house.photos.write(photo.jpeg)
    stored = {
        "stored_sha256": photo.stored_sha256,
        "original_sha256": photo.upload_sha256,
        "width": photo.width,
        "height": photo.height,
    }
    await change_row(house, PhotoRow, waiting.photo_id, **stored)
    pin = house.keyring.seal_text(PIN, purpose="card", aad=f"card:{waiting.card_id}:pin")
    at = datetime(2028, 5, 31, tzinfo=UTC).date()
    await change_row(house, CardRow, waiting.card_id, pin_sealed=pin, face_value_minor=20_000, expires_on=at)
    await change(house, waiting, value_minor=17_640, opened_at=datetime.now(UTC) - MINUTE)
    async with house.database.transaction() as session:
        for table, values in _as_read(house).items():
            await session.execute(update(table).where(table.card_id == waiting.card_id).values(values))
        session.add_all(_events(waiting, datetime.now(UTC)))
        await _planned(session, waiting)
    await _has_sold(house, seller, waiting)
    return waiting


def half_hidden() -> bytes:
    """The sample photo with the middle of its number and PIN blurred."""
    picture = Image.open(PHOTO).convert("RGB")
    for x, y, width, height in HIDDEN:
        box = (x, y, x + width, y + height)
        picture.paste(picture.crop(box).filter(ImageFilter.GaussianBlur(11)), box)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    return out.getvalue()


async def _has_sold(house: House, seller: str, card: Waiting) -> None:
    """The same seller sold two cards before."""
    for brand in ("starbucks", "wanda"):
        earlier = await house.cards.waiting(brand_code=brand)
        await sold_by(house, earlier, seller)
        await change_row(house, CardRow, earlier.card_id, outcome=Outcome.PAID, stage=Stage.ENDED)
        await change_row(house, WorkItemRow, earlier.task_id, closed_at=datetime.now(UTC))
    await sold_by(house, card, seller)


def _as_read(house: House) -> dict[Any, dict[str, Any]]:
    """Reading, answer and price that belong to the photo."""
    reading_id = new_id()
    values = json.dumps({name: value for name, value, _, _ in READ})
    lines = [
        ("face_value", None, 20_000),
        ("base_rate", 9_000, -2_000),
        ("popularity", -100, -200),
        ("validity", -80, -160),
    ]
    fields = [{"name": name, "confidence": sure, "box": asdict(box), "source": "ocr"} for name, _, sure, box in READ]
    sealed = house.keyring.seal_text(values, purpose="reading", aad=f"reading:{reading_id}:values")
    return {
        ReadingRow: {"id": reading_id, "fields": fields, "values_sealed": sealed},
        AnswerRow: {"balance_minor": 20_000, "expires_on": datetime(2028, 5, 31, tzinfo=UTC).date(), "at": datetime.now(UTC) - 2 * MINUTE},
        QuoteRow: {
            "amount_minor": 17_640, "rule_version": "dining-2026-11",
            "lines": [{"kind": kind, "basis_points": bp, "amount_minor": amount} for kind, bp, amount in lines],
        },
    }  # fmt: skip


def _events(waiting: Waiting, now: datetime) -> list[CardEventRow]:
    """How the card came to its reviewer."""
    said: tuple[tuple[timedelta, Stage, str, str, dict[str, str]], ...] = (
        (3 * MINUTE, Stage.INTAKE, "seller:1", "intake.submitted", {}),
        (3 * MINUTE - timedelta(seconds=2), Stage.READING, "machine", "reading.read", {}),
        (
            2 * MINUTE,
            Stage.VERIFICATION,
            "machine",
            "verification.store_answered",
            {"party": "pos", "status": "active"},
        ),
        (2 * MINUTE - timedelta(seconds=1), Stage.PRICING, "machine", "pricing.valued", {}),
    )
    return [
        CardEventRow(card_id=waiting.card_id, at=now - ago, stage=stage, actor=actor, what=what, facts=facts)
        for ago, stage, actor, what, facts in said
    ]


async def _planned(session: AsyncSession, waiting: Waiting) -> None:
    """Its clock: the seller had the card for a while, a reviewer has it now."""
    task = await session.get_one(WorkItemRow, waiting.task_id)
    seller, opened = task.opened_at - 2 * HOUR, task.opened_at
    for owner, since, until in ((ClockOwner.SELLER, seller, opened), (ClockOwner.REVIEWER, opened, None)):
        runs = owner is ClockOwner.REVIEWER
        row = ClockIntervalRow(
            id=new_id(),
            card_id=task.card_id,
            task_id=task.id if runs else "earlier",
            owner=owner,
            runs=runs,
            started_at=since,
            ended_at=until,
        )
        session.add(row)
    await session.flush()
    await sla.plan(session, task, opened, "opened")

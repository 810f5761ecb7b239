"""Cards as a reviewer meets them, of all five types, with the drawn sample photos and related data."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import update

from database.reads.cards import card_page as reads
from database.tables.cards import CardRow, PhotoRow, SubmissionRow
from gateways.pictures.accept import AcceptedPhoto, accept
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting

PHOTOS = Path(__file__).parents[2] / "samples" / "photos"
SAMPLES = {
    "walmart": "walmart-1000.jpg", "jd": "jd-500.jpg", "starbucks": "starbucks-300.jpg", "hualian": "hualian-500.jpg",
    "amazon-us": "amazon-us-100.jpg",
}  # fmt: skip


@cache
def _accepted(name: str) -> AcceptedPhoto:
    return accept((PHOTOS / name).read_bytes())


async def show_photo(house: House, waiting: Waiting, name: str) -> None:
    """The card's photo becomes that sample, as if the seller had sent it."""
    photo = _accepted(name)
    house.photos.write(photo.jpeg)
    values = {
        "stored_sha256": photo.stored_sha256, "original_sha256": photo.upload_sha256, "width": photo.width, "height": photo.height,
        "look": photo.look,
    }  # fmt: skip
    await change(house, PhotoRow, waiting.photo_id, **values)


async def sold_by(house: House, waiting: Waiting, owner: str) -> None:
    """The card was submitted by this owner."""
    async with house.database.transaction() as session:
        submission = (await reads.card(session, waiting.card_id)).submission.id
    await change(house, SubmissionRow, submission, owner=owner)


async def with_fingerprint(house: House, waiting: Waiting, issuer: str, number: str) -> None:
    """The card's number is known by its keyed fingerprint, as intake writes it."""
    await change(house, CardRow, waiting.card_id, fingerprint=house.keyring.fingerprint(issuer, number))


async def change(house: House, table: Any, row_id: str, **values: object) -> None:
    """Puts these values into one row."""
    async with house.database.transaction() as session:
        await session.execute(update(table).where(table.id == row_id).values(**values))


def risks_in(page: str, weight: str) -> str:
    """Return the part of a card's page that names its risks of that weight."""
    found = re.search(rf'<div class="risk-{weight}">.*?</div>', page, re.S)
    assert found is not None
    return found[0]

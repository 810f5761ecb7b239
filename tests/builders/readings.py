"""Cards with photos, and readers whose answers a test prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from activities.reading import CardReading
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import ReadFacts
from domain.cards.intake import SubmittedCard
from domain.cards.reading import Box, FieldName, ReadField, Reading
from tests.builders.photos import a_photo
from tests.builders.world import World


@dataclass
class PrintedReader:
    """A reader that knows beforehand what is printed; the real one needs 600 MB and is tested with its own layer."""

    fields: tuple[ReadField, ...]
    another: tuple[ReadField, ...] = ()  # Of a second card in every photo.
    hints: list[str | None] = field(default_factory=list)

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        assert photo[:2] == b"\xff\xd8"
        self.hints.append(brand_hint)
        cards = (self.fields, self.another) if self.another else (self.fields,)
        return tuple(Reading(fields, "printed 1", 12) for fields in cards)


@dataclass
class CardsInTurn:
    """A reader that knows which cards each photo shows, in the order in which the photos are read."""

    photos: list[tuple[Reading, ...]]

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002
        return self.photos.pop(0)


def printed(confidence: float = 0.99, **values: str) -> tuple[ReadField, ...]:
    box = Box(10, 20, 300, 40)
    return tuple(ReadField(FieldName(name), value, confidence, box) for name, value in values.items())


async def a_read_card(
    world: World, fields: tuple[ReadField, ...], brand: str = "walmart", another: tuple[ReadField, ...] = (), **typed: Any
) -> tuple[str, ReadFacts]:  # fmt: skip
    card_id = (await world.submitted(SubmittedCard(brand, photos=(a_photo(),), **typed))).card_ids[0]
    reading = CardReading(world.database, world.keyring, world.photos, PrintedReader(fields, another))
    return card_id, await reading.read_photos(card_id)


async def read_again(world: World, card_id: str, fields: tuple[ReadField, ...]) -> ReadFacts:
    """A reviewer asked for another photo, and the seller sent one that shows these fields."""
    await world.awaits(card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_photo")
    await world.intake.replace_photo(card_id, a_photo("green"), "seller:S")
    reader = PrintedReader(fields)
    return await CardReading(world.database, world.keyring, world.photos, reader).read_photos(card_id)

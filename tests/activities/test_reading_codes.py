"""A code on a card that is not its number ends neither this card nor the next one that carries the same code."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import qrcode
from PIL import Image

from activities.reading import CardReading
from database.tables.cards import ReadingRow
from domain.cards.facts import ReadFacts
from domain.cards.intake import SubmittedCard
from domain.cards.reading import Box
from domain.rules.brands import catalogue
from ocr.calibration import fitted
from ocr.lines import Line
from ocr.photo_reader import PhotoReader
from tests.builders.world import World, a_number

NOTHING_ELSE = ("华联超市", "面值 500 元")


def a_photo_with_code(text: str, shade: int) -> bytes:
    page = Image.new("RGB", (900, 700), (shade, 255, 255))
    page.paste(qrcode.make(text).get_image().convert("RGB"), (100, 80))
    out = io.BytesIO()
    page.save(out, "JPEG", quality=92)
    return out.getvalue()


@dataclass(frozen=True)
class PrintedLines:
    """An engine that finds these lines in every picture, and nothing in a strip of one."""

    lines: list[Line]

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:  # noqa: ARG002
        return self.lines

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        return [Line("", 0.0, Box(0, 0, *strip.size)) for strip in strips]


async def a_card_read(world: World, brand: str, code: str, shade: int, *prints: str) -> tuple[str, ReadFacts]:
    """One submitted card whose photo holds a real QR code beside these printed lines."""
    photo = a_photo_with_code(code, shade)
    card_id = (await world.submitted(SubmittedCard(brand, photos=(photo,)))).card_ids[0]
    lines = [Line(text, 0.97, Box(520, 60 + 60 * place, 330, 32)) for place, text in enumerate(prints)]
    reader = PhotoReader(PrintedLines(lines), catalogue(), "printed 1", fitted())
    return card_id, await CardReading(world.database, world.keyring, world.photos, reader).read_photos(card_id)


async def test_a_printed_labelled_number_counts_beside_a_hotlines_code(world: World) -> None:
    for shade, code in ((255, "tel:4008201234"), (215, "4008201234"), (175, "4008201234")):
        number = a_number("hualian")
        card_id, facts = await a_card_read(world, "hualian", code, shade, *NOTHING_ELSE, f"卡号 {number}")
        assert (facts.duplicate, facts.lowest_confidence_bp) == (False, 9_700)
        assert (await world.card(card_id)).number_tail == number[-4:]
        (row,) = await world.rows(ReadingRow, card_id=card_id)
        entry = next(one for one in row.fields if one["name"] == "number")
        assert (entry["source"], entry["use"]) == ("ocr", "taken")


async def test_two_cards_with_the_same_foreign_code_are_no_duplicates(world: World) -> None:
    for shade, code in ((255, "4008201234"), (200, "4008201234"), (150, "tel:4008201234")):
        card_id, facts = await a_card_read(world, "hualian", code, shade, *NOTHING_ELSE)
        assert (facts.duplicate, facts.complete) == (False, False)
        card = await world.card(card_id)
        assert (card.number_sealed, card.fingerprint, card.face_value_minor) == (None, None, 500_00)


async def test_a_bare_number_with_a_right_check_digit_is_left_to_a_person_where_nothing_is_printed(
    world: World,
) -> None:
    card_id, facts = await a_card_read(world, "walmart", a_number("walmart"), 235, "Walmart", "面值 500 元")
    assert facts.complete is False
    assert (await world.card(card_id)).number_sealed is None
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    entry = next(one for one in row.fields if one["name"] == "number")
    assert (entry["source"], entry["use"]) == ("barcode", "unused")


async def test_a_candidate_is_kept_for_a_person_to_see(world: World) -> None:
    card_id, _ = await a_card_read(world, "hualian", "4008201234", 255, *NOTHING_ELSE)
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    entry = next(one for one in row.fields if one["name"] == "number")
    assert (entry["source"], entry["use"], entry["confidence_bp"] < 5_000) == ("barcode", "unused", True)


async def test_a_supported_code_is_put_on_the_card(world: World) -> None:
    number = a_number("walmart")
    card_id, facts = await a_card_read(world, "walmart", f"https://cards.example/?card={number}", 255, "WALMART 沃尔玛")
    assert facts.lowest_confidence_bp == 10_000
    assert (await world.card(card_id)).number_tail == number[-4:]

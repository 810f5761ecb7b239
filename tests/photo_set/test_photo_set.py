"""The photo set draws the same pictures for the same seeds, keeps its parts apart, and its counts are honest."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.ocr_exact import _auto
from domain.cards.reading import FieldName, ReadField, Reading
from domain.quality.reading_figures import coverage_curve, reliability
from domain.rules.brands import brand, catalogue
from ocr.lines import Line
from ocr.photo_reader import PhotoReader
from photo_set.conditions import CONDITIONS
from photo_set.engines import BareLines
from photo_set.evaluation import Outcome, by_condition, claims, counted, is_among, lower_bound, outcome
from photo_set.faces import Printed
from photo_set.folder import LabelsUnreadable, key_of, labelled, new_key, real_photos
from photo_set.kept import KeptEngine
from photo_set.photos import LabelledPhoto, Part, cards_of, photo, photos
from photo_set.report import confusions, grouped, written
from photo_set.running import Comparison, by_card, compared
from photo_set.turning import turned, turned_photos
from services.quality.labelled_folder import LabelledCard
from services.quality.labelled_folder import written as folder_written
from tests.builders.reading_limits import reading_limits

NUMBER, PIN = "2326955627995358", "879507"
PRINTED = Printed("walmart", NUMBER, PIN, "500.00 CNY", "2028-12-31")


def read(number: str = NUMBER, pin: str = PIN, confidence: float = 0.99) -> Reading:
    fields = ((FieldName.NUMBER, number), (FieldName.PIN, pin))
    return Reading(tuple(ReadField(name, value, confidence, None) for name, value in fields), "printed 1", 12)


def of(reading: Reading, condition: str = "glare") -> Outcome:
    return outcome(LabelledPhoto(condition, 1, PRINTED, b""), reading)


def jpeg_of(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize("condition", ["screenshot", "squeezed"])
def test_same_seed_gives_the_same_photo(condition: str) -> None:
    one, other = photo(condition, Part.TUNING + 3), photo(condition, Part.TUNING + 3)
    assert one.jpeg == other.jpeg
    assert one.printed == other.printed


def test_a_card_is_the_same_at_every_angle_and_only_its_angle_differs() -> None:
    upright, same, lying = turned(7, 0), turned(7, 0), turned(7, 90)
    assert (upright.jpeg, upright.printed) == (same.jpeg, lying.printed)
    assert upright.jpeg != lying.jpeg
    assert [one.condition for one in itertools.islice(turned_photos(1), 3)] == ["0°", "15°", "30°"]


def test_parts_never_meet() -> None:
    numbers = [
        {drawn.printed.number for drawn in photos(part, 4, ("screenshot",))}
        for part in (Part.TUNING, Part.VALIDATION, Part.TEST)
    ]
    for one, other in itertools.combinations(numbers, 2):
        assert not one & other


@pytest.mark.proof
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_is_drawn(condition: str) -> None:
    assert photo(condition, Part.TUNING).jpeg[:2] == b"\xff\xd8"


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_prints_a_number_of_its_brand(condition: str) -> None:
    for seed in range(20):
        printed = cards_of(condition, random.Random(seed))
        assert all(brand(one.brand).is_valid(one.number) for one in printed)
        assert len({one.number for one in printed}) == len(printed)


def test_reading_counts_as_exact_only_with_number_and_pin() -> None:
    assert of(read()).exact
    assert not of(read(pin="879501")).exact
    wrong = of(read(number="2326955627995366"))
    assert (wrong.wrong, wrong.secrets_wrong, wrong.misread) == (True, True, (FieldName.NUMBER,))
    assert not of(read(number="2326955627995366", confidence=0.8)).wrong
    broken = of(read(number="2326955627995858"))  # Its check digit keeps it from the card.
    assert (broken.wrong, broken.secrets_wrong) == (False, True)
    assert not of(Reading((), "printed 1", 12)).accepted


def with_more(face_value: tuple[str, float] | None, expiry: tuple[str, float] | None = None) -> Reading:
    more = ((FieldName.FACE_VALUE, face_value), (FieldName.EXPIRY, expiry))
    fields = tuple(ReadField(name, *one, None) for name, one in more if one is not None)
    return Reading((*read().fields, *fields), "printed 1", 12)


def test_acceptance_asks_for_face_value_and_expiry_as_the_product_does() -> None:
    sure, day = ("500.00 CNY", 0.95), ("2028-12-31", 0.95)
    assert of(with_more(sure, day)).accepted
    assert of(with_more(None)).accepted, "What was not read is the seller's to type."
    for doubtful in (of(with_more(("500.00 CNY", 0.6))), of(with_more(sure, ("2028-12-31", 0.8)))):
        assert not doubtful.accepted
        assert doubtful.secrets_accepted
    assert of(with_more(("500000.00 CNY", 0.2))).accepted, (
        "A value that the brand does not issue is never put on a card."
    )
    assert not of(Reading(read().fields[:1], "printed 1", 12)).accepted, "The seller is asked for the PIN."
    with reading_limits(everywhere={"number": None, "pin": None, "face_value": 9_600, "expiry": None}):
        assert not of(with_more(sure, day)).accepted
    with reading_limits(brands={"walmart": {"number": 9_000, "pin": 9_000, "face_value": 5_000, "expiry": None}}):
        assert of(with_more(("500.00 CNY", 0.6))).accepted


def test_unreviewed_wrong_face_value_or_day_counts_as_wrong() -> None:
    wrong = of(with_more(("300.00 CNY", 0.95), ("2028-12-31", 0.95)))
    assert (wrong.exact, wrong.wrong, wrong.secrets_wrong) == (True, True, False)
    assert (wrong.misread, wrong.face_value, wrong.expiry) == ((FieldName.FACE_VALUE,), False, True)
    assert of(with_more(("500.00 CNY", 0.95), ("2029-12-31", 0.95))).misread == (FieldName.EXPIRY,)
    counts = counted([wrong, of(with_more(("500.00 CNY", 0.95)))])
    assert (counts.whole.accepted, counts.whole.wrong, counts.secrets.accepted, counts.secrets.wrong) == (2, 1, 2, 0)
    assert (counts.brand, counts.face_value, counts.expiry) == (0, 1, 1)
    page = " ".join(re.sub(r"<[^>]+>", " ", written(Comparison(ours=[wrong]), "Reading of cards")).split())
    assert "misread: face value" in page
    assert "Brand Face value Expiry Accepted Wrong" in page


def test_benchmark_has_the_products_rule_beside_number_and_pin() -> None:
    ordinary = Comparison(ours=[of(with_more(("500.00 CNY", 0.6))), of(with_more(("300.00 CNY", 0.95)))])
    coverage, wrong, wrong_of_hard = _auto(Comparison(ours=[of(with_more(("500.00 CNY", 0.6)))]), ordinary)
    assert (coverage.value, wrong.value, wrong_of_hard.value) == (1.0, 0, 0)
    assert (wrong.goal, wrong_of_hard.goal) == (
        "= 0 of 2 (precision 1.0000 >= 0.998)",
        "= 0 of 1 (precision 1.0000 >= 0.998)",
    )
    assert coverage.details["by_number_and_pin"]["ordinary"]["accepted"] == 2
    whole = coverage.details["by_the_products_rule"]["ordinary"]
    assert (whole["accepted"], whole["coverage"], whole["wrong"]) == (1, 0.5, 1)
    card = coverage.details["card_confidence"]["ordinary"]
    assert (card["cards"], card["right"], card["product"] < card["least"]) == (1, 0.0, True)


def test_lines_of_a_bare_engine_are_searched_without_spaces() -> None:
    assert is_among(PRINTED, ["卡号 2326 9556 2799 5358", "密码：879507"])
    assert not is_among(PRINTED, ["卡号 2326 9556 2799 5358"])


def test_each_card_of_a_photo_has_its_own_reading() -> None:
    other = Printed("walmart", "2326955627995366", "111111", "500.00 CNY", None)
    drawn = LabelledPhoto("several", 1, PRINTED, b"", (other,))
    second = read(number=other.number, pin="111111")
    assert [one.name for one in drawn.cards] == ["1", "1/2"]
    assert by_card(drawn.cards, [second, read()]) == [read(), second]
    missed, stray = by_card(drawn.cards, [second, read(number="4" * 16)])
    assert (missed.field(FieldName.NUMBER), stray) == (read(number="4" * 16).field(FieldName.NUMBER), second)
    assert by_card(drawn.cards, [second])[0].is_empty


def test_a_reading_beyond_the_cards_of_a_photo_is_wrong() -> None:
    class Twice:
        def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002
            return (read(number="4" * 16), read(), Reading((), "printed 1", 12))

    found = compared([turned(7, 0)], Twice(), []).ours
    assert [one.name for one in found] == ["7", "7/beyond 1"]
    assert all(one.secrets_wrong for one in found)
    printed = turned(7, 0).printed

    class Also:
        def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002
            return (read(number="4" * 16), read(number=printed.number, pin=printed.pin or PIN))

    own, beyond = compared([turned(7, 0)], Also(), []).ours
    assert (own.exact, beyond.secrets_wrong) == (True, True)


def test_seconds_of_a_photo_are_those_of_the_first_time_that_its_engine_was_asked(tmp_path: Path) -> None:
    class Slow:
        name = "slow 1"

        def lines_in(self, picture: Image.Image) -> list[Line]:  # noqa: ARG002
            time.sleep(0.3)
            return []

        def recognised(self, strips: Sequence[Image.Image]) -> list[Line]:  # noqa: ARG002
            return []

    drawn = photo("screenshot", Part.TUNING)

    def figures() -> tuple[float, float | None, str]:
        ours, bare = KeptEngine(Slow(), tmp_path), BareLines(KeptEngine(Slow(), tmp_path / "bare"))
        found = compared([drawn], PhotoReader(ours, catalogue(), ours.name, None), [bare], spent=ours.spent)
        return found.seconds_each, found.bare_spent[bare.name].each, written(found, "Reading")

    figures()
    began = time.perf_counter()
    ours, bare, page = figures()
    assert time.perf_counter() - began < ours, "The second run asks no engine."
    assert ours >= 0.6, "Two looks: as the photo is, and evened out."
    assert bare is not None
    assert bare >= 0.3
    assert f"ours {ours:.2f}, slow 1 {bare:.2f}" in " ".join(page.split())


def test_the_least_sure_field_is_held_against_whether_the_whole_card_is_right() -> None:
    right, wrong = of(read(confidence=0.9)), of(read(pin="879500", confidence=0.9))
    unsure = of(read(confidence=0.6))
    without_pin = of(Reading(read().fields[:1], "printed 1", 12))
    low, high = claims([right, right, wrong, unsure, without_pin])
    assert (low.cards, low.right, high.cards, high.right) == (1, 1, 3, 2)
    assert [low.least, low.product, high.least, high.product] == pytest.approx([0.6, 0.36, 0.9, 0.81])
    assert claims([without_pin]) == []


def test_lower_bound_of_no_error_is_near_three_in_n() -> None:
    assert lower_bound(300, 300) == pytest.approx(1 - 3.84 / 304, abs=0.001)
    assert lower_bound(0, 0) == 0.0


def test_report_counts_by_condition_confidence_and_character() -> None:
    outcomes = [of(read()), of(read(number="2326955627995858", confidence=0.4)), of(read(), "blurred")]
    assert {name: counts.exact for name, counts in by_condition(outcomes).items()} == {"glare": 1, "blurred": 1}
    assert counted(outcomes).secrets.accepted == 2
    assert confusions(outcomes) == [("3", "8", 1)]
    assert coverage_curve(grouped(outcomes)) == [(2 / 3, 1.0), (1.0, pytest.approx(2 / 3))]
    assert [(one.right.whole, one.right.part) for one in reliability(grouped(outcomes))] == [(1, 0), (2, 2)]


def test_real_photos_are_compared_by_keyed_hashes(tmp_path: Path) -> None:
    cards, key = tmp_path / "cards", tmp_path / "key"
    cards.mkdir()
    (cards / "a.jpg").write_bytes(jpeg_of(Image.new("RGB", (300, 200), "white")))
    new_key(key)
    labelled(cards, key_of(key), "a.jpg", "glare", "walmart", "2326 9556 2799 5358", PIN, "", "")
    (found,) = real_photos(cards, key_of(key)).photos
    assert outcome(found, read()).exact
    assert not outcome(found, read(pin="879501")).exact
    kept = (cards / "labels.csv").read_text("utf-8")
    assert NUMBER not in kept
    assert PIN not in kept
    with pytest.raises(LabelsUnreadable):
        labelled(cards, key_of(key), "a.jpg", "", "walmart", NUMBER, PIN, "", "")
    with pytest.raises(LabelsUnreadable):
        key_of(cards / "labels.csv")


def test_files_of_a_folder_come_in_by_the_door_of_uploads(tmp_path: Path) -> None:
    cards, key = tmp_path / "cards", tmp_path / "key"
    cards.mkdir()
    new_key(key)
    picture = Image.new("RGB", (3000, 1500), "white")
    picture.paste("black", (0, 0, 3000, 750))  # EXIF's 6, a turn by 90° clockwise, makes the upper half the right one.
    exif = Image.Exif()
    exif[0x0112] = 6
    pages = io.BytesIO()
    drawn = picture.resize((300, 150))
    drawn.save(pages, "PDF", save_all=True, append_images=[drawn])
    files = {
        "turned.jpg": jpeg_of(picture, exif=exif.tobytes()),
        "iphone.heic": b"\x00\x00\x00\x18ftypheic" + bytes(64),
        "cut.jpg": jpeg_of(picture)[:2000],
        "two [b].pdf": pages.getvalue(),
    }
    for name, content in files.items():
        (cards / name).write_bytes(content)
        labelled(cards, key_of(key), name, "", "walmart", NUMBER, PIN, "", "")
    found = real_photos(cards, key_of(key))
    (turned_one,) = found.photos
    with Image.open(io.BytesIO(turned_one.jpeg)) as opened:
        assert opened.size == (1200, 2400)
        assert not dict(opened.getexif())
        assert opened.convert("L").getpixel((100, 1200)) == pytest.approx(255, abs=3)
        assert opened.convert("L").getpixel((1100, 1200)) == pytest.approx(0, abs=3)
    assert list(found.refused) == ["iphone.heic", "cut.jpg", "two [b].pdf"]
    assert "Most Compatible" in found.refused["iphone.heic"]
    page = " ".join(written(Comparison(ours=[of(read())], refused=found.refused), "Reading of cards").split())
    assert "not counted above: 3." in page
    assert "<code>two [b].pdf</code>: Its label cannot say which of 2 pages it means" in page


def test_exported_folder_keeps_photos_sealed_and_is_read_with_its_key(tmp_path: Path) -> None:
    cards, key = tmp_path / "cards", tmp_path / "key"
    cards.mkdir()
    new_key(key)
    jpeg = photo("screenshot", Part.TUNING).jpeg
    card = LabelledCard("01A", "blurred", "walmart", NUMBER, PIN, "500.00 CNY", "2028-12-31", jpeg)
    assert folder_written(cards, key_of(key), [card], open_photos=False) == 1
    assert jpeg[:64] not in (cards / "01A.sealed").read_bytes()
    assert NUMBER not in (cards / "labels.csv").read_text("utf-8")
    (found,) = real_photos(cards, key_of(key)).photos
    assert (found.jpeg, found.condition) == (jpeg, "blurred")
    assert outcome(found, read()).exact
    new_key(tmp_path / "other")
    with pytest.raises(LabelsUnreadable, match="line 2: 01A"):
        real_photos(cards, key_of(tmp_path / "other"))


def test_report_of_both_kinds_of_photos_loads_nothing_and_shows_no_real_number(tmp_path: Path) -> None:
    cards, key = tmp_path / "cards", tmp_path / "key"
    cards.mkdir()
    new_key(key)
    drawn = photo("screenshot", Part.TUNING)
    card = LabelledCard("01A", "", "walmart", NUMBER, PIN, "", "", drawn.jpeg)
    folder_written(cards, key_of(key), [card], open_photos=True)
    (real,) = real_photos(cards, key_of(key)).photos
    wrong = outcome(real, read(number="2326955627995858", confidence=0.95))
    invented = outcome(drawn, read(number="1111222233334444", confidence=0.8))
    page = written(Comparison(ours=[wrong, invented]), "Reading of cards")
    policy = re.search(r"style-src 'sha256-([^']+)'", page)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy is not None
    assert style is not None
    assert base64.b64decode(policy[1]) == hashlib.sha256(style[1].encode()).digest()
    assert not re.search(r"<script|style=|https?://|src=\"(?!data:image/jpeg)", page)
    assert re.findall(r'text-anchor="end">(\d+) %</text>', page) == ["100", "0", "100", "100", "80", "100"], "both axes"
    for said in (
        "By brand",
        "By condition",
        "walmart",
        "unsorted",
        "screenshot",
        "Reliability",
        "Coverage and precision",
    ):
        assert said in page
    assert "2326955627995858" not in page
    assert page.count("<img ") == 2
    assert len(wrong.preview) < 2_000

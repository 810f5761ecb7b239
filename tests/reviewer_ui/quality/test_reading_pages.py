"""Reading in the console: figures and worst cases, a draft from labels, and a photo that is tried and not kept."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import typst
from PIL import Image
from sqlalchemy import text

from database.sealed import LABEL_READ, LABEL_TRUTH, READING_VALUES
from database.tables.cards import CardRow, ReadingRow
from database.tables.columns import now
from database.tables.quality import ReadingLabelRow
from database.tables.review import ReviewDecisionRow
from domain.cards.reading import Box, Doubt, FieldName, ReadField, Reading, Reason
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id
from domain.people.roles import Role
from services.quality.reading_trials import ReadingTrials, TrialReader
from tests.builders.photos import a_photo
from tests.reviewer_ui.conftest import House, form_token, post
from tests.reviewer_ui.policy_scenes import _forget
from tests.reviewer_ui.reading_scenes import readings_labelled
from tests.throttles import forget_tries

NUMBER, READ, TRUTH = "2326955627995358", "604128", "604123"
TRY = "/setup/reading/try"


@pytest_asyncio.fixture
async def labelled(house: House) -> AsyncIterator[str]:
    """A card whose PIN was read wrongly, and 650 right readings of Tmall numbers; nothing else is labelled."""
    await _forget(house)
    one = await house.cards.waiting()
    async with house.database.transaction() as session:
        await session.execute(text("TRUNCATE reading_label"))
        decision = ReviewDecisionRow(
            id=new_id(), task_id=one.task_id, card_id=one.card_id, outcome=ReviewOutcome.APPROVE_CORRECTED
        )
        session.add(decision)
        await session.flush()
        session.add(_label(house, one.card_id, one.photo_id, decision.id, "walmart", "pin", READ, TRUTH, 9_500))
        many = (("tmall", "number", NUMBER, NUMBER, 9_300),) * 650
        session.add_all(_label(house, one.card_id, "", decision.id, *values) for values in many)
    yield one.card_id
    async with (
        house.database.transaction() as session
    ):  # The page of both readers opens them, and the next console has another key.
        await session.execute(text("DELETE FROM shadow_reading"))
    await _forget(house)


def _label(house: House, card: str, photo: str, decision: str, brand: str, name: str, read: str, truth: str, bp: int) -> ReadingLabelRow:  # fmt: skip
    label_id = new_id()
    return ReadingLabelRow(
        id=label_id, card_id=card, decision_id=decision, photo_id=photo or None, field=name, brand=brand, condition="blurred",
        reader="printed 1", confidence_bp=bp, accepted=read == truth, at=now() - timedelta(minutes=1),
        read_sealed=LABEL_READ.seal(house.keyring, label_id, read), truth_sealed=LABEL_TRUTH.seal(house.keyring, label_id, truth),
    )  # fmt: skip


async def test_figures_name_misread_fields_without_their_values(house: House, labelled: str) -> None:
    senior = await house.as_(Role.SENIOR)
    page = (await senior.get("/insight/reading")).text
    for said in (
        "Reading quality",
        "Accepted but wrong",
        "blurred",
        "*****x",
    ):
        assert said in page
    assert f"/cards/{labelled}" in page
    for secret in (NUMBER, READ, TRUTH):
        assert secret not in page
    rows = (await senior.get("/insight/reading/figures.csv")).text.splitlines()
    assert "all,,,,651,650,651,1,73" in rows
    assert "cell,walmart,pin,blurred,1,0,1,1,10000" in rows
    assert "3,8,1" in (await senior.get("/insight/reading/confusions.csv")).text.splitlines()
    assert "No labelled readings" in (await senior.get("/insight/reading?brand=jd")).text
    assert (await (await house.as_(Role.OPS)).get("/insight/reading")).status_code == 403


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("What sellers gave", "Agree with the reading")), ("zh-CN", ("卖家填写的内容", "与识别一致"))],
)
async def test_seller_values_have_their_own_figures_with_intervals(
    house: House, labelled: str, language: str, words: tuple[str, ...]
) -> None:
    async with house.database.transaction() as session:  # What other tests had read is not of this day.
        await session.execute(text("UPDATE reading SET created_at = created_at - interval '2 days'"))
    await readings_labelled(house, labelled)
    senior = await house.as_(Role.SENIOR)
    senior.headers["accept-language"] = language
    async with house.database.transaction() as session:
        brand = (await session.get_one(CardRow, labelled)).brand
    page = unescape((await senior.get(f"/insight/reading?days=1&brand={brand}")).text)
    gave = page[page.index('id="sellers"') :]
    for said in (*words, "50", "9", "91", "1/2"):
        assert said in gave
    rows = (await senior.get(f"/insight/reading/figures.csv?days=1&brand={brand}")).text.splitlines()
    assert f"sellers_cell,{brand},number,plain,1,1,1,0,9501" in rows
    assert f"sellers_cell,{brand},pin,plain,1,0,1,1,10000" in rows


async def test_worst_case_picture_is_unreadable(house: House, labelled: str) -> None:
    async with house.database.transaction() as session:
        found = await session.execute(text("SELECT id, photo_id FROM reading_label WHERE field = 'pin'"))
        label_id, photo_id = found.one()
        box = {"x": 40, "y": 200, "width": 360, "height": 40}
        reading_id = new_id()
        values = READING_VALUES.seal(house.keyring, reading_id, "{}")
        session.add(
            ReadingRow(
                id=reading_id, card_id=labelled, photo_id=photo_id, reader="printed 1", duration_ms=5, values_sealed=values,
                fields=[{"name": "pin", "confidence_bp": 9_500, "box": box, "source": "ocr"}],
            )
        )  # fmt: skip
    senior = await house.as_(Role.SENIOR)
    shown = await senior.get(f"/insight/reading/cases/{label_id}.jpg")
    assert shown.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(shown.content)) as picture:
        rows = picture.convert("L").resize((1, picture.height), Image.Resampling.BOX).getcolors(4096) or []
    assert len(rows) < 60
    assert (await senior.get("/insight/reading/cases/nothing.jpg")).status_code == 404


@pytest.mark.usefixtures("labelled")
async def test_labels_become_a_draft_that_another_person_publishes(house: House) -> None:
    admin = await house.as_(Role.ADMIN)
    page = (await admin.get("/setup/reading")).text
    assert "Proposed: 93.00 %." in page
    assert "labels still needed: 599" in page
    assert (await post(admin, "/setup/reading/draft")).status_code == 422
    saved = await post(admin, "/setup/reading/draft", limit="tmall.number")
    assert saved.headers["location"] == "/setup/policies/reading?done=saved"
    draft = (await admin.get("/setup/policies/reading")).text
    for said in ("Limits that 650 labelled readings allow", "93.00", "Fields that need no person"):
        assert said in draft
    assert "A draft is open already" in (await admin.get("/setup/reading")).text
    assert (await post(admin, "/setup/reading/draft", limit="tmall.number")).status_code == 409
    assert (await post(await house.as_(Role.SENIOR), "/setup/reading/draft", limit="tmall.number")).status_code == 403


class Printed:
    """A reader that knows what is printed."""

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002
        """Read the same from every photo."""
        fields = (
            ReadField(FieldName.BRAND, "walmart", 0.99, Box(10, 10, 90, 30)),
            ReadField(
                FieldName.NUMBER, NUMBER, 0.82, Box(40, 200, 360, 40), alternatives=("2326955627995853",),
                doubts=(Doubt(7, "8B"),), reasons=(Reason.SAME_SHAPE,),
            ),
        )  # fmt: skip
        return (Reading(fields, "printed 1", 1_234, "", ("0.67×", "1.00×, turned 179°, evened")),)


async def _tried(house: House, browser: httpx.AsyncClient, photo: bytes, name: str = "card.jpg") -> httpx.Response:
    reader = TrialReader(house.database, house.keyring, Printed(), lambda: False)

    async def read() -> None:
        for _ in range(400):
            await reader.read()
            await asyncio.sleep(0.05)

    work = asyncio.create_task(read())
    token = await form_token(browser)
    try:
        return await browser.post(TRY, data={"csrf": token, "brand": "walmart"}, files={"photo": (name, photo)})
    finally:
        work.cancel()


async def test_a_tried_photo_shows_what_was_read_and_the_number_only_when_it_is_revealed(house: House) -> None:
    reviewer = await house.as_(Role.REVIEWER, "Try")
    page = (await _tried(house, reviewer, a_photo())).text
    for said in (
        "82.0 %",
        "place 7 is in doubt",
        "1.2 s",
        "0.67×, 1.00× turned by 179° light evened",
        '<rect class="found" x="40"',
        "•" * len(NUMBER),
    ):
        assert said in page
    assert NUMBER not in page
    assert "8 / B" not in page
    found = re.search(r'href="data:image/jpeg;base64,([^"]+)"', page)
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None
    assert token is not None
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
        x, y = 220 * picture.width // 640, 220 * picture.height // 400
        shade = picture.convert("L").getpixel((x, y))
        assert isinstance(shade, int)
        assert shade < 20  # The number's place is black.
    shown = (await post(reviewer, f"{TRY}/reveal", token=token[1])).text
    assert NUMBER in shown
    assert "8 / B at place 7" in shown
    async with house.database.transaction() as session:
        acts = (
            await session.execute(text("SELECT act FROM audit_event WHERE act LIKE 'console:reading:%' ORDER BY at"))
        ).scalars()
        assert list(acts)[-2:] == ["console:reading:try", "console:reading:reveal_tried"]
        assert (await session.execute(text("SELECT count(*) FROM reading_trial"))).scalar_one() == 0
    other = await house.as_(Role.REVIEWER, "Other")
    assert (await post(other, f"{TRY}/reveal", token=token[1])).status_code == 404
    assert (await (await house.as_(Role.FINANCE)).get(TRY)).status_code == 403


async def test_every_page_of_a_tried_pdf_is_shown_and_revealed(house: House, tmp_path: Path) -> None:
    source = tmp_path / "cards.typ"
    source.write_text("#set page(width: 85mm, height: 54mm)\nGift card\n#pagebreak()\nGift card")
    reviewer = await house.as_(Role.REVIEWER, "Try")
    await forget_tries(house.database)
    page = (await _tried(house, reviewer, typst.compile(source), "cards.pdf")).text
    assert "Page 1 of 2" in page
    assert "Page 2 of 2" in page
    assert page.count('<rect class="found" x="40"') == 2
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    assert (await post(reviewer, f"{TRY}/reveal", token=token[1])).text.count(NUMBER) == 2


async def test_oversized_file_is_refused_on_an_html_page(house: House) -> None:
    reviewer = await house.as_(Role.REVIEWER, "Try")
    token = await form_token(reviewer)
    large = {"photo": ("card.jpg", b"\xff\xd8\xff" + bytes(13 * 2**20))}
    for language, said in (("en", "The photo file is too large"), ("zh-CN", "照片文件过大")):
        asks = {"accept": "text/html", "accept-language": language}
        answer = await reviewer.post(TRY, data={"csrf": token}, files=large, headers=asks)
        assert answer.status_code == 413
        assert said in answer.text
        assert "</nav>" in answer.text
    answer = await reviewer.post(TRY, data={"csrf": token}, files=large, headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "photo_too_large")


async def test_invalid_file_and_busy_reader_are_refused_on_the_page(house: House) -> None:
    reviewer = await house.as_(Role.REVIEWER, "Try")
    await forget_tries(house.database)
    for content, status, said in (
        (b"GIF89a and so on", 415, "photo"),
        (b"\xff\xd8\xff\xe0 cut off", 422, "incomplete or damaged"),
        (b"\xff\xd8\xff" + bytes(12 * 2**20), 413, "12 MB"),
        (b"", 422, "empty"),
    ):
        answer = await _tried(house, reviewer, content)
        assert (answer.status_code, said in answer.text) == (status, True)
    console = house.app.state.console
    console.trials = ReadingTrials(house.database, house.keyring, patience_s=0.2)
    token = await form_token(reviewer)
    busy = await reviewer.post(TRY, data={"csrf": token, "brand": ""}, files={"photo": ("card.jpg", a_photo())})
    assert busy.status_code == 503
    assert re.search(r"Try the photo again in about \d+ s", busy.text)

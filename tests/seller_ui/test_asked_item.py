"""A reviewer asks for one item again and says why: the seller reads it in their language, a partner's program in both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from database.session import Database
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReasonCodeRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.review import AskedItem, ReviewOutcome
from domain.identifiers import new_id, review_task
from tests.api.conftest import Api
from tests.api.conftest import api as api
from tests.api.submitting import one_card
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, sold


async def asked(
    database: Database, card: str, reason: str, item: AskedItem = AskedItem.PHOTO, *, number: int = 1, applied: bool = True
) -> None:  # fmt: skip
    """As the review applies it: the decision, and the wait that the workflow records after it."""
    moment = datetime.now(UTC) + timedelta(seconds=number)
    row = ReviewDecisionRow(
        id=new_id(), task_id=review_task(card, number), card_id=card, outcome=ReviewOutcome.ASK_AGAIN, reason_code=reason,
        asked_item=item, applied_at=moment if applied else None,
    )  # fmt: skip
    async with database.transaction() as session:
        session.add(row)
    if applied:
        await move(database, card, Stage.REVIEW, WaitingFor.SELLER_ITEM, f"review.asked_{item}")


@pytest.mark.parametrize(("language", "words"), [("en", "Reason: Photo blurred."), ("zh-CN", "原因：照片模糊。")])
async def test_the_seller_reads_why_in_their_language(
    browser: httpx.AsyncClient, database: Database, language: str, words: str
) -> None:
    card = card_id(await sold(browser))
    await asked(database, card, "blurred")
    browser.headers["accept-language"] = language
    assert words in (await browser.get(f"/cards/{card}")).text


async def test_the_latest_reason_counts_also_one_that_is_no_longer_in_use(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    own = ReasonCodeRow(
        act="ask_again", code=f"own_{card.lower()}", letter="z", zh="背面也要", en="The back is needed", active=False
    )
    async with database.transaction() as session:
        session.add(own)
    await asked(database, card, "blurred")
    await asked(database, card, own.code, AskedItem.PIN, number=2)
    await asked(database, card, "covered", number=3, applied=False)  # Staged: nobody has asked for it yet.
    page = (await browser.get(f"/cards/{card}")).text
    assert "The back is needed" in page
    assert "blurred" not in page
    assert "glares" not in page


async def test_a_question_without_a_reason_of_the_list_is_asked_all_the_same(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    await asked(database, card, "")
    page = await Page.get(browser, f"/cards/{card}")
    assert "Please add: Photo of the front" in page.text
    assert "Reason:" not in page.text


async def test_a_partners_program_reads_code_and_words_while_the_item_is_waited_for(
    api: Api, database: Database
) -> None:
    card = await one_card(api)
    (submission,) = (await api.client.get("/v1/submissions?limit=1")).json()["submissions"]
    at = f"/v1/submissions/{submission['id']}"
    assert (await api.client.get(at)).json()["cards"][0]["asked"] is None
    await asked(database, card, "not_scratched", AskedItem.PIN)
    told = (await api.client.get(at)).json()["cards"][0]["asked"]
    words = {"zh_CN": "涂层未刮开", "en": "Cover not scratched off"}
    assert told == {"item": "pin", "reason": "not_scratched", "words": words}
    await move(database, card, Stage.VERIFICATION, WaitingFor.MACHINE, "verification.started")
    assert (await api.client.get(at)).json()["cards"][0]["asked"] is None

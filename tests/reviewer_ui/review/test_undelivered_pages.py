"""Seniors see in the queue which decisions did not arrive and why, in both languages, and put their tasks back by a plain form."""

from __future__ import annotations

import pytest

from domain.errors.base import Refusal
from domain.errors.cards import DuplicateCard, NotExpectedNow
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.undelivered_scenes import a_refused_decision

BADGE = {"en": "Decision not applied", "zh-CN": "结论未执行"}
TITLE = {"en": "1 decision could not be applied", "zh-CN": "项结论未能执行"}


@pytest.mark.parametrize(
    ("why", "language", "sentence"),
    [
        (
            NotExpectedNow(stage="ended", waiting_for="nobody"),
            "en",
            "The card has ended or is now waiting for something else",
        ),
        (NotExpectedNow(stage="ended", waiting_for="nobody"), "zh-CN", "此卡已结束，或正在等待其他步骤"),
        (DuplicateCard(card=1), "zh-CN", "与另一张处理中的卡相同"),
    ],
)
async def test_undeliverable_decisions_are_listed_for_seniors_with_reasons(
    house: House, why: Refusal, language: str, sentence: str
) -> None:
    waiting, _ = await a_refused_decision(house, why)
    senior = await house.as_(Role.SENIOR)
    for path in ("/review?all=yes", f"/cards/{waiting.card_id}"):
        page = (await senior.get(path, headers={"accept-language": language})).text
        assert sentence in page
        assert "/reopen" in page
    queue = (await senior.get("/review?all=yes", headers={"accept-language": language})).text
    assert TITLE[language] in queue
    assert BADGE[language] in queue.split('id="rows"')[1]
    assert "Ann" in queue
    others = (await (await house.as_(Role.REVIEWER)).get("/review?all=yes", headers={"accept-language": language})).text
    assert sentence not in others
    assert "/reopen" not in others
    assert BADGE[language] not in others


async def test_reopened_card_is_claimable_and_shows_the_reason(house: House) -> None:
    waiting, decision = await a_refused_decision(house, DuplicateCard(card=1))
    senior = await house.as_(Role.SENIOR)
    assert (await post(senior, f"/decisions/{decision}/reopen")).status_code == 422  # No reason was chosen.
    done = await post(senior, f"/decisions/{decision}/reopen", reason_code="decide_anew")
    assert (done.status_code, done.headers["location"]) == (303, f"/cards/{waiting.card_id}")
    queue = (await senior.get("/review?all=yes")).text
    assert TITLE["en"] not in queue
    assert "The decision could not be applied: A new decision is needed" in queue
    twice = await post(senior, f"/decisions/{decision}/reopen", reason_code="decide_anew")
    assert twice.status_code == 404
    taken = await post(senior, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    assert taken.status_code == 303
    assert house.desk.told == []


async def test_a_reviewer_cannot_reopen(house: House) -> None:
    _, decision = await a_refused_decision(house, DuplicateCard(card=1))
    answer = await post(await house.as_(Role.REVIEWER), f"/decisions/{decision}/reopen", reason_code="decide_anew")
    assert answer.status_code == 403
